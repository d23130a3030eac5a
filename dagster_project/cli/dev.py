"""`loyalty dev build MODEL`: an analyst's changed model, built from published data in a file of their own."""

import time
from collections.abc import Sequence

import duckdb
from rich.table import Table
from rich.text import Text

from dagster_project.cli.console import Console, styled
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.results import NodeResult
from warehouse.errors import UserError
from warehouse.settings import Settings
from warehouse.sql import connect, quote_identifier, quote_literal

SHOWN_ROWS = 3


def build(settings: Settings, models: Sequence[str]) -> bool:
    """Build the models with their tests, print the outcome of each, and show the first rows. Returns whether all
    passed.

    Never opens, locks or waits for the warehouse. Raises UserError before the first publication.
    """
    state_dir = settings.published_dir
    if not (state_dir / "manifest.json").exists() or not (state_dir / "work.duckdb").exists():
        raise UserError(f"{state_dir}: nothing is published yet to build from; start `{settings.command} run`.")
    began = time.perf_counter()
    results = DbtProject(settings, target="dev").develop(models, state_dir)
    if not results:
        raise UserError(f"dev build: no model is called {' or '.join(models)}.")
    console = Console()
    for result in results:
        console.print(_line(result), soft_wrap=True)
    for result in results:
        if result.resource_type == "model" and result.is_good:
            _print_rows(console, settings, result)
    console.print(f"{time.perf_counter() - began:.1f} s, in {settings.dev_path}", soft_wrap=True)
    return all(result.is_good for result in results)


def _line(result: NodeResult) -> Text:
    status = styled(f"{result.status:<8}", "green" if result.is_good else "red")
    message = "" if result.is_good else f"  {result.message}"
    return status + styled(f" {result.resource_type} {result.name}{message}", "")


def _print_rows(console: Console, settings: Settings, result: NodeResult) -> None:
    connection = connect(settings.dev_path)
    try:
        work = quote_literal(str(settings.published_dir / "work.duckdb"))
        connection.execute(f"attach {work} as warehouse (read_only)")
        found = connection.execute(
            "select schema_name from duckdb_columns() where database_name = 'dev' and table_name = ? limit 1",
            [result.name],
        ).fetchone()
        if found is None:
            return
        rows = connection.sql(
            f"select * from {quote_identifier(found[0])}.{quote_identifier(result.name)} limit {SHOWN_ROWS}"
        )
        # a column a line: marts are wider than terminals
        found_rows = rows.fetchall()
        table = Table(
            "column",
            *(f"row {number + 1}" for number in range(len(found_rows))),
            title=result.name,
            title_justify="left",
        )
        for column in zip(rows.columns, *found_rows, strict=True):
            table.add_row(*("" if value is None else str(value) for value in column))
        console.print(table)
    except duckdb.Error as error:
        raise UserError(f"dev build: cannot show {result.name}: {error}") from error
    finally:
        connection.close()
