"""What rewards bring: from campaigns drawn by chance, else as assumed; diminishing, and the same for the same seed."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from ml.campaigns.results import OBSERVATIONAL, RANDOMIZED
from whatif.reward_response import ASSUMED, MEASURED, interval, measured_returns, reward_response

ELASTICITY = (0.3, 0.7)


def campaigns(returns: list[float], error: float, **changes: object) -> pd.DataFrame:
    """Campaigns of a thousand customers that cost 500 and returned so much of it, plus or minus twice the error."""
    effects = np.array(returns) * 0.5
    half = 1.959964 * error * 0.5
    frame = pd.DataFrame(
        {
            "metric": "margin_amount",
            "method": RANDOMIZED,
            "status": "ok",
            "effect_per_member": effects,
            "effect_low": effects - half,
            "effect_high": effects + half,
            "treated_count": 1_000,
            "cost_amount": 500.0,
        }
    )
    return frame.assign(**changes)


def test_campaigns_that_agree_give_their_return_with_their_error() -> None:
    found = measured_returns(campaigns([2.0] * 9, error=0.3))
    assert found == pytest.approx((2.0, 0.3 / 3, 9), abs=1e-6)


def test_the_order_of_campaigns_and_equal_returns_leave_no_spread_to_chance() -> None:
    """Equal returns differ by nothing, whatever rounding makes of their products."""
    frame = campaigns([0.1 + 0.2, 0.3] * 4, error=1e-3)
    for rows in (frame, frame.iloc[::-1]):
        assert measured_returns(rows) == pytest.approx((0.3, 1e-3 / np.sqrt(8), 8), rel=1e-7)


def test_campaigns_that_disagree_make_the_next_one_uncertain() -> None:
    mean, scale, _ = measured_returns(campaigns([-1.0, 1.0, 3.0, 5.0], error=0.1)) or (0, 0, 0)
    assert mean == pytest.approx(2.0, abs=0.01)
    assert scale == pytest.approx(np.sqrt(20 / 3 * (1 + 1 / 4)), rel=0.01)  # spread between them, and of their mean


@pytest.mark.parametrize(
    "frame",
    [
        campaigns([2.0] * 3, 0.1),
        campaigns([2.0] * 6, 0.1, method=OBSERVATIONAL),
        campaigns([2.0] * 6, 0.1, status="window_open", effect_low=np.nan, effect_high=np.nan),
        campaigns([2.0] * 6, 0.1, metric="orders_count"),
        campaigns([2.0] * 6, 0.1, cost_amount=0.0),
        campaigns([], 0.1),
    ],
)
def test_without_enough_campaigns_drawn_by_chance_the_response_is_assumed(frame: pd.DataFrame) -> None:
    response = reward_response(frame, (0.5, 1.5), ELASTICITY, seed=1)
    assert (response.source, response.campaigns_count) == (ASSUMED, 0)
    assert interval(response.returns) == pytest.approx((1.0, 0.5, 1.5), abs=0.002)


def test_the_measured_response_draws_from_the_prediction_of_one_more_campaign() -> None:
    response = reward_response(campaigns([2.0] * 9, 0.3), (0.5, 1.5), ELASTICITY, seed=1)
    expected, low, high = interval(response.returns)
    assert (response.source, response.campaigns_count) == (MEASURED, 9)
    assert expected == pytest.approx(2.0)
    assert (low, high) == pytest.approx((2 - 2.365 * 0.1, 2 + 2.365 * 0.1), abs=0.003)  # t of 7 degrees


def test_todays_cost_returns_what_was_measured_and_more_of_it_less_and_less() -> None:
    response = reward_response(campaigns([], 0.1), (2.0, 2.0), (0.5, 0.5), seed=1)
    today = {"Silver": 100.0, "Gold": 300.0, "none": 0.0}
    returned = [
        response.incremental_margin(today, {key: cost * x for key, cost in today.items()}) for x in (0, 1, 2, 3)
    ]
    assert [draws[0] for draws in returned] == pytest.approx([0, 800, 800 * 2**0.5, 800 * 3**0.5])
    # a group without rewards today answers nothing, nor does one that owes points
    assert response.incremental_margin(today, {"Silver": -5.0, "none": 50.0})[0] == 0


def test_the_same_seed_gives_the_same_draws_and_scenarios_are_paired() -> None:
    one, other = (reward_response(campaigns([], 0.1), (0.5, 1.5), ELASTICITY, seed=7) for _ in range(2))
    today, half = {"Gold": 100.0}, {"Gold": 50.0}
    assert (one.incremental_margin(today, half) == other.incremental_margin(today, half)).all()
    assert (one.incremental_margin(today, half) < one.incremental_margin(today, today)).all()
    third = reward_response(campaigns([], 0.1), (0.5, 1.5), ELASTICITY, seed=8)
    assert (one.elasticities != third.elasticities).any()


def test_a_small_cost_counts_as_any_other() -> None:
    response = reward_response(campaigns([], 0.1), (2.0, 2.0), (1.0, 1.0), seed=1)
    assert response.incremental_margin({"Gold": 0.5}, {"Gold": 0.5})[0] == pytest.approx(1.0)
    assert measured_returns(campaigns([2.0] * 6, 0.1, cost_amount=0.5)) is not None


def test_a_campaign_whose_interval_is_a_point_measures_nothing() -> None:
    frame = campaigns([2.0] * 6, 0.1)
    assert measured_returns(frame.assign(effect_low=1.0, effect_high=1.0)) is None


def test_amounts_as_decimals_are_read() -> None:
    frame = campaigns([2.0] * 9, error=0.3)
    decimals = frame.assign(cost_amount=[Decimal("500")] * 9, treated_count=[Decimal(1_000)] * 9)
    assert measured_returns(decimals) == pytest.approx(measured_returns(frame))


def test_a_little_more_spread_than_chance_makes_the_next_one_uncertain() -> None:
    """Four returns of variance 0.0167 with errors of 0.1: DerSimonian and Laird's tau2 is 0.0067."""
    mean, scale, _ = measured_returns(campaigns([1.85, 1.95, 2.05, 2.15], error=0.1)) or (0, 0, 0)
    spread = 0.05 / 3 - 0.01
    assert mean == pytest.approx(2.0)
    assert scale == pytest.approx(np.sqrt(spread + (spread + 0.01) / 4), rel=1e-4)


@pytest.mark.parametrize("returns", [[], [2.0] * 9])
def test_draws_are_even_quantiles_and_as_many_as_asked_for(returns: list[float]) -> None:
    response = reward_response(campaigns(returns, 0.3), (0.5, 1.5), ELASTICITY, seed=1, draws=100)
    assert sorted(response.elasticities) == pytest.approx(np.linspace(0.302, 0.698, 100))
    assert len(response.returns) == 100
    assert (np.diff(response.returns) > 0).all()
    assert len(reward_response(campaigns(returns, 0.3), (0.5, 1.5), ELASTICITY, seed=1).returns) == 4_000
