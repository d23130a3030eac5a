"""A connection to the live publication that reads this one file."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from duckdb import DuckDBPyConnection

from warehouse.errors import UserError
from warehouse.settings import Settings
from warehouse.sql import connect, limit_reader, lock_down


@contextmanager
def opened_publication(settings: Settings) -> Iterator[DuckDBPyConnection]:
    """The live publication, opened anew so that it is the latest, with its marts as the default schema: no other file,
    no network, no variable of Python. Raises UserError before the first."""
    path = settings.published_path
    if not path.exists():
        raise UserError(f"{path}: nothing is published yet; start `{settings.command} run`.")
    with closing(connect(path, read_only=True)) as connection:
        limit_reader(connection, settings)
        connection.execute("use marts")
        lock_down(connection)
        yield connection


def has_mart(connection: DuckDBPyConnection, mart: str) -> bool:
    """Whether a publication has a mart; one of an earlier version may lack it."""
    known = "select count(*) from duckdb_tables() where schema_name = 'marts' and table_name = $mart"
    return connection.execute(known, {"mart": mart}).fetchall() != [(0,)]
