"""The reward plan on made-up campaigns whose effect is known, and under budgets that bind."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.rewards.planning import PLAN_COLUMNS, RewardConfig, RewardPlan, plan_rewards

FEATURES = ["recency_days", "orders_per_week_90d"]
MONTH = pd.Timestamp("2024-03-01")


def trial(campaign_id: str, effect: float, rows: int = 4000, seed: int = 0, only_recent: bool = False) -> pd.DataFrame:
    """A fair split; the treatment adds `effect` to everyone's margin, or only to those with recency under 30."""
    draws = np.random.default_rng(seed)
    recency = draws.integers(0, 60, rows).astype(float)
    is_treated = draws.random(rows) < 0.5
    moved = (recency < 30) if only_recent else np.ones(rows, bool)
    return pd.DataFrame(
        {
            "campaign_id": campaign_id,
            "customer_id": [f"t{number}" for number in range(rows)],
            "arm": np.where(is_treated, "treatment", "control"),
            "value": draws.normal(10, 5, rows) + effect * is_treated * moved,
            "planned_share": 0.5,
            "recency_days": recency,
            "orders_per_week_90d": draws.random(rows),
        }
    )


def candidates(customers: int, *rewards: tuple[str, str | None, float]) -> pd.DataFrame:
    """Every customer with every reward (reward_id, campaign it was tried in, cost); 20 of margin an order."""
    numbers = np.arange(customers)
    frames = [
        pd.DataFrame(
            {
                "plan_month": MONTH,
                "customer_id": [f"c{number:04d}" for number in numbers],
                "reward_id": reward_id,
                "reward_name": reward_id,
                "campaign_type": f"type of {reward_id}",
                "trial_campaign_id": campaign_id,
                "trial_campaign_name": f"Trial {campaign_id}" if campaign_id else None,
                "cost_amount": cost,
                "tier": "Silver",
                "is_active": True,
                "margin_per_order": 20.0,
                "recency_days": (numbers % 60).astype(float),
                "orders_per_week_90d": 0.5,
            }
        )
        for reward_id, campaign_id, cost in rewards
    ]
    return pd.concat(frames, ignore_index=True)


def plan(frame: pd.DataFrame, *trials: pd.DataFrame, **values: object) -> RewardPlan:
    """The plan at an assumed response of 5%."""
    tried = pd.concat(trials, ignore_index=True) if trials else trial("none", 0).iloc[:0]
    return plan_rewards(frame, tried, FEATURES, RewardConfig(response_rate=0.05, **values))  # type: ignore[arg-type]


def test_an_effect_that_a_campaign_showed_is_expected_again() -> None:
    offers = plan(candidates(60, ("voucher", "k1", 1.0)), trial("k1", 4.0)).offers
    assert list(offers.columns) == list(PLAN_COLUMNS)
    assert set(offers["basis"]) == {"average_effect"}
    assert set(offers["status"]) == {"offered"}
    assert offers["expected_incremental_margin_amount"].between(3.5, 4.5).all()
    assert offers["reason"].str.startswith("Silver, active; Trial k1 brought").all()


def test_a_campaign_that_moved_only_some_is_offered_to_them() -> None:
    offers = plan(candidates(60, ("voucher", "k1", 3.0)), trial("k1", 8.0, only_recent=True)).offers
    assert set(offers["basis"]) == {"uplift_model"}
    offered = offers["status"] == "offered"
    assert offered[:28].all()
    assert not offered[32:].any()


def test_of_a_large_campaign_whom_it_moved_is_learned_from_a_part_and_the_average_from_all() -> None:
    large = trial("k1", 4.0)
    result = plan(candidates(3, ("voucher", "k1", 1.0)), large, most_trial_rows=1000)
    by_arm = large.groupby("arm")["value"].mean()
    assert set(result.offers["basis"]) == {"average_effect"}
    assert set(result.offers["expected_incremental_margin_amount"]) == {
        round(by_arm["treatment"] - by_arm["control"], 4)
    }
    shuffled = plan(candidates(3, ("voucher", "k1", 1.0)), large.sample(frac=1, random_state=1), most_trial_rows=1000)
    pd.testing.assert_frame_equal(shuffled.metrics.drop(columns="model_run_id", errors="ignore"), result.metrics)


def test_a_campaign_without_an_effect_makes_no_offer() -> None:
    offers = plan(candidates(10, ("newsletter", "k1", 0.01)), trial("k1", 0.0, seed=3)).offers
    assert set(offers["status"]) == {"effect_not_shown"}
    assert offers["expected_incremental_margin_amount"].isna().all()


def test_a_broken_split_shows_nothing() -> None:
    broken = trial("k1", 4.0)
    broken = broken[(broken["arm"] == "control") | (broken.index % 3 > 0)]
    assert set(plan(candidates(10, ("voucher", "k1", 1.0)), broken).offers["status"]) == {"effect_not_shown"}


def test_an_untried_reward_rests_on_the_assumed_response() -> None:
    offers = plan(candidates(4, ("cup", None, 0.4), ("basket", None, 5.0))).offers
    assert set(offers["reward_id"]) == {"cup"}
    assert set(offers["expected_incremental_margin_amount"]) == {1.0}  # 5% of 20
    assert set(offers["basis"]) == {"assumed"}
    assert set(plan(candidates(4, ("basket", None, 5.0))).offers["status"]) == {"not_worthwhile"}


def test_nobody_to_plan_for_makes_an_empty_plan() -> None:
    result = plan(candidates(3, ("cup", None, 0.4)).iloc[:0])
    assert result.offers.empty
    assert result.run["status"] == "no_candidates"


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="margin_per_order"):
        plan(candidates(3, ("cup", None, 0.4)).drop(columns="margin_per_order"))


@settings(max_examples=25, deadline=None)
@given(budget=st.decimals(0, 30, places=2), cap=st.decimals(0, 10, places=2), seed=st.integers(0, 5))
def test_budget_and_cap_are_kept_whatever_the_order_of_rows(budget: Decimal, cap: Decimal, seed: int) -> None:
    frame = candidates(40, ("cup", None, 0.4), ("basket", None, 0.75)).sample(frac=1, random_state=seed)
    offers = plan(frame, budget_amount=budget, caps={"type of cup": cap}).offers
    offered = offers[offers["status"] == "offered"]
    assert Decimal(str(round(offered["cost_amount"].sum(), 4))) <= budget
    assert Decimal(str(round(offered.loc[offered["reward_id"] == "cup", "cost_amount"].sum(), 4))) <= cap
    again = plan(frame.sort_index(), budget_amount=budget, caps={"type of cup": cap}).offers
    pd.testing.assert_frame_equal(offers, again)


def test_a_campaign_in_which_nobody_differs_shows_nothing() -> None:
    """0.1 and 0.3 for all: no spread, hence no error, and an interval would be rounding."""
    tried = trial("k1", 0.0, rows=600)
    tried["value"] = np.where(tried["arm"] == "treatment", 0.3, 0.1)
    assert set(plan(candidates(5, ("voucher", "k1", 0.01)), tried).offers["basis"]) == {"effect_not_shown"}
