"""Tables of PostgreSQL, MySQL and MariaDB, through DuckDB's scanners: what is new since the watermark, by key.

A load asks for rows whose watermark is at least the highest one loaded (less `overlap`), so rows that share the
highest value are not missed, and for rows without a watermark. Of what comes, only rows whose key is new or whose
content differs from the latest version loaded go into the raw table. Rows that the table no longer has, or marks as
deleted, stay in the raw table and are listed in ops.deleted_rows, so that they count no longer.

The connection string comes from the environment variable that the YAML names, and shows up in no message.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import duckdb

from warehouse.errors import UserError, nearest
from warehouse.identity.columns import Column, source_table
from warehouse.identity.erasure_register import ErasureRegister
from warehouse.ingest.batches import LoadReport, TableId, count, next_batch_id, write_batch
from warehouse.ingest.columns import ColumnMap, map_columns
from warehouse.ingest.deleted_rows import (
    find_deleted,
    find_present,
    is_deleted,
    is_marked,
    refuse_emptied_table,
    write_deleted,
)
from warehouse.ingest.duckdb_extensions import load_extension
from warehouse.ingest.raw_tables import Fitted, Incoming, fit_columns, raw_columns, raw_table
from warehouse.ingest.sources import SourceConfig, TableConfig
from warehouse.relations import Relation
from warehouse.secrets import hide_connection
from warehouse.sql import quote_identifier, quote_literal, transaction

SERVER = "loyalty_source"
EXTENSIONS = {"postgres": "postgres_scanner", "mysql": "mysql_scanner"}
# MySQL's TINYINT(1) holds more than two values, its TIMESTAMP is shown in the session's zone, and a long first
# load must not be cut off.
MYSQL_SETTINGS = {
    "mysql_tinyint1_as_boolean": "false",
    "mysql_session_time_zone": "'+00:00'",
    "mysql_query_timeout_enabled": "false",
}
_NUMBER = re.compile(r"^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$")
_MOMENT = re.compile(r"^TIMESTAMP")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class _Remote:
    """A table of the attached database: its name in parts, its columns' types and what they are called in raw.

    `exact` are the columns that the server hands over as text, since DuckDB's scanner would lose something of them.
    """

    kind: str
    path: tuple[str, ...]
    types: dict[str, str]
    columns: ColumnMap
    place: str
    exact: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The quoted name for DuckDB."""
        return ".".join(quote_identifier(part) for part in (SERVER, *self.path))

    @property
    def native_name(self) -> str:
        """The quoted name for the server itself."""
        return ".".join(self.quoted(part) for part in self.path)

    def rows(self, column: str, bound: tuple[str, str] | None) -> str:
        """Every row, or those from the bound of `column` on (its text and type), as SQL of DuckDB."""
        if not self.exact:
            where = f" where {quote_identifier(column)} >= {quote_literal(bound[0])}::{bound[1]}" if bound else ""
            return f"(select * from {self.name}{where})"
        chosen = [
            f"{self.quoted(name)}::text as {self.quoted(name)}" if name in self.exact else self.quoted(name)
            for name in self.types
        ]
        where = f" where {self.quoted(column)} >= {quote_literal(bound[0])}" if bound else ""
        return self.asked(f"select {', '.join(chosen)} from {self.native_name}{where}")

    def asked(self, query: str) -> str:
        """A query in the server's own SQL, as a table of DuckDB's."""
        return f"{self.kind}_query('{SERVER}', {quote_literal(query)})"

    def quoted(self, name: str) -> str:
        """An identifier in the server's own SQL."""
        return quote_identifier(name) if self.kind == "postgres" else "`" + name.replace("`", "``") + "`"


def load_database_table(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, erasure_register: ErasureRegister
) -> LoadReport:
    """Loads what is new of one database table as one batch; no batch if nothing is. Raises UserError."""
    return discreetly(source, lambda: _load_attached(connection, source, name, erasure_register))


def check_database_tables(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig
) -> dict[str, ColumnMap | UserError]:
    """How the columns of each table map, or what is wrong with it, without reading rows.

    Raises UserError if the database itself cannot be reached.
    """

    def look() -> dict[str, ColumnMap | UserError]:
        with attached(connection, source):
            return {name: _mapping_or_problem(connection, source, name) for name in source.tables}

    return discreetly(source, look)


def _mapping_or_problem(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str
) -> ColumnMap | UserError:
    try:
        return _find_remote(connection, source, name).columns
    except UserError as error:
        return error


# --- Connection strings ----------------------------------------------------------------------------------------


