"""The sequential interval's promise: of campaigns without an effect at most 5% are called one under daily looks."""

import numpy as np
import pytest

from benchmarks.daily_looks import DAYS, SHAPES, called_effective, purchases
from ml.campaigns.arm_metrics import METRICS


@pytest.mark.parametrize("shape", SHAPES)
def test_looked_at_daily_it_is_wrong_in_at_most_5_of_100_campaigns(shape):
    called = called_effective(shape, seeds=200)
    assert list(called.index) == list(METRICS)
    assert called["sequential"].max() <= 0.05
    # and the fixed interval is not made for it
    assert called.loc["margin_amount", "fixed"] > 0.08


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_moves_sales_within_the_campaign_and_adds_none(shape):
    assert SHAPES[shape].sum() == pytest.approx(DAYS)
    made = purchases(shape, np.random.default_rng(1), seeds=50)
    assert made.orders.sum(axis=0).mean() == pytest.approx(0.6 * 0.12 * DAYS, rel=0.05)
    last = made.until(DAYS - 1)
    assert (last.net_amount > 0).mean() == (last.orders_count > 0).mean()
    assert (made.until(3).orders_count <= last.orders_count).all()
