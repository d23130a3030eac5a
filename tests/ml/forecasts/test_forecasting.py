"""Forecasts end to end: no look-ahead, planted seasons, honest intervals, and a gate that refuses."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.forecasts import ForecastResult, forecast_months
from ml.forecasts.backtest import LARGEST
from ml.forecasts.forecasting import ALWAYS, BOUNDS
from tests.ml.forecasts.series import NO_DAYS, last_day, months, purchase_days, seasonal


def of(values: np.ndarray, days: pd.DataFrame = NO_DAYS) -> ForecastResult:
    return forecast_months(months(values), days, last_day(len(values)))


def sales(result: ForecastResult) -> pd.DataFrame:
    return result.forecasts[result.forecasts["series"] == "net_sales"]


def test_a_planted_season_is_forecast_and_beats_last_year() -> None:
    values = seasonal(66, 4)
    ahead = sales(of(values[:60]))
    first = ahead.iloc[0]
    assert first["status"] == "ok" and first["error"] < 0.7 * first["naive_error"]
    assert ahead["expected"].to_numpy() == pytest.approx(values[60:], rel=0.15)
    for low, high in pairwise(["low_95", "low_80", "expected", "high_80", "high_95"]):
        assert (ahead[low] <= ahead[high]).all()


def test_a_walk_of_chance_is_refused_in_its_first_two_years() -> None:
    walks = [1000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.1, 23))) for seed in range(40)]
    statuses = pd.Series([sales(of(walk))["status"].iloc[0] for walk in walks])
    # no method beats the last value of a random walk but by luck
    assert (statuses == "worse_than_naive").mean() > 0.5 and (statuses == "ok").mean() < 0.25


def test_a_steady_trend_is_mostly_forecast_and_else_refused_for_its_intervals() -> None:
    place = np.arange(36)
    shops = [1000 * np.exp(0.02 * place + np.random.default_rng(seed).normal(0, 0.05, 36)) for seed in range(40)]
    statuses = [sales(of(shop))["status"].iloc[0] for shop in shops]
    assert statuses.count("ok") >= 28
    assert set(statuses) <= {"ok", "intervals_too_narrow", "intervals_too_wide"}


def test_a_shop_that_grows_wilder_has_too_narrow_intervals() -> None:
    random = np.random.default_rng(8)
    values = 1000 * np.exp(random.normal(0, np.where(np.arange(40) < 20, 0.02, 0.4)))
    ahead = sales(of(values))
    assert ahead["status"].iloc[0] in ("intervals_too_narrow", "worse_than_naive")
    assert ahead["coverage_95"].iloc[0] < 0.9
    assert ahead[["expected", *BOUNDS]].isna().all(axis=None)


def test_what_leaps_by_powers_of_ten_stays_within_what_the_tables_hold() -> None:
    values = np.exp(np.random.default_rng(1).normal(15, 12, 42))
    result = of(np.minimum(values, 1e13))
    held = pd.concat([result.forecasts[["expected", *BOUNDS]], result.hits[["expected", *BOUNDS]]])
    # decimal(18, 4) ends below 10 ** 14
    assert (held.max() <= LARGEST).all() and (held["high_95"] == LARGEST).any() and LARGEST < 1e14
    ordered = result.hits[["low_95", "low_80", "expected", "high_80", "high_95"]].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()


def test_intervals_hold_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    found = []
    for _ in range(40):
        level = np.cumsum(random.normal(0, 0.03, 46))
        values = 1000 * np.exp(level + random.normal(0, 0.05, 46))
        hits = of(values).hits
        found.append(hits[hits["is_judged"]])
    judged = pd.concat(found)
    inside = [judged["actual"].between(judged[f"low_{level}"], judged[f"high_{level}"]).mean() for level in (80, 95)]
    assert 0.75 < inside[0] < 0.85 and 0.9 < inside[1] < 0.98


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000), cut=st.integers(12, 30))
def test_what_came_later_changes_nothing_that_was_said_before(seed: int, cut: int) -> None:
    values = seasonal(34, seed)
    changed = values.copy()
    changed[cut:] *= np.random.default_rng(seed).uniform(0.2, 5, len(values) - cut)
    days = purchase_days(200, 34, 2)
    later = days["order_date"] > pd.Timestamp(last_day(cut))
    moved = days[~later | (np.arange(len(days)) % 3 > 0)]
    both = [with_customers(values, days), with_customers(changed, moved)]
    said = ["series", "tier", "origin_month", "month", "model", "expected", *BOUNDS, "naive", "scale"]
    known = [result.hits[result.hits["origin_month"] < pd.Timestamp(last_day(cut)).date()][said] for result in both]
    assert len(known[0]) or cut < 9
    pd.testing.assert_frame_equal(*(one.reset_index(drop=True) for one in known))


def with_customers(values: np.ndarray, days: pd.DataFrame) -> ForecastResult:
    """Sales, and new customers counted from the days."""
    firsts = days.groupby("customer_id")["order_date"].min().dt.to_period("M")
    counts = np.array([(firsts == pd.Period("2020-01", "M") + place).sum() for place in range(len(values))])
    known = pd.concat([months(values), months(counts, "new_customers")])
    return forecast_months(known, days, last_day(len(values)))


def test_customers_rolled_forward_are_taken_where_they_are_nearer() -> None:
    days = purchase_days(1500, 30, 7)
    month = days["order_date"].dt.to_period("M")
    counts = np.array([(month == pd.Period("2020-01", "M") + place).sum() for place in range(30)])
    hits = with_customers(counts * 25.0, days).hits
    assert (hits.loc[hits["series"] == "net_sales", "model"] == "customers").mean() > 0.5


def test_errors_and_coverage_are_those_of_the_hits() -> None:
    values = seasonal(46, 9)
    result = of(values)
    row = sales(result).iloc[0]
    judged = result.hits[result.hits["is_judged"]]
    last = sorted(judged["origin_month"].unique())[-24:]
    judged = judged[judged["origin_month"].isin(last)]
    assert row["origins_count"] == len(last) == len(judged) / 6
    scaled = (judged["actual"] - judged["expected"]).abs() / judged["scale"]
    assert row["error"] == pytest.approx(scaled.mean(), rel=1e-9)
    naive = pd.Series(values, index=pd.period_range("2020-01", periods=46, freq="M"))
    errors = []
    for origin, ahead in judged.groupby("origin_month"):
        so_far = naive[: pd.Period(origin, "M")]
        lag = 12 if len(so_far) >= 24 else 1
        scale = so_far.diff(lag).abs().mean()
        assert ahead["scale"].iloc[0] == pytest.approx(scale, rel=1e-9)
        guess = [so_far.iloc[-lag + step % lag] for step in range(6)]
        errors += list(np.abs(ahead["actual"].to_numpy() - guess) / scale)
    assert row["naive_error"] == pytest.approx(np.mean(errors), rel=1e-9)
    assert row["coverage_95"] == pytest.approx(judged["actual"].between(judged["low_95"], judged["high_95"]).mean())
    assert row["coverage_80"] == pytest.approx(judged["actual"].between(judged["low_80"], judged["high_80"]).mean())


@pytest.mark.parametrize(
    "values", [[], [5.0], [0.0] * 40, [-3.0] * 30, [7.0] * 40, [1.0, 0.0] * 20, [1e-4] * 5 + [1e12] * 30]
)
def test_few_cases_have_a_status_and_no_error(values: list[float]) -> None:
    result = forecast_months(months(np.array(values)), NO_DAYS, last_day(max(len(values), 1)))
    always = result.forecasts[result.forecasts["tier"] == "all"]
    assert sorted(always["series"].unique()) == sorted(ALWAYS) and len(always) == 24
    assert (always["status"] != "ok").all() and always[["expected", *BOUNDS]].isna().all(axis=None)
    assert result.run["status"] == "insufficient_history"


def test_months_ahead_follow_the_last_one_and_tiers_stand_by_themselves() -> None:
    known = pd.concat([months(seasonal(40, 1)), months(seasonal(40, 2), "tier_customers", "Gold")])
    result = forecast_months(known, NO_DAYS, last_day(40))
    ahead = result.forecasts[result.forecasts["tier"] == "Gold"]
    assert ahead["month"].astype(str).tolist() == [f"2023-{month:02}-01" for month in range(5, 11)]
    assert ahead["months_ahead"].tolist() == [1, 2, 3, 4, 5, 6]
    assert set(result.metrics["slice"]) == {"net_sales", "orders", "new_customers", "returning_customers",
                                            "tier_customers/Gold"}  # fmt: skip
