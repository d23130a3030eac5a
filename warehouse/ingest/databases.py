"""Tables of PostgreSQL, MySQL and MariaDB, through DuckDB's scanners: new rows since the watermark, by key.

A load asks for rows whose watermark is at least the highest one loaded (less `overlap`), so rows that share the highest
value are not missed, and for rows without a watermark. Of these rows, only those with a new key or with content that
differs from the latest loaded version go into the raw table. Rows that the table no longer has, or marks as deleted,
stay in the raw table and are listed in ops.deleted_rows, so that they count no longer.

The connection string comes from the environment variable that the YAML names, and appears in no message.
"""

import math
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
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
_PARTIAL = "month({0}) = 0 or dayofmonth({0}) = 0"  # 2024-00-10 and 0000-00-00, which MySQL may hold
_MOST_DIGITS = 38  # of a decimal of DuckDB: longer ones its scanners make floats of
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class _Remote:
    """A table of the attached database: its name in parts, its columns' types and what they are called in raw.

    `exact` are the columns that the server hands over as text, since DuckDB's scanner would lose something of them
    or stop at it.
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
        chosen = ", ".join(f"{self._handed_over(name)} as {self.quoted(name)}" for name in self.columns.names)
        where = f" where {self.quoted(column)} >= {quote_literal(bound[0])}" if bound else ""
        return self.asked(f"select {chosen} from {self.native_name}{where}")

    def _handed_over(self, name: str) -> str:
        """A column in the server's own SQL."""
        column = self.quoted(name)
        if self.kind == "postgres":
            return f"{column}::text" if name in self.exact else column
        if name in self.exact and _is_moment(self.types[name]):  # MySQL's 0000-00-00 says that there is none
            return f"if({column} = 0, null, cast({column} as char))"
        # JSON comes as bytes where it is asked for in MySQL's own SQL
        return f"cast({column} as char)" if name in self.exact or self.types[name] == "VARCHAR" else column

    @property
    def handed_types(self) -> dict[str, str]:
        """The columns' types as they arrive."""
        return {name: "VARCHAR" if name in self.exact else kind for name, kind in self.types.items()}

    def asked(self, query: str) -> str:
        """A query in the server's own SQL, as a table of DuckDB's."""
        return f"{self.kind}_query('{SERVER}', {quote_literal(query)})"

    def quoted(self, name: str) -> str:
        """An identifier in the server's own SQL."""
        return quote_identifier(name) if self.kind == "postgres" else "`" + name.replace("`", "``") + "`"


def load_database_table(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, erasure_register: ErasureRegister
) -> LoadReport:
    """Loads the new rows of one database table as one batch; no batch without new rows. Raises UserError."""
    return discreetly(source, lambda: _load_attached(connection, source, name, erasure_register))


def check_database_tables(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig
) -> dict[str, ColumnMap | UserError]:
    """The mapping of each table's columns, or its problems, without reading rows.

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
    """Runs the action; an error of DuckDB becomes a UserError without the connection string.

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
    find_lossy = {"postgres": _lossy_of_postgres, "mysql": _lossy_of_mysql}[remote.kind]
    return replace(remote, exact=find_lossy(connection, remote))


def _lossy_of_mysql(connection: duckdb.DuckDBPyConnection, remote: _Remote) -> frozenset[str]:
    """Columns with a day like 2024-00-10, at which DuckDB's scanner stops, and decimals that it makes floats of."""
    schema = quote_literal(remote.path[0]) if len(remote.path) > 1 else "database()"
    described = connection.execute(
        "select name from "
        + remote.asked(
            "select column_name as name from information_schema.columns where data_type = 'decimal'"
            f" and numeric_precision > {_MOST_DIGITS} and table_schema = {schema}"
            f" and table_name = {quote_literal(remote.path[-1])}"
        )
    ).fetchall()
    moments = [name for name in remote.columns.names if _is_moment(remote.types[name])]
    found = _ask_of_columns(connection, remote, moments, f"sum({{0}} <> 0 and ({_PARTIAL})) > 0")
    return frozenset({name for (name,) in described} | found)


