"""`loyalty sources try`: the outcome of a source's rows, without changing anything of the company."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb
from rich.table import Table

from dagster_project.cli.console import Console
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.prepare import prepare_warehouse
from warehouse.errors import UserError
from warehouse.ingest.load import load_source
from warehouse.ingest.row_reports import load_sentences, order_sentences, other_sentences, reused_sentences
from warehouse.ingest.sources import SourceConfig
from warehouse.scratch import scratch_folder
from warehouse.settings import Settings
from warehouse.sql import connect

MOST_ROWS = 10_000
SHOWN = 5
LINES = "intermediate.int_order_line_versions where row_status = 'accepted'"
SOLD = f"{LINES} and order_status = 'completed'"
BUILT = (
    "path:models/staging", "path:models/intermediate/entities", "int_changed_order_lines", "int_order_line_versions",
    "int_order_days",
)  # fmt: skip


def try_source(settings: Settings, source: SourceConfig) -> None:
    """Load at most MOST_ROWS rows of each file into a scratch file, map and check them, and print the outcome.

    The command writes nothing to the warehouse and waits for no run. Raises UserError where a mapping does not work.
    """
    console = Console()
    alone = settings.model_copy(update={"sources": {source.name: settings.sources[source.name]}})
    with scratch_folder(settings.home, "try") as folder:
        project = DbtProject(alone).elsewhere(folder)
        if (settings.home / "privacy").is_dir():  # who is erased stays so, and ids are the company's
            shutil.copytree(settings.home / "privacy", folder / "privacy")
        _build(project, source, console)
        with connect(project.settings.warehouse_path) as connection:
            told = [*order_sentences(connection), *other_sentences(connection), *reused_sentences(connection)]
            for sentence in told:
                console.print(sentence, soft_wrap=True)
            _print_lines(connection, console)


def _build(project: DbtProject, source: SourceConfig, console: Console) -> None:
    file = project.settings.warehouse_path
    Path(file.parent).mkdir(exist_ok=True)
    with connect(file) as connection:
        prepare_warehouse(connection, project.manifest())
        for report in load_source(connection, source, project.settings, most_rows=MOST_ROWS):
            for sentence in load_sentences(connection, report):
                console.print(sentence, soft_wrap=True)
    staged = [f"stg_{source.name}__{entity}" for entity in project.graph_variables["source_entities"][source.name]]
    failed = [result for result in project.build([*BUILT, *staged]) if not result.is_good]
    if failed:
        message = next((result.message for result in failed if result.message), failed[0].name)
        raise UserError(
            f"{source.path}: {failed[0].name} does not work: {' '.join(message.split())[:500]}."
            f" `loyalty sources explain {source.name}` shows its SQL."
        )


def _print_lines(connection: duckdb.DuckDBPyConnection, console: Console) -> None:
    columns = ["order_line_id", "order_date", "product_id", "quantity", "net_amount"]
    lines = connection.execute(
        f"select {', '.join(columns)} from {LINES} order by order_date desc, order_line_id limit {SHOWN}"
    )
    _print_table(console, columns, lines.fetchall())
    months = connection.execute(
        "select strftime(order_date, '%Y-%m'), cast(sum(net_amount) as decimal(18, 2)),"
        " count(distinct order_id) filter (where not is_return),"
        f" count(distinct customer_id) filter (where not is_return) from {SOLD} group by 1 order by 1"
    )
    _print_table(console, ["month", "net sales", "orders", "customers"], months.fetchall())
    whole = connection.execute(
        "select cast(coalesce(sum(net_amount), 0) as decimal(18, 2)), count(distinct order_id) filter (where not"
        f" is_return), count(distinct customer_id) filter (where not is_return) from {SOLD}"
    ).fetchone()
    assert whole is not None
    console.print(
        f"In all: net sales {whole[0]:,}, {whole[1]:,} orders, {whole[2]:,} customers."
        f" Of each file the first {MOST_ROWS:,} rows were looked at; nothing was kept.",
        soft_wrap=True,
    )


def _print_table(console: Console, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(*head, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
