"""The raw tables as assets: each source loads the new content of its files or tables, and nothing twice."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.resources import WarehouseRun
from dagster_project.tables import DEFAULT_OWNER, record_assets, table_metadata
from warehouse.ingest.load import load_source
from warehouse.ingest.row_reports import load_sentences
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import Settings

# A database or a network folder may be away for a moment; a bad file stays bad.
RETRIES = dg.RetryPolicy(max_retries=2, delay=15, backoff=dg.Backoff.EXPONENTIAL)
LOG = {
    "batches": "One row per file version or extract that was loaded.",
    "rejected_lines": "One row per line that could not be read as a row.",
}


def build_ingest_assets(settings: Settings, sources: dict[str, SourceConfig]) -> list[dg.AssetsDefinition]:
    """One step per source, with an asset for each of its raw tables, and the log of loads."""
    loads = [_source_assets(settings, source) for source in sources.values()]
    raw_tables = [key for load in loads for key in load.keys]
    return [*loads, record_assets("ingest_log", "ops", "operations", LOG, raw_tables)]


def _source_assets(settings: Settings, source: SourceConfig) -> dg.AssetsDefinition:
    kind = source.database.type if source.database else "file"
    specs = [
        dg.AssetSpec(
            [f"raw_{source.name}", table],
            group_name=f"raw_{source.name}",
            kinds={"duckdb", kind},
            owners=[DEFAULT_OWNER],
            description=f"Table {table} of source {source.name}, as delivered, with its batch, file and row number.",
        )
        for table in source.tables
    ]

    @dg.multi_asset(
        name=f"ingest_{source.name}",
        specs=specs,
        can_subset=True,
        required_resource_keys={"warehouse"},
        retry_policy=RETRIES if source.database else None,
    )
    def ingest(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run: WarehouseRun = context.resources.warehouse
        run.open_build()
        selected = {key.path[-1]: key for key in context.selected_asset_keys}
        with run.stage(f"ingest {source.name}"), run.connect() as connection:
            reports = load_source(connection, source, settings, tables=list(selected))
            sentences = [sentence for report in reports for sentence in load_sentences(connection, report)]
            tables = table_metadata(connection, list(selected.values()))
        run.tell_rows(f"ingest {source.name}", sentences)
        for report in reports:
            key = selected[report.table]
            loaded: dict[str, Any] = {
                "rows_loaded": report.rows_loaded,
                "rows_malformed": report.rows_malformed,
                "files_new": ", ".join(report.files_new) or "none",
                "files_changed": ", ".join(report.files_changed) or "none",
                "files_with_known_content": ", ".join(report.files_duplicate) or "none",
                "new_columns": ", ".join(report.new_columns) or "none",
            }
            yield dg.MaterializeResult(asset_key=key, metadata={**loaded, **tables[key]})

    return ingest
