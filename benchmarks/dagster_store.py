"""What a run costs with Dagster's storage in PostgreSQL, beside SQLite's files.

LOYALTY_DSN_DAGSTER=postgresql://... python -m benchmarks.dagster_store [--repeats 3] [--size 4000]

A generated company is built once; then everything is built again, so often with each storage. The database has to be
empty, and is left with the runs.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from generator.generate import generate
from warehouse.settings import PROJECT_ROOT

VARIABLE = "LOYALTY_DSN_DAGSTER"
STORES: dict[str, dict[str, Any]] = {"SQLite": {}, "PostgreSQL": {"dagster": {"dsn_env": VARIABLE}}}


def main() -> None:
    """Measure, and print the table: each figure is the least of its repeats, which neighbours disturb least."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", type=int, default=4_000, help="order lines")
    arguments = parser.parse_args()
    if VARIABLE not in os.environ:
        parser.error(f"{VARIABLE} has to name an empty PostgreSQL database")
    with tempfile.TemporaryDirectory(prefix="loyalty-bench-") as folder:
        files = Path(folder) / "files"
        totals = generate(files, size=arguments.size, seed=7, days=365, sources=("shop", "till")).totals
        run(Path(folder), totals["data_through"], {})
        measured = {
            name: [run(Path(folder), totals["data_through"], storage) for _ in range(arguments.repeats)]
            for name, storage in STORES.items()
        }
    table = Table("Dagster's storage", "seconds", "of the processors")
    for name, runs in measured.items():
        table.add_row(name, *(f"{min(figures):.1f}" for figures in zip(*runs, strict=True)))
    Console().print(table)


def run(folder: Path, data_through: str, storage: dict[str, Any]) -> tuple[float, float]:
    """Seconds of `loyalty run --force` by the clock, and of the processors without the server's own."""
    values = {
        "company": "generated",
        "home": str(folder / "home"),
        "sources": {name: {"input_path": str(folder / "files" / name)} for name in ("shop", "till")},
        "business_timezone": "UTC",
        "base_currency": "EUR",
        "data_through": data_through,
        "churn_horizon_days": 60,
        **storage,
    }
    file = folder / "settings.yml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("loyalty")), "--company", str(file), "run", "--force"]
    began, used = time.perf_counter(), processor_seconds()
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    return time.perf_counter() - began, processor_seconds() - used


def processor_seconds() -> float:
    """Seconds that ended child processes have used the processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
