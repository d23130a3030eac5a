"""Made-up histories under other rules: what more generous rules can never take away.

A lower threshold never lowers a tier in the first year of a history, in which no tier expires; beyond it one can: the
tier is granted sooner, so its validity ends sooner.
"""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.compiled_loyalty import LoyaltyModels, compile_loyalty
from tests.dbt.loyalty_histories import DAYS, RETURN_WINDOW_DAYS, Programme, programmes

PROPERTY = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FIRST_YEAR = 364
SHORT_MONTHS = 3
BALANCE = "customer_id, sum(member_pending + member_available)"


@pytest.fixture(scope="module")
def models(generated_manifests: Path) -> LoyaltyModels:
    return LoyaltyModels(compile_loyalty(generated_manifests))


@pytest.fixture(scope="module")
def short_lived(generated_manifests: Path) -> LoyaltyModels:
    """The models where points expire after three months instead of twelve."""
    return LoyaltyModels(compile_loyalty(generated_manifests, SHORT_MONTHS))


def without_late_returns(programme: Programme) -> Programme:
    """The programme with those returns alone that reverse an upgrade: linked, inside the return window."""
    orders = tuple(
        replace(order, returned=tuple(back for back in order.returned if back[0] - order.day <= RETURN_WINDOW_DAYS))
        for order in programme.orders
    )
    kept = tuple(event for event in programme.happenings if event.kind != "unlinked_return")
    return Programme(orders, kept, programme.rules)


def scaled(programme: Programme, thresholds: Decimal = Decimal(1), rates: int = 1) -> Programme:
    rules = tuple(
        replace(rule, threshold=rule.threshold * thresholds, earn_rate=rule.earn_rate * rates)
        for rule in programme.rules
    )
    return replace(programme, rules=rules)


def rows(models: LoyaltyModels, programme: Programme, as_of_day: int, name: str, columns: str, where: str) -> dict:
    models.fill(programme.tables(as_of_day), programme.rule_rows())
    models.build([name])
    return dict(models.rows(name, columns, where))


@PROPERTY
@given(
    programme=programmes(), as_of_day=st.integers(30, FIRST_YEAR), thresholds=st.sampled_from(["0.9", "0.5", "0.13"])
)
def test_lower_thresholds_never_lower_anyones_tier(models, programme, as_of_day, thresholds):
    programme = without_late_returns(programme)
    today, lower = (
        rows(models, one, as_of_day, "fct_customer_tiers", "customer_id, tier_rank", "is_current")
        for one in (programme, scaled(programme, thresholds=Decimal(thresholds)))
    )
    assert today.keys() == lower.keys()
    assert {customer for customer, rank in today.items() if lower[customer] < rank} == set()


@pytest.mark.slow
@PROPERTY
@given(programme=programmes(), as_of_day=st.integers(0, DAYS))
def test_twice_the_earn_rate_gives_twice_the_points_but_for_rounding_down(models, programme, as_of_day):
    today, twice = (
        rows(models, one, as_of_day, "int_points_lots", "source_id, earned_points", "source = 'order'")
        for one in (programme, scaled(programme, rates=2))
    )
    assert today.keys() <= twice.keys()
    assert {order for order, earned in twice.items() if earned - 2 * today.get(order, 0) not in (0, 1)} == set()


@pytest.mark.slow
@PROPERTY
@given(programme=programmes(), as_of_day=st.integers(0, DAYS))
def test_a_shorter_life_of_points_never_leaves_more_of_them(models, short_lived, programme, as_of_day):
    programme = without_late_returns(programme)
    today, shorter = (
        rows(some, programme, as_of_day, "int_points_journals", BALANCE, "true group by customer_id")
        for some in (models, short_lived)
    )
    assert today.keys() == shorter.keys()
    assert {customer for customer, points in today.items() if shorter[customer] > points} == set()
