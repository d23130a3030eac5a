"""The server's side: tables, keys, indexes, comments, views, rights, and rows copied into them.

Nothing is renamed or replaced, so users' own views stay as they are and no reader waits: a table is filled by removing
and adding rows.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from serving.postgres.difference import NULL_TEXT, Difference
from serving.postgres.relations import Mart
from serving.publication.declared_marts import TodaysRows
from warehouse.errors import UserError
from warehouse.relations import Relation
from warehouse.secrets import hide_connection, read_secret
from warehouse.settings import PostgresSettings

STATE = sql.SQL("loyalty_state.tables")
# Any number will do, as long as nothing else locks it.
ONE_LOAD_AT_A_TIME = 7_263_041
BLOCK = 1 << 20
# A server that does not answer is given up after a minute.
CONNECTION = {"connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 10, "keepalives_count": 3,
              "tcp_user_timeout": 60_000, "application_name": "loyalty warehouse"}  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """What a table of the server holds: the fingerprint of its rows, its columns with their types, and its key."""

    checksum: str
    columns: dict[str, str]
    key: list[str]

    def has_shape_of(self, mart: Mart) -> bool:
        """Whether columns, types and key are those of the mart."""
        return self.columns == mart.columns and self.key == list(mart.key)


@contextmanager
def connected(settings: PostgresSettings) -> Iterator[psycopg.Connection]:
    """One transaction on the server, committed at the end of the block. Raises UserError, without secrets, for whatever
    the server refuses."""
    dsn = read_secret("publish.postgres.dsn_env", settings.dsn_env)
    try:
        with psycopg.connect(dsn, **CONNECTION) as connection:  # type: ignore[arg-type]
            milliseconds = f"{settings.lock_wait_seconds * 1000:.0f}"
            connection.execute("select set_config('lock_timeout', %s, true)", [milliseconds])
            connection.execute("select set_config('TimeZone', 'UTC', true)")
            connection.execute("select pg_advisory_xact_lock(%s)", [ONE_LOAD_AT_A_TIME])
            yield connection
    except psycopg.Error as error:
        raise UserError(f"PostgreSQL ({settings.dsn_env}): {_in_words(error, dsn)}") from None


def _in_words(error: psycopg.Error, dsn: str) -> str:
    said = hide_connection(" ".join(str(error).split()), dsn)
    if isinstance(error, psycopg.errors.DependentObjectsStillExist):
        return f"{said}. Drop what depends on it, start `loyalty run`, and create it again."
    if isinstance(error, psycopg.errors.LockNotAvailable):
        said = f"{said}. Somebody holds a lock on a table of schema marts"
    return f"{said}. What was there stays as it was; the next run tries again."


def prepare(connection: psycopg.Connection) -> None:
    """The schemas, and the table that says what every other one holds."""
    for schema in ("marts", "today", "loyalty_state"):
        if not _has(connection, "select 1 from pg_namespace where nspname = %s", schema):
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    connection.execute(
        sql.SQL("create table if not exists {} (name text primary key, checksum text, columns json, key json)").format(
            STATE
        )
    )


def standing(connection: psycopg.Connection) -> dict[str, Standing]:
    """What each table holds, by its name."""
    rows = connection.execute(sql.SQL("select name, checksum, columns, key from {}").format(STATE)).fetchall()
    return {name: Standing(*values) for name, *values in rows}


def shape(connection: psycopg.Connection, mart: Mart, before: Standing | None) -> None:
    """Give a table the columns and the key of its mart; it has no rows then."""
    if before is None:
        columns = sql.SQL(", ").join(_column(mart, name) for name in mart.columns)
        connection.execute(sql.SQL("create table {} ({})").format(_name(mart.relation), columns))
    else:
        _change_columns(connection, mart, before.columns)
    table, key = _name(mart.relation), sql.Identifier(f"{mart.relation.name}_key")
    connection.execute(sql.SQL("alter table {} drop constraint if exists {}").format(table, key))
    if mart.key:
        primary = sql.SQL("alter table {} add constraint {} primary key ({})")
        connection.execute(primary.format(table, key, _names(mart.key)))
    for column in mart.indexed:
        index = sql.Identifier(f"{mart.relation.name}_by_{column}")
        create = sql.SQL("create index if not exists {} on {} ({})")
        connection.execute(create.format(index, table, sql.Identifier(column)))


def _change_columns(connection: psycopg.Connection, mart: Mart, before: Mapping[str, str]) -> None:
    """Columns that are new, gone or of another type; users' views that read others stay."""
    table = _name(mart.relation)
    gone = [column for column, kind in before.items() if mart.columns.get(column) != kind]
    if gone:
        today = Relation("today", mart.relation.name)
        connection.execute(sql.SQL("drop view if exists {}").format(_name(today)))
    for column in gone:
        connection.execute(sql.SQL("alter table {} drop column {}").format(table, sql.Identifier(column)))
    empty(connection, mart.relation)
    for column in mart.columns:
        if before.get(column) != mart.columns[column]:
            connection.execute(sql.SQL("alter table {} add column {}").format(table, _column(mart, column)))


