"""Raw tables: created from the declaration, grown by new columns, their types widened without losing a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from warehouse.errors import UserError
from warehouse.identity.shown_text import masked_sql
from warehouse.ingest.batches import count
from warehouse.ingest.declared_types import TextReading, may_go, read_text_columns, typed_columns
from warehouse.ingest.sources import META_COLUMNS, SourceConfig
from warehouse.sql import quote_identifier, quote_literal

_NUMBERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "DECIMAL",
}  # fmt: skip
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_MANY = 20
_EXACT_FLOATS = {"FLOAT": 2**24, "DOUBLE": 2**53}
_UNBOUNDED_MOMENTS = {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}
_MOMENTS = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}


@dataclass(frozen=True)
class Incoming:
    """Rows about to be inserted: a query (a parenthesised select or a table), its columns' types by raw name.

    `place` names the file or database table in messages. `has_types`: values come from cells or JSON, not from bare
    text. `moments`: the types of days and timestamps that a server hands over as text, since some of their values are
    invalid.
    """

    relation: str
    types: Mapping[str, str]
    place: str
    has_types: bool = False
    moments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """Values of one column that the raw column does not take: the condition (SQL), and why."""

    column: str
    condition: str
    reason: str


@dataclass(frozen=True)
class Fitted:
    """How incoming rows go into a raw table: the SQL value of each column, and the refused values.

    `added` and `widened` are the changes of the raw table for these rows.
    """

    values: dict[str, str]
    refusals: list[Refusal]
    added: list[str]
    widened: list[str]

    @property
    def is_refused(self) -> str:
        """The condition (SQL) of rows that are refused."""
        return " or ".join(f"coalesce({refusal.condition}, false)" for refusal in self.refusals) or "false"

    def rejects(self, relation: str) -> str:
        """The refused rows as SQL: row_number, reason, record (JSON) and the first value at fault, masked."""
        reason = " ".join(f"when {one.condition} then {quote_literal(one.reason)}" for one in self.refusals)
        shown = " ".join(
            f"when {one.condition} then {masked_sql(f'cast({quote_identifier(one.column)} as varchar)')}"
            for one in self.refusals
        )
        return (
            f"select _row_number, case {reason} end, cast(to_json(r) as varchar), case {shown} end"
            f" from {relation} as r where {self.is_refused}"
        )


def raw_table(source: SourceConfig, table: str) -> str:
    """The quoted name of a raw table."""
    return f"{quote_identifier(source.raw_schema)}.{quote_identifier(table)}"


def raw_columns(connection: duckdb.DuckDBPyConnection, source: SourceConfig, table: str) -> dict[str, str]:
    """The raw table's columns and types without those that every raw table has; empty if there is no table."""
    try:
        rows = connection.execute(f"describe {raw_table(source, table)}").fetchall()
    except duckdb.CatalogException:
        return {}
    return {row[0]: row[1] for row in rows if row[0] not in META_COLUMNS}


def ensure_table(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str) -> None:
    """Creates the raw schema and table with the declared columns, so that SQL can select from it with no row there."""
    table = source.tables[name]
    declared = {column: table.declared_type(column) or "VARCHAR" for column in table.columns}
    shape = ", ".join(f"{quote_identifier(column)} {kind}" for column, kind in {**declared, **META_COLUMNS}.items())
    connection.execute(f"create schema if not exists {quote_identifier(source.raw_schema)}")
    connection.execute(f"create table if not exists {raw_table(source, name)} ({shape})")


def declared_but_absent(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str) -> list[str]:
    """Columns that the YAML has gained since the raw table was made."""
    known = {column.lower() for column in raw_columns(connection, source, name)}
    return [column for column in source.tables[name].columns if column.lower() not in known]


