"""The graph's own SQL, as dbt compiled it, run in bare DuckDB: hundreds of times faster than a dbt build.

dbt compiles once, for a first build (history in full) as of two days that stand for those of a later call. What an
incremental run does differently is only told by dbt itself, and tested there.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.dbt_runner.variables import DBT_DIR
from tests.properties.company import Company
from warehouse.sql import connect, quote_identifier, quote_literal

AS_OF, DATA_THROUGH = date(1987, 6, 15), date(1987, 6, 16)
MART_FOLDERS = ("core", "rfm", "retention")


class CompiledGraph:
    """The models of some targets and all that they are made from."""

    def __init__(self, company: Company, targets: Collection[str]) -> None:
        """`company` was just built with the days that stand for others."""
        manifest = company.project.manifest()
        nodes = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
        by_name = {node["name"]: name for name, node in nodes.items()}
        parents = manifest["parent_map"]
        wanted = {name for target in targets for name in with_ancestors(parents, by_name[target])} & set(nodes)
        order = TopologicalSorter({name: set(manifest["parent_map"][name]) & wanted for name in wanted}).static_order()
        self.models: dict[str, str] = {}
        self.seeds: dict[str, str] = {}
        self.parents = {
            node["name"]: {nodes[parent]["name"] for parent in manifest["parent_map"][name] if parent in nodes}
            for name, node in nodes.items()
        }
        self.schemas = {node["name"]: node["schema"] for node in nodes.values()}
        compiled = company.project.compiled_path() / "compiled" / "loyalty_warehouse"
        for unique_id in order:
            node = nodes[unique_id]
            if node["resource_type"] == "seed":
                self.seeds[node["name"]] = seed_sql(node)
            else:
                self.models[node["name"]] = (compiled / node["original_file_path"]).read_text(encoding="utf-8")

    def run(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        as_of: date | None = None,
        data_through: date | None = None,
        given: Collection[str] = (),
        until: str | None = None,
    ) -> None:
        """Make every model, or those that `until` is made from and itself, as tables of the database `warehouse`.

        Tables in place of the models `given` are there already, and what only they are made from is left out.
        """
        wanted = self._needed([until] if until else list(self.models), set(given))
        for schema in sorted({self.schemas[name] for name in (*self.seeds, *self.models)}):
            connection.execute(f"create schema if not exists warehouse.{quote_identifier(schema)}")
        for name, sql in {**self.seeds, **self.models}.items():
            if name not in wanted:
                continue
            connection.execute(f"create or replace table {self._relation(name)} as {dated(sql, as_of, data_through)}")

    def _needed(self, targets: list[str], given: set[str]) -> set[str]:
        needed: set[str] = set()
        while targets:
            name = targets.pop()
            if name not in needed | given:
                needed.add(name)
                targets.extend(self.parents[name])
        return needed

    def create_given(self, connection: duckdb.DuckDBPyConnection, model: str, query: str, **values: Any) -> None:
        """Put a table in the place of a model, made by `query`."""
        connection.execute(f"create schema if not exists warehouse.{quote_identifier(self.schemas[model])}")
        connection.execute(f"create or replace table {self._relation(model)} as {query}", values or None)

    def _relation(self, name: str) -> str:
        return f"warehouse.{quote_identifier(self.schemas[name])}.{quote_identifier(name)}"


def dated(sql: str, as_of: date | None, data_through: date | None) -> str:
    """Compiled SQL with these days in place of those that stand for them."""
    for stand_in, day in ((AS_OF, as_of), (DATA_THROUGH, data_through)):
        sql = sql.replace(f"'{stand_in}'", quote_literal(str(day)) if day else "null")
    return sql


def seed_sql(node: Mapping[str, Any]) -> str:
    """A seed's rows."""
    file = quote_literal(str(DBT_DIR / node["original_file_path"]))
    return f"from read_csv({file}, types = {node['config']['column_types']})"


def with_ancestors(parents: Mapping[str, Collection[str]], key: str) -> set[str]:
    """A node and all that it is made from."""
    found, waiting = {key}, [key]
    while waiting:
        new = set(parents.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def marts_without_models(manifest: Any) -> list[str]:
    """The marts of MART_FOLDERS that nothing learned enters."""
    parents = manifest["parent_map"]
    return sorted(
        node["name"]
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and node["schema"] == "marts"
        and Path(node["original_file_path"]).parent.name in MART_FOLDERS
        and not any(parent.startswith("source.loyalty_warehouse.ml.") for parent in with_ancestors(parents, unique_id))
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


def bare_warehouse() -> duckdb.DuckDBPyConnection:
    """An empty database in memory, called `warehouse` as the file is."""
    connection = connect()
    connection.execute("attach ':memory:' as warehouse")
    connection.execute("use warehouse")
    connection.execute("set threads = 1")
    return connection
