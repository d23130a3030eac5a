"""Whole histories of the programme: from delivered files to points and tiers, against day-by-day references."""

import random
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from tests.dbt.loyalty_histories import (
    DATA_FROM,
    DAYS,
    EXPIRY_MONTHS,
    RETURN_WINDOW_DAYS,
    Happening,
    Order,
    Programme,
    day_of,
    money,
    noon,
)
from tests.dbt.points_reference import ACCOUNTS, Ledger, Terms
from tests.dbt.tier_reference import Rule, TierRow, replay
from tests.properties.company import Company, Row, Rows, expect_same

pytestmark = pytest.mark.slow

SHIPPED_RULES = tuple(
    Rule(date(1900, 1, 1), rank, money(10_000 * threshold), money(rate))
    for rank, threshold, rate in ((1, 0, 10_000), (2, 200, 12_500), (3, 500, 15_000), (4, 1_000, 20_000))
)
AMOUNTS = (50_000, 199_999, 400_000, 799_999, 1_000_000, 2_000_000, 2_500_001, 6_000_000)
# Within the return window and at its edges, long after, and in leap and clock-change months.
DELAYS = (0, 1, 29, 30, 31, 32, 90, 400)
PREFIX = "shop-"


def customer_orders(chance: random.Random, customer: str) -> Iterator[Order]:
    for number in range(chance.choice((1, 1, 2, 4, 8, 15))):
        units, day = chance.choice(AMOUNTS), chance.choice((chance.randint(0, DAYS), chance.randint(380, 480)))
        parts = chance.choice(((), (), (), (1.0,), (0.5,), (0.25, 0.75), (0.1, 0.2)))
        returned = tuple((day + chance.choice(DELAYS), int(units * part)) for part in parts)
        yield Order(f"{PREFIX}{customer}-{number}", customer, day, units, returned)


def customer_happenings(chance: random.Random, customer: str, orders: list[Order]) -> Iterator[Happening]:
    sizes = {
        "unlinked_return": (9_999, 100_000, 600_000),
        "redemption": (1, 20, 75, 120, 300, -20, -75),
        "adjustment": (-40, 10, 55, 200),
    }
    for number in range(chance.choice((0, 0, 1, 3, 6))):
        kind = chance.choice(("unlinked_return", "redemption", "redemption", "redemption", "adjustment"))
        paid = chance.choice(orders).order_id if kind == "redemption" and chance.random() < 0.5 else None
        key = f"{PREFIX}{customer}-h{number}"
        yield Happening(key, customer, chance.randint(1, DAYS), kind, chance.choice(sizes[kind]), paid)


def made_up(seed: int, customers: int) -> tuple[Programme, dict[str, date]]:
    """Histories over three years, and the days on which the customers joined."""
    chance = random.Random(seed)
    orders = [Order(f"{PREFIX}first", "K0", 0, 10_000, ())]
    happenings: list[Happening] = []
    joined = {"K0": day_of(0)}
    for number in range(1, customers):
        customer = f"K{number}"
        mine = list(customer_orders(chance, customer))
        orders += mine
        happenings += customer_happenings(chance, customer, mine)
        first = min(event.day for event in (*mine, *happenings) if event.customer_id == customer)
        joined[customer] = day_of(max(0, first + chance.choice((-20, -1, 0, 1, 40, 400))))
    return Programme(tuple(orders), tuple(happenings), SHIPPED_RULES).until(DAYS), joined


def line(key: str, customer: str, day: int, units: int, order: str, returns: str | None = None) -> Row:
    return {
        "order_line_id": key, "order_id": order, "customer_id": customer, "ordered_at": noon(day_of(day)),
        "product_id": "P1", "quantity": 1 if units > 0 else -1, "gross_amount": money(units),
        "discount_amount": money(0), "net_amount": money(units), "currency": "EUR", "channel": "web",
        "order_status": "completed", "original_order_id": returns,
    }  # fmt: skip


