"""`make bench SIZE=10m`: the order history of a generated company, built in full and then with a few changed lines.

Order lines, orders and the customer-day spine are built by dbt as a run builds them, by the same compiled SQL in bare
DuckDB, and by one script as one would write it by hand (by_hand.sql). Every step has a process of its own, so that its
peak memory is its own. The script's orders and days are compared with those of the models, and the result of the
increment, row for row, with a full build of everything that was delivered. What each step cost is told as it ends: of
a hundred million lines all of them take hours.
"""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.generated import expect_good, load, settings_of
from dagster_project.dbt_runner.project import DbtProject
from generator.company import SOURCES
from generator.generate import deliver_changes, generate, parse_size
from warehouse.settings import Settings
from warehouse.sql import connect, limit_resources, quote_literal

# In the order of the graph; those with a key are kept and change by key, the others are made anew, a view as a view.
MODELS = {
    "int_exchange_rate_versions": None,
    "int_exchange_rate_periods": None,
    "int_product_versions": None,
    "int_changed_order_lines": None,
    "int_order_line_versions": "order_line_id",
    "int_order_days": "order_id",
    "int_run_dates": None,
    "int_orders": None,
    "int_returned_lines": None,
    "int_moved_returns": None,
    "int_customer_daily": None,
}
VIEWS = ("int_moved_returns",)
COMPARED = ("int_order_line_versions", "int_order_days", "int_orders", "int_customer_daily")
SCHEMA = "intermediate"
STAGING = "staging.sql"
BY_HAND = Path(__file__).with_name("by_hand.sql")
# What the script makes, and the same of the models.
MADE_BY_HAND = {
    "select 'shop-' || order_id, customer_id, order_date, net_amount, is_valid from orders":
        "select order_id, customer_id, order_date, net_amount, is_valid from built.intermediate.int_orders",
    "select customer_id, order_date, orders_count, net_amount from customer_days":
        "select customer_id, order_date, orders_count, net_amount from built.intermediate.int_customer_daily",
}  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock and of processors, megabytes at the peak, and seconds of each model."""

    seconds: float
    processor_seconds: float
    peak_mb: float
    models: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The measurements: the cost of each step by name, and the number of rows that differ after the increment, and
    between the script by hand and the models; none where there is no such script, as for two sources."""

    costs: dict[str, Cost]
    changed_lines: int
    rows: int
    rows_different: int
    rows_different_by_hand: int | None


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.increment", description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="10m", help="order lines of the first delivery, such as 100k or 10m")
    parser.add_argument("--changes", type=float, default=0.001, help="share of lines in the second delivery")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another company")
    parser.add_argument("--memory", help="DuckDB's limit in each step, such as 8GB (default: what a run chooses)")
    parser.add_argument("--sources", nargs="+", default=["shop"], choices=SOURCES, help="shop, or shop till")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="loyalty-bench-") as folder:
        settings = settings_of(Path(folder), arguments.sources, memory_limit=arguments.memory)
        result = measure(settings, parse_size(arguments.size), arguments.changes, arguments.seed)
    print_result(arguments.size, result)


def measure(settings: Settings, size: int, changes: float, seed: int, *, isolated: bool = True) -> Result:
    """Generate, load, build in full, deliver the changes and build again, all beside the home of `settings`.

    `isolated` gives every step a process of its own; without it peaks are those of this process so far.
    """
    step = in_own_process if isolated else _here
    folder, sources = settings.home.parent, tuple(settings.sources)
    landing = folder / "landing"
    full_sql, increment_sql = folder / "full_sql", folder / "increment_sql"
    costs: dict[str, Cost] = {}

    def measured(name: str, cost: Cost) -> None:
        costs[name] = cost
        print(
            f"{name}: {cost.processor_seconds:.1f} s of processor time, {cost.peak_mb:,.0f} MB",
            file=sys.stderr,
            flush=True,
        )

    step(_generate, landing, size, seed, changes, sources)
    measured("load", step(_load, settings))
    bare = _copy_of(settings, folder / "bare_full")
    measured("full", step(_build, settings, full_sql))
    measured("full, bare", step(_build_bare, settings, bare, full_sql, False))
    bare.unlink()  # of a hundred million lines there is no room for all copies
    different_by_hand = None
    if sources == ("shop",):
        cost, different_by_hand = step(_build_by_hand, settings, landing / "shop")
        measured("full, by hand", cost)
    changed_lines = step(_deliver, landing)
    measured("load changes", step(_load, settings))
    bare = _copy_of(settings, folder / "bare_increment")
    measured("increment", step(_build, settings, increment_sql))
    measured("increment, bare", step(_build_bare, settings, bare, increment_sql, True))
    bare.unlink()
    anew = _copy_of(settings, folder / "anew")
    step(_build_bare, settings, anew, full_sql, False)
    rows, different = step(_compare, settings, anew)
    return Result(costs, changed_lines, rows, different, different_by_hand)


