from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from warehouse.errors import UserError
from warehouse.experiments.assignment import (
    HOLDOUT_DRAW,
    ExperimentDefinition,
    assign,
    assignment_unit,
    empty_registry,
    register,
)

PLAN = {
    "campaign_id": "spring",
    "salt": "s1",
    "treatments": {"treatment": 0.5},
    "start_date": date(2025, 3, 1),
    "end_date": date(2025, 3, 31),
    "metrics": ("margin_amount", "orders_count"),
    "holdout_salt": "company",
    "holdout_share": 0.05,
}
BEFORE, DURING = date(2025, 2, 1), date(2025, 3, 10)


def plan(**changes) -> ExperimentDefinition:
    return ExperimentDefinition(**(PLAN | changes))


def test_unit_is_the_documented_sql_expression():
    customers = [1, 42, "a-7", "kunde|ü"]
    in_sql = [
        duckdb.execute(
            "select ('0x' || substr(md5(concat_ws('|', ?, ?, ?)), 1, 13))::bigint / 16::double ^ 13",
            ["s1", "spring", str(customer)],
        ).fetchone()[0]
        for customer in customers
    ]
    assert assignment_unit("s1", "spring", customers).tolist() == in_sql


def test_unit_is_even_and_independent_between_campaigns():
    customers = range(20_000)
    first, second = assignment_unit("s1", "a", customers), assignment_unit("s1", "b", customers)
    assert first.min() >= 0 and first.max() < 1
    assert stats.kstest(first, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert abs(np.corrcoef(first, assignment_unit("s2", "a", customers))[0, 1]) < 0.03


@settings(max_examples=25)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1, max_size=50), st.randoms())
def test_arm_does_not_depend_on_order_or_company(customers, random):
    shuffled = list(customers)
    random.shuffle(shuffled)
    whole = assign(customers, plan()).set_index("customer_id")["arm"]
    assert assign(shuffled, plan()).set_index("customer_id")["arm"].loc[customers].equals(whole)
    assert assign(customers[:1], plan())["arm"].iloc[0] == whole.iloc[0]


def test_shares_are_the_planned_ones_and_the_holdout_is_permanent():
    customers = range(40_000)
    arms = assign(customers, plan(treatments={"treatment": 0.7}))["arm"]
    held_out = (arms == "holdout").to_numpy()
    assert stats.binomtest(int(held_out.sum()), 40_000, 0.05).pvalue > 0.001
    treated = int((arms == "treatment").sum())
    assert stats.binomtest(treated, int((~held_out).sum()), 0.7).pvalue > 0.001

    next_campaign = (assign(customers, plan(campaign_id="summer", salt="other"))["arm"] == "holdout").to_numpy()
    assert (next_campaign == held_out).all()
    larger = (assign(customers, plan(holdout_share=0.1))["arm"] == "holdout").to_numpy()
    assert larger[held_out].all() and larger.sum() > held_out.sum()


def test_each_of_several_treatments_has_its_share_and_the_rest_is_the_control():
    customers = range(40_000)
    several = plan(treatments={"letter": 0.2, "phone call": 0.3}, holdout_share=0.0)
    arms = assign(customers, several)["arm"]
    counts = arms.value_counts()
    assert set(counts.index) == {"letter", "phone call", "control"}
    assert stats.chisquare(counts[["letter", "phone call", "control"]], [8_000, 12_000, 20_000]).pvalue > 0.001
    # one treatment of the same size would have the same customers
    alone = assign(customers, plan(holdout_share=0.0))["arm"]
    assert ((arms != "control") == (alone == "treatment")).all()


def test_arms_are_a_part_of_the_plan():
    registry = register(empty_registry(), plan(treatments={"letter": 0.1 + 0.2, "phone": 0.3}), BEFORE)
    assert registry["arms"].tolist() == ["letter=0.30000000000000004,phone=0.3"]
    assert registry["treatment_share"].tolist() == pytest.approx([0.6])
    assert register(registry, plan(treatments={"letter": 0.1 + 0.2, "phone": 0.3}), DURING).equals(registry)
    with pytest.raises(UserError, match=r"arms was letter=0.3.*now letter=0.3,fax=0.3"):
        register(registry, plan(treatments={"letter": 0.3, "fax": 0.3}), DURING)


