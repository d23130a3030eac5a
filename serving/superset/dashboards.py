"""The dashboards: one for the headline figures, and one for each chapter of the report, with its title."""

from dataclasses import dataclass

from serving.report.marts import AT_RISK, COMING, GONE
from serving.superset.charts import Chart

# On every dashboard: which publication its numbers are of, and as of which day.
PUBLISHED = Chart(
    "Published", "publication", "table", ("publication_id", "as_of_date", "data_through", "company"), width=12
)
_CUSTOMER = ("customer_id", "tier", "rfm_segment", "churn_band", "orders_count", "net_amount_lifetime", "recency_days")


@dataclass(frozen=True)
class Dashboard:
    """A dashboard: the key of its chapter, its title and its charts."""

    key: str
    title: str
    charts: tuple[Chart, ...]


DASHBOARDS = (
    Dashboard(
        "headlines",
        "Headline figures",
        (
            Chart("Net sales, past 365 days", "rpt_key_figures", "number", ("net_amount_365d",), width=3),
            Chart("Change on the 365 days before", "rpt_key_figures", "number", ("net_change_rate_365d",), width=3),
            Chart("Average order, past 365 days", "rpt_key_figures", "number", ("average_order_amount_365d",), width=3),
            Chart("Valid orders, past 365 days", "rpt_key_figures", "number", ("orders_count_365d",), width=3),
            Chart("Active customers", "rpt_key_figures", "number", ("active_count",), width=3),
            Chart("Share of buyers who are active", "rpt_key_figures", "number", ("active_share_rate",), width=3),
            Chart("Sales of the best fifth", "rpt_key_figures", "number", ("best_fifth_net_share_rate",), width=3),
            Chart(
                "Net sales at high risk", "rpt_churn_bands", "number", ("net_amount_365d",),
                where={"is_high_risk": True}, width=3,
            ),
            Chart("Net sales by month", "fct_order_lines", "bars", ("revenue",), x="order_date", by_month=True,
                  width=12),
        ),
    ),
    Dashboard(
        "lists",
        "Customers to look after",
        (
            Chart("Best customers", "dim_customers", "table", _CUSTOMER, order="-net_amount_lifetime", width=12),
            Chart(
                "About to leave", "dim_customers", "table", _CUSTOMER, order="-net_amount_lifetime", width=12,
                where={"churn_band": AT_RISK, "activity_status": COMING},
            ),
            Chart(
                "Gone, and worth winning back", "dim_customers", "table", _CUSTOMER, order="-net_amount_lifetime",
                where={"activity_status": GONE}, width=12,
            ),
        ),
    ),
    Dashboard(
        "sales",
        "Sales and customers",
        (
            Chart("Net sales of each month", "rpt_sales_monthly", "bars", ("net_amount",), x="month"),
            Chart("Active customers at the end of each month", "rpt_customer_growth_monthly", "line",
                  ("active_end_count",), x="month"),
            Chart(
                "Customers who came and went", "rpt_customer_growth_monthly", "bars",
                ("new_count", "reactivated_count", "lost_count"), x="month", where={"is_left_truncated": False},
            ),
            Chart(
                "Valid orders by channel", "fct_orders", "bars", ("orders",), x="order_date", series="channel",
                by_month=True, is_stacked=True,
            ),
            Chart("Best sellers", "rpt_product_sales", "table",
                  ("sales_rank", "product_name", "category", "net_amount_365d", "net_share_rate"), order="sales_rank",
                  width=12),
        ),
    ),
    Dashboard(
        "alerts",
        "Days that stand out",
        (
            Chart(
                "Flagged days", "fct_alerts", "table",
                ("date_day", "series", "source", "channel", "value", "expected_value", "z_score", "reason"),
                order="-date_day", where={"is_flagged": True}, width=12,
            ),
            Chart("Flagged values by day", "fct_alerts", "bars", ("count",), x="date_day", series="series",
                  is_stacked=True, where={"is_flagged": True}, width=12),
        ),
    ),
    Dashboard(
        "new-and-returning",
        "New and returning customers",
        (
            Chart(
                "Who the sales come from", "rpt_sales_mix_monthly", "bars",
                ("new_customer_sales", "returning_customer_sales", "guest_net_sales", "unlinked_net_sales"), x="month",
                is_stacked=True, where={"is_left_truncated": False}, width=12,
            ),
            Chart(
                "Sales of new customers by channel", "rpt_sales_mix_monthly", "bars", ("new_customer_sales",),
                x="month", series="channel", is_stacked=True,
                where={"is_all_channels": False, "is_left_truncated": False},
            ),
            Chart(
                "Share of sales of new customers", "rpt_sales_mix_monthly", "line",
                ("new_net_share_rate", "returning_net_share_rate"), x="month",
                where={"is_all_channels": True, "is_left_truncated": False},
            ),
        ),
    ),
    Dashboard(
        "discounts",
        "Discounts",
        (
            Chart("Discount rate by month", "rpt_sales_mix_monthly", "line", ("discount_rate",), x="month",
                  where={"is_all_channels": True, "is_complete": True}, width=12),
            Chart(
                "Who buys at full price", "rpt_discount_dependence", "table",
                ("group_kind", "group_value", "customers_count", "net_amount", "margin_amount", "discount_rate",
                 "full_price_rate_90d", "full_price_rate_180d"), order="group_rank", width=12,
            ),
        ),
    ),
    Dashboard(
        "segments",
        "Customer segments",
        (
            Chart("Customers by segment", "rpt_rfm_segments", "bars", ("customers_count",), x="rfm_segment"),
            Chart("Customers by segment and activity", "fct_customer_rfm", "bars", ("count",), x="rfm_segment",
                  series="activity_status", is_stacked=True),
            Chart(
                "What the segments are worth", "rpt_rfm_segments", "table",
                ("rfm_segment", "customers_count", "share_rate", "net_amount", "net_share_rate",
                 "average_order_amount"),
                order="-net_amount", width=12,
            ),
            Chart(
                "Groups by behaviour", "rpt_cluster_customers", "table",
                ("cluster_name", "customers_count", "share_rate", "net_amount_365d", "net_share_rate",
                 "average_orders_365d", "median_recency_days"), order="-net_amount_365d", width=12,
            ),
        ),
    ),
    Dashboard(
        "retention",
        "Coming back",
        (
            Chart("Retention by month", "rpt_customer_growth_monthly", "line", ("retention_rate",), x="month",
                  where={"is_complete": True}),
            Chart("Bought again within so many days", "rpt_repurchase", "bars", ("repurchase_rate",), x="horizon_days",
                  where={"cohort_month": "all"}, known=("repurchase_rate",)),
            Chart(
                "Cohorts by month", "fct_cohort_retention", "line", ("retention_rate",), x="period",
                series="cohort_month", where={"period_unit": "month", "is_left_truncated": False}, width=12,
                known=("retention_rate",),
            ),
            Chart(
                "Net sales of a customer so far, by age", "fct_cohort_retention", "line",
                ("cumulative_net_amount_per_customer",), x="period", series="cohort_month",
                where={"period_unit": "age_30d", "is_left_truncated": False}, width=12,
                known=("cumulative_net_amount_per_customer",),
            ),
        ),
    ),
    Dashboard(
        "first-orders",
        "What good customers began with",
        (
            Chart(
                "What goes with coming back", "rpt_cohort_drivers", "table",
                ("attribute", "attribute_value", "age_days", "customers_count", "value", "others_value", "difference",
                 "difference_low", "difference_high", "is_different"), order="-difference",
                where={"status": "ok", "metric": "repurchase_rate"}, width=12,
            ),
            Chart(
                "Bought again within 90 days, by first order", "fct_cohort_attributes", "table",
                ("attribute", "attribute_value", "cohort_size", "repurchase_rate",
                 "cumulative_margin_amount_per_customer"),
                order="-cohort_size", where={"cohort_month": "all", "age_days": 90, "status": "ok"}, width=12,
            ),
        ),
    ),
    Dashboard(
        "acquisition",
        "What new customers cost",
        (
            Chart("Marketing spend by channel", "rpt_acquisition_monthly", "bars", ("marketing_spend",), x="month",
                  series="channel", is_stacked=True, where={"is_all_channels": False}),
            Chart("Customer acquisition cost", "rpt_acquisition_monthly", "line", ("customer_acquisition_cost",),
                  x="month", where={"is_left_truncated": False}),
            Chart(
                "When the spend is paid back", "rpt_payback", "table",
                ("cohort_month", "channel", "cohort_size", "spend_amount", "cac_amount",
                 "cumulative_margin_amount_per_customer", "payback_days", "status"), order="-cohort_month",
                where={"is_left_truncated": False}, width=12,
            ),
        ),
    ),
    Dashboard(
        "products",
        "What is bought again, together and next",
        (
            Chart(
                "Days until it is bought again", "rpt_replenishment", "table",
                ("group_kind", "group_value", "customers_count", "first_quartile_wait_days", "median_wait_days",
                 "third_quartile_wait_days"), order="median_wait_days", where={"is_small": False}, width=12,
            ),
            Chart(
                "Bought together", "rpt_basket_pairs", "table",
                ("group_kind", "first_value", "second_value", "joint_orders_count", "lift", "is_above_chance"),
                order="-lift", where={"is_above_chance": True}, width=12,
            ),
            Chart(
                "Bought next", "rpt_next_products", "table",
                ("group_kind", "from_order_number", "from_value", "to_value", "from_orders_count", "reached_rate",
                 "all_reached_rate", "median_days"), order="-reached_rate", where={"is_small": False}, width=12,
            ),
        ),
    ),
    Dashboard(
        "churn",
        "Churn risk",
        (
            Chart("Customers by risk", "rpt_churn_bands", "bars", ("customers_count",), x="churn_band"),
            Chart("Net sales by risk", "rpt_churn_bands", "bars", ("net_amount_365d",), x="churn_band"),
            Chart("Forecast and observed churn", "rpt_churn_curves", "table", ("model", "x", "y", "customers_count"),
                  order="model", where={"curve": "calibration"}, width=12),
        ),
    ),
    Dashboard(
        "value",
        "Customer lifetime value",
        (
            Chart("Expected margin of 12 months by tenth", "rpt_lifetime_value_deciles", "bars", ("clv_amount",),
                  x="decile", where={"horizon_months": 12}),
            Chart("Expected margin of 12 months by tier", "dim_customers", "bars", ("expected_margin_12m",), x="tier",
                  known=("clv_12m_amount",)),
            Chart(
                "Forecast beside what came", "rpt_lifetime_value_backtest", "table",
                ("model", "decile", "customers_count", "average_expected_amount", "average_actual_amount"),
                order="model", width=12,
            ),
        ),
    ),
    Dashboard(
        "outlook",
        "What to expect",
        (
            Chart(
                "Expected net sales with their 95% interval", "fct_forecasts", "line",
                ("expected_value", "low_95_value", "high_95_value"), x="month", where={"series": "net_sales"}, width=12,
                known=("expected_value",),
            ),
            Chart(
                "What was expected, and what came", "rpt_forecast_hits", "table",
                ("series", "tier", "origin_date", "month", "months_ahead", "expected_value", "actual_value",
                 "is_in_95"),
                order="-month", where={"is_judged": True}, width=12,
            ),
        ),
    ),
    Dashboard(
        "programme",
        "Loyalty programme",
        (
            Chart("Customers by tier", "rpt_tier_customers", "bars", ("customers_count",), x="tier"),
            Chart("Moves between tiers", "rpt_tier_movements", "bars",
                  ("enrolled_count", "upgraded_count", "downgraded_count", "reversed_count"), x="month"),
            Chart("Points by month", "rpt_points_liability", "bars",
                  ("points_issued", "points_redeemed", "points_expired"), x="month"),
            Chart("Points liability", "rpt_points_liability", "line", ("liability_amount",), x="month"),
            Chart("Cost by month", "rpt_programme_roi_monthly", "bars", ("programme_cost", "programme_points_cost"),
                  x="month", is_stacked=True),
            Chart("Next rewards", "fct_next_best_rewards", "bars", ("count",), x="reward_name", series="status",
                  is_stacked=True),
        ),
    ),
    Dashboard(
        "campaigns",
        "Campaigns",
        (
            Chart(
                "Did campaigns pay?", "fct_campaign_results", "table",
                ("campaign_id", "method", "treated_count", "control_count", "effect_per_member", "effect_low",
                 "effect_high", "cost_amount", "roi_incremental", "roi_low", "roi_high", "campaign_outcome", "status"),
                order="campaign_id", where={"metric": "margin_amount"}, width=12,
            ),
            Chart(
                "Arms beside their control", "fct_campaign_arms", "table",
                ("campaign_id", "arm", "is_control", "members_count", "conversion_rate", "effect_per_member",
                 "sequential_low", "sequential_high", "status"), order="campaign_id", width=12,
            ),
        ),
    ),
    Dashboard(
        "data",
        "Data quality",
        (
            Chart(
                "Rows read, by what became of them", "fct_ingest_reconciliation", "bars",
                ("rows_accepted", "rows_rejected", "rows_superseded"), x="entity", is_stacked=True,
            ),
            Chart("Rejected rows by reason", "fct_rejected_rows", "bars", ("count",), x="reason", series="entity",
                  is_stacked=True),
        ),
    ),
    Dashboard(
        "changes",
        "What changed since the last publication",
        (
            Chart(
                "Rows of each mart", "fct_publication_changes", "table",
                ("publication_id", "compared_with", "mart", "days", "rows_before_count", "rows_count", "added_count",
                 "removed_count", "changed_count", "restated_rate"), order="-publication_id",
                where={"column_name": "*"}, width=12,
            ),
        ),
    ),
)  # fmt: skip
