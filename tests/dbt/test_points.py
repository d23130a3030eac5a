"""The points ledger: the SQL against day-by-day references on made-up histories, and what must hold of any history."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.compiled_loyalty import STORE, LoyaltyModels, compile_loyalty
from tests.dbt.loyalty_histories import (
    DATA_FROM,
    DAYS,
    EXPIRY_MONTHS,
    FIRST_RULES,
    RETURN_WINDOW_DAYS,
    Happening,
    Order,
    Programme,
    day_of,
    programmes,
)
from tests.dbt.points_reference import ACCOUNTS, Ledger, Terms
from tests.dbt.tier_reference import replay

PROPERTY = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FEWER = settings(PROPERTY, max_examples=6)
COLUMNS = ", ".join(ACCOUNTS)
JOURNAL = f"journal_id, kind, customer_id, event_date, {COLUMNS}"
MARTS = ["fct_points_entries", "rpt_points_balances", "rpt_points_liability", "rpt_points_breakage"]


@pytest.fixture(scope="module")
def models(generated_manifests: Path) -> LoyaltyModels:
    return LoyaltyModels(compile_loyalty(generated_manifests))


def build(models: LoyaltyModels, programme: Programme, as_of_day: int, *names: str) -> None:
    models.forget_postings()
    models.fill(programme.tables(as_of_day), programme.rule_rows())
    models.build(names or ["int_points_journals"])


def post(models: LoyaltyModels, programme: Programme, as_of_day: int) -> list[tuple]:
    """Let the store see a programme as of a day; all its rows afterwards."""
    models.fill(programme.tables(as_of_day), programme.rule_rows())
    models.build(["int_points_ledger"])
    return models.rows(STORE)


def ledgers(programme: Programme, as_of_day: int) -> dict[str, Ledger]:
    seen, last_day = programme.until(as_of_day), day_of(as_of_day)
    found = {}
    for customer in seen.customers:
        tiers = replay(seen.tier_history(customer), programme.rules, DATA_FROM, last_day, RETURN_WINDOW_DAYS)
        terms = Terms(programme.rules, tiers, RETURN_WINDOW_DAYS, EXPIRY_MONTHS)
        found[customer] = Ledger(seen.points_history(customer), terms).run(DATA_FROM, last_day)
    return found


def journals(found: dict[str, Ledger]) -> list[tuple]:
    return sorted(
        (name, kind, customer, day, *(entries.get(account, 0) for account in ACCOUNTS))
        for customer, ledger in found.items()
        for name, (kind, day, entries) in ledger.journals.items()
    )


def balances(models: LoyaltyModels, name: str) -> dict[str, tuple[int, ...]]:
    """Each customer's accounts, where any is not zero."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * len(ACCOUNTS))
    for customer, *accounts in models.rows(name, f"customer_id, {COLUMNS}"):
        sums[customer] = [total + points for total, points in zip(sums[customer], accounts, strict=True)]
    return {customer: tuple(total) for customer, total in sums.items() if any(total)}


@PROPERTY
@given(programme=programmes(), as_of_day=st.one_of(st.just(DAYS), st.integers(0, DAYS)))
def test_any_ledger_equals_the_day_by_day_reference(models, programme, as_of_day):
    build(models, programme, as_of_day)
    assert models.rows("int_points_journals", JOURNAL) == journals(ledgers(programme, as_of_day))


@pytest.mark.slow
@PROPERTY
@given(programme=programmes(), as_of_day=st.one_of(st.just(DAYS), st.integers(0, DAYS)))
def test_marts_tie_to_the_reference_to_the_point(models, programme, as_of_day):
    build(models, programme, as_of_day, *MARTS)
    found = ledgers(programme, as_of_day)
    totals = {customer: ledger.balance() for customer, ledger in found.items() if ledger.journals}
    assert models.rows("rpt_points_balances", "customer_id, pending_points, available_points") == sorted(
        (customer, total["member_pending"], total["member_available"]) for customer, total in totals.items()
    )
    outstanding = sum(total["member_pending"] + total["member_available"] for total in totals.values())
    months = models.rows(
        "rpt_points_liability",
        "month, opening_points, issued_points, redeemed_points, expired_points, reversed_points, closing_points",
    )
    assert months[0][1] == 0 and months[-1][-1] == outstanding
    for _, opening, issued, redeemed, expired, reversed_points, closing in months:
        assert opening + issued - redeemed - expired - reversed_points == closing
    assert [month[-1] for month in months[:-1]] == [month[1] for month in months[1:]]
    entries = models.rows("fct_points_entries", "journal_id, journal_version, account, points")
    assert len({entry[:3] for entry in entries}) == len(entries)
    sums: Counter[tuple[str, int]] = Counter()
    for journal_id, number, _, points in entries:
        sums[journal_id, number] += points
    assert not any(sums.values())
    for issued, reversed_points, used, expired, left in models.rows(
        "rpt_points_breakage", "issued_points, reversed_points, used_points, expired_points, remaining_points"
    ):
        assert issued == reversed_points + used + expired + left and min(reversed_points, used, expired, left) >= 0


