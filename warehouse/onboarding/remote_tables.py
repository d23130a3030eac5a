"""The tables of a database without a description: names, columns, keys, and first rows."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import duckdb

from warehouse.errors import UserError
from warehouse.ingest.databases import SERVER, attached, discreetly
from warehouse.ingest.sources import DatabaseConfig, SourceConfig
from warehouse.onboarding.file_format import Sample
from warehouse.sql import connect, quote_identifier, quote_literal

SCHEMES = {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql"}
MOST_ROWS = 1_000
MOST_TEXTS = 100
NAME = re.compile("LOYALTY_DSN_[A-Z0-9_]+")
# Roles that may only read see no keys in PostgreSQL's information_schema, and none but a primary key tells rows apart.
KEYS = {
    "postgres": "select n.nspname::text as schema_name, c.relname::text as table_name, a.attname::text as column_name"
    " from pg_constraint as k join pg_class as c on c.oid = k.conrelid join pg_namespace as n on n.oid = c.relnamespace"
    " cross join lateral unnest(k.conkey) with ordinality as u(number, place)"
    " join pg_attribute as a on a.attrelid = c.oid and a.attnum = u.number where k.contype = 'p'"
    " order by 1, 2, u.place",
    "mysql": "select table_schema as schema_name, table_name as table_name, column_name as column_name"
    " from information_schema.statistics where index_name = 'PRIMARY' order by 1, 2, seq_in_index",
}
# Moments that MySQL keeps in UTC come without an offset, as those do that mean the shop's own time.
IN_UTC = (
    "select table_schema as schema_name, table_name as table_name, column_name as column_name"
    " from information_schema.columns where data_type = 'timestamp'"
)
SYSTEM = ("information_schema", "pg_catalog", "mysql", "performance_schema", "sys")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class RemoteTable:
    """A table, its columns with their types in DuckDB, and its primary key.

    `in_utc` are the columns of moments in UTC that come without an offset.
    """

    schema: str
    table: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    in_utc: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As `table` of a source's YAML names it."""
        return f"{self.schema}.{self.table}"

    @property
    def quoted(self) -> str:
        """As DuckDB names it."""
        return ".".join(map(quote_identifier, (SERVER, self.schema, self.table)))


class RemoteDatabase:
    """A database that is attached for reading."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, kind: str) -> None:
        self._connection = connection
        self.kind = kind

    def tables(self) -> list[RemoteTable]:
        """Every table and view that can be read, by name; not those of other databases of a MySQL server."""
        keys = self._columns_of(KEYS[self.kind])
        in_utc = self._columns_of(IN_UTC) if self.kind == "mysql" else {}
        columns: dict[tuple[str, str], dict[str, str]] = {}
        described = self._connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() where database_name = $1"
            " and not list_contains($2, schema_name) and schema_name = coalesce($3, schema_name)"
            " order by schema_name, table_name, column_index",
            [SERVER, list(SYSTEM), self._only_schema()],
        )
        for schema, table, column, kind in described.fetchall():
            columns.setdefault((schema, table), {})[column] = kind
        return [
            RemoteTable(*name, found, tuple(keys.get(name, ())), tuple(in_utc.get(name, ())))
            for name, found in columns.items()
        ]

    def texts(self, table: RemoteTable, column: str) -> list[str]:
        """The distinct values of a column, at most MOST_TEXTS of them."""
        text = f"trim(try_cast({quote_identifier(column)} as varchar))"
        rows = self._connection.execute(f"select distinct {text} from {table.quoted} limit {MOST_TEXTS}").fetchall()
        return [value for (value,) in rows if value]

    def _only_schema(self) -> str | None:
        """Of MySQL, whose schemas are databases, the one that the connection string names."""
        if self.kind != "mysql":
            return None
        query = f"from mysql_query('{SERVER}', 'select database() as name')"
        row = self._connection.execute(query).fetchone()
        return str(row[0]) if row and row[0] else None

    def _columns_of(self, query: str) -> dict[tuple[str, str], list[str]]:
        """The columns that a query of the server's own SQL names, by schema and table."""
        found: dict[tuple[str, str], list[str]] = {}
        asked = f"from {self.kind}_query('{SERVER}', {quote_literal(query)})"
        for schema, table, column in self._connection.execute(asked).fetchall():
            found.setdefault((schema, table), []).append(column)
        return found

    def sample(self, table: RemoteTable, column: str | None = None, values: Sequence[str] = ()) -> Sample:
        """The first rows of a table as text, or the rows whose column has one of the values."""
        texts = ", ".join(f"try_cast({quote_identifier(name)} as varchar)" for name in table.columns)
        chosen = f" where try_cast({quote_identifier(column)} as varchar) in (select unnest($values))" if column else ""
        rows = self._connection.execute(
            f"select {texts} from {table.quoted}{chosen} limit {MOST_ROWS}",
            {"values": list(values)} if column else None,
        ).fetchall()
        filled = tuple(tuple((value or "").strip() for value in row) for row in rows)
        return Sample(Path(table.name), tuple(table.columns), filled, {})


@contextmanager
def _opened(source: SourceConfig) -> Iterator[RemoteDatabase]:
    assert source.database is not None
    with connect() as connection, attached(connection, source):
        yield RemoteDatabase(connection, source.database.type)


def with_database(
    variable: str, action: Callable[[RemoteDatabase], _Result], environ: Mapping[str, str] = os.environ
) -> _Result:
    """The result of the action on the database whose connection string is in the variable.

    Raises UserError, without any part of the string, if the database cannot be reached.
    """
    if not NAME.fullmatch(variable):
        raise UserError(
            "--database: the name of an environment variable LOYALTY_DSN_... is expected, which holds the connection"
            " string; it is said nowhere else, so that no password stands in a command."
        )
    scheme = environ.get(variable, "").partition("://")[0].strip().lower()
    if scheme not in SCHEMES:
        raise UserError(
            f"--database {variable}: set that environment variable to postgresql://user:password@host:port/database or"
            f" mysql://user:password@host/database."
        )
    source = SourceConfig.model_validate(
        {
            "name": "shop",
            "database": DatabaseConfig.model_validate({"type": SCHEMES[scheme], "dsn_env": variable}),
            "tables": {"any": {"table": "any", "key": "any"}},
            "path": Path(f"--database {variable}"),
        }
    )

    def look() -> _Result:
        with _opened(source) as database:
            return action(database)

    return discreetly(source, look)
