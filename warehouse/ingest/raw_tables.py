"""Raw tables: created from the declaration, grown by new columns, their types widened without losing a value."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from warehouse.errors import UserError
from warehouse.ingest.batches import count
from warehouse.ingest.sources import META_COLUMNS, SourceConfig, TableConfig
from warehouse.sql import quote_identifier

_NUMBERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "DECIMAL",
}  # fmt: skip
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_MOMENTS = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}


@dataclass(frozen=True)
class Incoming:
    """Rows about to be inserted: a query (a parenthesised select or a table), its columns' types by raw name.

    `place` names the file or database table in messages.
    """

    relation: str
    types: Mapping[str, str]
    place: str


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


def fit_columns(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, incoming: Incoming
) -> tuple[dict[str, str], list[str], list[str]]:
    """Makes the raw table able to take the incoming columns.

    Returns the SQL value of each incoming column, the columns that were added, and the types that were widened.
    Raises UserError for a value that the raw column cannot hold unchanged.
    """
    table = source.tables[name]
    existing = raw_columns(connection, source, name)
    values, added, widened = {}, [], []
    for column, kind in incoming.types.items():
        if column not in existing:
            target = table.declared_type(column) or kind
            connection.execute(f"alter table {raw_table(source, name)} add column {quote_identifier(column)} {target}")
            added.append(column)
        else:
            target = _settle_type(connection, source, name, column, existing[column], incoming)
            if target != existing[column]:
                connection.execute(
                    f"alter table {raw_table(source, name)} alter column {quote_identifier(column)} type {target}"
                    f" using {_converted(column, existing[column], target)}"
                )
                widened.append(f"{column}: {existing[column]} -> {target}")
        _refuse_unfit(connection, column, target, table, incoming)
        values[column] = _converted(column, kind, target)
    return values, added, widened


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
        f" the other. Declare its `type` in {source.path} and load the table anew (--full-refresh)."
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
        same = f"abs(cast({cast} as double) - {name}) <= 1e-9 * greatest(1, abs({name}))"
    elif _same_family(kind, target):
        same = f"try_cast({cast} as {kind}) = {name}"
    elif kind == "VARCHAR" and _same_family(target, "DOUBLE"):
        same = f"cast({cast} as double) = try_cast({name} as double)"
    else:
        same = f"{cast} is not null"
    return f"{name} is not null and not coalesce({same}, false)"


def _refuse_unfit(
    connection: duckdb.DuckDBPyConnection, column: str, target: str, table: TableConfig, incoming: Incoming
) -> None:
    kind = incoming.types[column]
    if target == "VARCHAR" or _always_fits(kind, target):
        return
    row = connection.execute(
        f"select count(*), min(_row_number) from {incoming.relation} where {_differs(column, kind, target)}"
    ).fetchone()
    if row and row[0]:
        raise UserError(
            f'{incoming.place}: the column "{column}" ({kind}) holds {row[0]} values that {target} cannot, the first in'
            f" row {row[1]}. {'Widen the declared `type`' if column in table.columns else 'Declare its `type`'}"
            " in the source's YAML, or mend the file."
        )


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
        f" {declared}. Widen the type, or load the table anew (--full-refresh)."
    )


def _converted(column: str, kind: str, target: str) -> str:
    name = quote_identifier(column)
    if kind == target:
        return name
    nested = kind.endswith("]") or kind.partition("(")[0] in {"STRUCT", "MAP", "UNION"}
    return f"cast(to_json({name}) as varchar)" if nested and target == "VARCHAR" else f"try_cast({name} as {target})"
