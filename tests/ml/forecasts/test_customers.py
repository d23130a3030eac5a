"""Customers rolled forward: as many purchase days as come, and none that were not known."""

import numpy as np
import pandas as pd
import pytest

from ml.forecasts.customers import PurchaseDays, roll_forward
from tests.ml.forecasts.series import FIRST, NO_DAYS, purchase_days

COUNT, ORIGIN = 24, 17


@pytest.fixture(scope="module")
def days() -> pd.DataFrame:
    return purchase_days(2400, COUNT, 5)


def rolled(days: pd.DataFrame, count: int = COUNT):
    newcomers = np.full(6, 100.0)
    return roll_forward(PurchaseDays.of(days, FIRST, count), ORIGIN, FIRST + ORIGIN, newcomers)


def test_the_months_after_bring_about_what_is_expected(days: pd.DataFrame) -> None:
    ahead = rolled(days)
    month = days["order_date"].dt.to_period("M")
    first = month.groupby(days["customer_id"]).transform("min")
    for step in range(6):
        came = (month == FIRST + ORIGIN + 1 + step).to_numpy()
        known = (first <= FIRST + ORIGIN).to_numpy()
        assert ahead.known_days[step] == pytest.approx((came & known).sum(), rel=0.1)
        assert ahead.newcomers_days[step] == pytest.approx((came & ~known).sum(), rel=0.25)


def test_the_past_year_is_counted(days: pd.DataFrame) -> None:
    ahead = rolled(days)
    month = days["order_date"].dt.to_period("M")
    counts = [(month == FIRST + place).sum() for place in range(ORIGIN - 11, ORIGIN + 1)]
    assert ahead.past_days.tolist() == counts
    firsts = days.groupby("customer_id")["order_date"].min().dt.to_period("M")
    assert ahead.past_firsts.tolist() == [(firsts == FIRST + place).sum() for place in range(ORIGIN - 11, ORIGIN + 1)]


def test_what_comes_later_is_not_known(days: pd.DataFrame) -> None:
    until = days[days["order_date"] <= (FIRST + ORIGIN).end_time]
    before, after = rolled(until, ORIGIN + 1), rolled(days)
    for name in ("known_days", "newcomers_days", "past_days", "past_firsts"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_a_sample_stands_for_all(days: pd.DataFrame) -> None:
    twice = pd.concat([days, days.assign(customer_id="x" + days["customer_id"])])
    # the second half of each pair has a hash of its own, so that half of all customers are drawn at random
    numbers = pd.factorize(twice["customer_id"])[0]
    twice["hash_share"] = np.random.default_rng(1).permutation(numbers.max() + 1)[numbers] / (numbers.max() + 1)
    assert rolled(twice).known_days == pytest.approx(2 * rolled(days).known_days, rel=0.05)


def test_few_customers_or_months_cannot_be_rolled_forward(days: pd.DataFrame) -> None:
    few = days[days["customer_id"].isin(days["customer_id"].unique()[:50])]
    assert rolled(few) is None
    recent = days[days["order_date"] >= (FIRST + ORIGIN - 1).start_time]
    assert rolled(recent) is None
    assert NO_DAYS.empty
