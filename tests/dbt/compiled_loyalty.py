"""The compiled SQL of the loyalty models, run in memory on histories that a test makes up."""

import functools
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dagster_project.dbt_runner.command import profile_environment
from dagster_project.dbt_runner.variables import DBT_DIR, run_variables
from tests.dbt.compiled_marts import cut_at_as_of_date
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

FOLDERS = (
    "models/intermediate/tiers",
    "models/intermediate/points",
    "models/intermediate/orders/int_linked_returns.sql",
    "models/intermediate/orders/int_unlinked_returns.sql",
    "models/intermediate/campaigns/int_redemptions.sql",
    "models/intermediate/customers/int_customer_events.sql",
    "models/intermediate/customers/int_customer_feedback.sql",
    "models/intermediate/features/int_loyalty_percentiles.sql",
    "models/intermediate/features/int_loyalty_values.sql",
    "models/marts/loyalty",
)
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
    "int_customer_daily": "customer_id varchar, order_date date, orders_count bigint, has_valid_order boolean, "
    "net_amount decimal(18, 4), gross_amount decimal(18, 4), discount_amount decimal(18, 4)",
    "int_customer_activity": "customer_id varchar, as_of_date date, recency_days integer, orders_count bigint, "
    "net_amount decimal(18, 4)",
    "int_orders": "order_id varchar, customer_id varchar, order_date date, net_amount decimal(18, 4), "
    "is_valid boolean, own_net_amount decimal(18, 4)",
    "int_order_returns": "order_id varchar, return_date date, return_amount decimal(18, 4), "
    "own_return_amount decimal(18, 4)",
    "int_sale_lines": "order_id varchar, customer_id varchar, order_date date, net_amount decimal(18, 4), "
    "returned_order_id varchar, is_return boolean",
    "int_reward_redemption_versions": "redemption_id varchar, customer_id varchar, campaign_id varchar, "
    "reward_id varchar, order_id varchar, redeemed_at timestamp, points bigint, cost_amount decimal(18, 4), "
    "row_status varchar",
    "int_point_adjustment_versions": "adjustment_id varchar, customer_id varchar, adjusted_at timestamp, "
    "points bigint, reason varchar, row_status varchar",
    "int_customer_event_versions": "event_id varchar, customer_id varchar, event_type varchar, occurred_at timestamp, "
    "reference_id varchar, row_status varchar",
    "int_customer_feedback_versions": "feedback_id varchar, customer_id varchar, given_at timestamp, rating double, "
    "row_status varchar",
    "int_customer_contact_versions": "customer_id varchar, email varchar, phone varchar, row_status varchar",
}
# Which of them know as_of_date, and the column that dates their rows.
DATED = {
    "int_customer_daily": "order_date",
    "int_orders": "order_date",
    "int_order_returns": "return_date",
    "int_sale_lines": "order_date",
}
STORE, ADDITIONS = "int_points_journal_entries", "additions to int_points_journal_entries"
Rows = Sequence[tuple[Any, ...]]


