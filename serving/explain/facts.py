"""What the live publication says of one customer as of one day."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from duckdb import DuckDBPyConnection

from serving.questions.published import Value, plain_value
from warehouse.settings import Settings
from warehouse.sql import quote_literal

# Rows that are shown of a listing; the others are counted.
MOST_SHOWN = 8
VALUE = re.compile(r"\$(customer_id|as_of_date)\b")

Row = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """Rows behind a figure: the first of them, how many more there are, and the command that lists all."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    more_count: int
    command: str


@dataclass(frozen=True)
class Facts:
    """One customer as of a day. `published_day`: the day of the publication, of which it tells most.

    Queries name the customer and the day as $customer_id and $as_of_date; both are bound.
    """

    settings: Settings
    connection: DuckDBPyConnection
    customer_id: str
    as_of_date: date
    published_day: date

    @property
    def is_today(self) -> bool:
        """Whether the day is the one of the publication."""
        return self.as_of_date == self.published_day

    def rows(self, query: str) -> list[Row]:
        """The rows of a query."""
        answer = self.connection.execute(query, self._bound(query))
        columns = [column[0] for column in answer.description or []]
        return [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]

    def row(self, query: str) -> Row | None:
        """The first row of a query, None if there is none."""
        return next(iter(self.rows(query)), None)

    @cached_property
    def told_settings(self) -> dict[str, str | None]:
        """The settings and terms that the publication was computed with."""
        return dict(self.connection.execute("select setting, value from dim_settings").fetchall())

    def number(self, setting: str) -> float:
        """A setting that is a number."""
        return float(self.told_settings[setting] or "nan")

    def listed(self, title: str, query: str) -> Listing:
        """The first rows of a query, under a title."""
        answer = self.connection.execute(query, self._bound(query))
        columns = [column[0] for column in answer.description or []]
        rows = answer.fetchall()
        shown = [[plain_value(value) for value in row] for row in rows[:MOST_SHOWN]]
        return Listing(title, columns, shown, len(rows) - len(shown), self._command(query))

    def _bound(self, query: str) -> dict[str, object]:
        return {name: getattr(self, name) for name in set(VALUE.findall(query))}

    def _command(self, query: str) -> str:
        values = {"customer_id": quote_literal(self.customer_id), "as_of_date": f"date '{self.as_of_date}'"}
        statement = VALUE.sub(lambda match: values[match[1]], " ".join(query.split()))
        return f"{self.settings.command} sql {_quoted(statement)}"

    def days_kept(self, mart: str) -> str:
        """In words, the days of the customer that a mart keeps, those nearest to the day asked for."""
        days = self.rows(
            f"select distinct as_of_date from {mart} where customer_id = $customer_id"
            " order by abs(as_of_date - $as_of_date), as_of_date limit 2"
        )
        return " and ".join(str(row["as_of_date"]) for row in days) or "none"


def _quoted(statement: str) -> str:
    """A statement for the shell, in double quotes where they do: SQL is full of single ones."""
    return shlex.quote(statement) if set(statement) & set('"$`\\!') else f'"{statement}"'
