"""One file of any format: its columns, its rows, and the records of it that cannot be read as rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import duckdb

from warehouse.errors import UserError, on_one_line
from warehouse.ingest.formats import csv, excel, json, parquet
from warehouse.ingest.formats.reading import Reading
from warehouse.ingest.sources import TableConfig, format_of
from warehouse.settings import IngestSettings
from warehouse.sql import quote_identifier

# Each has open_rows(connection, path, table, limits, work) and columns(connection, path, table).
FORMATS: dict[str, ModuleType] = {"csv": csv, "json": json, "parquet": parquet, "excel": excel}


def file_format(path: Path, table: TableConfig) -> str:
    """The declared format, else the format of the file's ending. Raises UserError."""
    found = table.format or format_of(path.name)
    if found is None:
        raise UserError(f"{path}: the ending does not tell the format. Add `format` to the table in the source's YAML.")
    return found


# What DuckDB says of itself, or of the warehouse, rather than of the file it reads.
OURS = (
    duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.InterruptException, duckdb.TransactionException,
    duckdb.ConnectionException,
)  # fmt: skip


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turns DuckDB's error about a damaged file into a UserError that names the file."""
    try:
        yield
    except duckdb.Error as error:
        if isinstance(error, OURS) or "No space left" in str(error):
            raise
        said = str(error).partition(": ")[2] or str(error)
        reason = on_one_line(said.strip().partition("\n")[0]).rstrip(".").replace(str(path), path.name)
        raise UserError(f"{path}: cannot be read as {kind}: {reason}. Was it copied to the end?") from error


def open_file(
    connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, limits: IngestSettings, work: Path
) -> list[Reading]:
    """The file's readings: one, or one a sheet. Scratch files go to `work`. Raises UserError and DuckDB's errors."""
    return FORMATS[file_format(path, table)].open_rows(connection, path, table, limits, work)


def peek_columns(connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig) -> list[dict[str, str]]:
    """The columns and types of the file, or of each sheet, without reading the rows (of JSON: of the first
    mebibyte). Raises UserError.
    """
    kind = file_format(path, table)
    with readable(path, kind):
        return FORMATS[kind].columns(connection, path, table)


def drop_scratch(connection: duckdb.DuckDBPyConnection) -> None:
    """Removes the temporary tables that readings were made of."""
    names = connection.execute(
        "select table_name from duckdb_tables() where temporary and (table_name = $1 or starts_with(table_name, $2))",
        [json.LINES, excel.SCRATCH_PREFIX],
    ).fetchall()
    for (name,) in names:
        connection.execute(f"drop table temp.{quote_identifier(name)}")
