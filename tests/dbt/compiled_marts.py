"""The compiled SQL of the customer marts, run in memory on histories that a test makes up."""

from collections.abc import Mapping

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.variables import DBT_DIR
from tests.support.compiled import CompiledWarehouse, Models, Rows, build_models, compile_models, with_ancestors
from warehouse.settings import Settings

# What the models stand on, with the columns that they read.
INPUTS = {
    "int_run_dates": "data_from date, data_through date, as_of_date date",
    "int_customer_versions": "customer_id varchar, joined_at timestamp, row_status varchar",
    "int_campaign_versions": "campaign_id varchar, start_date date, row_status varchar",
    "int_campaign_member_versions": "campaign_id varchar, customer_id varchar, arm varchar, assigned_at timestamp, "
    "row_status varchar",
    "int_planned_arms": "campaign_id varchar, arm varchar, is_control boolean",
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


def compile_marts(settings: Settings) -> Models:
    """The marts of both groups but OF_LINES, and all between them and INPUTS."""
    manifest = DbtProject(settings).manifest()
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    marts = [key for key, node in nodes.items() if node["config"].get("group") in GROUPS]
    given = {key for key, node in nodes.items() if node["name"] in INPUTS}
    wanted = with_ancestors(
        manifest["parent_map"], (key for key in marts if not nodes[key]["name"].startswith(OF_LINES)), given
    )
    return compile_models(settings, [nodes[key]["name"] for key in wanted & nodes.keys()])


class Marts(CompiledWarehouse):
    """The marts of one made-up history."""

    def __init__(self, models: Models, inputs: Mapping[str, Rows]) -> None:
        """`inputs`: rows for each table of INPUTS; a table without rows is empty."""
        super().__init__(models, INPUTS, DATED)
        segments = str(DBT_DIR / "seeds" / "rfm_segments.csv")
        self.connection.execute("create table seeds.rfm_segments as from read_csv(?)", [segments])
        self.fill(inputs)
        build_models(self.connection, models)

    def build(self, name: str) -> None:
        """Build one model again from what is there."""
        build_models(self.connection, self.models, [name])
