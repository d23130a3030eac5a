"""Customers by what their first order was, against pandas on the published orders and lines."""

from collections.abc import Iterator

import pandas as pd
import pytest

from tests.dbt.company_reference import movements
from tests.dbt.conftest import BuiltWarehouse

pytestmark = pytest.mark.slow

AGES = (30, 60, 90, 180, 365)
KEY = ["attribute", "attribute_value", "cohort_month", "age_days"]
MOST_VALUES = 50
PRODUCTS = "select product_id, category from intermediate.int_product_versions where row_status = 'accepted'"


def first_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """The first valid order of each customer, with the fifth of its amount among those of its month."""
    first = orders.sort_values(["ordered_at", "order_id"]).drop_duplicates("customer_id").reset_index(drop=True)
    first["cohort_month"] = first.order_date.dt.to_period("M").dt.start_time
    by_month = first.groupby("cohort_month").net_amount
    first["first_order_size"] = (5 * (by_month.rank(method="min") - 1) // by_month.transform("size") + 1).astype(int)
    return first


def attribute_rows(first: pd.DataFrame, lines: pd.DataFrame, products: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """A frame (customer_id, value) an attribute that the generated company delivers, named by it."""
    bought = lines[~lines.is_return].merge(first[["order_id", "customer_id"]], on="order_id", suffixes=("_line", ""))
    bought = bought.merge(products[["product_id", "category"]], on="product_id", how="left")
    discounted = first.discount_amount.gt(0).map({True: "yes", False: "no"})
    for name, customers, values in (
        ("first_product", bought.customer_id, bought.product_id),
        ("first_category", bought.customer_id, bought.category),
        ("channel", first.customer_id, first.channel),
        ("store", first.customer_id, first.store_id),
        ("first_discounted", first.customer_id, discounted),
        ("first_order_size", first.customer_id, first.first_order_size.astype(str)),
    ):
        rows = pd.DataFrame({"customer_id": customers, "attribute_value": values.fillna("unknown")}).drop_duplicates()
        counts = rows.groupby("attribute_value").size().sort_index().sort_values(ascending=False, kind="stable")
        shown = {*counts.index[:MOST_VALUES], "unknown"}
        rows["attribute_value"] = rows.attribute_value.where(rows.attribute_value.isin(shown), "other")
        yield rows.drop_duplicates().assign(attribute=name)


@pytest.fixture(scope="module")
def expected(built_warehouse: BuiltWarehouse) -> pd.DataFrame:
    frame = built_warehouse.frame
    orders = frame("select * from marts.fct_orders where is_valid").astype({"order_date": "datetime64[us]"})
    lines = frame("select * from marts.fct_order_lines where is_valid").astype({"order_date": "datetime64[us]"})
    for name in ("net_amount", "cost_amount"):
        lines[name] = lines[name].astype(float)
    orders["net_amount"] = orders.net_amount.astype(float)
    first = first_orders(orders)
    moved = movements(orders, lines, built_warehouse.settings.assumed.margin_rate or 0.0)
    moved = moved.merge(first[["customer_id", "order_date"]], on="customer_id", suffixes=("", "_first"))
    moved["day"] = (moved.order_date - moved.order_date_first).dt.days
    days = orders.merge(first[["customer_id", "order_date"]], on="customer_id", suffixes=("", "_first"))
    days["day"] = (days.order_date - days.order_date_first).dt.days
    last = pd.Timestamp(frame("select data_through from intermediate.int_run_dates").iloc[0, 0])
    parts = []
    for age in AGES:
        people = first[(last - first.order_date).dt.days >= age][["customer_id", "cohort_month"]].set_index(
            "customer_id"
        )
        young, early = moved[moved.day.between(0, age)], days[days.day <= age]
        people["orders_count"] = early.groupby("customer_id").size()
        people["repurchased_customers_count"] = early[early.day > 0].groupby("customer_id").size().clip(upper=1)
        for name in ("net_amount", "margin_amount"):
            people[f"cumulative_{name}"] = young.groupby("customer_id")[name].sum()
        for rows in attribute_rows(first, lines, frame(PRODUCTS)):
            joined = rows.merge(people.fillna(0), left_on="customer_id", right_index=True)
            by_month = joined.assign(cohort_month=joined.cohort_month.dt.strftime("%Y-%m-%d"))
            both = pd.concat([by_month, joined.assign(cohort_month="all")]).assign(age_days=age, cohort_size=1)
            parts.append(both.drop(columns="customer_id").groupby(KEY).sum())
    return pd.concat(parts).sort_index()


def test_customers_by_their_first_order_are_those_of_an_independent_computation(
    built_warehouse: BuiltWarehouse, expected: pd.DataFrame
) -> None:
    mart = built_warehouse.frame("select * from marts.fct_cohort_attributes").set_index(KEY).sort_index()
    known = mart[mart.status == "ok"]
    assert set(known.index) == set(expected.index) and len(known) > 500
    for name in ("cohort_size", "repurchased_customers_count", "orders_count"):
        assert (known[name] == expected[name]).all(), name
    for name in ("cumulative_net_amount", "cumulative_margin_amount"):
        assert (known[name].astype(float) - expected[name]).abs().max() < 0.01, name
    assert set(mart[mart.status == "not_delivered"].index.get_level_values("attribute")) >= {"marketing_source"}