def in_own_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function that runs in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _here(work: Callable[..., Any], *arguments: Any) -> Any:
    return work(*arguments)


def _generate(landing: Path, size: int, seed: int, changes: float, sources: tuple[str, ...]) -> None:
    only = ("order_lines", "exchange_rates")
    generate(landing, size=size, seed=seed, start=date(2024, 1, 1), sources=sources, changes=changes, only=only)


def _deliver(landing: Path) -> int:
    files = [str(path) for path in deliver_changes(landing)]
    row = duckdb.execute("select count(*) from read_parquet($1)", [files]).fetchone()
    assert row is not None
    return row[0]


def _load(settings: Settings) -> Cost:
    settings.home.mkdir(parents=True, exist_ok=True)
    manifest = DbtProject(settings).manifest()  # parsed before the clock starts
    cost = meter()
    load(settings, manifest)
    return cost({})


def _copy_of(settings: Settings, folder: Path) -> Path:
    """A copy of the warehouse, under its own name: compiled SQL names the database."""
    folder.mkdir()
    return Path(shutil.copyfile(settings.warehouse_path, folder / settings.warehouse_path.name))


def _build(settings: Settings, keep: Path) -> Cost:
    """The models through dbt; their compiled SQL is kept in the folder `keep`. Parsing and imports are not counted."""
    project = DbtProject(settings)
    staging = [f"staging.{source}" for source in settings.sources]
    expect_good(project.build(["stg_ops__batches", "stg_ops__deleted_rows", *staging]))
    cost = meter()
    results = project.build(list(MODELS))
    measured = cost({result.name: result.seconds for result in results})
    expect_good(results)
    keep.mkdir()
    (keep / STAGING).write_text(_staging(settings.warehouse_path), encoding="utf-8")
    for name in MODELS:
        (file,) = (project.compiled_path() / "compiled").rglob(f"{name}.sql")
        shutil.copyfile(file, keep / file.name)
    return measured


def _build_bare(settings: Settings, warehouse: Path, sql: Path, is_increment: bool) -> Cost:
    """The models' SQL in bare DuckDB; a kept model's increment replaces its changed keys in one transaction."""
    connection = _quiet(connect(warehouse), settings)
    connection.execute(f"create schema if not exists {SCHEMA}")
    connection.execute("create schema if not exists staging")
    connection.execute((sql / STAGING).read_text(encoding="utf-8"))
    cost, seconds = meter(), {}
    for name, key in MODELS.items():
        began, select = time.perf_counter(), (sql / f"{name}.sql").read_text(encoding="utf-8")
        if is_increment and key:
            _replace_keys(connection, name, key, select)
        else:
            kind = "view" if name in VIEWS else "table"
            connection.execute(f"create or replace {kind} {SCHEMA}.{name} as {select}")
        seconds[name] = time.perf_counter() - began
    connection.close()
    return cost(seconds)


def _build_by_hand(settings: Settings, landing: Path) -> tuple[Cost, int]:
    """The script's cost, from the delivered files on, and how many of its rows differ from the models' rows."""
    target = settings.warehouse_path.with_name("by_hand.duckdb")
    connection = _quiet(connect(target), settings)
    connection.execute(f"attach {quote_literal(str(settings.warehouse_path))} as built (read_only)")
    connection.execute(f"set variable as_of = (select as_of_date from built.{SCHEMA}.int_run_dates)")
    for entity, variable in (("order_lines", "lines"), ("exchange_rates", "rates")):
        connection.execute(f"set variable {variable} = {quote_literal(str(landing / entity / '*.parquet'))}")
    cost = meter()
    connection.execute(BY_HAND.read_text(encoding="utf-8"))
    measured = cost({})
    different = sum(_apart(connection, here, there)[1] for here, there in MADE_BY_HAND.items())
    connection.close()
    target.unlink()
    return measured, different


