"""`loyalty sql`: one statement on the published copy, which no run ever locks."""

import sys

import duckdb
from rich.console import Console
from rich.table import Table

from warehouse.connections import connect
from warehouse.errors import UserError
from warehouse.settings import Settings


def print_query(settings: Settings, query: str, output: str) -> None:
    """Print the result as a table, CSV or JSON lines. Raises UserError for bad SQL and before the first publication."""
    if not settings.published_path.exists():
        raise UserError(f"{settings.published_path}: nothing is published yet; start `loyalty run`.")
    connection = connect(settings.published_path, read_only=True)
    try:
        connection.execute("use marts")
        relation = connection.sql(query)
        if relation is None:
            return
        _PRINTERS[output](relation)
    except duckdb.Error as error:
        raise UserError(f"sql: {error}") from error
    finally:
        connection.close()


def _print_table(relation: duckdb.DuckDBPyRelation) -> None:
    table = Table(*relation.columns)
    for row in relation.fetchall():
        table.add_row(*("" if value is None else str(value) for value in row))
    Console().print(table)


def _print_csv(relation: duckdb.DuckDBPyRelation) -> None:
    relation.df().to_csv(sys.stdout, index=False)


def _print_json(relation: duckdb.DuckDBPyRelation) -> None:
    relation.df().to_json(sys.stdout, orient="records", lines=True, date_format="iso")


_PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}
