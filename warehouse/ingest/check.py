"""Validates a source without loading it: every problem of its files and mappings at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from warehouse.connections import connect
from warehouse.errors import UserError
from warehouse.ingest.columns import ColumnMap, map_columns
from warehouse.ingest.databases import check_database_table
from warehouse.ingest.files import find_files, input_folder, no_files
from warehouse.ingest.readings import peek_columns
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One thing that was found: an `error` would stop the load, a `note` is worth knowing before it."""

    level: Literal["error", "note"]
    source: str
    table: str | None
    file: str | None
    message: str

    @property
    def is_error(self) -> bool:
        """Whether a load would stop here."""
        return self.level == "error"

    def __str__(self) -> str:
        """One line for a terminal."""
        place = ", ".join(part for part in (self.table, self.file) if part)
        return f"{self.level}: {place + ': ' if place else ''}{self.message}"


def check_source(source: SourceConfig, settings: Settings) -> list[Finding]:
    """Looks at every file's header (or at the database's tables) and says what a load would stumble over.

    Nothing is loaded or written; rows are not read, so malformed lines show only when loading. An empty list means
    that all is well.
    """
    connection = connect()
    try:
        if source.database:
            checks = [
                _attempt(source, name, None, lambda n=name: [check_database_table(connection, source, n)])
                for name in source.tables
            ]
            return [finding for findings in checks for finding in findings]
        folder = input_folder(source, settings)
        return [finding for name in source.tables for finding in _check_files(connection, source, name, folder)]
    except UserError as error:
        return [Finding("error", source.name, None, None, str(error))]
    finally:
        connection.close()


def _check_files(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, folder: Path
) -> Iterator[Finding]:
    table = source.tables[name]
    found = find_files(table, folder)
    if not found and not table.optional:
        yield Finding("error", source.name, name, None, str(no_files(source, name, folder)))
    for file, path in found.items():

        def map_all(path: Path = path) -> list[ColumnMap]:
            return [map_columns(columns, table, str(path)) for columns in peek_columns(connection, path, table)]

        yield from _attempt(source, name, file, map_all)


def _attempt(source: SourceConfig, name: str, file: str | None, look: Callable[[], list[ColumnMap]]) -> list[Finding]:
    try:
        maps = look()
    except UserError as error:
        return [Finding("error", source.name, name, file, str(error))]
    return [
        Finding(
            "note",
            source.name,
            name,
            file,
            f'the column "{column}" is not declared; it is added to the raw table',
        )
        for found in maps
        for column in found.undeclared
        if source.tables[name].columns
    ]