def _lossy_of_postgres(connection: duckdb.DuckDBPyConnection, remote: _Remote) -> frozenset[str]:
    """Numerics that DuckDB's scanner changes: those without a precision or with a long one, and those with a NaN."""
    described = connection.execute(
        "select name, kind from "
        + remote.asked(
            "select attname::text as name, format_type(atttypid, atttypmod) as kind from pg_attribute"
            f" where attrelid = {quote_literal(remote.native_name)}::regclass and attnum > 0 and not attisdropped"
        )
    ).fetchall()
    numerics = {name: kind for name, kind in described if kind.startswith("numeric") and not kind.endswith("]")}
    loose = {name for name, kind in numerics.items() if _digits(kind) > _MOST_DIGITS}
    bounded = [name for name in numerics if name not in loose]
    return frozenset(loose | _ask_of_columns(connection, remote, bounded, "coalesce(bool_or({0} = 'NaN'), false)"))


def _digits(numeric: str) -> float:
    """How many digits a numeric of PostgreSQL may have."""
    precision = re.match(r"numeric\((\d+)", numeric)
    return int(precision[1]) if precision else math.inf


def _ask_of_columns(
    connection: duckdb.DuckDBPyConnection, remote: _Remote, names: Sequence[str], test: str
) -> frozenset[str]:
    """The columns for which a test on the server is true; the test is an aggregate in its SQL of the column {0}."""
    if not names:
        return frozenset()
    tests = ", ".join(f"{test.format(remote.quoted(name))} as c{number}" for number, name in enumerate(names))
    found = connection.execute(f"from {remote.asked(f'select {tests} from {remote.native_name}')}").fetchone()
    return frozenset(name for name, is_so in zip(names, found or (), strict=True) if is_so)


def _column_types(connection: duckdb.DuckDBPyConnection, path: tuple[str, ...]) -> dict[str, str] | None:
    """The table's columns and types, or None if there is no such table. Without a schema it is the default one's."""
    qualified = ".".join(quote_identifier(part) for part in (SERVER, *path))
    try:
        described = connection.execute(f"describe select * from {qualified}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
    return {row[0]: row[1] for row in described}


def _is_moment(kind: str) -> bool:
    return kind == "DATE" or bool(_MOMENT.match(kind))


def _check_watermark(table: TableConfig, types: Mapping[str, str], place: str) -> None:
    for column in (*table.key, *([table.watermark] if table.watermark else [])):
        if column not in types:
            raise UserError(
                f'{place}: there is no column "{column}", its `key` or `watermark`{nearest(column, types)}.'
            )
    if table.watermark:
        kind = types[table.watermark]
        if not (_NUMBER.match(kind) or _is_moment(kind)):
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
    names = remote.columns.names.items()
    types = {raw: remote.handed_types[column] for column, raw in names}
    _mask(connection, source, name, "_incoming", types, erasure_register)
    _refuse_repeated_keys(connection, table, remote)
    meant = {raw: remote.types[column] for column, raw in names if column in remote.exact}
    moments = {raw: kind for raw, kind in meant.items() if _is_moment(kind)}
    incoming = Incoming("_incoming", types, remote.place, has_types=True, moments=moments)
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
    """Replace erased customers by pseudonyms, as in the earlier rows with which these rows are compared."""
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
    """All rows at first; later those beyond the watermark, with a filter so simple that the server applies it."""
    names = remote.columns.names
    columns = [f"{quote_identifier(column)} as {quote_identifier(raw)}" for column, raw in names.items()]
    select = f"select {', '.join(columns)}, 0 as _row_number from"
    watermark = source.tables[name].watermark
    bound = _bound(connection, source, name, {raw: remote.types[column] for column, raw in names.items()})
    if watermark is None or bound is None:
        return f"{select} {remote.rows('', None)}"
    column = next(found for found, raw in names.items() if raw == watermark)
    kind = remote.types[column]
    query = f"{select} {remote.rows(column, bound)}"
    if _has_null(connection, remote, column):
        is_null = f"try_cast({quote_identifier(column)} as {kind}) is null"
        query += f" union all {select} {remote.rows('', None)} where {is_null}"
    return query


def _has_null(connection: duckdb.DuckDBPyConnection, remote: _Remote, column: str) -> bool:
    """Asked of the server itself: DuckDB's scanners apply `is null` only after fetching the whole table."""
    name = remote.quoted(column)
    is_null = f"{name} is null"
    if remote.kind == "mysql" and _is_moment(remote.types[column]):
        is_null += f" or {_PARTIAL.format(name)}"
    asked = f"select 1 as found from {remote.native_name} where {is_null} limit 1"
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
    overlap = f"to_seconds({table.overlap})" if _MOMENT.match(kind) else str(table.overlap)
    until_now = f" where {value} <= cast(now() + interval 1 day as {kind})" if _is_moment(kind) else ""
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
