"""Every published table with its key and its columns, as a page generated from the models' YAML."""

from collections.abc import Iterator, Mapping
from typing import Any

from serving.publication.declared_marts import TODAY, declared_keys


def render_marts(manifest: Mapping[str, Any]) -> str:
    """The page in Markdown: a section a group of marts, in the order of the groups' file."""
    nodes = manifest["nodes"]
    keys = declared_keys(nodes)
    groups: dict[str, list[Mapping[str, Any]]] = {group["name"]: [] for group in manifest["groups"].values()}
    for node in nodes.values():
        if node["resource_type"] == "model" and node["schema"] == "marts" and node["config"].get("group") in groups:
            groups[node["config"]["group"]].append(node)
    parts = [
        "# Marts",
        "The tables of schema `marts` in the published copy; `loyalty docs` writes this page from the models' YAML."
        " A company's own marts come beside them. [Metrics](metrics.md) have a page with their worked examples.",
    ]
    for group, marts in groups.items():
        if marts:
            parts.append(f"## {group}")
            for mart in sorted(marts, key=lambda node: str(node["name"])):
                parts += _section(mart, keys.get(mart["name"], ()))
    return "\n\n".join(parts) + "\n"


def _section(mart: Mapping[str, Any], key: tuple[str, ...]) -> Iterator[str]:
    yield f"### {mart['name']}"
    yield _one_line(mart["description"])
    told = [f"Key: {', '.join(f'`{column}`' for column in key)}."] if key else []
    if TODAY in mart["config"]["meta"]:
        told.append(f"Today's rows alone: `today.{mart['name']}`.")
    if told:
        yield " ".join(told)
    rows = [
        f"| `{column['name']}` | {column['data_type']} | {_cell(column['description'])} |"
        for column in mart["columns"].values()
    ]
    yield "\n".join(["| column | type | what it says |", "|---|---|---|", *rows])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")