def _column(mart: Mart, name: str) -> sql.Composed:
    kind = sql.SQL(mart.columns[name])  # one of PostgreSQL's types, see postgres_type
    return sql.SQL("{} {}").format(sql.Identifier(name), kind)


def empty(connection: psycopg.Connection, relation: Relation) -> None:
    """Remove all rows; unlike `truncate`, readers go on seeing them until the load is committed."""
    connection.execute(sql.SQL("delete from {}").format(_name(relation)))


def apply(connection: psycopg.Connection, mart: Mart, change: Difference, expected: int) -> bool:
    """Remove and add rows. Returns whether the table has `expected` rows then; if not, nothing was done.

    It has others where somebody else wrote to it since it was loaded.
    """
    try:
        with connection.transaction():
            if change.removed is None:
                empty(connection, mart.relation)
            elif change.removed_count:
                _remove(connection, mart, change.removed)
            target = sql.SQL("{} ({})").format(_name(mart.relation), _names(list(mart.columns)))
            _copy(connection, target, change.added)
            if _count(connection, mart.relation) != expected:
                raise psycopg.Rollback
            connection.execute(sql.SQL("analyze {}").format(_name(mart.relation)))
            return True
    except psycopg.errors.UniqueViolation:
        pass
    return False


def _remove(connection: psycopg.Connection, mart: Mart, keys: Path) -> None:
    table, gone = _name(mart.relation), sql.Identifier("gone")
    create = sql.SQL("create temp table {} on commit drop as select {} from {} limit 0")
    connection.execute(create.format(gone, _names(mart.key), table))
    _copy(connection, gone, keys)
    same = sql.SQL(" and ").join(sql.SQL("kept.{0} = gone.{0}").format(sql.Identifier(name)) for name in mart.key)
    connection.execute(sql.SQL("delete from {} as kept using {} where {}").format(table, gone, same))
    connection.execute(sql.SQL("drop table {}").format(gone))


def _count(connection: psycopg.Connection, relation: Relation) -> int:
    found = connection.execute(sql.SQL("select count(*) from {}").format(_name(relation))).fetchone()
    assert found is not None
    return int(found[0])


def record(connection: psycopg.Connection, mart: Mart, checksum: str) -> None:
    """Note what a table holds."""
    connection.execute(
        sql.SQL(
            "insert into {} values (%s, %s, %s, %s) on conflict (name) do update"
            " set checksum = excluded.checksum, columns = excluded.columns, key = excluded.key"
        ).format(STATE),
        [mart.relation.name, checksum, json.dumps(dict(mart.columns)), json.dumps(list(mart.key))],
    )


