"""The graph's own SQL, as dbt compiled it, run in bare DuckDB.

dbt compiles once, for a first build (history in full) as of two days that stand for those of a later call. What an
incremental run does differently is only told by dbt itself, and tested there.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.graph import with_ancestors
from dagster_project.dbt_runner.project import DbtProject
from tests.properties.company import Company
from tests.support.compiled import Models, bare_warehouse, build_models, compile_models
from warehouse.settings import Settings
from warehouse.sql import quote_identifier, quote_literal

AS_OF, DATA_THROUGH = date(1987, 6, 15), date(1987, 6, 16)
MART_FOLDERS = ("core", "rfm", "retention")


class CompiledGraph:
    """The models of some targets and all that they are made from."""

    def __init__(self, settings: Settings, targets: Collection[str]) -> None:
        """Of a company that has the days that stand for others, and its staging."""
        manifest = DbtProject(settings).manifest()
        nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
        wanted = with_ancestors(manifest["parent_map"], (key for key, node in nodes.items() if node["name"] in targets))
        self.models = compile_models(settings, [nodes[key]["name"] for key in wanted & nodes.keys()])

    @property
    def marts(self) -> list[str]:
        """The names of the marts among the models."""
        return [name for name, model in self.models.items() if model.schema == "marts"]

    def run(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        as_of: date | None = None,
        data_through: date | None = None,
        until: str | None = None,
    ) -> None:
        """Make every model, or those that `until` is made from and itself, as tables of the database `warehouse`."""
        parents = {model.name: model.parents for model in self.models.values()}
        wanted = with_ancestors(parents, [until] if until else self.models)
        for schema in sorted({model.schema for model in self.models.values()}):
            connection.execute(f"create schema if not exists warehouse.{quote_identifier(schema)}")
        models = Models(
            (name, replace(model, sql=dated(model.sql, as_of, data_through))) for name, model in self.models.items()
        )
        build_models(connection, models, wanted)


def dated(sql: str, as_of: date | None, data_through: date | None) -> str:
    """Compiled SQL with these days in place of those that stand for them."""
    for stand_in, day in ((AS_OF, as_of), (DATA_THROUGH, data_through)):
        sql = sql.replace(f"'{stand_in}'", quote_literal(str(day)) if day else "null")
    return sql


def marts_without_models(manifest: Any) -> list[str]:
    """The marts of MART_FOLDERS that nothing learned enters."""
    parents = manifest["parent_map"]
    return sorted(
        node["name"]
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and node["schema"] == "marts"
        and Path(node["original_file_path"]).parent.name in MART_FOLDERS
        and not any(
            parent.startswith("source.loyalty_warehouse.ml.") for parent in with_ancestors(parents, [unique_id])
        )
    )


def bare_copy(company: Company, schemas: Sequence[str] = ("raw_shop", "raw_till", "ops")) -> duckdb.DuckDBPyConnection:
    """A database in memory, called `warehouse`, with what the company's ingest loaded."""
    connection = bare_warehouse()
    connection.execute(f"attach {quote_literal(str(company.settings.warehouse_path))} as loaded (read_only)")
    for schema in schemas:
        connection.execute(f"create schema {quote_identifier(schema)}")
        names = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'loaded' and schema_name = ?", [schema]
        ).fetchall()
        for (name,) in names:
            table = f"{quote_identifier(schema)}.{quote_identifier(name)}"
            connection.execute(f"create table {table} as from loaded.{table}")
    connection.execute("detach loaded")
    return connection
