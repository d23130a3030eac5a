"""`loyalty sql`: one statement on the published copy, which no run ever locks, or on the warehouse between runs."""

import csv
import json
import re
import sys
from contextlib import closing, nullcontext
from itertools import zip_longest

import duckdb
from rich.box import HORIZONTALS
from rich.measure import Measurement
from rich.table import Table

from dagster_project.cli.console import Console
from warehouse.errors import UserError
from warehouse.files import csv_cell
from warehouse.lock import hold_warehouse
from warehouse.settings import Settings
from warehouse.sql import connect, is_one_select, limit_reader, lock_down, quote_identifier

ROWS_AT_ONCE = 10_000
UNLIMITED = 1_000_000
KIND = re.compile(r"^[A-Z][A-Za-z ]*Error: ")
EXPLAIN = re.compile(r"\s*explain\s+(analyze\s+)?(\([a-z_, ]*\)\s*)?", re.IGNORECASE)


def print_query(
    settings: Settings, query: str, output: str, *, allow_files: bool = False, in_warehouse: bool = False
) -> None:
    """Print the result as a table, CSV or JSON lines. Raises UserError for bad SQL and before the first publication.

    The statement reads only the published copy: no other file or database, no network, unless `allow_files` allows it.
    `in_warehouse` reads the warehouse instead, with its raw tables, and changes nothing there; no run can start
    meanwhile. Raises WarehouseBusyError while a run writes.
    """
    path = settings.warehouse_path if in_warehouse else settings.published_path
    if not path.exists():
        missing = "there is no warehouse" if in_warehouse else "nothing is published"
        raise UserError(f"{path}: {missing} yet; start `{settings.command} run`.")
    held = hold_warehouse(settings, "loyalty sql", wait_seconds=0) if in_warehouse else nullcontext()
    with held, closing(connect(path, read_only=True)) as connection:
        try:
            _query(connection, settings, query, output, allow_files)
        except duckdb.PermissionException as error:
            raise UserError(
                f"sql: a statement reads {path.name} and nothing else ({_reason(error)}). --allow-files lets it read"
                " and write other files, with your rights."
            ) from error
        except duckdb.Error as error:
            raise UserError(f"sql: {_reason(error)}") from error


def _query(
    connection: duckdb.DuckDBPyConnection, settings: Settings, query: str, output: str, allow_files: bool
) -> None:
    limit_reader(connection, settings)
    has_marts = "select count(*) from duckdb_schemas() where not internal and schema_name = 'marts'"
    if connection.execute(has_marts).fetchall()[0][0]:
        connection.execute("use marts")
    _require_one_statement(connection, query)
    if not allow_files:
        lock_down(connection)
        _require_reading(connection, query)
    relation: duckdb.DuckDBPyRelation | None = connection.sql(query)
    if relation is not None:
        print_relation(relation, output)


def print_relation(relation: duckdb.DuckDBPyRelation, output: str) -> None:
    """Print the rows as `output` says: table, csv or json."""
    _PRINTERS[output](relation)


def _require_one_statement(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    count = len(connection.extract_statements(query))
    if count != 1:
        raise UserError(f"sql: one statement is expected, and this is {count or 'none'}.")


def _require_reading(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    explained = EXPLAIN.match(query)
    if not is_one_select(connection, query[explained.end() :] if explained else query):
        raise UserError(
            "sql: a statement that reads is expected (select, describe, summarize, show, explain)."
            " --allow-files lets it do more, with your rights."
        )


def _reason(error: duckdb.Error) -> str:
    """DuckDB's message without the kind of error before it."""
    return KIND.sub("", str(error)).strip()


def _print_table(relation: duckdb.DuckDBPyRelation) -> None:
    """A line a row, or a block a row where lines would be cut to pieces."""
    rows = [["" if value is None else str(value) for value in row] for row in relation.fetchall()]
    console, table = Console(), Table(*relation.columns)
    for row in rows:
        table.add_row(*row)
    if Measurement.get(console, console.options.update(max_width=UNLIMITED), table).maximum <= console.width:
        console.print(table)
        return
    for number, row in enumerate(rows or [[]], start=1):
        block = Table(f"row {number}" if rows else "no rows", "", box=HORIZONTALS, show_edge=False)
        for name, value in zip_longest(relation.columns, row, fillvalue=""):
            block.add_row(name, value)
        console.print(block)


def _print_csv(relation: duckdb.DuckDBPyRelation) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(csv_cell, relation.columns))
    while rows := relation.fetchmany(ROWS_AT_ONCE):
        writer.writerows([csv_cell(_as_text(value)) for value in row] for row in rows)


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
        sys.stdout.writelines(f"{_shown(line)}\n" for (line,) in rows)


def _shown(line: str) -> str:
    """JSON without characters that a terminal would obey: they are written as JSON escapes."""
    if line.isprintable():
        return line
    return "".join(part if part.isprintable() else json.dumps(part)[1:-1] for part in line)


_PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}
