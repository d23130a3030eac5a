"""A node is built again when what it is made of has changed, and not otherwise; told on a graph of five nodes."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import duckdb
import pytest

from dagster_project.dbt_runner.definition_keys import DefinitionKeys
from dagster_project.dbt_runner.standing_nodes import StandingNodes
from dagster_project.prepare import create_operations_tables
from warehouse.ingest.batches import prepare_operations
from warehouse.model_store import results
from warehouse.node_states import forget_states

SOURCE, RAW = "source.ops.batches", "source.raw_till.receipts"
STAGED, ORDERS, MART, SPEND, CHECK = "model.stg", "model.orders", "model.mart", "model.spend", "test.mart_is_sound"


def node(name: str, sql: str, *parents: str, kind: str = "model", materialized: str = "table") -> dict[str, Any]:
    return {
        "resource_type": kind,
        "schema": "intermediate",
        "alias": name,
        "raw_code": sql,
        "config": {"materialized": materialized},
        "depends_on": {"nodes": list(parents)},
        "created_at": 1.0,
    }


def source(name: str, schema: str, table: str) -> dict[str, Any]:
    return {"source_name": name, "schema": schema, "identifier": table}


def macro(name: str, sql: str, package: str = "loyalty_warehouse") -> dict[str, Any]:
    return {"name": name, "package_name": package, "macro_sql": sql}


GRAPH: dict[str, Any] = {
    "nodes": {
        STAGED: node("stg", "select {{ cents('amount') }} from raw", RAW, materialized="view"),
        ORDERS: node("orders", "select * from stg where day < '{{ var(\"first_day\") }}'", STAGED),
        SPEND: node("spend", "select * from batches", SOURCE),
        MART: node("mart", "select * from orders, spend", ORDERS, SPEND),
        CHECK: node("mart_is_sound", "select * from mart", MART, kind="test"),
    },
    "sources": {SOURCE: source("ops", "ops", "batches"), RAW: source("raw_till", "raw_till", "receipts")},
    "macros": {
        "cents": macro("cents", "{{ rounded(100) }}"),
        "rounded": macro("rounded", "{% if execute %}round{% endif %}"),
        "unused": macro("unused", "1"),
        "materialization_table_duckdb": macro("materialization_table_duckdb", "create table"),
    },
    "unit_tests": {"unit_test.orders": {"resource_type": "unit_test", "depends_on": {"nodes": [ORDERS]}, "given": []}},
}
NODES = GRAPH["nodes"].keys()
VARIABLES = {"first_day": "2024-01-01", "language": "en"}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        prepare_operations(made)
        create_operations_tables(made)
        results.create_tables(made)
        made.execute("create schema raw_till; create table raw_till.receipts (amount varchar)")
        made.execute("create schema intermediate")
        made.execute("create view intermediate.stg as from raw_till.receipts")
        for table in ("orders", "spend", "mart"):
            made.execute(f"create table intermediate.{table} as select 1 as one")
        build(made, 1)
        yield made


def nodes(connection: duckdb.DuckDBPyConnection, graph: dict[str, Any] = GRAPH, **variables: str) -> StandingNodes:
    return StandingNodes(connection, graph, DefinitionKeys(graph, {**VARIABLES, **variables}))


def changed(connection: duckdb.DuckDBPyConnection, graph: dict[str, Any] = GRAPH, **variables: str) -> set[str]:
    return nodes(connection, graph, **variables).changed(NODES)


def build(connection: duckdb.DuckDBPyConnection, build_id: int, wanted: Any = NODES) -> None:
    found = nodes(connection)
    found.set_out(connection, wanted)
    found.finish(connection, wanted, build_id)


def edited(*path: str, value: Any) -> dict[str, Any]:
    graph = deepcopy(GRAPH)
    place = graph
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return graph


def load(connection: duckdb.DuckDBPyConnection, source_name: str, table: str) -> None:
    connection.execute(
        "insert into ops.batches select coalesce(max(batch_id), 0) + 1, $1, $2, 'a.csv', 'hash', 1, 1, 0, now(), null"
        " from ops.batches",
        [source_name, table],
    )


def test_without_a_change_everything_stands_wherever_and_whenever_it_is_read(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert changed(connection) == set()
    assert changed(connection, edited("nodes", MART, "created_at", value=2.0)) == set()


@pytest.mark.parametrize(
    ("graph", "variables", "expected"),
    [
        (edited("nodes", ORDERS, "raw_code", value="select 2"), {}, {ORDERS, MART, CHECK}),
        (edited("nodes", SPEND, "description", value="What was spent."), {}, {SPEND, MART, CHECK}),
        (edited("nodes", CHECK, "raw_code", value="select 2"), {}, {CHECK}),
        (edited("macros", "rounded", "macro_sql", value="floor"), {}, {STAGED, ORDERS, MART, CHECK}),
        (edited("macros", "unused", "macro_sql", value="2"), {}, set()),
        (edited("macros", "materialization_table_duckdb", "macro_sql", value="create"), {}, set(NODES)),
        (GRAPH, {"first_day": "2024-02-01"}, {ORDERS, MART, CHECK}),
        (GRAPH, {"language": "de"}, set()),
        (edited("nodes", MART, "raw_code", value="{{ var(name) }}"), {"language": "de"}, {MART, CHECK}),
    ],
)
def test_code_and_settings_change_what_is_made_of_them(
    connection: duckdb.DuckDBPyConnection, graph: dict[str, Any], variables: dict[str, str], expected: set[str]
) -> None:
    assert changed(connection, graph, **variables) == expected


def test_rows_change_what_reads_them_also_through_a_view(connection: duckdb.DuckDBPyConnection) -> None:
    load(connection, "till", "receipts")
    assert changed(connection) == set(NODES), "the log of loads is a source itself"
    build(connection, 2)
    connection.execute("alter table raw_till.receipts add column note varchar")
    assert changed(connection) == {STAGED, ORDERS, MART, CHECK}
    build(connection, 3, [ORDERS])
    assert changed(connection) == {STAGED, ORDERS, MART, CHECK}, "the view may lack a column, which orders may read"


def test_a_build_of_a_part_changes_what_reads_that_part(connection: duckdb.DuckDBPyConnection) -> None:
    build(connection, 2, [SPEND])
    assert changed(connection) == {MART, CHECK}
    build(connection, 3, [MART])
    assert changed(connection) == {CHECK}


def test_what_a_build_was_cut_off_at_and_all_behind_it_is_built_again(connection: duckdb.DuckDBPyConnection) -> None:
    nodes(connection).set_out(connection, [ORDERS])
    assert changed(connection) == {ORDERS, MART, CHECK}
    build(connection, 2, [MART])
    assert changed(connection) == {ORDERS, MART, CHECK}, "nobody knows what the mart was built from"
    build(connection, 3)
    connection.execute("drop table intermediate.spend")
    assert changed(connection) == {SPEND, MART, CHECK}
    forget_states(connection)
    for name in NODES:
        assert nodes(connection).changed([name]) == {name}, "what it reads is forgotten, too"


def test_a_unit_test_holds_for_its_model_as_it_is() -> None:
    plain = DefinitionKeys(GRAPH, VARIABLES).of("unit_test.orders")
    assert DefinitionKeys(GRAPH, {**VARIABLES, "language": "de"}).of("unit_test.orders") == plain
    for graph in (
        edited("nodes", ORDERS, "raw_code", value="select 2"),
        edited("unit_tests", "unit_test.orders", "given", value=[1]),
    ):
        assert DefinitionKeys(graph, VARIABLES).of("unit_test.orders") != plain
