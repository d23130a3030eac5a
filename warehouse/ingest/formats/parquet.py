"""Parquet files."""

from pathlib import Path

import duckdb

from warehouse.ingest.formats.reading import Reading, literal_path
from warehouse.ingest.sources import TableConfig
from warehouse.settings import IngestSettings
from warehouse.sql import quote_literal

NUMBER = "file_row_number"


def open_rows(
    connection: duckdb.DuckDBPyConnection, path: Path, _: TableConfig, __: IngestSettings, ___: Path
) -> list[Reading]:
    """Every row, numbered in the file's order; none can be malformed."""
    counted = connection.execute("select num_rows from parquet_file_metadata(?)", [literal_path(path)]).fetchone()
    assert counted is not None
    found = _columns(connection, path)
    if NUMBER in {
        name.lower() for name in found
    }:  # the reader's own name for it is taken, and rows come in their order
        rows = f"select *, row_number() over () as _row_number from {_scan(path)}"
    else:
        rows = f"select * exclude ({NUMBER}), {NUMBER} + 1 as _row_number from {_scan(path, f', {NUMBER} = true')}"
    return [Reading(columns=found, rows=rows, rejects=None, rows_read=counted[0])]


def columns(connection: duckdb.DuckDBPyConnection, path: Path, _: TableConfig) -> list[dict[str, str]]:
    """The file's columns and their types."""
    return [_columns(connection, path)]


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    described = connection.execute(f"describe select * from {_scan(path)}").fetchall()
    return {row[0]: row[1] for row in described}


def _scan(path: Path, options: str = "") -> str:
    return f"read_parquet({quote_literal(literal_path(path))}, hive_partitioning = false{options})"
