"""`make bench CUSTOMERS=1m`: every model of the graph on that many customers, beside plain pandas and scikit-learn.

A company is generated, loaded and built up to the features. Then each model step learns and scores in a process of its
own, so that its peak memory is its own, and so does `plain_models`, a script that computes like features with pandas
and fits the same kinds of model with scikit-learn's defaults, once each: no tuning, backtest, calibration or reasons.
"""

import argparse
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import plain_models
from benchmarks.generated import expect_good, limited, load, settings_of
from benchmarks.graph import nodes_behind
from benchmarks.steps import Cost, Steps, meter
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.steps.registry import STEPS
from generator.generate import generate, parse_size
from warehouse.settings import Settings
from warehouse.sql import connect

LINES_PER_CUSTOMER = 8
DAYS = 365
START = date(2024, 1, 1)
HORIZON_DAYS = 60


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__.splitlines()[0])
    parser.add_argument("--customers", default="1m", help="customers with an order, such as 20k or 1m")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another company")
    arguments = parser.parse_args(argv)
    customers = parse_size(arguments.customers)
    with tempfile.TemporaryDirectory(prefix="loyalty-bench-") as folder:
        costs = measure(Path(folder), customers, arguments.seed)
    print_costs(arguments.customers, costs)


def measure(folder: Path, customers: int, seed: int) -> dict[str, Cost]:
    """The cost of features, of each model step, and of the plain script's parts, by name."""
    settings = settings_of(folder, ["shop"], churn_horizon_days=HORIZON_DAYS, memory_limit="8GB")
    steps = Steps(folder / "costs.json")
    steps.take("generate", _generate, folder / "landing", customers, seed)
    steps.take("load, and features in SQL", _build, settings)
    for step in STEPS:
        steps.take(step.name, _learn, settings, step.name)
    lines = folder / "landing" / "shop" / "order_lines"
    for name, part in plain_models.PARTS.items():
        steps.take(f"plain: {name}", _plain, part, lines)
    return steps.costs


def _generate(landing: Path, customers: int, seed: int) -> Cost:
    cost, size = meter(), customers * LINES_PER_CUSTOMER
    generate(landing, size=size, seed=seed, days=DAYS, start=START, customers=customers)
    return cost()


def _build(settings: Settings) -> Cost:
    """Load, and build all that the model steps read."""
    project = DbtProject(settings)
    manifest = project.manifest()
    wanted = nodes_behind(manifest, {name.split(".")[1] for step in STEPS for name in step.reads})
    cost = meter()
    load(settings, manifest)
    expect_good(project.build([node["name"] for node in wanted]))
    return cost()


def _learn(settings: Settings, name: str) -> Cost:
    step = next(step for step in STEPS if step.name == name)
    cost = meter()
    connection = limited(connect(settings.warehouse_path), settings)
    step.run(settings, connection)
    connection.close()
    return cost()


def _plain(part: plain_models.Part, lines: Path) -> Cost:
    cost = meter()
    part(lines, HORIZON_DAYS)
    return cost()


def print_costs(customers: str, costs: dict[str, Cost]) -> None:
    """The table of parts; each plain one beside ours of the same name."""
    table = Table("what", "seconds", "processor s", "peak MB", "ratio", title=f"Models of {customers} customers")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, cost in costs.items():
        plain = costs.get(f"plain: {name}")
        ratio = f"{cost.seconds / plain.seconds:.2f}" if plain else ""
        table.add_row(name, f"{cost.seconds:.1f}", f"{cost.processor_seconds:.1f}", f"{cost.peak_mb:,.0f}", ratio)
    Console().print(table)


if __name__ == "__main__":
    main()