@pytest.mark.slow
@PROPERTY
@given(programme=programmes(), earlier=st.integers(0, DAYS), later=st.integers(0, DAYS))
def test_a_ledger_as_of_a_day_is_the_later_one_up_to_that_day(models, programme, earlier, later):
    earlier, later = sorted((earlier, later))
    build(models, programme, later)
    replayed = models.rows("int_points_journals", where=f"event_date <= date '{day_of(earlier)}'")
    build(models, programme.until(earlier), earlier)
    assert models.rows("int_points_journals") == replayed


@pytest.mark.slow
@FEWER
@given(programme=programmes(), days=st.lists(st.integers(0, DAYS), min_size=2, max_size=4))
def test_posting_day_by_day_equals_replaying_it_all(models, programme, days):
    models.forget_postings()
    for day in sorted(days):
        posted = post(models, programme, day)
        models.post()
        assert models.rows(STORE) == posted, "a second run of the day posts nothing"
    assert models.rows(STORE, f"{JOURNAL}, entry_date, journal_version") == [
        (*journal, journal[3], 1) for journal in models.rows("int_points_journals", JOURNAL)
    ]
    earlier = min(days)
    assert post(models, programme, earlier) == posted, "a look back posts nothing"
    assert balances(models, "int_points_ledger") == balances(models, "int_points_journals")


@pytest.mark.slow
@FEWER
@given(
    before=programmes(),
    after=programmes(),
    days=st.tuples(st.integers(0, DAYS), st.integers(0, DAYS)).map(sorted),
)
def test_whatever_changes_what_was_posted_stays_and_corrections_close_the_gap(models, before, after, days):
    models.forget_postings()
    posted = post(models, before, days[0])
    corrected = post(models, after, days[1])
    assert set(posted) <= set(corrected)
    assert balances(models, "int_points_ledger") == balances(models, "int_points_journals")
    new = Counter(corrected) - Counter(posted)
    columns = [name for name, *_ in models.connection.execute(f"describe warehouse.intermediate.{STORE}").fetchall()]
    for row in (dict(zip(columns, values, strict=True)) for values in new):
        assert sum(row[account] for account in ACCOUNTS) == 0
        # a ledger without entries does not know that it was posted
        assert not posted or row["entry_date"] > day_of(days[0]) or row["entry_date"] == day_of(days[1])
        assert row["journal_version"] == 1 or row["entry_date"] == day_of(days[1])
    keys = models.rows(STORE, "journal_id, journal_version")
    assert len(set(keys)) == len(keys)
    assert post(models, after, days[1]) == corrected


def test_an_event_that_is_delivered_twice_posts_once(models):
    programme = Programme(
        (Order("O1", "C0", 0, 1_000_000, ()),),
        (Happening("R1", "C0", 60, "redemption", 40), Happening("A1", "C0", 61, "adjustment", 7)),
        FIRST_RULES,
    )
    build(models, programme, 90)
    once = models.rows("int_points_journals")
    tables = programme.tables(90)
    for name in ("int_reward_redemption_versions", "int_point_adjustment_versions"):
        tables[name] = [*tables[name], *((*row[:-1], "superseded") for row in tables[name])]
    models.fill(tables, programme.rule_rows())
    models.build(["int_points_journals"])
    assert models.rows("int_points_journals") == once
    assert len(once) == 4