def drop_others(connection: psycopg.Connection, known: Collection[str], wanted: Collection[str]) -> None:
    """Drop the tables of the state that are published no more, with their views of today's rows."""
    for name in sorted(set(known) - set(wanted)):
        connection.execute(sql.SQL("drop view if exists {}").format(_name(Relation("today", name))))
        connection.execute(sql.SQL("drop table {}").format(_name(Relation("marts", name))))
        connection.execute(sql.SQL("delete from {} where name = %s").format(STATE), [name])


def describe(
    connection: psycopg.Connection, marts: Sequence[Mart], comments: Mapping[tuple[Relation, str], str]
) -> None:
    """The descriptions of tables and columns, as far as they are new."""
    wanted = {mart.relation: mart for mart in marts}
    rows = connection.execute(
        "select n.nspname, c.relname, coalesce(a.attname, ''), d.description from pg_description as d"
        " join pg_class as c on d.objoid = c.oid and d.classoid = 'pg_class'::regclass"
        " join pg_namespace as n on c.relnamespace = n.oid"
        " left join pg_attribute as a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0"
        " where n.nspname = 'marts'"
    ).fetchall()
    known = {(Relation(schema, table), column): text for schema, table, column, text in rows}
    for (relation, column), text in comments.items():
        if relation in wanted and known.get((relation, column)) != text:
            what = sql.SQL("column {}.{}" if column else "table {}")
            named = what.format(_name(relation), *([sql.Identifier(column)] if column else []))
            connection.execute(sql.SQL("comment on {} is {}").format(named, sql.Literal(text)))


def show_today(connection: psycopg.Connection, today: Sequence[TodaysRows], changed: Collection[Relation]) -> None:
    """The views of today's rows, as far as they are not there or their mart got other columns."""
    rows = connection.execute("select viewname from pg_views where schemaname = 'today'").fetchall()
    known = {name for (name,) in rows}
    for view in today:
        if view.view.name not in known or view.mart in changed:
            connection.execute(f"create or replace view {view.view.sql} as {view.sql()}")


def let_read(connection: psycopg.Connection, role: str) -> None:
    """Let a role read schemas marts and today, and create it where it is not there."""
    name = sql.Identifier(role)
    if not _has(connection, "select 1 from pg_roles where rolname = %s", role):
        try:
            with connection.transaction():
                connection.execute(sql.SQL("create role {} nologin").format(name))
        except psycopg.errors.InsufficientPrivilege:
            raise UserError(
                f"PostgreSQL: the role {role} (publish.postgres.reader_role) is not there, and this user may not create"
                f' it. Let an administrator say: create role "{role}" nologin; or set reader_role to null.'
            ) from None
    for schema in ("marts", "today"):
        connection.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema), name))
    rows = connection.execute(
        "select n.nspname, c.relname from pg_class as c join pg_namespace as n on c.relnamespace = n.oid"
        " where n.nspname in ('marts', 'today') and c.relkind in ('r', 'v') and pg_has_role(c.relowner, 'usage')"
        " and not has_table_privilege(%s, c.oid, 'select')",
        [role],
    ).fetchall()
    for schema, table in rows:
        connection.execute(sql.SQL("grant select on {} to {}").format(_name(Relation(schema, table)), name))


def _has(connection: psycopg.Connection, query: str, value: str) -> bool:
    return connection.execute(query, [value]).fetchone() is not None


def _copy(connection: psycopg.Connection, target: sql.Composable, file: Path) -> None:
    copied = sql.SQL("copy {} from stdin (format csv, null {}, encoding 'UTF8')")
    statement = copied.format(target, sql.Literal(NULL_TEXT))
    with file.open("rb") as rows, connection.cursor() as cursor, cursor.copy(statement) as copy:
        while block := rows.read(BLOCK):
            copy.write(block)


def _name(relation: Relation) -> sql.Identifier:
    return sql.Identifier(relation.schema, relation.name)


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
