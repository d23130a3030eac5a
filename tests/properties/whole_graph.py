"""The whole product in bare DuckDB and in this process: every model of dbt's, every learning step and every check.

What a run does, without dbt and Dagster around it, so that a company takes seconds. dbt compiles once, for a first
build as of two days that stand for those of a company.
"""

import json
from collections.abc import Mapping
from datetime import date
from graphlib import TopologicalSorter
from typing import Any

import duckdb

from dagster_project.steps.base import Step
from dagster_project.steps.registry import STEPS
from tests.dbt.compiled_loyalty import compile_models
from tests.properties.company import Company
from tests.properties.graph import dated, seed_sql, with_ancestors
from warehouse.model_store.results import post
from warehouse.settings import Settings
from warehouse.sql import quote_identifier

MADE = ("model", "seed", "test")
RECORDS = {f"source.loyalty_warehouse.ml.{name}" for name in ("model_runs", "model_metrics", "result_versions")}


class WholeGraph:
    """What a run makes, in an order to make it in."""

    def __init__(self, company: Company) -> None:
        """`company` was loaded and has the days of `tests.properties.graph`."""
        company.build([node["name"] for node in company.project.manifest()["nodes"].values() if _is_staging(node)])
        compile_models(company.settings, "fqn:*")
        manifest = json.loads((company.settings.home / "manifest.json").read_text(encoding="utf-8"))
        self.nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in MADE}
        self.steps = {step.name: step for step in STEPS}
        self.order = list(TopologicalSorter(self._parents(manifest["parent_map"])).static_order())

    def _parents(self, parent_map: Mapping[str, list[str]]) -> Mapping[str, set[str]]:
        """What each node and step waits for; a step waits for the tables it reads, and its readers for the step."""
        by_table = {f"{node['schema']}.{node['name']}": key for key, node in self.nodes.items()}
        filled = {f"source.loyalty_warehouse.ml.{table}": step.name for step in STEPS for table in step.tables}
        parents: dict[str, set[str]] = {
            key: {filled.get(one, one) for one in parent_map[key] if one in self.nodes or one in filled}
            for key in self.nodes
        }
        for step in STEPS:
            parents[step.name] = {by_table[table] for table in step.reads if table in by_table}
        # records of all runs are read by what no step stands on
        under_steps = {one for step in STEPS for one in with_ancestors(parents, step.name)}
        for key in self.nodes:
            if key not in under_steps and RECORDS.intersection(parent_map[key]):
                parents[key] |= {step.name for step in STEPS}
        return parents

    def run(
        self, connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: date | None, data_through: date | None
    ) -> list[str]:
        """Make everything; what is wrong with it, as sentences."""
        problems: list[str] = []
        for key in self.order:
            if key in self.steps:
                problems += _learn(self.steps[key], connection, settings)
                continue
            node = self.nodes[key]
            problems += self._make(connection, node, dated(node.get("compiled_code") or "", as_of, data_through))
        return problems

    def _make(self, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], sql: str) -> list[str]:
        if node["resource_type"] == "test":
            found = connection.execute(f"select count(*) from ({sql})").fetchone() if sql else (0,)
            is_wrong = found != (0,) and node["config"]["severity"].lower() == "error"
            return [f"check {node['name']}: {found} rows"] if is_wrong else []
        schema, name = quote_identifier(node["schema"]), quote_identifier(node["name"])
        connection.execute(f"create schema if not exists {schema}")
        if node["resource_type"] == "seed":
            sql = seed_sql(node)
        kind = "view" if node["config"]["materialized"] == "view" else "table"
        connection.execute(f"create or replace {kind} {schema}.{name} as {sql}")
        return []


def _is_staging(node: Mapping[str, Any]) -> bool:
    """Whether models that are compiled look at its columns."""
    return node["resource_type"] == "model" and node["schema"] == "staging"


def _learn(step: Step, connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[str]:
    row = connection.execute("select as_of_date from intermediate.int_run_dates").fetchone()
    assert row is not None
    result = step.run(settings, connection, row[0])
    post(connection, step.name, row[0], result.runs, result.frames, result.metrics, "input")
    return [f"model {step.name}: {problem}" for problem in result.problems]