def fit_columns(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, incoming: Incoming) -> Fitted:
    """Changes the raw table so that it takes the incoming columns, and returns the values that it does not take.

    Raises UserError for a column whose type does not fit the rows loaded earlier.
    """
    existing = raw_columns(connection, source, name)
    kinds, added, widened = {}, [], []
    for column, kind in incoming.types.items():
        if column not in existing:
            kinds[column] = source.tables[name].declared_type(column) or incoming.moments.get(column, kind)
            added.append(column)
        else:
            kinds[column] = _settle_type(connection, source, name, column, existing[column], incoming)
            if kinds[column] != existing[column]:
                _widen(connection, source, name, column, existing[column], kinds[column])
                widened.append(f"{column}: {existing[column]} -> {kinds[column]}")
    _add_columns(connection, source, name, {column: kinds[column] for column in added})
    readings = read_text_columns(connection, source, name, incoming)
    values = {
        column: _value(column, kind, kinds[column], readings.get(column)) for column, kind in incoming.types.items()
    }
    return Fitted(values, _refusals(connection, source, name, incoming, kinds, readings), added, widened)


def _value(column: str, kind: str, target: str, reading: TextReading | None) -> str:
    if reading is None:
        return _converted(column, kind, target)
    return reading.value if target == "VARCHAR" else f"try_cast({reading.value} as {target})"


def _refusals(
    connection: duckdb.DuckDBPyConnection,
    source: SourceConfig,
    name: str,
    incoming: Incoming,
    kinds: Mapping[str, str],
    readings: Mapping[str, TextReading],
) -> list[Refusal]:
    """The values that no raw column takes, for the columns that hold such a value; one query looks at all columns."""
    declared = typed_columns(source.tables[name], incoming.types)
    conditions = {}
    for column, kind in incoming.types.items():
        if column in readings:
            conditions[column] = readings[column].refused
        elif kinds[column] != "VARCHAR" and not _always_fits(kind, kinds[column]):
            conditions[column] = _differs(column, kind, kinds[column])
        elif kind in _UNBOUNDED_MOMENTS:
            conditions[column] = f"not isfinite({quote_identifier(column)})"
    if not conditions:
        return []
    found = connection.execute(
        f"select {', '.join(f'coalesce(bool_or({condition}), false)' for condition in conditions.values())}"
        f" from {incoming.relation}"
    ).fetchone()
    assert found is not None
    return [
        Refusal(column, condition, f"{column} is not a {declared.get(column, kinds[column]).lower()}")
        for (column, condition), is_there in zip(conditions.items(), found, strict=True)
        if is_there
    ]


def _widen(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, column: str, raw: str, target: str
) -> None:
    connection.execute(
        f"alter table {raw_table(source, name)} alter column {quote_identifier(column)} type {target}"
        f" using {_converted(column, raw, target)}"
    )


def _add_columns(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, kinds: Mapping[str, str]
) -> None:
    """New columns; a table without rows is made anew, since adding them one by one takes the square of the time."""
    table = raw_table(source, name)
    if len(kinds) > _MANY and not count(connection, f"select count(*) from (from {table} limit 1)"):
        known = [row[:2] for row in connection.execute(f"describe {table}").fetchall()]
        shape = ", ".join(f"{quote_identifier(column)} {kind}" for column, kind in [*known, *kinds.items()])
        connection.execute(f"create or replace table {table} ({shape})")
        return
    for column, kind in kinds.items():
        connection.execute(f"alter table {table} add column {quote_identifier(column)} {kind}")


def _settle_type(
    connection: duckdb.DuckDBPyConnection,
    source: SourceConfig,
    name: str,
    column: str,
    raw: str,
    incoming: Incoming,
) -> str:
    """The type that the raw column has to have: the present one if the file fits into it, else a wider one."""
    kind = incoming.types[column]
    declared = source.tables[name].declared_type(column)
    if declared is not None and declared != raw:  # the declaration has changed since the table was made
        _refuse_alteration(connection, source, name, column, raw, declared)
        return declared
    if column in incoming.moments and _same_family(incoming.moments[column], raw):
        return raw
    if declared is not None or kind == raw or _fits(connection, incoming.relation, column, kind, raw):
        return raw
    stored = raw_table(source, name)
    if count(connection, f"select count({quote_identifier(column)}) from {stored}") == 0:
        return kind
    wider = _common_type(connection, raw, kind)
    if wider and _fits(connection, stored, column, raw, wider):
        return wider
    raise UserError(
        f'{incoming.place}: the column "{column}" is {kind}; earlier files brought {raw}, and one does not fit into'
        f" the other. Declare its `type` in {source.path} and load the table anew (`loyalty sources reload`)."
    )


