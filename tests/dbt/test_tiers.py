"""Tiers: the SQL against a day-by-day reference on made-up histories, and what must hold of any history."""

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import groupby, pairwise
from math import ceil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.compiled_loyalty import LoyaltyModels, compile_loyalty
from tests.dbt.loyalty_histories import (
    DATA_FROM,
    DAYS,
    FIRST_RULES,
    LATER_RULES,
    RETURN_WINDOW_DAYS,
    Order,
    Programme,
    day_of,
    programmes,
)
from tests.dbt.tier_reference import replay, rules_on

PROPERTY = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
STATE = "customer_id, valid_from, tier_rank, expires_on, metric_amount, reason"


@pytest.fixture(scope="module")
def models(generated_manifests: Path) -> LoyaltyModels:
    return LoyaltyModels(compile_loyalty(generated_manifests))


def build(models: LoyaltyModels, programme: Programme, as_of_day: int) -> None:
    models.fill(programme.tables(as_of_day), programme.rule_rows())
    models.build(["rpt_tier_movements"])


def reference(programme: Programme, as_of_day: int) -> list[tuple]:
    seen, last_day = programme.until(as_of_day), day_of(as_of_day)
    return sorted(
        (customer, row.valid_from, row.rank, row.expires_on, row.metric, row.reason)
        for customer in programme.customers
        if programme.known_since(customer) <= last_day
        for row in replay(seen.tier_history(customer), programme.rules, DATA_FROM, last_day, RETURN_WINDOW_DAYS)
    )


def of_orders(*orders: tuple[int, int], returned: dict[int, tuple[tuple[int, int], ...]] | None = None) -> Programme:
    """One customer's orders as (day, amount), and the (day, amount) of what came back of them by number."""
    made = []
    for number, (day, amount) in enumerate(orders):
        back = tuple((back_on, 10_000 * part) for back_on, part in (returned or {}).get(number, ()))
        made.append(Order(f"O{number}", "C0", day, 10_000 * amount, back))
    return Programme(tuple(made), (), FIRST_RULES)


def story(models: LoyaltyModels, programme: Programme, as_of_day: int) -> list[tuple]:
    build(models, programme, as_of_day)
    return models.rows("fct_customer_tiers", "valid_from, tier, expires_on, reason")


@PROPERTY
@given(programme=programmes(), as_of_day=st.one_of(st.just(DAYS), st.integers(0, DAYS)))
def test_any_history_equals_the_day_by_day_reference(models, programme, as_of_day):
    build(models, programme, as_of_day)
    assert models.rows("fct_customer_tiers", STATE) == reference(programme, as_of_day)


@PROPERTY
@given(programme=programmes(), earlier=st.integers(0, DAYS), later=st.integers(0, DAYS), seed=st.integers(0, 99))
def test_running_day_by_day_equals_replaying_it_all(models, programme, earlier, later, seed):
    earlier, later = sorted((earlier, later))
    build(models, programme, later)
    replayed = models.rows("fct_customer_tiers", STATE, f"valid_from <= date '{day_of(earlier)}'")
    months_over = f"month < date '{day_of(earlier).replace(day=1)}'"
    movements = models.rows("rpt_tier_movements", where=months_over)
    tables = programme.until(earlier).tables(earlier)
    shuffled = {name: random.Random(seed).sample(rows, len(rows)) for name, rows in tables.items()}
    models.fill(shuffled, programme.rule_rows())
    models.build(["rpt_tier_movements"])
    assert models.rows("fct_customer_tiers", STATE) == replayed
    assert models.rows("rpt_tier_movements", where=months_over) == movements


@PROPERTY
@given(programme=programmes(), as_of_day=st.integers(0, DAYS))
def test_rows_never_overlap_and_one_a_customer_is_open(models, programme, as_of_day):
    build(models, programme, as_of_day)
    rows = models.rows("fct_customer_tiers", "customer_id, valid_from, valid_to, tier, previous_tier, is_current")
    assert {row[0] for row in rows} == {row[0] for row in models.rows("int_tier_states", "customer_id")} | {
        customer for customer in programme.customers if programme.known_since(customer) <= day_of(as_of_day)
    }
    for customer, history in groupby(rows, key=lambda row: row[0]):
        history = list(history)
        assert history[0][1] == programme.known_since(customer) and history[0][4] is None
        assert [row[5] for row in history] == [False] * (len(history) - 1) + [True]
        assert history[-1][2] is None
        for before, after in pairwise(history):
            assert before[1] < before[2] == after[1] and after[4] == before[3]


@PROPERTY
@given(programme=programmes())
def test_a_year_of_data_shows_no_downgrade_and_no_renewal(models, programme):
    build(models, replace(programme, rules=FIRST_RULES), 364)
    assert {reason for (reason,) in models.rows("fct_customer_tiers", "reason")} <= {"enrolment", "upgrade", "return"}


