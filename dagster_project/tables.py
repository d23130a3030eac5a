"""What the UI shows of a table: rows and columns, read from DuckDB's catalog in one query for a whole step."""

from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg
import duckdb

CATALOG = """
select columns.schema_name, columns.table_name, columns.column_name, columns.data_type, columns.comment,
    any_value(tables.estimated_size) as row_count
from duckdb_columns() as columns
left join duckdb_tables() as tables
    on columns.table_oid = tables.table_oid and columns.database_name = tables.database_name
where columns.database_name = current_database() and list_contains($schemas, columns.schema_name)
group by all
order by columns.schema_name, columns.table_name, min(columns.column_index)
"""


def table_metadata(
    connection: duckdb.DuckDBPyConnection, keys: Collection[dg.AssetKey]
) -> Mapping[dg.AssetKey, Mapping[str, Any]]:
    """Row count (tables only) and column schema of each asset whose key is [schema, table]."""
    rows = connection.execute(CATALOG, {"schemas": sorted({key.path[0] for key in keys})}).fetchall()
    columns: dict[tuple[str, str], list[dg.TableColumn]] = {}
    counts: dict[tuple[str, str], int | None] = {}
    for schema, table, column, kind, comment, row_count in rows:
        columns.setdefault((schema, table), []).append(dg.TableColumn(column, kind, comment))
        counts[schema, table] = row_count
    return {key: _of(columns.get(_name(key), []), counts.get(_name(key))) for key in keys}


def _name(key: dg.AssetKey) -> tuple[str, str]:
    return (key.path[0], key.path[-1])


def _of(columns: list[dg.TableColumn], row_count: int | None) -> Mapping[str, Any]:
    schema = {"dagster/column_schema": dg.TableSchema(columns)} if columns else {}
    return schema if row_count is None else {**schema, "dagster/row_count": row_count}
