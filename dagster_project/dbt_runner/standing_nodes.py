"""Which nodes of the dbt graph stand: nothing that they are made of has changed since they were built.

A node's input key hashes its definition and the version of each thing that it reads. A table's version is the build
that made it; a view's also covers what it reads, because its rows change with theirs. A node whose key is as it was
need not be built, and a test that passed under its key has passed. A model that adds to what it has stands just as
well: from the same input it would add nothing.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import duckdb

from dagster_project.dbt_runner.definition_keys import DefinitionKeys
from dagster_project.dbt_runner.source_versions import source_versions
from warehouse.node_states import NodeState, forget_states, keep_states, read_states
from warehouse.relations import Relation, relations_of


class StandingNodes:
    """The nodes of a graph, as they are in the warehouse, beside what they would be built from now.

    elsewhere: the tables that another engine has, which a model has to be in as well.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        manifest: Mapping[str, Any],
        definitions: DefinitionKeys,
        elsewhere: Collection[Relation] | None = None,
    ) -> None:
        self._nodes = manifest["nodes"]
        self._definitions = definitions
        self._states = read_states(connection)
        self._sources = source_versions(connection, manifest)
        here = relations_of(connection)
        self._there = here if elsewhere is None else here & set(elsewhere)
        self._versions: dict[str, str | None] = {}

    def changed(self, wanted: Collection[str]) -> set[str]:
        """Those of the models, seeds and data tests `wanted` that do not stand, or read one of them that does not."""
        changed: set[str] = set()
        for node in self.in_order(wanted):
            if not changed.isdisjoint(self._parents(node)) or not self._stands(node):
                changed.add(node)
        return changed

    def set_out(self, connection: duckdb.DuckDBPyConnection, nodes: Collection[str]) -> None:
        """Note that these nodes are about to be built: a build that is cut off leaves none of them standing."""
        forget_states(connection, nodes)
        for node in nodes:
            self._states.pop(node, None)
        self._versions.clear()

    def finish(self, connection: duckdb.DuckDBPyConnection, built: Collection[str], build_id: int) -> None:
        """Note nodes as standing that this build has just made, or tests that have passed."""
        keys = {}
        for node in self.in_order(built):
            keys[node] = NodeState(self._input_key(node), build_id)
            self._states[node] = keys[node]
        keep_states(connection, keys)

    def in_order(self, wanted: Collection[str]) -> list[str]:
        """Each node after those that it reads."""
        ordered: dict[str, None] = {}
        chosen = set(wanted)

        def visit(node: str) -> None:
            if node in ordered or node not in self._nodes:
                return
            for parent in self._parents(node):
                visit(parent)
            ordered[node] = None

        for node in sorted(chosen):
            visit(node)
        return [node for node in ordered if node in chosen]

    def _stands(self, node: str) -> bool:
        state = self._states.get(node)
        known = state.input_key if state else None
        return known is not None and known == self._input_key(node) and self._is_there(node)

    def _is_there(self, node: str) -> bool:
        described = self._nodes[node]
        return described["resource_type"] == "test" or Relation(described["schema"], described["alias"]) in self._there

    def _input_key(self, node: str) -> str | None:
        read = [self._version(parent) for parent in self._parents(node)]
        return _hash([self._definitions.of(node), *read]) if None not in read else None

    def _version(self, node: str) -> str | None:
        """What the rows of a node depend on; None for a model of which a build was cut off, or that was never built."""
        if node in self._sources:
            return self._sources[node]
        if node not in self._versions:
            self._versions[node] = self._version_of_model(node)
        return self._versions[node]

    def _version_of_model(self, node: str) -> str | None:
        state = self._states.get(node)
        if state is None or state.input_key is None:
            return None
        if self._nodes[node]["config"]["materialized"] != "view":
            return f"{node} {state.version}"
        read = [self._version(parent) for parent in self._parents(node)]
        return _hash([node, str(state.version), *read]) if None not in read else None

    def _parents(self, node: str) -> list[str]:
        return sorted(self._nodes[node]["depends_on"].get("nodes", []))


def _hash(parts: Iterable[str | None]) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:24]
