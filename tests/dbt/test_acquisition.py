"""What customers cost and when that is paid back, against pandas on the delivered spend and the published lines."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.dbt.company_reference import movements
from tests.support.company import Company, Generated
from warehouse.sql import connect

pytestmark = pytest.mark.slow

AGES = (90, 180, 365)
KEY = ["month", "channel"]


def frame(built: Company, query: str) -> pd.DataFrame:
    with connect(built.settings.published_path, read_only=True) as connection:
        return connection.execute(query).df()


def spend(folder: Path) -> pd.DataFrame:
    """Delivered spend in euros by month and channel, and of all channels, at the latest rate up to its day."""
    rates = pd.read_parquet(folder / "shop" / "exchange_rates").sort_values("rate_date")
    rows = pd.read_parquet(folder / "shop" / "marketing_spend")
    days, values = pd.to_datetime(rates.rate_date), rates.rate.astype(float).to_numpy()
    rate = values[np.searchsorted(days, pd.to_datetime(rows.spend_date), side="right") - 1]
    rows["amount"] = rows.amount.astype(float) * np.where(rows.currency.astype(str) == "EUR", 1, rate)
    rows["month"] = pd.to_datetime(rows.spend_date).dt.to_period("M").dt.start_time
    rows["channel"] = rows.channel.astype(str).str.lower()
    every = pd.concat([rows, rows.assign(channel="all")])
    return every.groupby(KEY)[["amount"]].sum()


@pytest.fixture(scope="module")
def first(built: Company) -> pd.DataFrame:
    """Each customer's first order twice, in its channel and in all, with the age at the last complete day."""
    orders = frame(built, "select * from marts.fct_orders where order_number = 1")
    orders["month"] = orders.order_date.dt.to_period("M").dt.start_time
    last = frame(built, "select data_through from marts.publication").iloc[0, 0]
    orders["age"] = (last - orders.order_date).dt.days
    return pd.concat([orders, orders.assign(channel="all")])[["customer_id", "order_date", "age", *KEY]]


@pytest.fixture(scope="module")
def margins(built: Company, first: pd.DataFrame) -> pd.DataFrame:
    """Margin by customer and day of age, for each row of `first`."""
    orders = frame(built, "select * from marts.fct_orders where is_valid")
    lines = frame(built, "select * from marts.fct_order_lines where is_valid")
    for name in ("net_amount", "cost_amount"):
        lines[name] = lines[name].astype(float)
    moved = movements(orders, lines, built.settings.assumed.margin_rate or 0.0)
    joined = moved.rename(columns={"order_date": "moved_on"}).merge(first, on="customer_id")
    joined["day"] = (joined.moved_on - joined.order_date).dt.days
    return joined[joined.day >= 0]


def test_costs_and_margins_of_new_customers_equal_pandas(
    built: Company, generated: Generated, first: pd.DataFrame, margins: pd.DataFrame
) -> None:
    mart = frame(built, "select * from marts.rpt_acquisition_monthly").set_index(KEY).sort_index()
    spent = spend(generated.folder).reindex(mart.index).fillna(0)
    new = first.groupby(KEY).size().reindex(mart.index).fillna(0)
    assert len(mart) > 24 and {"web", "store", "app", "all"} == set(mart.index.get_level_values("channel"))
    assert (mart.spend_amount.astype(float) - spent.amount).abs().max() < 1e-3
    assert (mart.new_customers_count == new).all()
    has_both = (spent.amount > 0) & (new > 0)
    assert (mart.cac_amount.notna() == has_both).all()
    assert (mart.cac_amount.astype(float) - spent.amount / new)[has_both].abs().max() < 0.0051
    for age in AGES:
        known = first.groupby(KEY).age.min() >= age
        total = margins[margins.day <= age].groupby(KEY).margin_amount.sum()
        found = mart[f"margin_amount_{age}d"].astype(float)
        assert (found.notna() == known.reindex(mart.index).eq(True)).all()
        assert found.notna().any() == (age < 365) and not (found - total).abs().gt(0.01).any()
        ratio = (total / spent.amount)[has_both & found.notna()]
        assert np.allclose(mart[f"ltv_to_cac_{age}d"][ratio.index], ratio, rtol=1e-4)


def test_spend_is_paid_back_when_pandas_says_so(
    built: Company, generated: Generated, first: pd.DataFrame, margins: pd.DataFrame
) -> None:
    mart = frame(built, "select * from marts.rpt_payback").rename(columns={"cohort_month": "month"}).set_index(KEY)
    spent = spend(generated.folder).amount
    assert set(mart.status) >= {"paid_back", "not_paid_back_yet", "no_spend"}
    for key, people in first.groupby(KEY):
        row, mine = mart.loc[key], margins[(margins.month == key[0]) & (margins.channel == key[1])]
        looked_at = people.age.min() // 30 * 30
        assert (row.cohort_size, row.looked_at_age_days) == (len(people), looked_at), key
        earned = [mine[mine.day <= age].margin_amount.sum() for age in range(30, looked_at + 1, 30)]
        cost = spent.get(key, 0)
        reached = next((30 * number for number, sum_ in enumerate(earned, 1) if cost > 0 and sum_ >= cost - 1e-9), None)
        assert row.payback_days == reached or (pd.isna(row.payback_days) and reached is None), key
        if earned:
            assert float(row.cumulative_margin_amount) == pytest.approx(earned[-1], abs=0.01), key