def test_the_worked_example(models):
    """Earn 100, earn 50, redeem 120 -> 30; half of order 2 returned -> 5; expire 5 -> 0."""
    flat = tuple(replace(rule, earn_rate=Decimal(1)) for rule in FIRST_RULES)
    programme = Programme(
        (Order("O1", "C0", 0, 1_000_000, ()), Order("O2", "C0", 1, 500_000, ((50, 250_000),))),
        (Happening("R1", "C0", 40, "redemption", 120),),
        flat,
    )
    told = []
    for day in (30, 31, 32, 40, 50, 386, 387):
        build(models, programme, day, "rpt_points_balances")
        told.append((day, *models.rows("rpt_points_balances", "pending_points, available_points")[0]))
    assert told == [
        (30, 150, 0), (31, 50, 100), (32, 0, 150), (40, 0, 30), (50, 0, 5), (386, 0, 5), (387, 0, 0),
    ]  # fmt: skip
    assert models.rows("int_points_journals", "journal_id, event_date", "kind = 'expire'") == [
        ("expire:order:O2", date(2024, 2, 1))
    ]


def test_points_used_before_their_order_came_back_are_owed_and_later_earnings_pay_first(models):
    programme = Programme(
        (Order("O1", "C0", 0, 900_000, ((50, 900_000),)), Order("O2", "C0", 60, 600_000, ())),
        (Happening("R1", "C0", 40, "redemption", 70),),
        FIRST_RULES,
    )
    told = []
    for day in (40, 50, 60, 91):
        build(models, programme, day, "rpt_points_balances")
        told.append(models.rows("rpt_points_balances", "pending_points, available_points")[0])
    assert told == [(0, 20), (0, -70), (60, -70), (0, -10)]


def test_an_order_earns_at_the_rate_of_the_tier_held_when_its_day_starts(models):
    """120 and 10 on the day of the upgrade earn 1 a unit, 10 on the next day earn 1.25: 12 points."""
    orders = [Order("O1", "C0", 0, 1_200_000, ()), Order("O2", "C0", 0, 100_000, ()), Order("O3", "C0", 1, 100_000, ())]
    build(models, Programme(tuple(orders), (), FIRST_RULES), 1)
    assert models.rows("int_points_journals", "source_id, member_pending") == [("O1", 120), ("O2", 10), ("O3", 12)]


def test_an_unlinked_return_takes_back_the_newest_points_first(models):
    """Of 40 old and 30 new pending points, 45 go: all the new ones and 15 old, available ones."""
    programme = Programme(
        (Order("O1", "C0", 0, 400_000, ()), Order("O2", "C0", 40, 300_000, ())),
        (Happening("U1", "C0", 45, "unlinked_return", 450_000),),
        FIRST_RULES,
    )
    build(models, programme, 45)
    assert models.rows("int_points_journals", "member_pending, member_available, reversed", "kind = 'return'") == [
        (-30, -15, 45)
    ]


def test_liability_is_assumed_without_redemptions_and_observed_once_points_have_run_their_course(models):
    """100 points at 0.01 and an assumed 70% are 0.70. Of 100 used 25 expire 75, so later points count at 25%."""
    order = Order("O1", "C0", 0, 990_000, ())
    build(models, Programme((order,), (), FIRST_RULES), 60, "rpt_points_liability")
    columns = "closing_points, redemption_rate, redemption_rate_source, liability_amount"
    assert models.rows("rpt_points_liability", columns)[-1] == (99, 0.7, "assumed", Decimal("0.6930"))
    programme = Programme(
        (Order("O1", "C0", 0, 1_000_000, ()), Order("O2", "C0", 100, 400_000, ())),
        (Happening("R1", "C0", 40, "redemption", 25),),
        tuple(replace(rule, earn_rate=Decimal(1)) for rule in FIRST_RULES),
    )
    build(models, programme, 400, "rpt_points_liability", "rpt_points_breakage")
    last = models.rows("rpt_points_liability", f"month, {columns}")[-1]
    assert last[1:] == (40, 0.25, "issue_cohorts", Decimal("0.1000"))
    assert models.rows(
        "rpt_points_breakage", "used_points, expired_points, redemption_rate, breakage_rate, status"
    ) == [
        (0, 0, None, None, "not_mature"),
        (25, 75, 0.25, 0.75, "observed"),
    ]
