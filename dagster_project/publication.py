"""Which run publishes, and which tables the analysts' working copy holds beside the marts."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from warehouse.relations import Relation
from whatif.replay import replay_inputs

PUBLICATION_KEY = dg.AssetKey(["published", "loyalty"])


def publishes(run: dg.DagsterRun) -> bool:
    """Whether a run ends with a publication: it does unless only other assets were selected."""
    return not run.asset_selection or PUBLICATION_KEY in run.asset_selection


def work_tables(manifest: Mapping[str, Any]) -> list[Relation]:
    """The tables from which marts and their tests are built, and from which a replay of the programme's rules
    starts."""
    return sorted(_parents_of_marts(manifest).union(replay_inputs(manifest)))


def _parents_of_marts(manifest: Mapping[str, Any]) -> set[Relation]:
    """Every table that a mart or a test of one reads and that is no mart."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    marts = {name for name, node in nodes.items() if node["resource_type"] == "model" and node["schema"] == "marts"}
    parents = manifest["parent_map"]
    readers = marts | {
        name for name, node in nodes.items() if node["resource_type"] == "test" and marts & set(parents[name])
    }
    tables = {parent for reader in readers for parent in parents[reader]} - marts
    return {Relation(nodes[table]["schema"], nodes[table]["name"]) for table in tables}