def connection_string(source: SourceConfig, environ: Mapping[str, str] = os.environ) -> str:
    """The value of the variable that the YAML names. Raises UserError if it is not set."""
    assert source.database is not None
    value = environ.get(source.database.dsn_env, "").strip()
    if not value:
        scheme = "postgresql" if source.database.type == "postgres" else "mysql"
        raise UserError(
            f"{source.path}: the environment variable {source.database.dsn_env} is not set. Set it to the connection"
            f" string of the source {source.name}, like {scheme}://user:password@host/database."
        )
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise UserError(f"{source.path}: {source.database.dsn_env} holds a line break or another control character.")
    return value


def discreetly(source: SourceConfig, action: Callable[[], _Result]) -> _Result:
    """Runs the action; what DuckDB complains about becomes a UserError without the connection string.

    The error is raised outside the handler, so that not even its context carries the original text.
    """
    dsn = connection_string(source)
    try:
        return action()
    except duckdb.Error as error:
        said = hide_connection(str(error), dsn).strip()
    assert source.database is not None
    raise UserError(
        f"{source.path}: the {source.database.type} database of the source {source.name} does not answer as expected:"
        f" {said} (Connection string: {source.database.dsn_env}.)"
    )


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, source: SourceConfig) -> Iterator[None]:
    """The source's database, for reading, as the catalog SERVER of DuckDB for the length of the block."""
    assert source.database is not None
    kind = source.database.type
    load_extension(connection, EXTENSIONS[kind])
    if kind == "mysql":
        for setting, value in MYSQL_SETTINGS.items():
            connection.execute(f"set {setting} = {value}")
    connection.execute(f"attach {quote_literal(connection_string(source))} as {SERVER} (type {kind}, read_only)")
    try:
        yield
    finally:
        connection.execute(f"detach {SERVER}")


# --- Tables ----------------------------------------------------------------------------------------------------


def _find_remote(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str) -> _Remote:
    assert source.database is not None
    table = source.tables[name]
    place = f"{source.path}: {table.table}"
    path = tuple((table.table or "").split("."))
    types = _column_types(connection, path)
    if types is None:
        there = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = ?", [SERVER]
        ).fetchall()
        similar = nearest(table.table or "", [known for (known,) in there])
        raise UserError(f"{place}: there is no such table{similar}. Mend `table` of tables.{name}.")
    columns = map_columns(types, table, place, raw_columns(connection, source, name))
    _check_watermark(table, {raw: types[column] for column, raw in columns.names.items()}, place)
    remote = _Remote(source.database.type, path, types, columns, place)
    exact = _lossy_columns(connection, remote) if remote.kind == "postgres" else frozenset()
    return replace(
        remote, types={name: "VARCHAR" if name in exact else kind for name, kind in types.items()}, exact=exact
    )


def _lossy_columns(connection: duckdb.DuckDBPyConnection, remote: _Remote) -> frozenset[str]:
    """Numerics of PostgreSQL that DuckDB's scanner changes: those without a precision, and those that hold a NaN."""
    described = connection.execute(
        "select name, kind from "
        + remote.asked(
            "select attname::text as name, format_type(atttypid, atttypmod) as kind from pg_attribute"
            f" where attrelid = {quote_literal(remote.native_name)}::regclass and attnum > 0 and not attisdropped"
        )
    ).fetchall()
    numerics = {name: kind for name, kind in described if kind.startswith("numeric") and not kind.endswith("]")}
    loose = {name for name, kind in numerics.items() if kind == "numeric"}
    tests = [f"coalesce(bool_or({remote.quoted(name)} = 'NaN'), false)" for name in numerics if name not in loose]
    if not tests:
        return frozenset(loose)
    columns = ", ".join(f"{test} as c{number}" for number, test in enumerate(tests))
    found = connection.execute(f"from {remote.asked(f'select {columns} from {remote.native_name}')}").fetchone()
    bounded = [name for name in numerics if name not in loose]
    return frozenset(loose | {name for name, has_nan in zip(bounded, found or (), strict=True) if has_nan})