def _common_type(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> str | None:
    if not _same_family(one, other):
        return None
    row = connection.execute(f"select typeof(case when true then null::{one} else null::{other} end)").fetchone()
    return row[0] if row else None


def _same_family(one: str, other: str) -> bool:
    bases = {one.partition("(")[0], other.partition("(")[0]}
    return bases <= _NUMBERS or bases <= _MOMENTS


def _fits(connection: duckdb.DuckDBPyConnection, relation: str, column: str, kind: str, target: str) -> bool:
    """Whether every value becomes `target` and comes back the same; a column without any value always does."""
    if _always_fits(kind, target):
        return True
    if not _same_family(kind, target):
        return count(connection, f"select count({quote_identifier(column)}) from {relation}") == 0
    return count(connection, f"select count(*) from {relation} where {_differs(column, kind, target)}") == 0


def _always_fits(kind: str, target: str) -> bool:
    """Whether no value has to be looked at: the same type, or a wider integer."""
    widths = {name: width for width, name in enumerate(_INTEGERS)}
    return kind == target or (kind in widths and target in widths and widths[kind] < widths[target])


def _differs(column: str, kind: str, target: str) -> str:
    """The SQL condition of values that `target` cannot hold: numbers and moments must come back the same.

    Text must be a number or moment as written; the last bits of a binary fraction may go when it becomes a decimal.
    """
    name = quote_identifier(column)
    cast = f"try_cast({name} as {target})"
    if kind in ("FLOAT", "DOUBLE") and target.startswith("DECIMAL"):
        # as many digits as the float itself tells apart may go, or as of text
        digit = "1e-6" if kind == "FLOAT" else "1e-15"
        same = f"abs(cast({cast} as double) - {name}) <= greatest({may_go(name)}, {digit} * abs({name}))"
    elif _same_family(kind, target):
        same = f"try_cast({cast} as {kind}) = {name}"
    else:
        same = f"{cast} is not null"
    return f"{name} is not null and not coalesce({same}, false)"


def _refuse_alteration(
    connection: duckdb.DuckDBPyConnection,
    source: SourceConfig,
    name: str,
    column: str,
    raw: str,
    declared: str,
) -> None:
    if declared == "VARCHAR" or not count(
        connection, f"select count(*) from {raw_table(source, name)} where {_differs(column, raw, declared)}"
    ):
        return
    raise UserError(
        f"{source.path}: tables.{name}.columns.{column}: rows loaded earlier ({raw}) do not fit into the declared type"
        f" {declared}. Widen the type, or load the table anew (`loyalty sources reload`)."
    )


def _converted(column: str, kind: str, target: str) -> str:
    name = quote_identifier(column)
    if kind == target:
        return name
    nested = kind.endswith("]") or kind.partition("(")[0] in {"STRUCT", "MAP", "UNION"}
    if kind in _EXACT_FLOATS and target == "VARCHAR":
        return _float_text(name, kind)
    return f"cast(to_json({name}) as varchar)" if nested and target == "VARCHAR" else f"try_cast({name} as {target})"


def _float_text(name: str, kind: str) -> str:
    """A float as text: a whole number without decimals; one too large to be told from its neighbours as 1.2e+16."""
    largest = _EXACT_FLOATS[kind]
    return (
        f"case when {name} = trunc({name}) and abs({name}) < {largest} then cast(cast({name} as bigint) as varchar)"
        f" when {name} = trunc({name}) and isfinite({name}) then format('{{:.16e}}', cast({name} as double))"
        f" else cast({name} as varchar) end"
    )
