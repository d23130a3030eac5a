"""Tables that other steps write as they go, shown as assets of their own once those steps are done."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.assets.transform import DEFAULT_OWNER
from dagster_project.resources import WarehouseRun
from dagster_project.tables import table_metadata


def record_assets(
    name: str, schema: str, group: str, described: Mapping[str, str], written_by: Sequence[dg.AssetKey]
) -> dg.AssetsDefinition:
    """One step, `name`, that tells what the tables `described` (table -> description) of `schema` hold."""
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
            tables = table_metadata(connection, [spec.key for spec in specs])
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=tables[spec.key])

    return records
