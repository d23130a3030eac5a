"""Models as dbt compiled them, built in bare DuckDB: hundreds of times faster than a dbt build."""

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks.graph import with_ancestors
from dagster_project.dbt_runner import manifest_cache
from dagster_project.dbt_runner.command import command_line, profile_environment
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.variables import DBT_DIR, run_variables
from warehouse.settings import Settings
from warehouse.sql import connect, quote_identifier, quote_literal

COMPILE = ("compile", "--no-write-json", "--select")
SCHEMAS = ("intermediate", "marts", "seeds")
Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Model:
    """A model or test as dbt compiled it, or a seed's rows; `parents`: what it reads, a source as schema.table."""

    name: str
    kind: str
    schema: str
    sql: str
    parents: frozenset[str] = frozenset()
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def relation(self) -> str:
        """Its table in the database `warehouse`."""
        return f"warehouse.{quote_identifier(self.schema)}.{quote_identifier(self.name)}"


class Models(dict[str, Model]):
    """Models by name, parents first."""

    def __repr__(self) -> str:
        return f"<{len(self)} models>"


def compile_models(settings: Settings, names: Iterable[str]) -> Models:
    """The models, tests and seeds of those names as dbt compiles them for a company.

    What stands in the company's warehouse counts: the columns of staging, and whether an incremental model is there.
    """
    project = DbtProject(settings)
    manifest = project.manifest()
    by_name = {node["name"]: key for key, node in manifest["nodes"].items()}
    wanted = {by_name[name] for name in names}
    nodes = {key: node for key, node in manifest["nodes"].items() if key in wanted}
    seeds = {key: seed_sql(node) for key, node in nodes.items() if node["resource_type"] == "seed"}
    compiled = _compile(project, [node["name"] for key, node in nodes.items() if key not in seeds])
    order = TopologicalSorter({key: set(manifest["parent_map"][key]) & wanted for key in nodes}).static_order()
    # tests of models that the company does not have are not compiled
    models = [_model(manifest, key, seeds.get(key) or compiled.get(key, "")) for key in order]
    assert all(model.sql or model.kind == "test" for model in models)
    return Models((model.name, model) for model in models)


def _compile(project: DbtProject, names: Collection[str]) -> dict[str, str]:
    """The SQL of the named nodes by unique id."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    packed = project.manifest_path().with_suffix(".msgpack").read_bytes()
    manifest = manifest_cache.unpack(packed)
    arguments = [*COMPILE, *manifest_cache.selected(manifest, list(names))]
    with pytest.MonkeyPatch.context() as environment, tempfile.TemporaryDirectory() as target:
        for name, value in profile_environment(project.settings).items():
            environment.setenv(name, value)
        command = command_line(arguments, run_variables(project.settings), "warehouse", Path(target), DBT_DIR)
        try:
            done = dbtRunner(manifest=manifest).invoke(command)
        finally:
            DuckDBConnectionManager.close_all_connections()
    assert done.success, done.exception or done.result
    return {result.node.unique_id: result.node.compiled_code or "" for result in done.result.results}


def _model(manifest: Mapping[str, Any], key: str, sql: str) -> Model:
    node, nodes, sources = manifest["nodes"][key], manifest["nodes"], manifest["sources"]
    read = manifest["parent_map"][key]
    models = {nodes[one]["name"] for one in read if one in nodes}
    parents = models.union(f"{sources[one]['schema']}.{sources[one]['name']}" for one in read if one in sources)
    return Model(node["name"], node["resource_type"], node["schema"], sql, frozenset(parents), node["config"])


def seed_sql(node: Mapping[str, Any]) -> str:
    """A seed's rows."""
    file = quote_literal(str(DBT_DIR / node["original_file_path"]))
    return f"from read_csv({file}, types = {node['config']['column_types']})"


def build_models(connection: duckdb.DuckDBPyConnection, models: Models, names: Collection[str] | None = None) -> None:
    """Make tables, in place of what they were, of all models or of those in `names`."""
    for model in models.values():
        if names is None or model.name in names:
            connection.execute(f"create or replace table {model.relation} as {model.sql}")


def bare_warehouse() -> duckdb.DuckDBPyConnection:
    """An empty database in memory, called `warehouse` as the file is."""
    connection = connect()
    connection.execute("attach ':memory:' as warehouse; use warehouse; set threads = 1")
    for schema in SCHEMAS:
        connection.execute(f"create schema {schema}")
    return connection


class CompiledWarehouse:
    """Compiled models in an empty warehouse, on made-up rows of the tables that they stand on."""

    def __init__(self, models: Models, inputs: Mapping[str, str], dated: Mapping[str, str]) -> None:
        """`inputs`: the columns that the models read of each table; `dated`: the date of those that as_of_date cuts."""
        self.models, self.inputs, self.dated = models, inputs, dated
        self.connection = bare_warehouse()

    def fill(self, rows: Mapping[str, Rows]) -> None:
        """Replace the rows of all inputs. Tables that are not named are empty, `dated` ones end with as_of_date."""
        for name, columns in self.inputs.items():
            self.table(f"intermediate.{name}", columns, rows.get(name, ()))
        for name, column in self.dated.items():
            as_of = "(select as_of_date from intermediate.int_run_dates)"
            self.connection.execute(f"delete from intermediate.{name} where {column} > {as_of}")

    def table(self, relation: str, columns: str, rows: Rows) -> None:
        """Make a table of the given rows."""
        self.connection.execute(f"create or replace table {relation} ({columns})")
        self.insert(relation, rows)

    def insert(self, relation: str, rows: Rows) -> None:
        """Add the rows to a table."""
        if rows:
            arrays = [pa.array(values) for values in zip(*rows, strict=True)]
            self.connection.register("given", pa.table(arrays, names=[f"c{number}" for number in range(len(arrays))]))
            self.connection.execute(f"insert into {relation} select * from given")

    def needed(self, names: Iterable[str]) -> Iterator[str]:
        """The named models and all that they are made from, parents first."""
        wanted = with_ancestors({model.name: model.parents for model in self.models.values()}, names)
        return (name for name in self.models if name in wanted)

    def query(self, name: str, columns: str = "*", where: str = "true") -> duckdb.DuckDBPyConnection:
        """A model's rows in the order of their values."""
        return self.connection.execute(f"select {columns} from {self.models[name].relation} where {where} order by all")

    def rows(self, name: str, columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
        """A model's rows as tuples."""
        return self.query(name, columns, where).fetchall()

    def frame(self, name: str, columns: str = "*") -> pd.DataFrame:
        """A model's rows as a frame."""
        return self.query(name, columns).df()
