"""The whole product in bare DuckDB and in this process: every model of dbt's, every learning step and every check.

What a run does, without dbt and Dagster around it, so that a company takes seconds. dbt compiles once, for a first
build as of two days that stand for those of a company.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from graphlib import TopologicalSorter
from typing import Any

import duckdb

from dagster_project.dbt_runner.variables import DBT_DIR
from dagster_project.steps.base import Step
from dagster_project.steps.registry import STEPS
from tests.dbt.compiled_loyalty import compile_models
from tests.properties.company import Company
from tests.properties.graph import AS_OF, DATA_THROUGH
from warehouse.model_store.results import post
from warehouse.settings import Settings
from warehouse.sql import quote_identifier, quote_literal

MADE = ("model", "seed", "test")


class WholeGraph:
    """What a run makes, in an order to make it in."""

    def __init__(self, company: Company) -> None:
        """`company` was loaded and has AS_OF and DATA_THROUGH."""
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
        of_records = [key for key in self.nodes if self._reads_records(parent_map, key)]
        under_steps = {one for step in STEPS for one in _ancestors(parents, step.name)}
        for key in of_records:
            if key not in under_steps:
                parents[key] |= {step.name for step in STEPS}
        return parents

    def _reads_records(self, parent_map: Mapping[str, list[str]], key: str) -> bool:
        records = ("model_runs", "model_metrics", "result_versions")
        return any(one == f"source.loyalty_warehouse.ml.{name}" for one in parent_map[key] for name in records)

    def run(
        self, connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: date | None, data_through: date | None
    ) -> list[str]:
        """Make everything; what is wrong with it, as sentences."""
        days = {f"'{AS_OF}'": as_of, f"'{DATA_THROUGH}'": data_through}
        problems: list[str] = []
        for key in self.order:
            if key in self.steps:
                problems += _learn(self.steps[key], connection, settings)
                continue
            node = self.nodes[key]
            sql = node.get("compiled_code") or ""
            for stand_in, day in days.items():
                sql = sql.replace(stand_in, quote_literal(str(day)) if day else "null")
            problems += self._make(connection, node, sql)
        return problems

    def _make(self, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], sql: str) -> list[str]:
        if node["resource_type"] == "test":
            found = connection.execute(f"select count(*) from ({sql})").fetchone() if sql else (0,)
            is_wrong = found != (0,) and node["config"]["severity"].lower() == "error"
            return [f"check {node['name']}: {found} rows"] if is_wrong else []
        schema, name = quote_identifier(node["schema"]), quote_identifier(node["name"])
        connection.execute(f"create schema if not exists {schema}")
        if node["resource_type"] == "seed":
            file = quote_literal(str(DBT_DIR / node["original_file_path"]))
            sql = f"from read_csv({file}, types = {node['config']['column_types']})"
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


def _ancestors(parents: Mapping[str, set[str]], key: str) -> Iterator[str]:
    seen, waiting = {key}, [key]
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
                yield parent