def _quiet(connection: duckdb.DuckDBPyConnection, settings: Settings) -> duckdb.DuckDBPyConnection:
    """The connection without a progress bar, and within the memory that a run has."""
    connection.execute("set enable_progress_bar = false")
    limit_resources(connection, settings)
    return connection


def _staging(warehouse: Path) -> str:
    """What makes the staging views anew, as statements."""
    with connect(warehouse) as connection:
        found = connection.execute("select sql from duckdb_views() where schema_name = 'staging'").fetchall()
    return "\n".join(sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1) for (sql,) in found)


def _replace_keys(connection: duckdb.DuckDBPyConnection, name: str, key: str, select: str) -> None:
    connection.execute(f"create temp table fresh_{name} as {select}")
    connection.execute("begin")
    connection.execute(
        f"delete from {SCHEMA}.{name} where {key} in (select {key} from {SCHEMA}.int_changed_order_lines)"
    )
    connection.execute(f"insert into {SCHEMA}.{name} from fresh_{name}")
    connection.execute("commit")


def _compare(settings: Settings, anew: Path) -> tuple[int, int]:
    """Rows of the kept tables, and how many rows only one side has, by the hash of the whole row."""
    connection = _quiet(connect(beside=anew), settings)
    for name, path in (("kept", settings.warehouse_path), ("anew", anew)):
        connection.execute(f"attach {quote_literal(str(path))} as {name} (read_only)")
    rows = different = 0
    for model in COMPARED:
        found, apart = _apart(connection, *(f"from {side}.{SCHEMA}.{model}" for side in ("kept", "anew")))
        rows, different = rows + found, different + apart
    return rows, different


def _apart(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> tuple[int, int]:
    """The rows of a query, and how many rows only it or another has, by the hash of the whole row."""
    hashes = [f"select hash(t) as row_hash, count(*) as n from ({query}) as t group by 1" for query in (one, other)]
    found = connection.execute(
        "select coalesce(sum(a.n), 0), coalesce(sum(abs(coalesce(a.n, 0) - coalesce(b.n, 0))), 0)"
        f" from ({hashes[0]}) as a full join ({hashes[1]}) as b on a.row_hash = b.row_hash"
    ).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def meter() -> Callable[[dict[str, float]], Cost]:
    """Starts now; the function it gives ends it."""
    began, before = time.perf_counter(), _processor_seconds()

    def end(models: dict[str, float]) -> Cost:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return Cost(time.perf_counter() - began, _processor_seconds() - before, peak, models)

    return end


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def print_result(size: str, result: Result) -> None:
    """The table of steps with their ratios, and that of the models."""
    console = Console()
    title = f"Order lines, orders and spine of {size} lines, then {result.changed_lines:,} changed ones"
    table = Table("what", "seconds", "processor s", "peak MB", "ratio", "of processor s", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, cost in result.costs.items():
        bare = result.costs.get(f"{name}, bare")
        ratios = ("", "")
        if bare:
            ratios = tuple(
                f"{mine / its:.2f}"
                for mine, its in ((cost.seconds, bare.seconds), (cost.processor_seconds, bare.processor_seconds))
            )
        table.add_row(name, f"{cost.seconds:.1f}", f"{cost.processor_seconds:.1f}", f"{cost.peak_mb:,.0f}", *ratios)
    console.print(table)
    by_model = Table("model", *(name for name in result.costs if result.costs[name].models), title="Seconds a model")
    for model in MODELS:
        shown = [f"{cost.models[model]:.2f}" for cost in result.costs.values() if cost.models]
        by_model.add_row(model.removeprefix("int_"), *shown)
    console.print(by_model)
    console.print(f"{result.rows:,} rows, {result.rows_different:,} different from a full build.", highlight=False)
    if "full, by hand" in result.costs:
        print_by_hand(console, result)


def print_by_hand(console: Console, result: Result) -> None:
    """How much more the build costs than the script, which reads the files itself."""
    load, full, by_hand = (result.costs[name].processor_seconds for name in ("load", "full", "full, by hand"))
    console.print(
        f"The full build takes {full / by_hand:.1f} times the processor time of the script by hand,"
        f" {(load + full) / by_hand:.1f} times with the files loaded;"
        f" {result.rows_different_by_hand} of their rows differ.",
        highlight=False,
    )


if __name__ == "__main__":
    main()
