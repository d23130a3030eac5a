"""The reference figures of a built company, from its order lines and orders instead of the customer-day spine."""

import pandas as pd

from tests.dbt.customer_reference import CustomerReference
from warehouse.settings import Settings

LINES = """
    select order_id, customer_id, order_date, is_return, original_order_id,
        cast(10000 * net_amount as bigint) as net_units
    from marts.fct_order_lines
    where is_valid and customer_id is not null
"""
ORDERS = "select order_id, customer_id, order_date from marts.fct_orders where is_valid"
RECORDS = """
    select customer_id, cast(joined_at as date) as known_since
    from intermediate.int_customer_versions where row_status = 'accepted'
"""
MEMBERS = """
    select members.customer_id, coalesce(cast(assigned_at as date), start_date) as known_since
    from intermediate.int_campaign_member_versions as members
    left join intermediate.int_campaign_versions as campaigns
        on members.campaign_id = campaigns.campaign_id and campaigns.row_status = 'accepted'
    where members.row_status = 'accepted'
"""


def company_reference(frame, settings: Settings) -> CustomerReference:
    """The figures of a company; `frame` answers a query on its warehouse, whose business time zone is UTC."""
    dates = frame("select * from intermediate.int_run_dates").iloc[0]
    days = customer_days(frame(LINES), frame(ORDERS))
    sightings = [days.rename(columns={"order_date": "known_since"}), frame(MEMBERS), frame(RECORDS)]
    known = pd.concat(sightings)[["customer_id", "known_since"]]
    known["known_since"] = pd.to_datetime(known.known_since.fillna(dates.data_from))
    return CustomerReference(
        days=days,
        known_since=known.groupby("customer_id").known_since.min(),
        data_from=dates.data_from.date(),
        as_of_date=dates.as_of_date.date(),
        horizon=settings.churn_horizon_days,
        **settings.rfm.model_dump(),
    )


def customer_days(lines: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """One row per customer and business day, as CustomerReference wants them."""
    linked = lines.merge(orders, how="left", left_on="original_order_id", right_on="order_id", suffixes=("", "_linked"))
    is_linked = (linked.customer_id_linked == linked.customer_id) & (linked.order_date_linked <= linked.order_date)
    linked["cohort_units"] = linked.net_units.where(~linked.is_return | is_linked, 0)
    amounts = linked.groupby(["customer_id", "order_date"])[["net_units", "cohort_units"]].sum()
    counts = orders.groupby(["customer_id", "order_date"]).size().rename("orders_count")
    return amounts.join(counts, how="outer").fillna(0).astype("int64").reset_index()


def movements(orders: pd.DataFrame, lines: pd.DataFrame, margin_rate: float) -> pd.DataFrame:
    """What counts for a customer: sale lines, and returns of own valid orders on the day they came back."""
    cost = lines.cost_amount.fillna(lines.net_amount * (1 - margin_rate))
    moved = lines.assign(margin_amount=lines.net_amount - cost)
    returned = moved[moved.is_return].copy()
    returned["order_id"] = returned.original_order_id.fillna(returned.order_id)
    of_orders = orders.set_index("order_id")
    known = returned[returned.order_id.isin(of_orders.index)].copy()
    known["customer_id"] = known.order_id.map(of_orders.customer_id)
    known = known[known.order_date >= known.order_id.map(of_orders.order_date)]
    columns = ["customer_id", "order_date", "net_amount", "margin_amount"]
    return pd.concat([moved[~moved.is_return][columns], known[columns]])
