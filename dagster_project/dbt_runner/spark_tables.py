"""Tables between the warehouse and Spark, as Parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from warehouse.errors import UserError
from warehouse.relations import Relation
from warehouse.sql import quote_identifier, quote_literal, transaction

# The column of the month by which history is in parts on Spark (dbt/macros/incremental_spark.sql).
MONTH_PART = "order_month"
# Spark's type of a moment, which DuckDB's models have without a zone, in UTC; and types that have another name here.
MOMENT = "timestamp"
TYPES = {"timestamp_ntz": "timestamp", "string": "varchar", "binary": "blob"}
VIEWS = "select 1 from duckdb_views() where database_name = current_database() and schema_name = $1 and view_name = $2"


def export_table(
    connection: duckdb.DuckDBPyConnection, relation: Relation, folder: Path, rows: str | None = None
) -> Path:
    """Write a table or view as one file of the folder, in the place of the file before. Returns its path.

    rows: a query of those that are written, where it is not all of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{relation}.parquet"
    new = file.with_suffix(".tmp")
    connection.execute(f"copy ({rows or f'from {relation.sql}'}) to {quote_literal(str(new))} (format parquet)")
    return new.replace(file)


def require_contract(node: Mapping[str, Any], columns: Sequence[Sequence[str]]) -> None:
    """Raises UserError where a model under contract has other columns than it declares, as dbt does in DuckDB."""
    apart = {name for name, _ in columns if name != MONTH_PART} ^ node["columns"].keys()
    if node["config"]["contract"]["enforced"] and apart:
        relation = Relation(node["schema"], node["alias"])
        raise UserError(f"{relation}: {', '.join(sorted(apart))} stand in its SQL or in its contract alone.")


def take_over(
    connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], folder: Path, columns: Sequence[Sequence[str]]
) -> None:
    """Make the table of a model from Spark's files, with the types and descriptions that the model declares.

    folder: the table's files, below a folder for each month where it has parts. columns: names and Spark's types.
    """
    relation = Relation(node["schema"], node["alias"])
    types = {name: kind for name, kind in columns if name != MONTH_PART}
    selected = [f"{_value(name, kind, node['columns'])} as {quote_identifier(name)}" for name, kind in types.items()]
    rows = f"read_parquet({quote_literal(str(folder / '**' / '*.parquet'))}, hive_partitioning = false)"
    if not any(folder.rglob("*.parquet")):  # a table in parts has no file where it has no row
        empty = [f"cast(null as {TYPES.get(kind, kind)}) as {quote_identifier(name)}" for name, kind in types.items()]
        rows = f"(select {', '.join(empty)}) where false"
    with transaction(connection):
        connection.execute(f"create schema if not exists {quote_identifier(relation.schema)}")
        if connection.execute(VIEWS, [*relation]).fetchone():
            connection.execute(f"drop view {relation.sql}")
        connection.execute(f"create or replace table {relation.sql} as select {', '.join(selected)} from {rows}")
        if node["config"]["persist_docs"].get("columns"):
            _describe(connection, relation, node)


def _value(name: str, kind: str, declared: Mapping[str, Any]) -> str:
    """A column as the model has it: a moment in UTC without its zone, and the declared type where there is one."""
    value = quote_identifier(name)
    if kind == MOMENT:
        value = f"timezone('UTC', cast({value} as timestamptz))"
    wanted = declared.get(name, {}).get("data_type")
    return f"cast({value} as {wanted})" if wanted else value


def _describe(connection: duckdb.DuckDBPyConnection, relation: Relation, node: Mapping[str, Any]) -> None:
    connection.execute(f"comment on table {relation.sql} is {quote_literal(node['description'])}")
    for column in node["columns"].values():
        place = f"{relation.sql}.{quote_identifier(column['name'])}"
        connection.execute(f"comment on column {place} is {quote_literal(column['description'])}")
