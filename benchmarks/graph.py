"""The graph of dbt's nodes, as far as a measurement or a test needs a part of it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any


def with_ancestors(
    parents: Mapping[str, Collection[str]], keys: Iterable[str], given: Collection[str] = ()
) -> set[str]:
    """The keys and all that they are made from, without those in `given` and what only they are made from."""
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key not in found and key not in given:
            found.add(key)
            waiting += parents.get(key, ())
    return found


def nodes_behind(manifest: Mapping[str, Any], names: Collection[str]) -> list[dict[str, Any]]:
    """The seeds and models of these names and all that they are made from, by unique id."""
    nodes = manifest["nodes"]
    wanted = with_ancestors(manifest["parent_map"], (key for key, node in nodes.items() if node["name"] in names))
    return [nodes[key] for key in sorted(wanted & set(nodes))]
