from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp

from ml.rewards.allocation import CAP_COLUMNS, OFFER_COLUMNS, allocate

NO_CAPS = pd.DataFrame(columns=list(CAP_COLUMNS))
MONTH = "2025-03-01"


def offers_frame(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(OFFER_COLUMNS))


def offer(customer, reward, margin, cost, campaign="spring", month=MONTH):
    return (customer, reward, campaign, month, margin, cost)


cents = st.integers(0, 3000).map(lambda amount: Decimal(amount) / 100)
offer_rows = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(["spring", "points"]),
        st.sampled_from([MONTH, "2025-04-01"]),
        cents,
        cents,
    ),
    unique_by=lambda row: row[:4],
    max_size=14,
)
caps_rows = st.dictionaries(
    st.tuples(st.sampled_from(["spring", "points"]), st.sampled_from([MONTH, "2025-04-01"])), cents
)


def caps_frame(caps) -> pd.DataFrame:
    return pd.DataFrame([(*key, amount) for key, amount in caps.items()], columns=list(CAP_COLUMNS))


def best_possible(offers: pd.DataFrame, budget: Decimal) -> float:
    """The exact optimum without caps, by integer programming."""
    cost = offers["cost_amount"].astype(float).to_numpy()
    gain = offers["expected_incremental_margin_amount"].astype(float).to_numpy() - cost
    group = pd.get_dummies(offers["customer_id"].astype(str) + offers["month"]).to_numpy(float).T
    limits = LinearConstraint(np.vstack([cost, group]), ub=[float(budget) + 1e-9, *[1] * len(group)])
    return -milp(-gain, constraints=limits, integrality=np.ones(len(gain)), bounds=(0, 1)).fun


def test_spends_where_it_returns_most():
    offers = offers_frame([offer(1, "a", 30, 10), offer(2, "a", 50, 10), offer(3, "a", 9, 10), offer(4, "a", 25, 10)])
    chosen = allocate(offers, 20, NO_CAPS)
    assert chosen["customer_id"].tolist() == [1, 2]
    assert chosen["net_margin_amount"].tolist() == [Decimal(20), Decimal(40)]


def test_one_reward_per_customer_and_month_and_the_larger_one_when_money_is_left():
    offers = offers_frame([offer(1, "small", 12, 2), offer(1, "large", 40, 20), offer(2, "small", 7, 2)])
    assert allocate(offers, 4, NO_CAPS)["reward_id"].tolist() == ["small", "small"]
    assert allocate(offers, 100, NO_CAPS)["reward_id"].tolist() == ["large", "small"]


def test_a_full_cap_leads_to_the_other_campaign():
    offers = offers_frame([offer(1, "a", 50, 10), offer(1, "b", 30, 10, "points"), offer(2, "a", 60, 10)])
    capped = allocate(offers, 100, caps_frame({("spring", MONTH): Decimal("10")}))
    assert capped[["customer_id", "campaign_id"]].to_numpy().tolist() == [[1, "points"], [2, "spring"]]


def test_a_larger_reward_gives_its_predecessor_back_to_budget_and_cap():
    within = offers_frame([offer(1, "small", 12, 2), offer(1, "large", 40, 20)])
    assert allocate(within, 20, caps_frame({("spring", MONTH): 20}))["reward_id"].tolist() == ["large"]
    across = offers_frame([offer(1, "a", 40, 10), offer(1, "b", 80, 30, "points"), offer(2, "a", 18, 10)])
    chosen = allocate(across, 40, caps_frame({("spring", MONTH): 10}))
    assert chosen[["customer_id", "campaign_id"]].to_numpy().tolist() == [[1, "points"], [2, "spring"]]


def test_a_poor_offer_in_between_does_not_make_the_next_one_look_good():
    offers = offers_frame(
        [offer(1, "a", 110, 10), offer(1, "b", 121, 20), offer(1, "c", 221, 21), offer(2, "a", 420, 20)]
    )
    chosen = allocate(offers, 30, NO_CAPS)
    assert chosen[["customer_id", "reward_id"]].to_numpy().tolist() == [[1, "a"], [2, "a"]]


def test_money_is_exact_to_the_ten_thousandth():
    offers = offers_frame([offer(customer, "a", 1, Decimal("0.1")) for customer in range(10)])
    assert len(allocate(offers, Decimal("1.0"), NO_CAPS)) == 10
    assert len(allocate(offers, Decimal("0.9999"), NO_CAPS)) == 9


def test_no_offer_is_made_without_an_expected_margin_or_for_a_loss():
    offers = offers_frame([offer(1, "a", None, 1), offer(2, "a", 5, 5), offer(3, "a", 4, 5)])
    chosen = allocate(offers, 100, NO_CAPS)
    assert chosen.empty and "net_margin_amount" in chosen.columns


