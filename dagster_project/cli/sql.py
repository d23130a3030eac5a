"""`loyalty sql`: one statement on the published copy, which no run ever locks."""

import csv
import json
import sys

import duckdb
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from warehouse.errors import UserError
from warehouse.settings import Settings
from warehouse.sql import connect, quote_identifier

ROWS_AT_ONCE = 10_000


def print_query(settings: Settings, query: str, output: str) -> None:
    """Print the result as a table, CSV or JSON lines. Raises UserError for bad SQL and before the first publication."""
    if not settings.published_path.exists():
        raise UserError(f"{settings.published_path}: nothing is published yet; start `loyalty run`.")
    connection = connect(settings.published_path, read_only=True)
    try:
        connection.execute("use marts")
        relation: duckdb.DuckDBPyRelation | None = connection.sql(query)
        if relation is not None:
            _PRINTERS[output](relation)
    except duckdb.Error as error:
        raise UserError(f"sql: {error}") from error
    finally:
        connection.close()


def _print_table(relation: duckdb.DuckDBPyRelation) -> None:
    table = Table(*(Column(Text(name)) for name in relation.columns))
    for row in relation.fetchall():
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    Console().print(table)


def _print_csv(relation: duckdb.DuckDBPyRelation) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(relation.columns)
    while rows := relation.fetchmany(ROWS_AT_ONCE):
        writer.writerows([_as_text(value) for value in row] for row in rows)


def _as_text(value: object) -> object:
    """The value as CSV shows it: numbers with every digit, truth in lower case, lists and records as JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, list | dict) else value


def _print_json(relation: duckdb.DuckDBPyRelation) -> None:
    # DuckDB writes decimals with every digit; Python's json would make floats of them
    names = ", ".join(f"{quote_identifier(name)} := {quote_identifier(name)}" for name in relation.columns)
    lines = relation.project(f"to_json(struct_pack({names}))")
    while rows := lines.fetchmany(ROWS_AT_ONCE):
        sys.stdout.writelines(f"{line}\n" for (line,) in rows)


_PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}
