"""What a scenario comes to: read from the marts of a small programme, worked out by hand."""

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest

from whatif.outcome import Outcome, Range, read_outcome

# Published today: a rate of 50%, and who holds which tier. The replay has other rules: more points, other tiers.
PUBLISHED = """
attach ':memory:' as warehouse;
create schema warehouse.marts;
create table warehouse.marts.fct_customer_tiers as
    select * from (values ('a', 'Silver', true), ('a', 'Bronze', false), ('b', 'Bronze', true))
        as rows (customer_id, tier, is_current);
create table warehouse.marts.rpt_points_liability as
    select * from (values (date '2024-01-01', 0.9), (date '2024-02-01', 0.5), (date '2023-12-01', 0.7))
        as rows (month, redemption_rate);
create table warehouse.marts.fct_orders as
    select * from (values (30.5, true), (12.0, true), (99.0, false)) as rows (margin_amount, is_valid);
"""
REPLAYED = """
attach ':memory:' as tried;
create schema tried.marts;
create table tried.marts.fct_customer_tiers as
    select * from (values
        ('Bronze', true, 'enrolment'), ('Bronze', false, 'enrolment'), ('Silver', true, 'upgrade'),
        ('Silver', false, 'upgrade'), ('Silver', true, 'upgrade'), ('Bronze', true, 'downgrade')
    ) as rows (tier, is_current, reason);
create table tried.marts.rpt_points_liability as
    select cast(month as date) as month, issued_points, redeemed_points, expired_points, closing_points,
        cast(value as decimal(9, 6)) as point_value_amount
    from (values
        ('2024-01-01', 900, 100, 10, 790, 0.05), ('2024-02-01', 500, 200, 90, 1000, 0.01),
        ('2023-12-01', 0, 0, 0, 5, 0.09)
    ) as rows (month, issued_points, redeemed_points, expired_points, closing_points, value);
create table tried.marts.rpt_points_balances as
    select * from (values ('a', 200, 500), ('b', 100, 400), ('c', 0, 100))
        as rows (customer_id, redeemed_points, points_balance);
"""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(PUBLISHED + REPLAYED)
        yield opened


def read(connection: duckdb.DuckDBPyConnection) -> Outcome:
    return read_outcome(connection, "tried", ["Bronze", "Silver", "Gold"], Decimal("25"), "tried")


def test_tiers_and_moves_are_counted(connection):
    outcome = read(connection)
    assert list(outcome.customers.items()) == [("Bronze", 2), ("Silver", 2), ("Gold", 0)]
    assert (outcome.name, outcome.upgrades_count, outcome.downgrades_count) == ("tried", 3, 1)


def test_points_are_valued_at_the_last_month_and_todays_rate(connection):
    outcome = read(connection)
    assert (outcome.issued_points, outcome.redeemed_points, outcome.expired_points) == (1400, 300, 100)
    assert outcome.outstanding_points == 1000
    assert outcome.liability_amount == 5  # 1000 * 0.01 * 50%
    assert outcome.points_cost_amount == 3 + 5
    assert outcome.highest_points_cost_amount == 3 + 10


def test_points_that_customers_owe_cost_no_more_when_all_are_redeemed(connection):
    connection.execute("update tried.marts.rpt_points_liability set closing_points = -200 where month = '2024-02-01'")
    outcome = read(connection)
    assert (outcome.liability_amount, outcome.points_cost_amount) == (-1, 2)
    assert outcome.highest_points_cost_amount == 2


def test_cost_is_points_and_campaigns(connection):
    outcome = read(connection)
    assert outcome.budget_amount == 25
    assert (outcome.cost_amount, outcome.highest_cost_amount) == (33, 38)


def test_margin_is_that_of_valid_orders(connection):
    assert read(connection).margin_amount == Decimal("42.5")
    connection.execute("delete from warehouse.marts.fct_orders")
    assert read(connection).margin_amount == 0


def test_cost_by_group_goes_by_the_tier_held_today(connection):
    groups = read(connection).cost_by_group
    assert groups == pytest.approx({"Bronze": 3.0, "Silver": 4.5, "none": 0.5, "campaigns": 25.0})


@pytest.mark.parametrize(("low", "high", "sign"), [(0.1, 2, 1), (-2, -0.1, -1), (0, 2, 0), (-2, 0, 0), (-1, 1, 0)])
def test_an_interval_has_a_sign_where_zero_is_outside(low, high, sign):
    assert Range(0.5, low, high).sign == sign
