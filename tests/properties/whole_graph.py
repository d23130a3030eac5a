"""The whole product in bare DuckDB and in this process: every model of dbt's, every learning step and every check.

What a run does, without dbt and Dagster around it, so that a company takes seconds. dbt compiles once, for a first
build as of two days that stand for those of a company.
"""

from collections.abc import Mapping
from datetime import date
from graphlib import TopologicalSorter

import duckdb

from benchmarks.graph import with_ancestors
from dagster_project.steps.base import Step
from dagster_project.steps.registry import STEPS
from tests.properties.company import Company
from tests.properties.graph import dated
from tests.support.compiled import Model, compile_models
from warehouse.model_store.results import post
from warehouse.settings import Settings
from warehouse.sql import quote_identifier

MADE = ("model", "seed", "test")
RECORDS = {"ml.model_runs", "ml.model_metrics", "ml.result_versions"}


class WholeGraph:
    """What a run makes, in an order to make it in."""

    def __init__(self, company: Company) -> None:
        """`company` was loaded and has the days of `tests.properties.graph`."""
        nodes = company.project.manifest()["nodes"].values()
        company.build_staging()
        self.models = compile_models(
            company.settings, [node["name"] for node in nodes if node["resource_type"] in MADE]
        )
        self.steps = {step.name: step for step in STEPS}
        self.order = list(TopologicalSorter(self._parents()).static_order())

    def _parents(self) -> Mapping[str, set[str]]:
        """What each model and step waits for; a step waits for the tables it reads, and its readers for the step."""
        by_table = {f"{model.schema}.{name}": name for name, model in self.models.items()}
        filled = {f"ml.{table}": step.name for step in STEPS for table in step.tables}
        parents = {
            name: {filled.get(one, one) for one in model.parents if one in self.models or one in filled}
            for name, model in self.models.items()
        }
        for step in STEPS:
            parents[step.name] = {by_table[table] for table in step.reads if table in by_table}
        # records of all runs are read by what no step stands on
        under_steps = with_ancestors(parents, self.steps)
        for name, model in self.models.items():
            if name not in under_steps and RECORDS & model.parents:
                parents[name] |= set(self.steps)
        return parents

    def run(
        self, connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: date | None, data_through: date | None
    ) -> list[str]:
        """Make everything; what is wrong with it, as sentences."""
        problems: list[str] = []
        for name in self.order:
            if name in self.steps:
                problems += _learn(self.steps[name], connection, settings)
            else:
                problems += _make(connection, self.models[name], dated(self.models[name].sql, as_of, data_through))
        return problems


def _make(connection: duckdb.DuckDBPyConnection, model: Model, sql: str) -> list[str]:
    if model.kind == "test":
        found = connection.execute(f"select count(*) from ({sql})").fetchone() if sql else (0,)
        is_wrong = found != (0,) and model.config["severity"].lower() == "error"
        return [f"check {model.name}: {found} rows"] if is_wrong else []
    schema, name = quote_identifier(model.schema), quote_identifier(model.name)
    connection.execute(f"create schema if not exists {schema}")
    kind = "view" if model.config["materialized"] == "view" else "table"
    connection.execute(f"create or replace {kind} {schema}.{name} as {sql}")
    return []


def _learn(step: Step, connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[str]:
    result = step.run(settings, connection)
    learned_as_of = step.learned_as_of(connection)
    post(connection, step.name, learned_as_of, result.runs, result.frames, result.metrics, "input")
    return [f"model {step.name}: {problem}" for problem in result.problems]
