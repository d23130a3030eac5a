"""The compiled SQL of the loyalty models, run in memory on histories that a test makes up."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

import pyarrow as pa

from dagster_project.dbt_in_process import DbtProject
from warehouse.connections import connect
from warehouse.settings import Settings

FOLDERS = ("models/intermediate/loyalty/", "models/marts/loyalty/")
RULE_COLUMNS = (
    "company varchar, rule_version varchar, effective_from date, tier_rank integer, tier varchar, "
    "threshold_amount decimal(18, 4), earn_rate decimal(9, 4), validity_months integer, grace_days integer, "
    "keep_rate decimal(9, 4), benefits varchar"
)
# What the models stand on, with the columns that they read.
INPUTS = {
    "int_run_dates": "data_from date, data_through date, as_of_date date",
    "int_as_of_dates": "as_of_date date, is_current boolean, is_month_end boolean",
    "int_customers": "customer_id varchar, known_since date",
    "int_customer_days": "customer_id varchar, order_date date, orders_count bigint, has_valid_order boolean, "
    "net_amount decimal(18, 4), gross_amount decimal(18, 4), discount_amount decimal(18, 4)",
    "int_customer_activity": "customer_id varchar, as_of_date date, recency_days integer, orders_count bigint, "
    "net_amount decimal(18, 4)",
    "int_orders": "order_id varchar, customer_id varchar, order_date date, net_amount decimal(18, 4), is_valid boolean",
    "int_order_returns": "order_id varchar, return_date date, return_amount decimal(18, 4)",
    "int_order_line_versions": "order_id varchar, customer_id varchar, order_date date, net_amount decimal(18, 4), "
    "original_order_id varchar, is_return boolean, order_status varchar, verdict varchar",
    "int_reward_redemption_versions": "redemption_id varchar, customer_id varchar, reward_id varchar, "
    "redeemed_at timestamp, points bigint, verdict varchar",
    "int_point_adjustment_versions": "adjustment_id varchar, customer_id varchar, adjusted_at timestamp, "
    "points bigint, verdict varchar",
    "int_customer_event_versions": "event_id varchar, customer_id varchar, occurred_at timestamp, verdict varchar",
    "int_customer_feedback_versions": "feedback_id varchar, customer_id varchar, given_at timestamp, rating double, "
    "verdict varchar",
    "int_customer_contact_versions": "customer_id varchar, email varchar, phone varchar, verdict varchar",
}
Rows = Sequence[tuple[Any, ...]]


class LoyaltyModels:
    """An in-memory warehouse with the inputs of the loyalty models, in which they are built again and again."""

    def __init__(self, compiled: Mapping[str, tuple[str, str]]) -> None:
        """`compiled`: schema and SQL of each model, in an order to build them in."""
        self.compiled = compiled
        self.connection = connect()
        self.connection.execute("attach ':memory:' as warehouse")
        for schema in ("intermediate", "marts", "seeds"):
            self.connection.execute(f"create schema warehouse.{schema}")
        self.fill({})

    def fill(self, inputs: Mapping[str, Rows], rules: Rows = ()) -> None:
        """Replace all inputs; a table that is not named is empty."""
        for name, columns in INPUTS.items():
            self._table(f"warehouse.intermediate.{name}", columns, inputs.get(name, ()))
        self._table("warehouse.seeds.tier_rules", RULE_COLUMNS, rules)

    def _table(self, relation: str, columns: str, rows: Rows) -> None:
        self.connection.execute(f"create or replace table {relation} ({columns})")
        if rows:
            arrays = [pa.array(values) for values in zip(*rows, strict=True)]
            given = pa.table(arrays, names=[f"c{number}" for number in range(len(arrays))])  # read by name below
            assert given.num_rows == len(rows)
            self.connection.execute(f"insert into {relation} select * from given")

    def build(self, names: Iterable[str]) -> None:
        """Build the named models and those under them, in place of what they were."""
        for name in self._with_parents(names):
            schema, sql = self.compiled[name]
            self.connection.execute(f"create or replace table warehouse.{schema}.{name} as {sql}")

    def _with_parents(self, names: Iterable[str]) -> list[str]:
        wanted = set(names)
        for name in reversed(self.compiled):
            if name in wanted:
                wanted |= {other for other in self.compiled if f'"{other}"' in self.compiled[name][1]}
        return [name for name in self.compiled if name in wanted]

    def rows(self, name: str, columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
        """A model's rows in the order of their values."""
        schema = self.compiled[name][0]
        return self.connection.execute(
            f"select {columns} from warehouse.{schema}.{name} where {where} order by all"
        ).fetchall()


@functools.cache
def compile_loyalty(settings: Settings) -> Mapping[str, tuple[str, str]]:
    """The loyalty models by name, parents first: their schema and their SQL under these settings, once a session."""
    project = DbtProject(settings)
    nodes = {
        key: node
        for key, node in project.manifest()["nodes"].items()
        if node["resource_type"] == "model" and node["original_file_path"].startswith(FOLDERS)
    }
    results = project.build([node["name"] for node in nodes.values()], command="compile")
    assert all(result.is_good for result in results), results
    parents = {key: [parent for parent in node["depends_on"]["nodes"] if parent in nodes] for key, node in nodes.items()}
    folder = project.compiled_path() / "compiled" / "loyalty_warehouse"
    return {
        nodes[key]["name"]: (nodes[key]["schema"], (folder / nodes[key]["original_file_path"]).read_text())
        for key in TopologicalSorter(parents).static_order()
    }