class LoyaltyModels:
    """An in-memory warehouse with the inputs of the loyalty models, in which they are built again and again."""

    def __init__(self, compiled: Mapping[str, tuple[str, str]]) -> None:
        """`compiled`: schema and SQL of each model, in an order to build them in."""
        self.compiled = compiled
        self.is_posted = False
        self.connection = connect()
        self.connection.execute("attach ':memory:' as warehouse")
        for schema in ("intermediate", "marts", "seeds"):
            self.connection.execute(f"create schema warehouse.{schema}")
        self.fill({})

    def fill(self, inputs: Mapping[str, Rows], rules: Rows = ()) -> None:
        """Replace all inputs, without later rows of those in DATED; a table that is not named is empty."""
        for name, columns in INPUTS.items():
            self._table(f"warehouse.intermediate.{name}", columns, inputs.get(name, ()))
        for name, column in DATED.items():
            cut_at_as_of_date(self.connection, name, column)
        self._table("warehouse.seeds.tier_rules", RULE_COLUMNS, rules)

    def _table(self, relation: str, columns: str, rows: Rows) -> None:
        self.connection.execute(f"create or replace table {relation} ({columns})")
        if rows:
            arrays = [pa.array(values) for values in zip(*rows, strict=True)]
            self.connection.register("given", pa.table(arrays, names=[f"c{number}" for number in range(len(arrays))]))
            self.connection.execute(f"insert into {relation} select * from given")

    def build(self, names: Iterable[str]) -> None:
        """Build the named models and those under them, in place of what they were."""
        for name in self._with_parents(names):
            if name == STORE:
                self.post()
                continue
            schema, sql = self.compiled[name]
            self.connection.execute(f"create or replace table warehouse.{schema}.{name} as {sql}")

    def forget_postings(self) -> None:
        """Begin with a new ledger."""
        self.is_posted = False

    def post(self) -> None:
        """Let the ledger's store see what is there now: made anew the first time, added to from then on."""
        self.build(["int_points_journals"])
        schema, sql = self.compiled[STORE]
        if self.is_posted:
            self.connection.execute(f"insert into warehouse.{schema}.{STORE} by name {self.compiled[ADDITIONS][1]}")
        else:
            self.connection.execute(f"create or replace table warehouse.{schema}.{STORE} as {sql}")
        self.is_posted = True

    def _with_parents(self, names: Iterable[str]) -> list[str]:
        wanted = set(names)
        for name in reversed(self.compiled):
            if name in wanted:
                wanted |= {other for other in self.compiled if f'"{other}"' in self.compiled[name][1]}
        return [name for name in self.compiled if name in wanted and name != ADDITIONS]

    def rows(self, name: str, columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
        """A model's rows in the order of their values."""
        schema = self.compiled[name][0]
        return self.connection.execute(
            f"select {columns} from warehouse.{schema}.{name} where {where} order by all"
        ).fetchall()


@functools.cache
def compile_loyalty(expiry_months: int = 12) -> Mapping[str, tuple[str, str]]:
    """The loyalty models by name, parents first: schema and SQL of each for the generated company, once a session.

    Under ADDITIONS stands what the ledger's store adds when it is there already.
    """
    with tempfile.TemporaryDirectory() as folder:
        points = {"expiry_months": expiry_months}
        settings = load_settings("generated", {}, home=Path(folder), points=points)
        compile_models(settings, *(f"path:{path}" for path in FOLDERS))
        models = _read(Path(folder))
        with connect(settings.warehouse_path) as connection:
            connection.execute(f"create schema intermediate; create table intermediate.{STORE} as select 1 as anything")
        compile_models(settings, STORE)
        return {**models, ADDITIONS: _read(Path(folder))[STORE]}


def compile_models(settings: Settings, *selection: str) -> None:
    """Leave the compiled SQL of the selected models below the company's home."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    arguments = [
        *(
            "compile",
            "--quiet",
            "--no-print",
            "--log-level-file",
            "none",
            "--select",
            *selection,
            "--target-path",
            str(settings.home),
        ),
        *("--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR), "--vars", json.dumps(run_variables(settings))),
    ]
    with pytest.MonkeyPatch.context() as environment:
        for name, value in profile_environment(settings).items():
            environment.setenv(name, value)
        try:
            result = dbtRunner().invoke(arguments)
        finally:
            DuckDBConnectionManager.close_all_connections()
    assert result.success, result.exception or result.result


def _read(folder: Path) -> Mapping[str, tuple[str, str]]:
    nodes = json.loads((folder / "manifest.json").read_text())["nodes"]
    ours = {key: node for key, node in nodes.items() if _is_ours(node)}
    parents = {key: [parent for parent in node["depends_on"]["nodes"] if parent in ours] for key, node in ours.items()}
    compiled = folder / "compiled" / "loyalty_warehouse"
    return {
        ours[key]["name"]: (ours[key]["schema"], (compiled / ours[key]["original_file_path"]).read_text())
        for key in TopologicalSorter(parents).static_order()
    }


def _is_ours(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] == "model" and node["original_file_path"].startswith(FOLDERS)
