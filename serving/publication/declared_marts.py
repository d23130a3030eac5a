"""What the YAML of a mart says to who reads it: the key that its checks hold it to, which of its rows are today's, and
which days they are of.

Schema `today` of the published file has the marts that keep their history under the same names, with those rows alone.

A sum over every day that a mart keeps counts each customer once a day. In a mart's YAML,

    config: {meta: {today: {latest: as_of_date, where: {rfm_window: lifetime}}}}

says which of its rows are today's: those of the latest `as_of_date`, and, where the mart tells one thing in several
ways, those with the values of `where`. Likewise

    config: {meta: {days: {day: order_date}}}

says that a row is of its `order_date`, and `{month: month}` that it is of a whole month, so that a publication that
changes days published before can be told from one that adds new days. A mart that keeps its rows of earlier days needs
no such line. The rows of other marts are of no day.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from warehouse.errors import UserError
from warehouse.relations import Relation
from warehouse.sql import quote_identifier, quote_literal

TODAY, DAYS = "today", "days"


@dataclass(frozen=True)
class TodaysRows:
    """Which rows of `mart` are today's: `latest` names a date column, `where` the value of further columns."""

    mart: Relation
    latest: str | None = None
    where: Mapping[str, str | bool] = field(default_factory=dict)

    @property
    def view(self) -> Relation:
        """The view that shows them."""
        return Relation(TODAY, self.mart.name)

    def sql(self) -> str:
        """The rows, as a query that DuckDB and PostgreSQL answer alike."""
        tests = [f"{quote_identifier(name)} = {_literal(value)}" for name, value in self.where.items()]
        if self.latest:
            day = quote_identifier(self.latest)
            tests.append(f"{day} = (select max({day}) from {self.mart.sql})")
        return f"select * from {self.mart.sql} where {' and '.join(tests) or 'true'}"

    def __str__(self) -> str:
        days = [f"latest {self.latest}"] if self.latest else []
        kept = ", ".join([*days, *(f"{name} {value}" for name, value in self.where.items())])
        return f"{self.mart}, {kept}" if kept else str(self.mart)


@dataclass(frozen=True)
class DayColumn:
    """The date column that says which day a mart's rows are of, or which month, by its first day."""

    column: str
    is_month: bool = False


@dataclass(frozen=True)
class DeclaredMarts:
    """`keys`: the columns that tell the rows of each mart apart, by its name. `today`: which rows of marts that keep
    their history are today's. `days`: which days rows are of, by the name of the mart."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    today: Sequence[TodaysRows] = ()
    days: Mapping[str, DayColumn] = field(default_factory=dict)

    def todays_rows(self, mart: str) -> TodaysRows:
        """Which rows of a mart are today's: all of them, if it keeps no history."""
        every_row = TodaysRows(Relation("marts", mart))
        return next((rows for rows in self.today if rows.mart.name == mart), every_row)


def declared_marts(manifest: Path) -> DeclaredMarts:
    """What the marts of a dbt manifest say. Raises UserError for what cannot be understood."""
    nodes: dict[str, Any] = json.loads(manifest.read_bytes())["nodes"]
    marts = [node for node in nodes.values() if node["resource_type"] == "model" and node["schema"] == "marts"]
    today = [_declared(node) for node in marts if TODAY in node["config"]["meta"]]
    days = {rows.mart.name: DayColumn(rows.latest) for rows in today if rows.latest}
    days |= {node["name"]: _day_column(node) for node in marts if DAYS in node["config"]["meta"]}
    return DeclaredMarts(declared_keys(nodes), today, days)


def declared_keys(nodes: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The columns that tell the rows of a mart apart, by its name, as the nodes of a manifest check it."""
    return {
        nodes[node["attached_node"]]["name"]: tuple(node["test_metadata"]["kwargs"]["key"])
        for node in nodes.values()
        if (node.get("test_metadata") or {}).get("name") == "sound_rows" and node.get("attached_node") in nodes
    }


def create_views(connection: DuckDBPyConnection, wanted: Sequence[TodaysRows]) -> None:
    """Make schema `today` hold the views `wanted` and no other; without any there is no such schema."""
    connection.execute(f"drop schema if exists {TODAY} cascade")
    if wanted:
        connection.execute(f"create schema {TODAY}")
    for rows in wanted:
        connection.execute(f"create view {rows.view.sql} as {rows.sql()}")
        comment = f"The rows of today, as described at {rows.mart}."
        connection.execute(f"comment on view {rows.view.sql} is {quote_literal(comment)}")


def _declared(node: Mapping[str, Any]) -> TodaysRows:
    said = node["config"]["meta"][TODAY]
    latest, where = (said.get("latest"), said.get("where", {})) if isinstance(said, dict) else (None, {})
    unknown = _unknown(latest, where, list(node["columns"]))
    if not (latest or where) or set(said) - {"latest", "where"} or unknown:
        raise UserError(
            f"{node['original_file_path']}: meta.today of {node['name']} is {said!r}. It names a date column of the"
            " mart (latest: as_of_date), values of its columns (where: {rfm_window: lifetime}), or both."
        )
    return TodaysRows(Relation("marts", node["name"]), latest, where)


def _day_column(node: Mapping[str, Any]) -> DayColumn:
    said = node["config"]["meta"][DAYS]
    (kind, column), *more = said.items() if isinstance(said, dict) and said else [("", "")]
    if more or kind not in ("day", "month") or column not in node["columns"]:
        raise UserError(
            f"{node['original_file_path']}: meta.days of {node['name']} is {said!r}. It names one date column of the"
            " mart, {day: order_date}, or {month: month} where a row is of a whole month."
        )
    return DayColumn(column, is_month=kind == "month")


def _unknown(latest: str | None, where: Any, columns: Sequence[str]) -> list[str]:
    named = [*([latest] if latest else []), *(where if isinstance(where, dict) else ["where"])]
    return [name for name in named if name not in columns]


def _literal(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else quote_literal(str(value))
