"""The one way to open a DuckDB file.

DuckDB refuses a second connection to a file in one process when its configuration differs, so everything
inside a run (ingest, dbt, models, publish) opens the warehouse through here with the dbt profile's settings.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import duckdb

from warehouse.memory import duckdb_memory_limit, memory_group
from warehouse.settings import Settings

# Files made here are written with a third less work than in the oldest format, mostly for columns of text. They are
# the project's own; what is published for other tools is written in a format that all of them open.
STORAGE_VERSION = "v1.3.0"


def connect(
    path: Path | str = ":memory:", *, read_only: bool = False, storage_version: str = STORAGE_VERSION
) -> duckdb.DuckDBPyConnection:
    """A connection whose timestamps with a zone are shown in UTC.

    `read_only` is for files that no connection of this process holds open for writing. `storage_version` is the oldest
    DuckDB version that has to open the written file.
    """
    connection = duckdb.connect(
        str(path), read_only=read_only, config={"storage_compatibility_version": storage_version}
    )
    connection.execute("set TimeZone = 'UTC'")
    return connection


def limit_resources(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Keep DuckDB within the processors and the memory of the settings, or of the cgroup (see `memory_limit`).

    DuckDB itself takes no more threads than the cgroup has processors.
    """
    if settings.threads:
        connection.execute(f"set threads = {settings.threads}")
    if limit := memory_limit(settings):
        connection.execute(f"set memory_limit = {quote_literal(limit)}")


def lock_down(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave a connection its own database and nothing else, for good: no file, no network, no variable of Python."""
    for statement in (
        "set python_enable_replacements = false",
        "set enable_external_access = false",
        "set lock_configuration = true",
    ):
        connection.execute(statement)


def is_one_select(connection: duckdb.DuckDBPyConnection, query: str) -> bool:
    """Whether a text is one statement that reads: a CALL may end the process, and others may write the open file."""
    return [statement.type for statement in connection.extract_statements(query)] == [duckdb.StatementType.SELECT]


@contextmanager
def interrupted_after(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """End a query of the block that takes longer; it raises duckdb.InterruptException."""
    timer = Timer(seconds, connection.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def memory_limit(settings: Settings) -> str | None:
    """DuckDB's memory limit: by the settings, else by the cgroup; None leaves DuckDB's default, 80% of the machine."""
    return settings.memory_limit or duckdb_memory_limit(memory_group())


def wal_of(file: Path) -> Path:
    """DuckDB's write-ahead log of a database file."""
    return file.with_name(file.name + ".wal")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commits all writes of the block, or none of them."""
    connection.execute("begin")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def quote_identifier(name: str) -> str:
    """`name` as a quoted SQL identifier, so that no name from data or settings is read as SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """`text` as a SQL string, for the few statements that take no bound values (ATTACH, COPY)."""
    return "'" + text.replace("'", "''") + "'"
