"""Validates a source without loading it: every problem of its files and mappings at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from warehouse.errors import UserError
from warehouse.ingest.columns import ColumnMap, map_columns
from warehouse.ingest.databases import check_database_tables
from warehouse.ingest.formats.dispatch import peek_columns
from warehouse.ingest.landing import find_files, input_folder, no_files, unclaimed_files
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import Settings
from warehouse.sql import connect


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
    """Checks every file's header (or the database's tables) and returns the problems that a load would meet.

    Nothing is loaded or written; rows are not read, so malformed lines show only when loading. An empty list means
    that all is well.
    """
    connection = connect()
    try:
        if source.database:
            found = check_database_tables(connection, source)
            return [finding for name, outcome in found.items() for finding in _findings(source, name, None, [outcome])]
        folder = input_folder(source, settings)
        findings = [finding for name in source.tables for finding in _check_files(connection, source, name, folder)]
        return [*findings, *_unclaimed(source, folder)]
    except UserError as error:
        return [Finding("error", source.name, None, None, str(error))]
    finally:
        connection.close()


def _check_files(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, folder: Path
) -> Iterator[Finding]:
    table = source.tables[name]
    found = find_files(table.files or (), folder, is_ours=source.package is None)
    if not found and not table.optional:
        yield Finding("error", source.name, name, None, str(no_files(source, name, folder)))
    for file, path in found.items():
        outcomes: list[ColumnMap | UserError] = []
        try:
            outcomes += [map_columns(columns, table, str(path)) for columns in peek_columns(connection, path, table)]
        except UserError as error:
            outcomes.append(error)
        yield from _findings(source, name, file, outcomes)


def _findings(
    source: SourceConfig, name: str, file: str | None, outcomes: Iterable[ColumnMap | UserError]
) -> Iterator[Finding]:
    for outcome in outcomes:
        if isinstance(outcome, UserError):
            yield Finding("error", source.name, name, file, str(outcome))
        elif source.tables[name].columns:
            for column in outcome.undeclared:
                said = f'the column "{column}" is not declared; it is added to the raw table'
                yield Finding("note", source.name, name, file, said)


def _unclaimed(source: SourceConfig, folder: Path) -> Iterator[Finding]:
    """Files of the input folder that no table asks for: a wrong ending goes unnoticed otherwise."""
    for file in unclaimed_files(source, folder):
        yield Finding("note", source.name, None, file, "no table of the source asks for this file")
