"""Metadata of tables for the UI: rows and columns, read from DuckDB's catalog in one query for a whole step.

Tables that other steps write meanwhile are assets of their own, after those steps.
"""

import base64
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

from dagster_project.resources import WarehouseRun

DEFAULT_OWNER = "data-engineering@example.com"
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
    schema: dict[str, Any] = {"dagster/column_schema": dg.TableSchema(columns)} if columns else {}
    return schema if row_count is None else {**schema, "dagster/row_count": row_count}


def inline_picture(svg: str) -> dg.MarkdownMetadataValue:
    """An SVG as Markdown that needs no file and no server."""
    return dg.MetadataValue.md(f"![picture](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})")


def record_assets(
    name: str,
    schema: str,
    group: str,
    described: Mapping[str, str],
    written_by: Sequence[dg.AssetKey],
    tidy: Callable[[WarehouseRun, duckdb.DuckDBPyConnection], None] | None = None,
) -> dg.AssetsDefinition:
    """One step, `name`, that reports the content of the tables `described` (table -> description) of `schema`.

    tidy: a function that is called first, once every asset of `written_by` is made.
    """
    specs = [
        dg.AssetSpec(
            [schema, table],
            deps=written_by,
            group_name=group,
            kinds={"duckdb"},
            owners=[DEFAULT_OWNER],
            description=description,
        )
        for table, description in described.items()
    ]

    @dg.multi_asset(name=name, specs=specs, required_resource_keys={"warehouse"})
    def records(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run: WarehouseRun = context.resources.warehouse
        with run.connect() as connection:
            if tidy:
                tidy(run, connection)
            tables = table_metadata(connection, [spec.key for spec in specs])
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=tables[spec.key])

    return records
