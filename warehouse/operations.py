"""What runs keep of themselves in schema `ops`, besides the batches of ingest and the generations of the gate."""

from collections.abc import Mapping
from typing import Any

import duckdb

from warehouse import gates, model_results, outbox
from warehouse.metric_dictionary import metric_definitions, store_definitions

CREATE = """
create schema if not exists ops;
create table if not exists ops.watermarks (model varchar, batch_id bigint, signature varchar);
create table if not exists ops.unit_tests (manifest_key varchar, unique_id varchar);
"""


def create_operations_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that dbt reads as sources, so that the first build finds them."""
    connection.execute(CREATE)
    connection.execute(gates.CREATE)
    outbox.create_tables(connection)


def prepare_warehouse(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> None:
    """Make every table that dbt reads and does not build itself, and fill in the metric definitions of its manifest."""
    create_operations_tables(connection)
    store_definitions(connection, metric_definitions(manifest))
    model_results.create_tables(connection)


def passed_unit_tests(connection: duckdb.DuckDBPyConnection, manifest_key: str) -> set[str]:
    """The unit tests that passed under this very code: their result depends on nothing else."""
    rows = connection.execute("select unique_id from ops.unit_tests where manifest_key = ?", [manifest_key]).fetchall()
    return {unique_id for (unique_id,) in rows}


def remember_unit_tests(connection: duckdb.DuckDBPyConnection, manifest_key: str, passed: set[str]) -> None:
    """Remember passed unit tests under today's code, and forget those of earlier code."""
    connection.execute("delete from ops.unit_tests where manifest_key <> ?", [manifest_key])
    for unique_id in sorted(passed - passed_unit_tests(connection, manifest_key)):
        connection.execute("insert into ops.unit_tests values (?, ?)", [manifest_key, unique_id])
