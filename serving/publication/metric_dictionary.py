"""The meaning of each published metric, generated from the models' YAML so that it cannot drift from the SQL.

A metric's definition is its column's description, its grain the model's, and its worked example the description of the
very dbt unit test that runs the example: the test names the metrics it works out in `config: meta: metrics:`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import duckdb

from warehouse.errors import UserError

# Columns of these groups of marts that are computed by a definition of ours, and so have to have a worked example.
GROUPS = ("core", "rfm", "retention", "acquisition", "loyalty", "roi")
METRIC = re.compile(
    r"(?!earn_rate).*_rate|.*_score|roi_.*|rfm_segment|value_segment|activity_status|order_number|days_since_previous_order"
)
CREATE = """
create schema if not exists ops;
create or replace table ops.metric_definitions (
    name varchar, definition varchar, grain varchar, worked_example varchar, unit_test varchar, model varchar,
    owner varchar
)
"""


class MetricDefinition(NamedTuple):
    """One metric: its definition, its grain, and the worked example of a unit test."""

    name: str
    definition: str
    grain: str
    worked_example: str
    unit_test: str
    model: str
    owner: str


def metric_definitions(manifest: Mapping[str, Any]) -> list[MetricDefinition]:
    """The definitions of all metrics, by name.

    Raises UserError for a published metric without a worked example, and for an example of a column that is not there.
    """
    definitions = sorted(_defined(manifest))
    missing = sorted(_published(manifest) - {definition.name for definition in definitions})
    if missing:
        raise UserError(
            f"These published metrics have no worked example: {', '.join(missing)}. Name each in "
            "`config: meta: metrics:` of the dbt unit test that works it out."
        )
    return definitions


def store_definitions(connection: duckdb.DuckDBPyConnection, definitions: Sequence[MetricDefinition]) -> None:
    """Replace ops.metric_definitions, which the mart reads."""
    connection.execute(CREATE)
    for definition in definitions:
        connection.execute("insert into ops.metric_definitions values (?, ?, ?, ?, ?, ?, ?)", list(definition))


def render_markdown(definitions: Sequence[MetricDefinition]) -> str:
    """The dictionary as a page."""
    lines = [
        "# Metrics",
        "",
        "Generated from the models' YAML by `loyalty docs`; a test compares. Each worked example is a dbt unit test",
        "that runs whenever the SQL changes.",
        "",
    ]
    for definition in definitions:
        lines += [
            f"## {definition.name}",
            "",
            definition.definition,
            "",
            f"- Where: `{definition.model}`. {definition.grain}",
            f"- Worked example (`{definition.unit_test}`): {definition.worked_example}",
            f"- Owner: {definition.owner}",
            "",
        ]
    return "\n".join(lines)


def _published(manifest: Mapping[str, Any]) -> set[str]:
    nodes = manifest["nodes"].values()
    marts = [node for node in nodes if node["resource_type"] == "model" and node["config"].get("group") in GROUPS]
    return {column for node in marts for column in node["columns"] if METRIC.fullmatch(column)}


def _defined(manifest: Mapping[str, Any]) -> list[MetricDefinition]:
    definitions: dict[str, MetricDefinition] = {}
    for unit_test in manifest["unit_tests"].values():
        for name in (unit_test["config"].get("meta") or {}).get("metrics", []):
            definitions.setdefault(name, _definition(manifest, unit_test, name))
    return list(definitions.values())


def _definition(manifest: Mapping[str, Any], unit_test: Mapping[str, Any], name: str) -> MetricDefinition:
    model = _mart_of(manifest, unit_test["model"], name)
    if model is None:
        raise UserError(
            f"The unit test {unit_test['name']} works out the metric {name}, which no mart has a column for."
        )
    group = manifest["groups"].get(f"group.{unit_test['package_name']}.{model['config'].get('group')}", {})
    return MetricDefinition(
        name=name,
        definition=_plain(model["columns"][name]["description"]),
        grain=_plain(model["description"]).split(". ")[0].split(": ")[0].rstrip(".") + ".",
        worked_example=_plain(unit_test["description"]),
        unit_test=unit_test["name"],
        model=model["name"],
        owner=group.get("owner", {}).get("name", "Data engineering"),
    )


def _mart_of(manifest: Mapping[str, Any], tested: str, name: str) -> Mapping[str, Any] | None:
    """The mart that publishes the metric: the tested model, else the first fact or report; dimensions repeat theirs."""
    marts = [
        node for node in manifest["nodes"].values() if node["resource_type"] == "model" and node["schema"] == "marts"
    ]
    holders = [mart for mart in marts if name in mart["columns"]]
    return min(holders, key=lambda mart: _rank(mart["name"], tested), default=None)


def _rank(name: str, tested: str) -> tuple[bool, bool, str]:
    return name != tested, name.startswith("dim_"), name


def _plain(text: str | None) -> str:
    return " ".join((text or "").split())