@settings(max_examples=150, deadline=None)
@given(offer_rows, cents, caps_rows)
def test_never_over_budget_or_cap_and_one_reward_each(rows, budget, caps):
    offers = offers_frame(rows)
    chosen = allocate(offers, budget, caps_frame(caps))
    assert sum(chosen["cost_amount"]) <= budget
    assert not chosen.duplicated(["customer_id", "month"]).any()
    assert all(amount > 0 for amount in chosen["net_margin_amount"])
    for (campaign, month), cap in caps.items():
        used = chosen[(chosen["campaign_id"] == campaign) & (chosen["month"] == month)]
        assert sum(used["cost_amount"]) <= cap


@settings(max_examples=100, deadline=None)
@given(offer_rows.filter(bool), cents)
def test_falls_short_of_the_optimum_by_less_than_one_offer(rows, budget):
    offers = offers_frame(rows)
    gain = offers["expected_incremental_margin_amount"] - offers["cost_amount"]
    total = float(sum(allocate(offers, budget, NO_CAPS)["net_margin_amount"]))
    assert best_possible(offers, budget) - total <= max(float(gain.max()), 0) + 1e-6


@settings(max_examples=50, deadline=None)
@given(offer_rows, cents, caps_rows, st.integers(0, 99))
def test_row_order_does_not_matter(rows, budget, caps, seed):
    offers = offers_frame(rows)
    shuffled = offers.sample(frac=1, random_state=seed)
    first, second = (allocate(frame, budget, caps_frame(caps)) for frame in (offers, shuffled))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(
    ("rows", "budget", "caps", "message"),
    [
        ([offer(1, "a", 5, -1)], 1, {}, "negative"),
        ([offer(1, "a", 5, 1)], -1, {}, "negative"),
        ([offer(1, "a", 5, 1)], 1, {("spring", MONTH): -1}, "negative"),
        ([offer(1, "a", 5, 1), offer(1, "a", 6, 1)], 1, {}, "more than one row"),
    ],
)
def test_impossible_input_is_refused(rows, budget, caps, message):
    with pytest.raises(ValueError, match=message):
        allocate(offers_frame(rows), budget, caps_frame(caps))


def test_a_larger_reward_is_weighed_by_what_it_adds_to_the_smaller_one():
    """For 18 more the larger one leaves 10 more; another customer leaves 15 for 18, or 9."""
    own = [offer(1, "a large", 40, 20), offer(1, "b small", 12, 2)]
    chosen = allocate(offers_frame([*own, offer(2, "c", 33, 18)]), 20, NO_CAPS)
    assert chosen["reward_id"].tolist() == ["b small", "c"]
    chosen = allocate(offers_frame([*own, offer(2, "c", 27, 18)]), 20, NO_CAPS)
    assert chosen["reward_id"].tolist() == ["a large"]


def test_a_cap_has_left_what_was_not_spent_of_it():
    offers = offers_frame([offer(1, "small", 12, 2), offer(1, "large", 40, 20), offer(2, "x", 13, 10)])
    assert allocate(offers, 100, caps_frame({("spring", MONTH): 30}))["reward_id"].tolist() == ["large", "x"]
    assert allocate(offers, 100, caps_frame({("spring", MONTH): 29}))["reward_id"].tolist() == ["large"]


def test_choices_are_numbered_anew_in_the_order_of_month_and_customer():
    offers = offers_frame([offer(3, "a", 12, 2), offer(2, "a", 1, 2), offer(1, "a", 50, 2), offer(4, "a", 2, 2)])
    chosen = allocate(offers, 100, NO_CAPS)
    assert chosen["customer_id"].tolist() == [1, 3]
    assert chosen.index.tolist() == [0, 1]
    assert list(chosen.columns) == [*OFFER_COLUMNS, "net_margin_amount"]


def test_what_is_missing_or_repeated_is_named():
    offers, caps = offers_frame([offer(1, "a", 12, 2)]), caps_frame({("spring", MONTH): 30})
    with pytest.raises(ValueError, match=r"^offers lacks cost_amount"):
        allocate(offers.drop(columns="cost_amount"), 1, caps)
    with pytest.raises(ValueError, match=r"^caps lacks month"):
        allocate(offers, 1, caps.drop(columns="month"))
    with pytest.raises(ValueError, match="more than one row for a campaign and month"):
        allocate(offers, 1, pd.concat([caps, caps.assign(cap_amount=5)]))


def test_a_customer_may_have_a_reward_in_each_month():
    offers = offers_frame([offer(1, "a", 12, 2), offer(1, "b", 13, 2), offer(1, "a", 12, 2, month="2025-04-01")])
    assert allocate(offers, 100, NO_CAPS)[["month", "reward_id"]].to_numpy().tolist() == [
        [MONTH, "b"],
        ["2025-04-01", "a"],
    ]