def _column_types(connection: duckdb.DuckDBPyConnection, path: tuple[str, ...]) -> dict[str, str] | None:
    """The table's columns and types, or None if there is no such table. Without a schema it is the default one's."""
    qualified = ".".join(quote_identifier(part) for part in (SERVER, *path))
    try:
        described = connection.execute(f"describe select * from {qualified}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
    return {row[0]: row[1] for row in described}


def _check_watermark(table: TableConfig, types: Mapping[str, str], place: str) -> None:
    for column in (*table.key, *([table.watermark] if table.watermark else [])):
        if column not in types:
            raise UserError(
                f'{place}: there is no column "{column}", its `key` or `watermark`{nearest(column, types)}.'
            )
    if table.watermark:
        kind = types[table.watermark]
        if not (_NUMBER.match(kind) or _MOMENT.match(kind) or kind == "DATE"):
            raise UserError(f'{place}: the watermark "{table.watermark}" is {kind}; it must be a number or a moment.')


def _load_attached(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, erasure_register: ErasureRegister
) -> LoadReport:
    with attached(connection, source):
        try:
            with transaction(connection):
                return _load_transaction(connection, source, name, erasure_register)
        finally:
            connection.execute(
                "drop table if exists temp._incoming; drop table if exists temp._changed;"
                " drop table if exists temp._refused; drop table if exists temp._present;"
                " drop table if exists temp._deleted"
            )


def _load_transaction(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, erasure_register: ErasureRegister
) -> LoadReport:
    table = source.tables[name]
    remote = _find_remote(connection, source, name)
    connection.execute(f"create or replace temp table _incoming as {_query(connection, source, name, remote)}")
    types = {raw: remote.types[column] for column, raw in remote.columns.names.items()}
    _mask(connection, source, name, "_incoming", types, erasure_register)
    _refuse_repeated_keys(connection, table, remote)
    incoming = Incoming("_incoming", types, remote.place, has_types=True)
    fitted = fit_columns(connection, source, name, incoming)
    refused = _find_refused(connection, source, name, fitted)
    _find_changed(connection, source, name, fitted)
    if table.finds_deleted_rows:
        rows = remote.rows("", None) if table.watermark else None
        find_present(connection, table, remote.columns.names, rows)
        if rows:
            _mask(connection, source, name, "_present", {key: types[key] for key in table.key}, erasure_register)
        refuse_emptied_table(connection, source, name, remote.place)
    find_deleted(connection, source, name)
    asked = count(connection, "select count(*) from _incoming")
    changed = count(connection, "select count(*) from _changed")
    report = LoadReport(
        source.name,
        name,
        rows_read=changed + refused,
        rows_loaded=changed,
        rows_malformed=refused,
        rows_unchanged=asked - changed - refused,
        rows_deleted=count(connection, "select count(*) from _deleted"),
        new_columns=tuple(fitted.added),
        widened_columns=tuple(fitted.widened),
    )
    has_news = changed or refused or report.rows_deleted
    return _write_changed(connection, source, name, report) if has_news else report


def _mask(
    connection: duckdb.DuckDBPyConnection,
    source: SourceConfig,
    name: str,
    rows: str,
    types: Mapping[str, str],
    erasure_register: ErasureRegister,
) -> None:
    """Put pseudonyms in place of erased customers, as in what was loaded earlier and is compared with these rows."""
    columns = tuple(Column(*column) for column in types.items())
    masked = erasure_register.mask(rows, source_table(source, Relation(source.raw_schema, name), columns))
    if masked != rows:
        connection.execute(f"create or replace temp table {rows} as select * from {masked}")


def _find_refused(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, fitted: Fitted) -> int:
    """_refused: the incoming rows that the raw table does not take, without those known from an earlier load."""
    rejects = fitted.rejects("_incoming") if fitted.refusals else "select 0, '', '', '' where false"
    connection.execute(
        f"create or replace temp table _refused as from ({rejects}) as r(row_number, reason, record, shown)"
        " where not exists (from ops.rejected_lines as known where known.source = $source and known.table_name = $table"
        " and known.reason = r.reason and known.record is not distinct from r.record)",
        TableId(source.name, name).parameters,
    )
    return count(connection, "select count(*) from _refused")


def _query(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, remote: _Remote) -> str:
    """Everything at first; later what the watermark leaves, by a filter so simple that the server applies it."""
    names = remote.columns.names
    columns = [f"{quote_identifier(column)} as {quote_identifier(raw)}" for column, raw in names.items()]
    select = f"select {', '.join(columns)}, 0 as _row_number from"
    watermark = source.tables[name].watermark
    bound = _bound(connection, source, name, {raw: remote.types[column] for column, raw in names.items()})
    if watermark is None or bound is None:
        return f"{select} {remote.rows('', None)}"
    column = next(found for found, raw in names.items() if raw == watermark)
    query = f"{select} {remote.rows(column, bound)}"
    if _has_null(connection, remote, column):
        query += f" union all {select} {remote.rows('', None)} where {quote_identifier(column)} is null"
    return query


def _has_null(connection: duckdb.DuckDBPyConnection, remote: _Remote, column: str) -> bool:
    """Asked of the server itself: DuckDB's scanners apply `is null` only after fetching the whole table."""
    asked = f"select 1 as found from {remote.native_name} where {remote.quoted(column)} is null limit 1"
    return count(connection, f"select count(*) from {remote.asked(asked)}") > 0


def _bound(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, types: Mapping[str, str]
) -> tuple[str, str] | None:
    """The lowest watermark to ask for, and its type, or None if nothing is loaded yet.

    One that lies ahead of the clock is a mistake of its row: everything until then would be left out.
    """
    table = source.tables[name]
    if table.watermark is None or table.watermark not in raw_columns(connection, source, name):
        return None
    kind = types[table.watermark]
    value = f"try_cast({quote_identifier(table.watermark)} as {kind})"
    is_moment = bool(_MOMENT.match(kind))
    overlap = f"to_seconds({table.overlap})" if is_moment else str(table.overlap)
    until_now = f" where {value} <= cast(now() + interval 1 day as {kind})" if is_moment or kind == "DATE" else ""
    row = connection.execute(
        f"select cast(max({value}) - {overlap} as varchar) from {raw_table(source, name)}{until_now}"
    ).fetchone()
    return (row[0], kind) if row and row[0] is not None else None


def _refuse_repeated_keys(connection: duckdb.DuckDBPyConnection, table: TableConfig, remote: _Remote) -> None:
    keys = ", ".join(quote_identifier(key) for key in table.key)
    missing = " or ".join(f"{quote_identifier(key)} is null" for key in table.key)
    repeated = count(
        connection, f"select count(*) from (select {keys} from _incoming group by all having count(*) > 1)"
    )
    empty = count(connection, f"select count(*) from _incoming where {missing}")
    if repeated or empty:
        raise UserError(
            f"{remote.place}: the key ({', '.join(table.key)}) does not tell rows apart: {repeated} values come more"
            f" than once, {empty} rows have none. Name the columns of the table's primary key."
        )


def _find_changed(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, fitted: Fitted) -> None:
    """_changed: the incoming rows, as raw holds them, whose latest loaded version is none or differs."""
    key = source.tables[name].key
    stored = raw_table(source, name)
    columns = ", ".join(f"{value} as {quote_identifier(raw)}" for raw, value in fitted.values.items())
    keys = ", ".join(quote_identifier(column) for column in key)
    same_key = " and ".join(f"i.{quote_identifier(column)} = l.{quote_identifier(column)}" for column in key)
    deleted_when = source.tables[name].deleted_when
    marked = is_marked(f"i.{quote_identifier(deleted_when)}") if deleted_when else "false"
    differs = " or ".join(
        f"i.{quote_identifier(column)} is distinct from l.{quote_identifier(column)}" for column in fitted.values
    )
    connection.execute(
        f"create or replace temp table _changed as with incoming as (select {columns} from _incoming"
        f" where not ({fitted.is_refused})),"
        f" latest as (select * from {stored} as r semi join incoming using ({keys})"
        f" qualify row_number() over (partition by {keys} order by _batch_id desc, _row_number desc) = 1)"
        f" select i.* from incoming as i left join latest as l on {same_key} where l._batch_id is null or {differs}"
        f" or ({is_deleted(source, name, 'l')} and not {marked})"
    )


def _write_changed(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, report: LoadReport
) -> LoadReport:
    table = source.tables[name]
    batch_id = next_batch_id(connection)
    order = [f"{quote_identifier(column)} nulls first" for column in (table.watermark, *table.key) if column]
    connection.execute(
        f"insert into {raw_table(source, name)} by name select *, cast($batch as bigint) as _batch_id, $file as _file,"
        f" row_number() over (order by {', '.join(order)}) as _row_number from _changed order by _row_number",
        {"batch": batch_id, "file": table.table},
    )
    # numbered behind the rows that were loaded, since a table's rows have no places of their own
    connection.execute(
        "insert into ops.rejected_lines select $batch, $source, $table, $file, $loaded + row_number() over (order by"
        " record, reason), reason, record, shown from _refused",
        {**TableId(source.name, name).parameters, "batch": batch_id, "file": table.table, "loaded": report.rows_loaded},
    )
    write_deleted(connection, source, name, batch_id)
    rows = (report.rows_read, report.rows_loaded, report.rows_malformed)
    write_batch(connection, TableId(source.name, name), table.table or "", batch_id, None, rows)
    return LoadReport(**{**vars(report), "batch_ids": (batch_id,)})
