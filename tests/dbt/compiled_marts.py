"""The compiled SQL of the customer marts, run in memory on histories that a test makes up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

import duckdb
import pandas as pd

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.variables import DBT_DIR
from warehouse.sql import connect

# What the models stand on, with the columns that they read.
INPUTS = {
    "int_run_dates": "data_from date, data_through date, as_of_date date",
    "int_customer_versions": "customer_id varchar, joined_at timestamp, row_status varchar",
    "int_campaign_versions": "campaign_id varchar, start_date date, row_status varchar",
    "int_campaign_member_versions": "campaign_id varchar, customer_id varchar, arm varchar, assigned_at timestamp, "
    "row_status varchar",
    "int_customer_daily": "customer_id varchar, order_date date, orders_count bigint, has_valid_order boolean, "
    "net_amount decimal(18, 4), sales_net_amount decimal(18, 4), return_amount decimal(18, 4), "
    "sales_margin_amount decimal(18, 4)",
    "int_orders": "order_id varchar, customer_id varchar, order_date date, is_valid boolean",
    "int_point_adjustments": "customer_id varchar, adjusted_on date",
    "int_redemptions": "customer_id varchar, redemption_date date, points bigint",
    "int_order_returns": "order_id varchar, return_date date, return_amount decimal(18, 4), "
    "return_margin_amount decimal(18, 4)",
}
# Which of them know as_of_date, and the column that dates their rows.
DATED = {"int_customer_daily": "order_date", "int_orders": "order_date", "int_order_returns": "return_date"}
GROUPS = ("rfm", "retention")
# They stand on order lines, and are compared with pandas on a built company (test_cohort_attributes.py).
OF_LINES = ("fct_cohort_attributes", "rpt_cohort_drivers", "int_first_order")


@dataclass(frozen=True)
class Model:
    """One compiled model."""

    name: str
    schema: str
    sql: str = field(repr=False)


def read_compiled_marts(project: DbtProject) -> list[Model]:
    """The marts of both groups but OF_LINES, and all between them and INPUTS, in the order to build them in.

    The project was built before, which leaves its compiled SQL behind.
    """
    nodes = project.manifest()["nodes"]
    parents: dict[str, list[str]] = {}
    marts = [key for key, node in nodes.items() if node["config"].get("group") in GROUPS]
    wanted = [key for key in marts if not nodes[key]["name"].startswith(OF_LINES)]
    while wanted:
        key = wanted.pop()
        if key not in parents and nodes[key]["resource_type"] == "model" and nodes[key]["name"] not in INPUTS:
            parents[key] = [parent for parent in nodes[key]["depends_on"]["nodes"] if parent in nodes]
            wanted.extend(parents[key])
    order = [nodes[key] for key in TopologicalSorter(parents).static_order() if key in parents]
    folder = project.compiled_path() / "compiled" / "loyalty_warehouse"
    return [Model(node["name"], node["schema"], (folder / node["original_file_path"]).read_text()) for node in order]


def cut_at_as_of_date(connection: duckdb.DuckDBPyConnection, name: str, column: str) -> None:
    """Leave out of an input what comes after the day of `int_run_dates`, as the model that it stands for does."""
    table = f"warehouse.intermediate.{name}"
    connection.execute(
        f"delete from {table} where {column} > (select as_of_date from warehouse.intermediate.int_run_dates)"
    )


class Marts:
    """The marts of one made-up history."""

    def __init__(self, models: Iterable[Model], inputs: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        """`inputs`: rows for each table of INPUTS, later ones of DATED are left out; a table without rows is empty."""
        self.models = list(models)
        self.connection = connect()
        self.connection.execute("attach ':memory:' as warehouse")
        for schema in ("intermediate", "marts", "seeds"):
            self.connection.execute(f"create schema warehouse.{schema}")
        segments = str(DBT_DIR / "seeds" / "rfm_segments.csv")
        self.connection.execute("create table warehouse.seeds.rfm_segments as from read_csv(?)", [segments])
        for name, columns in INPUTS.items():
            self.connection.execute(f"create table warehouse.intermediate.{name} ({columns})")
            self._insert(name, inputs.get(name, ()))
        for name, column in DATED.items():
            cut_at_as_of_date(self.connection, name, column)
        for model in self.models:
            self.build(model.name)

    def _insert(self, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            marks = ", ".join("?" for _ in rows[0])
            values = ", ".join(f"({marks})" for _ in rows)
            flat = [value for row in rows for value in row]
            self.connection.execute(f"insert into warehouse.intermediate.{name} values {values}", flat)

    def _model(self, name: str) -> Model:
        return next(model for model in self.models if model.name == name)

    def build(self, name: str) -> None:
        """Build one model from what is there, in place of what it was."""
        model = self._model(name)
        self.connection.execute(f"create or replace table warehouse.{model.schema}.{name} as {model.sql}")

    def query(self, name: str, columns: str = "*", where: str = "true") -> duckdb.DuckDBPyConnection:
        """A model's rows in the order of their values."""
        return self.connection.execute(
            f"select {columns} from warehouse.{self._model(name).schema}.{name} where {where} order by all"
        )

    def rows(self, name: str, columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
        """A model's rows as tuples."""
        return self.query(name, columns, where).fetchall()

    def frame(self, name: str, columns: str = "*") -> pd.DataFrame:
        """A model's rows as a frame."""
        return self.query(name, columns).df()
