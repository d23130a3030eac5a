"""The reward plan on made-up campaigns whose effect is known, and under budgets that bind."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.campaigns.experiments import welch
from ml.common.model_runs import METRIC_COLUMNS
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
    with pytest.raises(ValueError, match=r"^candidates lacks margin_per_order"):
        plan(candidates(3, ("cup", None, 0.4)).drop(columns="margin_per_order"))
    with pytest.raises(ValueError, match=r"^trials lacks planned_share"):
        plan(candidates(3, ("cup", None, 0.4)), trial("k1", 4.0, rows=10).drop(columns="planned_share"))


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


def test_an_offer_says_what_its_campaign_brought() -> None:
    tried = trial("k1", 4.0)
    offers = plan(candidates(3, ("voucher", "k1", 1.0)), tried).offers
    effect = welch(*(tried.loc[tried["arm"] == arm, "value"].to_numpy() for arm in ("treatment", "control")))
    brought = f"Trial k1 brought {effect.effect:.2f} a customer ({effect.low:.2f} to {effect.high:.2f})"
    assert set(offers["reason"]) == {f"Silver, active; {brought}"}
    nothing = plan(candidates(3, ("letter", "k1", 1.0)), trial("k1", 0.0, rows=1000, seed=3)).offers
    assert set(nothing["reason"]) == {"Silver, active; Trial k1 did not show an effect"}
    assumed = plan(candidates(1, ("cup", None, 0.4)).assign(tier=None, is_active=False)).offers
    assert assumed["reason"].tolist() == ["no tier, at risk; assumed: 5% answer with one order more"]


def test_an_offer_to_those_like_the_moved_ones_says_what_they_brought() -> None:
    offers = plan(
        candidates(60, ("cup", None, 30.0), ("voucher", "k1", 3.0)), trial("k1", 8.0, only_recent=True)
    ).offers
    told = offers[offers["basis"] == "uplift_model"]
    assert len(told) == 60
    amounts = told["expected_incremental_margin_amount"].map("{:.2f}".format)
    assert (told["reason"] == "Silver, active; Trial k1 brought " + amounts + " from the like").all()


def test_of_rewards_that_are_not_paid_for_the_best_is_named() -> None:
    """Each brings 1.00: c costs 1.00, b and a 0.40."""
    rewards = candidates(2, ("c", None, 1.0), ("b", None, 0.4), ("a", None, 0.4))
    unpaid = plan(rewards, budget_amount=Decimal(0)).offers
    assert unpaid[["reward_id", "status"]].to_numpy().tolist() == [["a", "budget_spent"]] * 2
    assert unpaid.index.tolist() == [0, 1]
    assert set(plan(rewards, caps={"type of a": Decimal(0)}).offers["reward_id"]) == {"b"}
    assert set(plan(rewards[rewards["reward_id"] == "c"]).offers["status"]) == {"not_worthwhile"}
    dear = candidates(2, ("dear", None, 0.75), ("voucher", None, 0.4))
    assert set(plan(dear, budget_amount=Decimal(0)).offers["reward_id"]) == {"voucher"}
    # one that is paid for goes before a better one that is not
    assert set(plan(dear, caps={"type of voucher": Decimal(0)}).offers["reward_id"]) == {"dear"}
    # and one whose effect is known before one that showed none
    mixed = candidates(2, ("dear", None, 3.0), ("letter", "k1", 1.0))
    shown = plan(mixed, trial("k1", 0.0, rows=1000, seed=3)).offers
    assert set(shown["reward_id"]) == {"dear"} and set(shown["status"]) == {"not_worthwhile"}


def test_an_assumed_margin_has_four_decimals() -> None:
    offers = plan(candidates(1, ("cup", None, 0.4)).assign(margin_per_order=Decimal("20.0013"))).offers
    assert offers["expected_incremental_margin_amount"].tolist() == [1.0001]


def test_a_run_is_told_by_all_that_went_into_it() -> None:
    frame, tried = candidates(3, ("voucher", "k1", 1.0)), trial("k1", 4.0, rows=20)
    run = plan(frame, tried).run
    assert {key: value for key, value in run.items() if key != "model_run_id"} == {
        "model": "next_best_rewards",
        "version": 1,
        "rows": 3,
        "status": "ok",
    }
    others = [
        plan(frame, tried, seed=1),
        plan(frame.assign(cost_amount=1.1), tried),
        plan(frame, tried.assign(value=tried["value"] + 1)),
        plan_rewards(frame, tried, FEATURES[:1], RewardConfig(response_rate=0.05)),
    ]
    assert len({run["model_run_id"], *(other.run["model_run_id"] for other in others)}) == 5
    assert plan(frame.iloc[::-1], tried).run == run


def test_metrics_are_those_of_each_campaign_in_turn() -> None:
    frame = candidates(3, ("voucher", "k1", 1.0), ("letter", "k2", 1.0))
    metrics = plan(frame, trial("k2", 4.0, rows=600), trial("k1", 4.0, rows=600)).metrics
    assert metrics["slice"].str.split(" ").str[0].drop_duplicates().tolist() == ["k1", "k2"]
    assert set(metrics["slice"]) == {f"{name} {part}" for name in ("k1", "k2") for part in ("all", "cross_fitted")}
    assert metrics.index.tolist() == list(range(len(metrics)))
    assert list(plan(candidates(1, ("cup", None, 0.4))).metrics.columns) == list(METRIC_COLUMNS)
