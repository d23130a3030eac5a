"""The one way to open a DuckDB file.

DuckDB refuses a second connection to a file in one process when its configuration differs, so everything
inside a run (ingest, dbt, models, publish) opens the warehouse through here with the dbt profile's settings.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import Timer

import duckdb

from warehouse.memory import duckdb_memory_limit, usable_bytes
from warehouse.settings import Settings

# Files made here are written with a third less work than in the oldest format, mostly for columns of text. They are
# the project's own; what is published for other tools is written in a format that all of them open.
STORAGE_VERSION = "v1.3.0"
# DuckDB does little with less, even if it may write to disk.
LEAST_READER_BYTES = 256 * 1024**2


def connect(
    path: Path | str = ":memory:",
    *,
    read_only: bool = False,
    storage_version: str = STORAGE_VERSION,
    beside: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection whose timestamps with a zone are shown in UTC.

    `read_only` is for files that no connection of this process holds open for writing. `storage_version` is the oldest
    DuckDB version that has to open the written file. What does not fit in memory is written beside the file; a database
    in memory writes it beside the file `beside`, and without one it stays in memory.
    """
    config: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": storage_version}
    if str(path) == ":memory:":
        config["temp_directory"] = _spill_folder(beside, token_hex(4)) if beside else ""
    elif read_only:  # all connections of a process to a file share one database, and so one folder
        config["temp_directory"] = _spill_folder(Path(path), str(os.getpid()))
    connection = duckdb.connect(str(path), read_only=read_only, config=config)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _spill_folder(beside: Path, owner: str) -> str:
    """A folder of the owner's own, which DuckDB makes when it needs it and removes in the end.

    DuckDB's default is one folder for all who read a file, or work in memory in the same folder. Two processes that
    spill there overwrite each other's files, and DuckDB 1.5 fails or crashes (its issue 15173).
    """
    return str(beside.with_name(f".{beside.name}.{owner}.tmp"))


def limit_resources(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Keep DuckDB within the processors and the memory of the settings, else of the cgroup or the machine.

    DuckDB itself takes no more threads than the cgroup has processors.
    """
    if settings.threads:
        connection.execute(f"set threads = {settings.threads}")
    connection.execute(f"set memory_limit = {quote_literal(memory_limit(settings))}")


def limit_reader(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """`limit_resources` for a database that is open while a run may work on the warehouse: a quarter of its memory."""
    limit_resources(connection, settings)
    limit_beside(connection, connection)


def limit_beside(connection: duckdb.DuckDBPyConnection, other: duckdb.DuckDBPyConnection) -> None:
    """Give a connection's database a quarter of the memory limit of another one, but at least 256 MiB."""
    row = other.execute("select parse_formatted_bytes(current_setting('memory_limit'))").fetchone()
    assert row is not None
    connection.execute(f"set memory_limit = '{max(row[0] // 4, LEAST_READER_BYTES) // 1024**2}MiB'")


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


def memory_limit(settings: Settings) -> str:
    """The warehouse's memory limit: of the settings, else by the memory of the cgroup or the machine."""
    return settings.memory_limit or duckdb_memory_limit(usable_bytes())


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
