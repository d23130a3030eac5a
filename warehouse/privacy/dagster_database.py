"""Dagster's storage in PostgreSQL, where the settings name a database: its texts may name a customer, as files may."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from warehouse.errors import UserError
from warehouse.privacy.data_subject import DataSubject
from warehouse.privacy.residual_files import tells_of, without
from warehouse.secrets import hide_connection, read_secret
from warehouse.settings import Settings

CONNECT_SECONDS = 10
TEXT_COLUMNS = """
    select columns.table_name, columns.column_name
    from information_schema.columns as columns
    inner join information_schema.tables as tables using (table_schema, table_name)
    where columns.table_schema = current_schema() and tables.table_type = 'BASE TABLE'
        and columns.data_type in ('text', 'character varying')
    order by 1, 2
"""


def clean_database(settings: Settings, data_subject: DataSubject) -> list[str]:
    """Take the customer out of every text. Returns the tables that had any, each written anew, since PostgreSQL keeps
    what was there until then. Raises UserError where the server refuses."""
    if not settings.dagster.dsn_env:
        return []
    with _connected(settings, settings.dagster.dsn_env) as connection:
        changed = {
            table
            for table, column in connection.execute(TEXT_COLUMNS).fetchall()
            if _clean_column(connection, table, column, data_subject)
        }
        for table in sorted(changed):
            connection.execute(sql.SQL("vacuum full {}").format(sql.Identifier(table)))
    return [_named(settings, table) for table in sorted(changed)]


def left_in_database(settings: Settings, data_subject: DataSubject) -> list[str]:
    """The tables and columns that still tell of the customer."""
    if not settings.dagster.dsn_env:
        return []
    with _connected(settings, settings.dagster.dsn_env) as connection:
        return [
            _named(settings, f"{table}.{column}")
            for table, column in connection.execute(TEXT_COLUMNS).fetchall()
            if _telling(connection, table, column, data_subject)
        ]


def _clean_column(connection: psycopg.Connection, table: str, column: str, data_subject: DataSubject) -> int:
    found = _telling(connection, table, column, data_subject)
    update = sql.SQL("update {0} set {1} = %s where {1} = %s").format(sql.Identifier(table), sql.Identifier(column))
    for text in found:
        connection.execute(update, [without(text, data_subject), text])
    return len(found)


def _telling(connection: psycopg.Connection, table: str, column: str, data_subject: DataSubject) -> list[str]:
    """The different texts of a column that hold a word of the customer's as a word of its own."""
    select = sql.SQL("select distinct {0} from {1} where {0} ilike any(%s)")
    words = [f"%{_literal(word)}%" for word in data_subject.words]
    rows = connection.execute(select.format(sql.Identifier(column), sql.Identifier(table)), [words]).fetchall()
    return [text for (text,) in rows if tells_of(text.encode(), data_subject)]


def _literal(word: str) -> str:
    """The word as a pattern that means itself."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _named(settings: Settings, place: str) -> str:
    return f"PostgreSQL ({settings.dagster.dsn_env}): {place}"


@contextmanager
def _connected(settings: Settings, variable: str) -> Iterator[psycopg.Connection]:
    dsn = read_secret("dagster.dsn_env", variable)
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
            yield connection
    except psycopg.Error as error:
        said = hide_connection(" ".join(str(error).split()), dsn)
        raise UserError(f"Dagster's store in {_named(settings, said)}. Start the command again.") from None
