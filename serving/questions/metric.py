"""A metric by its name, at the grain of its mart: nothing is summed or averaged, so the answer is what the mart says.

A rate of a month cannot be made of the rates of its channels. So a metric is told for each row of its mart; `where`
chooses rows, and `by` demands that nothing but these columns tells them apart. Of a mart that keeps its history, rows
of today are told, unless `where` or `by` names the day.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from serving.publication.declared_marts import TodaysRows, declared_marts
from serving.publication.publish import MANIFEST
from warehouse.errors import UserError, nearest
from warehouse.settings import Settings
from warehouse.sql import quote_identifier

CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|!=|=|<|>)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """One column compared with one value."""

    column: str
    comparison: str
    value: str


@dataclass(frozen=True)
class MetricQuery:
    """A metric as one select with its bound `values`, its definition, and which rows of which mart it tells."""

    definition: str
    source: TodaysRows
    query: str
    values: list[str]


@dataclass(frozen=True)
class _Metric:
    mart: str
    column: str
    definition: str


def parse_condition(text: str) -> Condition:
    """`month>=2024-01-01` as a condition. Raises UserError."""
    parts = CONDITION.fullmatch(text)
    if not parts:
        raise UserError(f'where: "{text}" is no condition. Write column=value, with =, !=, <, <=, > or >=.')
    return Condition(*parts.groups())


def metric_query(
    settings: Settings,
    connection: DuckDBPyConnection,
    name: str,
    by: Sequence[str] = (),
    where: Sequence[Condition] = (),
) -> MetricQuery:
    """The metric `name`, of the dictionary or as `mart.column`, one row per row of its mart.

    `connection` is the open publication. Raises UserError for an unknown name or column, for a value that does not fit
    its column, and where columns beside `by` tell the rows apart.
    """
    declared = declared_marts(settings.published_dir / MANIFEST)
    metric = _found(connection, name)
    types = _types(connection, metric.mart)
    named = {*by, *(condition.column for condition in where)}
    _require_known(metric.mart, types, [*by, *(condition.column for condition in where)])
    for condition in where:
        _require_fitting(connection, condition, types[condition.column])
    source = _of_today(declared.todays_rows(metric.mart), named)
    shown = _shown(metric, declared.keys.get(metric.mart, ()), by, where, source)
    names = ", ".join(map(quote_identifier, [*shown, metric.column]))
    tests = [
        f"{quote_identifier(condition.column)} {condition.comparison} cast(? as {types[condition.column]})"
        for condition in where
    ]
    query = f"select {names} from ({source.sql()}) as source where {' and '.join([*tests, 'true'])} order by all"
    return MetricQuery(metric.definition, source, query, [condition.value for condition in where])


def _require_known(mart: str, types: Mapping[str, str], columns: Sequence[str]) -> None:
    for column in columns:
        if column not in types:
            raise UserError(f"{mart} has no column {column}{nearest(column, types)}. It has: {', '.join(types)}.")


def _of_today(rows: TodaysRows, named: Collection[str]) -> TodaysRows:
    """The rows of today, as far as the columns that decide on that are not `named`."""
    values = {column: value for column, value in rows.where.items() if column not in named}
    return TodaysRows(rows.mart, None if rows.latest in named else rows.latest, values)


def _found(connection: DuckDBPyConnection, name: str) -> _Metric:
    mart, _, column = name.partition(".")
    if column:
        _require_known(mart, _types(connection, mart), [column])
        row = connection.execute(
            "select comment from duckdb_columns() where table_name = $1 and column_name = $2", [mart, column]
        ).fetchone()
        return _Metric(mart, column, (row and row[0]) or "")
    row = connection.execute("select model, definition from fct_metric_definitions where name = $1", [name]).fetchone()
    if row is None:
        known = [known for (known,) in connection.execute("select name from fct_metric_definitions").fetchall()]
        raise UserError(
            f'There is no metric "{name}"{nearest(name, known)}. Any column of a mart is one as well: mart.column, such'
            " as rpt_rfm_segments.customers_count."
        )
    return _Metric(row[0], name, row[1])


def _types(connection: DuckDBPyConnection, mart: str) -> dict[str, str]:
    """Names and types of the columns of a mart. Raises UserError if there is no such mart."""
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = 'marts' and table_name = $1"
        " order by column_index",
        [mart],
    ).fetchall()
    if not rows:
        known = connection.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
        raise UserError(f'There is no mart "{mart}"{nearest(mart, [name for (name,) in known])}.')
    return dict(rows)


def _shown(
    metric: _Metric, key: Sequence[str], by: Sequence[str], where: Sequence[Condition], source: TodaysRows
) -> list[str]:
    """The columns that tell the rows apart, beside those with one value."""
    fixed = {condition.column for condition in where if condition.comparison == "="} | {source.latest, *source.where}
    free = [column for column in key if column not in fixed and column != metric.column]
    beside = [column for column in free if column not in by]
    if by and beside:
        raise UserError(
            f"{metric.mart} tells {metric.column} for each {', '.join(free)}. Say which {' and which '.join(beside)}"
            f" (where), or show {'them' if len(beside) > 1 else 'it'} as well (by): nothing is summed here."
        )
    return list(by) or free


def _require_fitting(connection: DuckDBPyConnection, condition: Condition, data_type: str) -> None:
    row = connection.execute(f"select try_cast($1 as {data_type}) is null", [condition.value]).fetchone()
    if row and row[0]:
        raise UserError(f'where: {condition.column} is {data_type.lower()}, and "{condition.value}" is none.')