@PROPERTY
@given(programme=programmes(), as_of_day=st.integers(0, DAYS))
def test_the_way_to_the_next_tier(models, programme, as_of_day):
    build(models, programme, as_of_day)
    today = day_of(as_of_day)
    rules = list(rules_on(programme.rules, today).values())
    seen = programme.until(as_of_day)
    columns = "customer_id, tier_rank, amount_to_next_tier, points_to_next_tier"
    for customer, rank, amount, points in models.rows("fct_customer_tiers", columns, "is_current"):
        net = seen.net_by_day(customer)
        trailing = sum((value for day, value in net.items() if (today - day).days < 365), Decimal(0))
        missing = rules[rank].threshold - trailing if rank < 4 else None
        assert amount == missing
        assert points == (None if missing is None else ceil(missing * rules[rank - 1].earn_rate))


def test_an_upgrade_holds_to_the_end_of_the_month_twelve_months_on(models):
    assert story(models, of_orders((0, 60), (20, 60)), 400) == [
        (DATA_FROM, "Bronze", None, "enrolment"),
        (date(2023, 1, 30), "Silver", date(2024, 1, 31), "upgrade"),
    ]


def test_the_highest_tier_reached_is_granted_at_once(models):
    assert story(models, of_orders((0, 250)), 0) == [(DATA_FROM, "Gold", date(2024, 1, 31), "upgrade")]


@pytest.mark.parametrize(("amount", "tier", "reason"), [(160, "Gold", "renewal"), (159, "Silver", "downgrade")])
def test_after_the_grace_80_percent_of_the_threshold_decides(models, amount, tier, reason):
    """Valid to 2024-01-31, looked at on 2024-03-01: a Gold of 200 is kept by 160, else it is one level less."""
    programme = of_orders((0, 250), (400, amount))
    assert story(models, programme, 415) == [(DATA_FROM, "Gold", date(2024, 1, 31), "upgrade")]
    assert story(models, programme, 416)[1:] == [(date(2024, 3, 1), tier, date(2025, 1, 31), reason)]


def test_who_stays_away_falls_one_level_a_year(models):
    assert [(row[0], row[1]) for row in story(models, of_orders((0, 500)), 1_500)] == [
        (DATA_FROM, "Diamond"),
        (date(2024, 3, 1), "Gold"),
        (date(2025, 3, 2), "Silver"),
        (date(2026, 3, 2), "Bronze"),
    ]


def test_a_return_inside_its_window_takes_the_upgrade_back(models):
    returned = of_orders((0, 60), (20, 60), returned={1: ((50, 30),)})
    assert [row[1:] for row in story(models, returned, 50)] == [
        ("Bronze", None, "enrolment"),
        ("Silver", date(2024, 1, 31), "upgrade"),
        ("Bronze", None, "return"),
    ]
    a_day_late = of_orders((0, 60), (20, 60), returned={1: ((51, 30),)})
    assert story(models, a_day_late, 60)[-1][1] == "Silver"
    still_enough = of_orders((0, 60), (20, 60), returned={1: ((50, 20),)})
    assert story(models, still_enough, 60)[-1][1] == "Silver"


def test_a_reversed_upgrade_gives_back_what_was_held_with_its_validity(models):
    returned = of_orders((0, 120), (30, 100), returned={1: ((40, 100),)})
    assert story(models, returned, 50) == [
        (DATA_FROM, "Silver", date(2024, 1, 31), "upgrade"),
        (date(2023, 2, 9), "Gold", date(2024, 2, 29), "upgrade"),
        (date(2023, 2, 19), "Silver", date(2024, 1, 31), "return"),
    ]


def test_an_upgrade_soon_after_a_downgrade_is_a_yo_yo(models):
    """Down on 2024-03-01, up again after 180 days or after 181."""
    for up_again, is_yo_yo in ((416 + 180, True), (416 + 181, False)):
        build(models, of_orders((0, 120), (up_again, 120)), up_again)
        upgrades = models.rows("fct_customer_tiers", "valid_from, is_yo_yo", "reason = 'upgrade'")
        assert upgrades == [(DATA_FROM, False), (day_of(up_again), is_yo_yo)]
        of_the_month = f"tier = 'Silver' and month = '{day_of(up_again).replace(day=1)}'"
        movements = models.rows("rpt_tier_movements", "yo_yo_count, yo_yo_rate", of_the_month)
        assert movements == [(int(is_yo_yo), float(is_yo_yo))]


def test_new_rules_count_from_their_day_and_leave_the_past(models):
    programme = replace(of_orders((0, 90), (300, 0)), rules=FIRST_RULES + LATER_RULES)
    programme = replace(programme, orders=(*programme.orders, Order("O9", "C0", 380, 900_000, ())))
    rows = story(models, programme, 500)
    assert [(row[0], row[1]) for row in rows] == [(DATA_FROM, "Bronze"), (LATER_RULES[0].effective_from, "Silver")]
    build(models, programme, 500)
    assert [row[0] for row in models.rows("fct_customer_tiers", "rule_version")] == ["1900-01-01", "2024-03-15"]
