"""`make bench SIZE=10m`: the order history of a generated company, built in full and then with a few changed lines.

Order lines, orders and the customer-day spine are built by dbt as a run builds them, by the same compiled SQL in bare
DuckDB, and by one script as one would write it by hand (by_hand.sql). Every step has a process of its own, so that its
peak memory is its own. The script's orders and days are compared with those of the models, and the result of the
increment, row for row, with a full build of everything that was delivered. Of a hundred million lines that takes hours:
with `--folder` the data and the cost of each step stay there, and an interrupted measurement goes on with the step in
which it stopped.
"""

import argparse
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.generated import expect_good, limited, load, settings_of
from benchmarks.steps import Cost, Steps, measured_in, meter
from dagster_project.dbt_runner.project import DbtProject
from generator.company import SOURCES
from generator.generate import deliver_changes, generate, parse_size
from warehouse.settings import Settings
from warehouse.sql import connect, quote_literal

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
BUILDS = ("full", "full, bare", "increment", "increment, bare")
STAGING = "staging.sql"
BY_HAND = Path(__file__).with_name("by_hand.sql")
# What the script makes, and the same of the models.
MADE_BY_HAND = {
    "select 'shop-' || order_id, customer_id, order_date, net_amount, is_valid from orders":
        "select order_id, customer_id, order_date, net_amount, is_valid from built.intermediate.int_orders",
    "select customer_id, order_date, orders_count, net_amount from customer_days":
        "select customer_id, order_date, orders_count, net_amount from built.intermediate.int_customer_daily",
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.increment", description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="10m", help="order lines of the first delivery, such as 100k or 10m")
    parser.add_argument("--changes", type=float, default=0.001, help="share of lines in the second delivery")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another company")
    parser.add_argument("--memory", help="DuckDB's limit in each step, such as 8GB (default: what a run chooses)")
    parser.add_argument("--sources", nargs="+", default=["shop"], choices=SOURCES, help="shop, or shop till")
    parser.add_argument("--folder", type=Path, help="keep everything here, and go on from what is here")
    arguments = parser.parse_args(argv)
    with measured_in(arguments.folder, vars(arguments)) as folder:
        settings = settings_of(folder, arguments.sources, memory_limit=arguments.memory)
        costs = measure(settings, parse_size(arguments.size), arguments.changes, arguments.seed)
    print_costs(arguments.size, costs)


def measure(
    settings: Settings, size: int, changes: float, seed: int, *, is_isolated: bool = True
) -> Mapping[str, Cost]:
    """Generate, load, build in full, deliver the changes and build again, all beside the home of `settings`. Returns
    the costs of the steps."""
    folder, sources = settings.home.parent, tuple(settings.sources)
    landing, copy = folder / "landing", folder / "copy"  # one: of a hundred million lines there is no room for more
    full_sql, increment_sql = folder / "full_sql", folder / "increment_sql"
    steps = Steps(folder / "costs.json", is_isolated=is_isolated)
    steps.take("generate", _generate, landing, size, seed, changes, sources)
    steps.take("load", _load_anew, settings)
    steps.take("copy", _copy, settings, copy)
    steps.take("full", _build, settings, copy, full_sql)
    steps.take("full, bare", _build_bare, settings, copy, full_sql, False)
    if sources == ("shop",):
        steps.take("full, by hand", _build_by_hand, settings, landing / "shop")
    steps.take("deliver changes", _deliver, landing)
    steps.take("load changes", _load, settings)
    steps.take("copy with changes", _copy, settings, copy)
    steps.take("increment", _build, settings, copy, increment_sql)
    steps.take("increment, bare", _build_bare, settings, copy, increment_sql, True)
    steps.take("copy with increment", _copy, settings, copy)
    steps.take("full again, bare", _build_bare, settings, copy, full_sql, False)
    steps.take("compare", _compare, settings, copy)
    return steps.costs


def _generate(landing: Path, size: int, seed: int, changes: float, sources: tuple[str, ...]) -> Cost:
    shutil.rmtree(landing, ignore_errors=True)
    cost, only = meter(), ("order_lines", "exchange_rates")
    generate(landing, size=size, seed=seed, start=date(2024, 1, 1), sources=sources, changes=changes, only=only)
    return cost()


def _deliver(landing: Path) -> Cost:
    cost, files = meter(), [str(path) for path in deliver_changes(landing)]
    row = duckdb.execute("select count(*) from read_parquet($1)", [files]).fetchone()
    assert row is not None
    return cost(rows=row[0])


def _load_anew(settings: Settings) -> Cost:
    shutil.rmtree(settings.home, ignore_errors=True)
    return _load(settings)


def _load(settings: Settings) -> Cost:
    settings.home.mkdir(parents=True, exist_ok=True)
    manifest = DbtProject(settings).manifest()  # parsed before the clock starts
    cost = meter()
    load(settings, manifest)
    return cost()


def _copy(settings: Settings, folder: Path) -> Cost:
    """Copy the warehouse under its own name: compiled SQL names the database."""
    folder.mkdir(exist_ok=True)
    cost = meter()
    shutil.copyfile(settings.warehouse_path, folder / settings.warehouse_path.name)
    return cost()


def _build(settings: Settings, copy: Path, keep: Path) -> Cost:
    """The models through dbt; their compiled SQL is kept in the folder `keep`. Parsing and imports are not counted. A
    build that was interrupted begins again with the copy of the warehouse in the folder `copy`."""
    if keep.exists():
        shutil.copyfile(copy / settings.warehouse_path.name, settings.warehouse_path)
    keep.mkdir(exist_ok=True)
    project = DbtProject(settings)
    staging = [f"staging.{source}" for source in settings.sources]
    expect_good(project.build(["stg_ops__batches", "stg_ops__deleted_rows", *staging]))
    cost = meter()
    results = project.build(list(MODELS))
    measured = cost(models={result.name: result.seconds for result in results})
    expect_good(results)
    (keep / STAGING).write_text(_staging(settings.warehouse_path), encoding="utf-8")
    for name in MODELS:
        (file,) = (project.compiled_path() / "compiled").rglob(f"{name}.sql")
        shutil.copyfile(file, keep / file.name)
    return measured


def _build_bare(settings: Settings, folder: Path, sql: Path, is_increment: bool) -> Cost:
    """The models' SQL in bare DuckDB, in the copy of the warehouse in a folder; a kept model's increment replaces its
    changed keys in one transaction."""
    connection = limited(connect(folder / settings.warehouse_path.name), settings)
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
    return cost(models=seconds)


def _build_by_hand(settings: Settings, landing: Path) -> Cost:
    """The script's cost, from the delivered files on, and how many of its rows differ from the models' rows."""
    target = settings.warehouse_path.with_name("by_hand.duckdb")
    target.unlink(missing_ok=True)
    connection = limited(connect(target), settings)
    connection.execute(f"attach {quote_literal(str(settings.warehouse_path))} as built (read_only)")
    connection.execute(f"set variable as_of = (select as_of_date from built.{SCHEMA}.int_run_dates)")
    for entity, variable in (("order_lines", "lines"), ("exchange_rates", "rates")):
        connection.execute(f"set variable {variable} = {quote_literal(str(landing / entity / '*.parquet'))}")
    cost = meter()
    connection.execute(BY_HAND.read_text(encoding="utf-8"))
    measured = cost()
    compared = [_apart(connection, here, there) for here, there in MADE_BY_HAND.items()]
    connection.close()
    target.unlink()
    rows, different = map(sum, zip(*compared, strict=True))
    return replace(measured, rows=rows, rows_different=different)


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


def _compare(settings: Settings, anew: Path) -> Cost:
    """Rows of the kept tables, and how many rows only one side has, by the hash of the whole row."""
    cost, there = meter(), anew / settings.warehouse_path.name
    connection = limited(connect(beside=there), settings)
    for name, path in (("kept", settings.warehouse_path), ("anew", there)):
        connection.execute(f"attach {quote_literal(str(path))} as {name} (read_only)")
    rows = different = 0
    for model in COMPARED:
        found, apart = _apart(connection, *(f"from {side}.{SCHEMA}.{model}" for side in ("kept", "anew")))
        rows, different = rows + found, different + apart
    return cost(rows=rows, rows_different=different)


def _apart(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> tuple[int, int]:
    """The rows of a query, and how many rows only it or another has, by the hash of the whole row."""
    hashes = [f"select hash(t) as row_hash, count(*) as n from ({query}) as t group by 1" for query in (one, other)]
    found = connection.execute(
        "select coalesce(sum(a.n), 0), coalesce(sum(abs(coalesce(a.n, 0) - coalesce(b.n, 0))), 0)"
        f" from ({hashes[0]}) as a full join ({hashes[1]}) as b on a.row_hash = b.row_hash"
    ).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def print_costs(size: str, costs: Mapping[str, Cost]) -> None:
    """The table of steps with their ratios, and that of the models."""
    console = Console()
    title = f"Order lines, orders and spine of {size} lines, then {costs['deliver changes'].rows:,} changed ones"
    table = Table("what", "seconds", "processor s", "peak MB", "ratio", "of processor s", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, cost in costs.items():
        table.add_row(
            name, f"{cost.seconds:.1f}", f"{cost.processor_seconds:.1f}", f"{cost.peak_mb:,.0f}", *_ratios(costs, name)
        )
    console.print(table)
    built = {name: costs[name] for name in BUILDS}
    by_model = Table("model", *built, title="Seconds a model")
    for model in MODELS:
        by_model.add_row(model.removeprefix("int_"), *(f"{cost.models[model]:.2f}" for cost in built.values()))
    console.print(by_model)
    compared = costs["compare"]
    console.print(f"{compared.rows:,} rows, {compared.rows_different:,} different from a full build.", highlight=False)
    if "full, by hand" in costs:
        print_by_hand(console, costs)


def _ratios(costs: Mapping[str, Cost], name: str) -> tuple[str, ...]:
    """A build's seconds and processor seconds, where its SQL takes one."""
    mine, bare = costs[name], costs.get(f"{name}, bare")
    if not bare:
        return ("", "")
    return f"{mine.seconds / bare.seconds:.2f}", f"{mine.processor_seconds / bare.processor_seconds:.2f}"


def print_by_hand(console: Console, costs: Mapping[str, Cost]) -> None:
    """How much more the build costs than the script, which reads the files itself."""
    load, full, by_hand = (costs[name].processor_seconds for name in ("load", "full", "full, by hand"))
    console.print(
        f"The full build takes {full / by_hand:.1f} times the processor time of the script by hand,"
        f" {(load + full) / by_hand:.1f} times with the files loaded;"
        f" {costs['full, by hand'].rows_different} of their rows differ.",
        highlight=False,
    )


if __name__ == "__main__":
    main()
