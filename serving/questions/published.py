"""One select on the live publication, of so many rows and for so long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from warehouse.errors import UserError, on_one_line
from warehouse.sql import interrupted_after, is_one_select

MOST_ROWS = 1_000
MOST_SECONDS = 30.0

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Rows:
    """The answer to a select: names of columns, values row by row, and whether there were more rows than are told.

    Money and other decimals are texts with every digit, days are ISO texts.
    """

    columns: list[str]
    rows: list[list[Value]]
    is_cut: bool


def select(connection: DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> Rows:
    """The rows of one select, of which `MOST_ROWS` are told. Raises UserError for anything else, for SQL that fails,
    and for a query that takes longer than `MOST_SECONDS`."""
    try:
        if not is_one_select(connection, query):
            raise UserError("One select is expected; it reads the published tables and changes nothing.")
        with interrupted_after(connection, MOST_SECONDS):
            answer = connection.execute(query, list(values))
            columns = [column[0] for column in answer.description or []]
            rows = answer.fetchmany(MOST_ROWS + 1)
    except duckdb.InterruptException:
        raise UserError(f"The query took longer than {MOST_SECONDS:.0f} seconds. Ask for less at once.") from None
    except duckdb.Error as error:
        raise UserError(on_one_line(str(error))) from None
    return Rows(columns, [[plain_value(value) for value in row] for row in rows[:MOST_ROWS]], len(rows) > MOST_ROWS)


def plain_value(value: Any) -> Value:
    """A value as JSON has it, without loss."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
