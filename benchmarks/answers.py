"""What the answers about customers, products and acquisition add to the SQL of the whole graph.

    python -m benchmarks.answers [--size 10m] [--seed 7]

A generated company is loaded and every model is built by dbt; then the compiled SQL of all models and of a run's checks
runs once more in bare DuckDB, and the processor time of each is measured. An answer's part is that of its marts, of
models that nothing but answers reads, and of the checks of these.
"""

import argparse
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.bare_sql import run_bare
from benchmarks.generated import expect_good, load, settings_of
from benchmarks.graph import with_ancestors
from benchmarks.steps import in_own_process
from dagster_project.dbt_runner.project import DbtProject
from generator.company import SOURCES
from generator.generate import generate, parse_size
from warehouse.settings import Settings

ANSWERS = {
    "what brings good customers": ("fct_cohort_attributes", "rpt_cohort_drivers", "rpt_repurchase"),
    "new and returning": ("rpt_sales_mix_monthly",),
    "discounts": ("fct_customer_discounts", "rpt_discount_dependence"),
    "returns": ("rpt_returns",),
    "what follows what": ("rpt_next_products", "rpt_replenishment", "rpt_basket_pairs"),
    "acquisition and payback": ("rpt_acquisition_monthly", "rpt_payback"),
    "outlook": ("fct_forecasts", "rpt_forecast_hits"),
}
REST = "everything else"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answers", description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="10m", help="order lines, such as 100k or 10m")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another company")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="loyalty-bench-") as folder:
        seconds, parts = measure(Path(folder), parse_size(arguments.size), arguments.seed)
    print_parts(arguments.size, seconds, parts)


def measure(folder: Path, size: int, seed: int) -> tuple[dict[str, float], dict[str, set[str]]]:
    """Processor seconds of each model and check, and the names of those that belong to each answer."""
    settings = settings_of(folder, SOURCES)
    in_own_process(_generate, folder / "landing", size, seed)
    in_own_process(_build, settings)
    manifest = DbtProject(settings).manifest()
    return in_own_process(_bare, settings, folder / "bare"), parts_of(manifest)


def parts_of(manifest: Mapping[str, Any]) -> dict[str, set[str]]:
    """The names of models and checks by answer; a model that several answers share belongs to the first of them."""
    nodes, children, parents = manifest["nodes"], manifest["child_map"], manifest["parent_map"]
    ids = {node["name"]: unique_id for unique_id, node in nodes.items()}
    answered = {ids[mart] for marts in ANSWERS.values() for mart in marts}
    only = _read_by_none_but(answered, nodes, children, parents)
    parts: dict[str, set[str]] = {}
    for answer, marts in ANSWERS.items():
        found = with_ancestors(parents, (ids[mart] for mart in marts), given=parents.keys() - only)
        only -= found
        parts[answer] = {nodes[one]["name"] for one in found | _checks_of(found, nodes, parents)}
    return parts


def _read_by_none_but(
    answered: Collection[str], nodes: Mapping[str, Any], children: Mapping[str, Any], parents: Mapping[str, Any]
) -> set[str]:
    """`answered`, and each model behind the marts all of whose readers are among what was found."""
    only = set(answered)
    waiting = list(answered)
    while waiting:
        for parent in parents[waiting.pop()]:
            if parent in only or parent not in nodes or nodes[parent]["schema"] == "marts":
                continue
            readers = {one for one in children[parent] if one in nodes and nodes[one]["resource_type"] == "model"}
            if readers <= only:
                only.add(parent)
                waiting.append(parent)
    return only


def _checks_of(models: Collection[str], nodes: Mapping[str, Any], parents: Mapping[str, Any]) -> set[str]:
    return {
        unique_id
        for unique_id, node in nodes.items()
        if node["resource_type"] == "test" and set(models) & {*parents[unique_id]}
    }


def _generate(landing: Path, size: int, seed: int) -> None:
    generate(landing, size=size, seed=seed, start=date(2024, 1, 1), sources=SOURCES)


def _build(settings: Settings) -> None:
    """Load, and build every seed and model as a run does; what models learn stays empty."""
    project = DbtProject(settings)
    manifest = project.manifest()
    load(settings, manifest)
    made = [node["name"] for node in manifest["nodes"].values() if node["resource_type"] != "test"]
    expect_good(project.build(made))


def _bare(settings: Settings, folder: Path) -> dict[str, float]:
    folder.mkdir()
    project = DbtProject(settings)
    compiled = project.compiled_path() / "compiled" / "loyalty_warehouse"
    return run_bare(project.manifest(), compiled, settings.warehouse_path, folder, clock=time.process_time)


def print_parts(size: str, seconds: Mapping[str, float], parts: Mapping[str, Collection[str]]) -> None:
    """A row for each answer with its dearest nodes, and the ratio of all of them to everything else."""
    of_answers = {name for names in parts.values() for name in names}
    rest = [name for name in seconds if name not in of_answers]
    others = sum(seconds[name] for name in rest)
    table = Table("what", "processor s", "ratio", "the dearest", title=f"The graph's SQL, {size} order lines")
    for answer, names in {**parts, REST: rest}.items():
        cost = {name: seconds[name] for name in names if name in seconds}
        dearest = sorted(cost, key=lambda name: -cost[name])[:3]
        told = ", ".join(f"{name} {cost[name]:.1f}" for name in dearest)
        table.add_row(answer, f"{sum(cost.values()):.1f}", f"{sum(cost.values()) / others:.3f}", told)
    Console(width=150).print(table)
    added = sum(seconds.values()) - others
    print(f"The answers add {added:.1f} to {others:.1f} processor seconds: {added / others:.1%}.")


if __name__ == "__main__":
    main()
