"""`make bench`: the whole run on Complete Journey compared with its bare SQL, its fits alone, and the default wiring.

Everything is measured in one go on one machine, so only ratios and differences are meaningful. The graph is run twice
in one process, each time with an empty data folder. The first run imports, parses, runs the unit tests and creates
Dagster's instance. The second run, which is measured, reuses all that, and so do the two runs from the shell.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.bare_sql import run_bare
from dagster_project.cli.run import run_config
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.definitions import build_definitions
from dagster_project.jobs import DAILY_JOB
from dagster_project.runs import open_instance
from dagster_project.steps.registry import STEPS
from warehouse.settings import PROJECT_ROOT, Settings, load_settings
from warehouse.sql import connect

INSTANCE = "telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 1}}\n"


def main() -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="loyalty-bench-") as folder:
        base = Path(folder)
        cold = load_settings(home=base / "cold")
        first, _, _ = graph(cold)
        tell("the graph in one process, cold", first)
        settings = warm_home(cold, base / "warm")
        whole, stages, node_seconds = graph(settings)
        tell("the graph in one process, warm", whole)
        bare = bare_seconds(settings, base / "bare")
        tell("its SQL in bare DuckDB", sum(bare.values()))
        fits = fit_seconds(settings)
        tell("its model fits", sum(fits.values()))
        shell = shell_seconds(warm_home(cold, base / "shell").home)
        tell("loyalty run", shell)
        default = default_wiring_seconds(warm_home(cold, base / "default").home)
        tell("the default wiring", default)
    overhead = whole - sum(bare.values()) - sum(fits.values())
    print_ratios(whole, sum(bare.values()), sum(fits.values()), overhead, shell, default)
    print_overhead(stages, node_seconds, bare, fits, whole)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Console().print(f"Peak memory of this process: {peak:,.0f} MB.", highlight=False)


def warm_home(settings: Settings, home: Path) -> Settings:
    """A home without data that knows the code, as an earlier run left it: manifest, unit tests, Dagster's instance."""
    shutil.copytree(settings.dbt_target_root / "manifests", home / "dbt" / "manifests")
    shutil.copytree(settings.dagster_home, home / "dagster")
    return settings.model_copy(update={"home": home})


def tell(name: str, seconds: float) -> None:
    """Print a figure when it is measured: the whole comparison takes minutes."""
    print(f"{name}: {seconds:.1f} s", file=sys.stderr, flush=True)


def graph(settings: Settings) -> tuple[float, dict[str, float], dict[str, float]]:
    """Seconds of the whole job in this process, of its stages, and of its dbt nodes by name."""
    stages: dict[str, float] = {}

    def note(name: str, status: str, seconds: float | None) -> None:
        if status == "done":
            stages[name] = seconds or 0.0

    began = time.perf_counter()
    job = build_definitions(settings, note).resolve_job_def(DAILY_JOB)
    with open_instance(settings) as instance:
        result = job.execute_in_process(instance=instance, run_config=run_config(settings))
        seconds = time.perf_counter() - began
        nodes = {
            event.asset_key.path[-1]: event.materialization.metadata["seconds"].value
            for event in result.all_events
            if event.is_step_materialization and "seconds" in event.materialization.metadata
        }
    return seconds, stages, nodes


def bare_seconds(settings: Settings, folder: Path) -> dict[str, float]:
    """The graph's compiled SQL in bare DuckDB, and the bare load of the raw files."""
    folder.mkdir()
    project = DbtProject(settings)
    compiled = project.compiled_path() / "compiled" / "loyalty_warehouse"
    return run_bare(project.manifest(), compiled, settings.warehouse_path, folder)


def fit_seconds(settings: Settings) -> dict[str, float]:
    """The cost of each model step alone: reading its frames, learning, scoring; with a models folder of its own."""
    with tempfile.TemporaryDirectory() as home:
        alone = settings.model_copy(update={"home": Path(home)})
        connection = connect(settings.warehouse_path)
        seconds = {}
        for step in STEPS:
            began = time.perf_counter()
            step.run(alone, connection)
            seconds[step.name] = time.perf_counter() - began
        connection.close()
    return seconds


def shell_seconds(home: Path) -> float:
    """`loyalty run` from the shell into an empty home."""
    return _timed([str(Path(sys.executable).with_name("loyalty")), "run"], home)


def default_wiring_seconds(home: Path) -> float:
    """The same graph through `dagster asset materialize` with dagster-dbt's default wiring."""
    dagster_home = home / "dagster"
    (dagster_home / "dagster.yaml").write_text(INSTANCE)
    command = ["asset", "materialize", "--select", "*", "-m", "benchmarks.default_wiring"]
    return _timed([str(Path(sys.executable).with_name("dagster")), *command], home)


def _timed(command: list[str], home: Path) -> float:
    environment = {**os.environ, "LOYALTY_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    began = time.perf_counter()
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{json.dumps(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.perf_counter() - began


def print_ratios(whole: float, bare: float, fits: float, overhead: float, shell: float, default: float) -> None:
    """The headline table."""
    table = Table("what", "seconds", "ratio", title="Whole run, Complete Journey", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    rows = (
        ("the graph in one warm process", whole, whole / (bare + fits)),
        ("  its SQL (models, tests) in bare DuckDB", bare, bare / (bare + fits)),
        ("  its model fits alone", fits, fits / (bare + fits)),
        ("  beyond both", overhead, overhead / (bare + fits)),
        ("from the shell, `loyalty run`", shell, shell / default),
        ("from the shell, default wiring", default, 1.0),
    )
    for name, seconds, ratio in rows:
        table.add_row(name, f"{seconds:.1f}", f"{ratio:.2f}")
    Console().print(table)


def print_overhead(
    stages: dict[str, float], nodes: dict[str, float], bare: dict[str, float], fits: dict[str, float], whole: float
) -> None:
    """Where the rest goes: per stage, and the dbt nodes that cost most beyond their SQL."""
    table = Table("where it goes", "seconds", title="Beyond SQL and fits", title_justify="left")
    table.columns[1].justify = "right"
    dbt = sum(seconds for name, seconds in stages.items() if name.startswith("dbt"))
    rows: dict[str, Any] = {
        f"dbt: {len(bare)} models and tests, beyond their SQL": dbt - sum(bare.values()),
        "model steps, beyond the fits": sum(s for n, s in stages.items() if n.startswith("model")) - sum(fits.values()),
        "ingest": sum(seconds for name, seconds in stages.items() if name.startswith("ingest")),
        "publish": stages.get("publish", 0.0),
        "Dagster: definitions, steps, events": whole - sum(stages.values()),
    }
    for name, seconds in rows.items():
        table.add_row(name, f"{seconds:.1f}")
    costly = sorted(nodes, key=lambda name: nodes[name] - bare.get(name, 0.0), reverse=True)[:8]
    for name in costly:
        table.add_row(f"  {name}", f"{nodes[name] - bare.get(name, 0.0):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
