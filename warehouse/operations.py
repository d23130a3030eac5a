"""What runs keep of themselves in schema `ops`, besides the batches of ingest and the generations of the gate."""

from collections.abc import Mapping
from typing import Any

import duckdb

from warehouse import experiments, model_results
from warehouse.metric_dictionary import metric_definitions, store_definitions

CREATE = """
create schema if not exists ops;
create table if not exists ops.watermarks (model varchar, batch_id bigint, signature varchar);
"""


def prepare_warehouse(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> None:
    """Make every table that dbt reads and does not build itself, and fill in the metric definitions of its manifest."""
    connection.execute(CREATE)
    connection.execute(experiments.CREATE)
    store_definitions(connection, metric_definitions(manifest))
    model_results.create_tables(connection)
