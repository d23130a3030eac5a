import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from ml.churn.correlations import correlate_behaviours, correlation

AS_OF = dt.date(2024, 6, 30)


def snapshot(customers_count=400, seed=1):
    random = np.random.default_rng(seed)
    orders = random.poisson(5, customers_count)
    return pd.DataFrame(
        {
            "orders_90d": orders,
            "recency_days": 90 / (1 + orders) + random.gamma(2, 5, customers_count),
            "is_web": 1,
            "rating": np.where(random.random(customers_count) < 0.97, np.nan, 7.0),
            "next_orders": random.poisson(1 + orders),
        }
    )


def test_agrees_with_scipy_and_says_how_sure_it_is():
    features = snapshot()
    rows = correlate_behaviours(features, ["orders_90d"], "next_orders", AS_OF).correlations.set_index("method")
    expected = pearsonr(features["orders_90d"], features["next_orders"])
    interval = expected.confidence_interval(0.95)
    pearson = rows.loc["pearson"]
    assert pearson["correlation"] == pytest.approx(expected.statistic)
    assert (pearson["correlation_low"], pearson["correlation_high"]) == pytest.approx((interval.low, interval.high))
    expected = spearmanr(features["orders_90d"], features["next_orders"]).statistic
    assert rows.loc["spearman", "correlation"] == pytest.approx(expected)
    assert pearson["p_value"] < 1e-10


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_the_interval_holds_the_truth_as_often_as_it_says(method):
    random = np.random.default_rng(2)
    rho = 0.5
    truth = rho if method == "pearson" else 6 / np.pi * np.arcsin(rho / 2)
    held = 0
    for _ in range(600):
        x = random.normal(size=80)
        y = rho * x + np.sqrt(1 - rho**2) * random.normal(size=80)
        row = correlation(x, y, method)
        held += row["correlation_low"] <= truth <= row["correlation_high"]
    assert held / 600 == pytest.approx(0.95, abs=0.03)


def test_what_cannot_be_told_has_a_status():
    rows = correlate_behaviours(snapshot(), ["is_web", "rating"], "next_orders", AS_OF).correlations
    assert rows["correlation"].isna().all() and rows["correlation_low"].isna().all()
    assert rows.groupby("behaviour")["status"].unique().map(list).to_dict() == {
        "is_web": ["no_variation"],
        "rating": ["too_few_customers"],
    }
    assert (rows.loc[rows["behaviour"] == "rating", "customers_count"] < 30).all()


def test_what_rounding_makes_of_equal_numbers_is_no_variation():
    x = np.where(np.arange(60) % 2, 0.1 + 0.2, 0.3)
    assert np.ptp(x) > 0
    assert correlation(x, np.arange(60.0), "pearson")["status"] == "no_variation"
    assert correlation(np.arange(60.0), x, "spearman")["status"] == "no_variation"


def test_perfect_agreement_stays_within_bounds():
    x = np.arange(50.0)
    row = correlation(x, -2 * x, "pearson")
    assert row["correlation"] == pytest.approx(-1)
    assert -1 <= row["correlation_low"] <= row["correlation"] <= row["correlation_high"] < -0.99


def test_the_order_of_customers_changes_no_byte():
    features, behaviours = snapshot(), ["orders_90d", "recency_days"]
    first = correlate_behaviours(features, behaviours, "next_orders", AS_OF)
    second = correlate_behaviours(features.sample(frac=1, random_state=3), behaviours, "next_orders", AS_OF)
    pd.testing.assert_frame_equal(first.correlations, second.correlations, check_exact=True)
    assert first.run == second.run
    assert set(first.metrics["metric"]) == {"pearson_correlation", "spearman_correlation"}


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="visits"):
        correlate_behaviours(snapshot(), ["visits"], "next_orders", AS_OF)
