"""What each node of the dbt graph was last built from: ops.node_states, a row per model, seed and passed test.

A run builds a node again when this no longer fits (dagster_project/dbt_runner/standing_nodes.py). Whoever writes to the
warehouse beside a run forgets it all, and the next run builds everything.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from warehouse.sql import transaction

CREATE = """
create schema if not exists ops;
create table if not exists ops.node_states (node varchar, input_key varchar, version bigint);
"""


@dataclass(frozen=True)
class NodeState:
    """A node as it was last built.

    input_key: a hash of its definition and of the versions of what it read; None from the moment that a run sets out to
    build it until it is built. version: the build that made it, so that no two contents have the same one.
    """

    input_key: str | None
    version: int


def read_states(connection: duckdb.DuckDBPyConnection) -> dict[str, NodeState]:
    """The state of every node that was ever built, by unique id."""
    rows = connection.execute("select node, input_key, version from ops.node_states").fetchall()
    return {node: NodeState(input_key, version) for node, input_key, version in rows}


def forget_states(connection: duckdb.DuckDBPyConnection, nodes: Collection[str] | None = None) -> None:
    """Make the next run build these nodes, by default all."""
    connection.execute(CREATE)
    connection.execute(
        "update ops.node_states set input_key = null where $nodes is null or list_contains($nodes, node)",
        {"nodes": None if nodes is None else list(nodes)},
    )


def keep_states(connection: duckdb.DuckDBPyConnection, states: Mapping[str, NodeState]) -> None:
    """Note these nodes as built."""
    values = {
        "nodes": list(states),
        "keys": [state.input_key for state in states.values()],
        "versions": [state.version for state in states.values()],
    }
    with transaction(connection):
        connection.execute("delete from ops.node_states where list_contains($nodes, node)", {"nodes": list(states)})
        connection.execute(
            "insert into ops.node_states select unnest($nodes), unnest($keys), unnest($versions)", values
        )
