"""The compiled SQL of the loyalty models, run in memory on histories that a test makes up."""

import functools
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from dagster_project.dbt_runner.project import DbtProject
from tests.support.company import generated_settings
from tests.support.compiled import CompiledWarehouse, Models, Rows, build_models, compile_models
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


class LoyaltyModels(CompiledWarehouse):
    """An in-memory warehouse with the inputs of the loyalty models, in which they are built again and again."""

    def __init__(self, compiled: Models) -> None:
        super().__init__(compiled, INPUTS, DATED)
        self.is_posted = False
        self.fill({})

    def fill(self, rows: Mapping[str, Rows], rules: Rows = ()) -> None:
        """Replace all inputs and the tier rules."""
        super().fill(rows)
        self.table("seeds.tier_rules", RULE_COLUMNS, rules)

    def build(self, names: Iterable[str]) -> None:
        """Build the named models and those under them, in place of what they were."""
        for name in self.needed(names):
            if name == STORE:
                self.post()
            else:
                build_models(self.connection, self.models, [name])

    def forget_postings(self) -> None:
        """Begin with a new ledger."""
        self.is_posted = False

    def post(self) -> None:
        """Let the ledger's store see what is there now: made anew the first time, added to from then on."""
        self.build(["int_points_journals"])
        store = self.models[STORE]
        if self.is_posted:
            self.connection.execute(f"insert into {store.relation} by name {self.models[ADDITIONS].sql}")
        else:
            build_models(self.connection, self.models, [STORE])
        self.is_posted = True


@functools.cache
def compile_loyalty(manifests: Path, expiry_months: int = 12) -> Models:
    """The loyalty models for the generated company, once a session.

    ADDITIONS is what the ledger's store adds if it is there already.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = generated_settings(Path(folder), manifests, points={"expiry_months": expiry_months})
        nodes = DbtProject(settings).manifest()["nodes"].values()
        ours = [node for node in nodes if node["resource_type"] == "model"]
        names = [node["name"] for node in ours if node["original_file_path"].startswith(FOLDERS)]
        models = compile_models(settings, names)
        with connect(settings.warehouse_path) as connection:
            connection.execute(f"create schema intermediate; create table intermediate.{STORE} as select 1 as anything")
        additions = compile_models(settings, [STORE])[STORE]
    return Models(**models, **{ADDITIONS: replace(additions, name=ADDITIONS)})
