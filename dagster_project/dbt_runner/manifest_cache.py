"""The parsed manifest as bytes, and tags on its nodes: all that this project uses of dbt's private API.

dbt promises none of it. Where a version has it no longer, or has it otherwise, dbt parses the project for each
invocation (6 s instead of 0.05 s) and looks nodes up by name; `tests/dagster_project/dbt_runner/test_manifest_cache.py`
then fails. The project's other dbt API is public: `dbtRunner`, its results and events, and manifest.json.
"""

import logging
from collections.abc import Sequence
from typing import Any

SELECTED = "selected_for_this_invocation"
# What calls of a function that is gone, or is another one now, raise.
CHANGED = (ImportError, AttributeError, LookupError, TypeError, ValueError)
log = logging.getLogger(__name__)


def pack(manifest: Any) -> bytes:
    """A parsed manifest as bytes; none where this dbt cannot."""
    try:
        return manifest.to_msgpack(_codecs()[0])
    except CHANGED as error:
        log.warning("This dbt cannot pack its manifest (%s); it parses the project for each invocation.", error)
        return b""


def unpack(packed: bytes) -> Any | None:
    """The manifest of the bytes, fresh for one invocation, which changes it; None where there is none."""
    if not packed:
        return None
    try:
        from dbt.contracts.graph.manifest import Manifest

        return Manifest.from_msgpack(packed, decoder=_codecs()[1])
    except CHANGED as error:
        log.warning("The kept manifest cannot be read (%s); dbt parses the project for this invocation.", error)
        return None


def _codecs() -> tuple[Any, Any]:
    # dbt spells the encoder one way and the decoder the other
    from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder

    return extended_mashumaro_encoder, extended_mashumuro_decoder


def selected(manifest: Any | None, names: Sequence[str]) -> Sequence[str]:
    """The selection of the nodes called `names`: one tag on each of them, or the names where they cannot be tagged.

    dbt looks at every node for every name; a tag that only this invocation's manifest carries is looked for once.
    """
    if manifest is None:
        return names
    try:
        return [f"tag:{SELECTED}"] if _tag(manifest, names) else names
    except CHANGED as error:
        log.warning("Nodes of this dbt cannot be tagged (%s); they are selected by name.", error)
        return names


def _tag(manifest: Any, names: Sequence[str]) -> bool:
    """Whether every name is a node's; all of them are tagged then, and none otherwise."""
    by_name = {node.name: node for node in [*manifest.nodes.values(), *manifest.unit_tests.values()]}
    if not all(name in by_name for name in names):
        return False
    for name in names:
        node = by_name[name]
        if node.resource_type == "unit_test":
            node.config.tags = [*node.tags, SELECTED]
        else:
            node.tags.append(SELECTED)
    return True