def test_a_customer_listed_twice_is_refused():
    with pytest.raises(ValueError, match="customer 7 is listed more than once"):
        assign([7, 8, 7], plan())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"treatments": {"treatment": 1.0}}, "share of each treatment"),
        ({"treatments": {}}, "share of each treatment"),
        ({"treatments": {"a": 0.9, "b": 0.2}}, "share of each treatment"),
        ({"treatments": {"a": 0.9, "b": 0.0}}, "share of each treatment"),
        ({"treatments": {"a": 0.4, "control": 0.2}}, "neither control nor holdout"),
        ({"treatments": {"holdout": 0.4}}, "neither control nor holdout"),
        ({"treatments": {"a=b": 0.4}}, "a treatment is named with"),
        ({"treatments": {"a,b": 0.4}}, "a treatment is named with"),
        ({"treatments": {" a": 0.4}}, "a treatment is named with"),
        ({"holdout_share": 1.0}, "holdout_share"),
        ({"end_date": date(2025, 2, 1)}, "end_date"),
        ({"campaign_id": HOLDOUT_DRAW}, "campaign_id"),
        ({"campaign_id": "a|b"}, "campaign_id"),
        ({"salt": ""}, "salt"),
        ({"metrics": ()}, "metrics"),
        ({"metrics": ("a", "a")}, "metrics"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_by_name(changes, named):
    with pytest.raises(UserError, match=named):
        plan(**changes)


def test_a_plan_may_change_until_the_day_before_the_start():
    first = register(empty_registry(), plan(), BEFORE)
    changed = register(first, plan(treatments={"treatment": 0.8}), date(2025, 2, 28))
    assert first["treatment_share"].tolist() == [0.5]
    assert changed["treatment_share"].tolist() == [0.8]
    assert changed["registered_on"].tolist() == [date(2025, 2, 28)]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"salt": "s2"}, "salt was s1, now s2"),
        ({"treatments": {"treatment": 0.6}}, "treatment_share was 0.5, now 0.6"),
        ({"treatments": {"a": 0.2, "b": 0.3}}, "arms was , now a=0.2,b=0.3"),
        ({"end_date": date(2025, 4, 30)}, "end_date"),
        ({"start_date": date(2025, 5, 1), "end_date": date(2025, 5, 31)}, "start_date"),
        ({"metrics": ("orders_count", "margin_amount")}, "metrics"),
        ({"holdout_share": 0.1}, "holdout_share"),
    ],
)
@pytest.mark.parametrize("as_of", [date(2025, 3, 1), DURING, date(2026, 1, 1)])
def test_a_started_experiment_cannot_change(changes, named, as_of):
    registry = register(empty_registry(), plan(), BEFORE)
    with pytest.raises(UserError, match=named):
        register(registry, plan(**changes), as_of)


def test_the_same_plan_again_changes_nothing_also_after_a_database_kept_it():
    with duckdb.connect() as connection:
        connection.register("registered", register(empty_registry(), plan(), BEFORE))
        connection.execute("create table registry as select * from registered")
        kept = connection.execute("select * from registry").df()
    assert isinstance(kept["start_date"].iloc[0], pd.Timestamp)
    pd.testing.assert_frame_equal(register(kept, plan(), DURING), kept)
    with pytest.raises(UserError, match="cannot change"):
        register(kept, plan(treatments={"treatment": 0.51}), DURING)


def test_a_plan_first_registered_after_its_start_is_refused():
    with pytest.raises(UserError, match="before its start"):
        register(empty_registry(), plan(), DURING)


def test_the_permanent_holdout_may_grow_and_nothing_else():
    registry = register(empty_registry(), plan(), BEFORE)
    summer = {"campaign_id": "summer", "start_date": date(2025, 6, 1), "end_date": date(2025, 6, 30)}
    for changes in ({"holdout_share": 0.01}, {"holdout_salt": "other"}):
        with pytest.raises(UserError, match='holdout of "spring" is permanent'):
            register(registry, plan(**summer, **changes), DURING)
    grown = register(registry, plan(**summer, holdout_share=0.1), DURING)
    assert grown["campaign_id"].tolist() == ["spring", "summer"]
    assert register(registry, plan(**summer, holdout_share=0.01), BEFORE)["holdout_share"].tolist() == [0.05, 0.01]
