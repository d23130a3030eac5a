"""Parquet files."""

from pathlib import Path

import duckdb

from warehouse.ingest.formats.reading import Reading
from warehouse.ingest.sources import TableConfig
from warehouse.sql import quote_literal


def open_rows(connection: duckdb.DuckDBPyConnection, path: Path, _: TableConfig, __: Path) -> list[Reading]:
    """Every row, numbered as it stands in the file; none can be malformed."""
    scan = _scan(path, ", file_row_number = true")
    counted = connection.execute("select num_rows from parquet_file_metadata(?)", [str(path)]).fetchone()
    assert counted is not None
    reading = Reading(
        columns=_columns(connection, path),
        rows=f"select * exclude (file_row_number), file_row_number + 1 as _row_number from {scan}",
        rejects=None,
        rows_read=counted[0],
    )
    return [reading]


def columns(connection: duckdb.DuckDBPyConnection, path: Path, _: TableConfig) -> list[dict[str, str]]:
    """The file's columns and their types."""
    return [_columns(connection, path)]


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    described = connection.execute(f"describe select * from {_scan(path)}").fetchall()
    return {row[0]: row[1] for row in described}


def _scan(path: Path, options: str = "") -> str:
    return f"read_parquet({quote_literal(str(path))}, hive_partitioning = false{options})"
