"""Every table that dbt reads and does not build itself, so that the first build finds them."""

from collections.abc import Mapping
from typing import Any

import duckdb

from serving import outbox
from serving.publication import changes
from serving.publication.metric_dictionary import metric_definitions, store_definitions
from warehouse import builds, holidays, node_states
from warehouse.experiments import registry
from warehouse.migrations import rename_earlier_names
from warehouse.model_store import results

CREATE = """
create schema if not exists ops;
create table if not exists ops.watermarks (model varchar, batch_id bigint, signature varchar);
"""


def create_operations_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that dbt reads as sources, so that the first build finds them."""
    rename_earlier_names(connection)
    connection.execute(CREATE)
    connection.execute(builds.CREATE)
    connection.execute(node_states.CREATE)
    connection.execute(registry.CREATE)
    connection.execute(changes.CREATE)
    connection.execute(holidays.CREATE)
    outbox.create_tables(connection)


def prepare_warehouse(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> None:
    """Make every table that dbt reads and does not build itself, and fill in the metric definitions of its manifest."""
    create_operations_tables(connection)
    store_definitions(connection, metric_definitions(manifest))
    results.create_tables(connection)