def delivered(programme: Programme, joined: dict[str, date]) -> dict[str, list[Row]]:
    """What the shop's files hold of it; keys without the prefix that the source adds."""
    lines = []
    for order in programme.orders:
        name = order.order_id.removeprefix(PREFIX)
        lines.append(line(name, order.customer_id, order.day, order.units, name))
        for number, (day, units) in enumerate(order.returned):
            back = f"{name}-back{number}"
            lines.append(line(back, order.customer_id, day, -units, back, returns=name))
    events = [(event, event.key.removeprefix(PREFIX)) for event in programme.happenings]
    lines += [
        line(key, event.customer_id, event.day, -event.size, key)
        for event, key in events
        if event.kind == "unlinked_return"
    ]
    redemptions = [
        {
            "redemption_id": key, "customer_id": event.customer_id, "redeemed_at": noon(day_of(event.day)),
            "points": event.size, "reward_id": "gift",
            "order_id": event.order_id.removeprefix(PREFIX) if event.order_id else None,
        }
        for event, key in events
        if event.kind == "redemption"
    ]  # fmt: skip
    adjustments = [
        {
            "adjustment_id": key, "customer_id": event.customer_id, "adjusted_at": noon(day_of(event.day)),
            "points": event.size,
        }
        for event, key in events
        if event.kind == "adjustment"
    ]  # fmt: skip
    customers = [{"customer_id": customer, "joined_at": noon(day)} for customer, day in joined.items()]
    return {
        "order_lines": lines,
        "reward_redemptions": redemptions,
        "point_adjustments": adjustments,
        "customers": customers,
    }


def expected(programme: Programme, joined: dict[str, date], earns_from: str) -> tuple[Rows, Rows]:
    """Points entries and tiers of everybody, by the references."""
    entries: Rows = []
    tiers: Rows = []
    for customer in programme.customers:
        history = programme.tier_history(customer)
        history.known_since = min(history.known_since, joined[customer])
        rows = replay(history, programme.rules, DATA_FROM, day_of(DAYS), RETURN_WINDOW_DAYS)
        tiers += [tier_row(customer, row) for row in rows]
        points = programme.points_history(customer)
        if earns_from == "joined_at":
            points.purchases = [purchase for purchase in points.purchases if purchase.day >= joined[customer]]
        ledger = Ledger(points, Terms(programme.rules, rows, RETURN_WINDOW_DAYS, EXPIRY_MONTHS))
        for name, (kind, day, posted) in ledger.run(DATA_FROM, day_of(DAYS)).journals.items():
            entries += [
                (name, customer, account, posted[account], kind, day) for account in ACCOUNTS if posted.get(account)
            ]
    return sorted(entries), sorted(tiers)


def tier_row(customer: str, row: TierRow) -> tuple[Any, ...]:
    return customer, row.valid_from, row.rank, row.expires_on, row.metric, row.reason


@pytest.mark.parametrize(
    ("seed", "customers"), [(1, 50), *(pytest.param(seed, 1_000, marks=pytest.mark.campaign) for seed in (2, 3))]
)
@pytest.mark.parametrize("earns_from", ["first_purchase", "joined_at"])
def test_points_and_tiers_of_whole_histories(
    make_company: Callable[..., Company], seed: int, customers: int, earns_from: str
) -> None:
    programme, joined = made_up(seed, customers)
    company = make_company(as_of_date=day_of(DAYS), data_through=day_of(DAYS), points={"earns_from": earns_from})
    for entity, rows in delivered(programme, joined).items():
        company.deliver("shop", entity, "part-1", rows)
    company.load()
    company.build(["+fct_points_entries", "+fct_customer_tiers"])
    entries, tiers = expected(programme, joined, earns_from)
    assert len(entries) > 10 * customers and len(tiers) > customers
    with company.warehouse() as connection:
        found = connection.execute(
            "select journal_id, customer_id, account, points, kind, event_date from marts.fct_points_entries"
            " order by all"
        ).fetchall()
        held = connection.execute(
            "select customer_id, valid_from, tier_rank, expires_on, metric_amount, reason"
            " from marts.fct_customer_tiers order by all"
        ).fetchall()
    expect_same(found, entries, "points")
    expect_same(held, tiers, "tiers")
