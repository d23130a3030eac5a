"""The columns that tell the rows of each mart apart."""

import json
from pathlib import Path
from typing import Any


def mart_keys(manifest: Path) -> dict[str, tuple[str, ...]]:
    """By the name of the mart, the key that the checks of a dbt manifest hold it to."""
    nodes: dict[str, Any] = json.loads(manifest.read_bytes())["nodes"]
    return {
        nodes[node["attached_node"]]["name"]: tuple(node["test_metadata"]["kwargs"]["key"])
        for node in nodes.values()
        if (node.get("test_metadata") or {}).get("name") == "sound_rows" and node.get("attached_node") in nodes
    }
