"""The generated company in a folder of its own, loaded and built for a measurement."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from dagster_project.dbt_runner.results import NodeResult
from dagster_project.prepare import prepare_warehouse
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import load_sources_config
from warehouse.settings import Settings
from warehouse.sql import connect, limit_resources


def settings_of(folder: Path, sources: Sequence[str], **further: Any) -> Settings:
    """The company whose files are in `folder`/landing and whose home is `folder`/home."""
    return Settings.model_validate(
        {
            "company": "generated",
            "home": folder / "home",
            "sources": {source: {"input_path": folder / "landing" / source} for source in sources},
            "business_timezone": "UTC",
            "base_currency": "EUR",
            "churn_horizon_days": 60,
            **further,
        }
    )


def limited(connection: DuckDBPyConnection, settings: Settings) -> DuckDBPyConnection:
    """The connection within the memory and the processors that a run has, and without a progress bar."""
    connection.execute("set enable_progress_bar = false")
    limit_resources(connection, settings)
    return connection


def load(settings: Settings, manifest: Mapping[str, Any]) -> None:
    """Load every source as a run does."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with limited(connect(settings.warehouse_path), settings) as connection:
        prepare_warehouse(connection, manifest)
        for source in load_sources_config(settings).values():
            load_source(connection, source, settings)


def expect_good(results: Sequence[NodeResult]) -> None:
    """Raises RuntimeError, with a line for each node of dbt that failed."""
    broken = [f"{result.name}: {result.message}" for result in results if not result.is_good]
    if broken:
        raise RuntimeError("\n".join(broken))
