"""Orders of all kinds in the order of time."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from generator.campaigns import Campaign, prompted_at
from generator.company import (
    CANCELLED,
    CANCELLED_SHARE,
    CATEGORIES,
    COMPLETED,
    EMPTY_SHARE,
    GUEST_SHARE,
    RETURN_SHARE,
    SHOP_SHARE,
    TEST,
    TEST_SHARE,
    Company,
)
from generator.customers import Customers, Purchases
from generator.draws import Codes, Flags, Floats, Ints

ORGANIC, PROMPTED, GUEST, CANCELLED_ORDER, TEST_ORDER, EMPTY = range(6)
"""Kinds of orders: by the purchase process, by a campaign, and the oddities (empty: nothing worth money)."""
_STATUS_OF_KIND = np.array([COMPLETED, COMPLETED, COMPLETED, CANCELLED, TEST, COMPLETED], dtype=np.int8)


@dataclass
class Orders:
    """One entry per order, ordered by time when drawn; -1 means none in `customer` and `campaign`.

    The amounts are sums over the order's sale lines in units of the source's currency.
    """

    kind: Codes
    customer: Ints
    day: Ints
    at: Ints
    source: Codes
    channel: Codes
    status: Codes
    campaign: Codes
    discount_percent: Codes
    taste: Codes
    number: Ints
    """Position in its source, from 0: the order id."""
    lines_count: Ints
    first_line: Ints
    """Position of its first line among all sale lines."""
    first_line_number: Ints
    """Position of its first line among the sale lines of its source: the line id."""
    quantity: Ints
    gross: Ints
    discount: Ints
    net: Ints
    cost: Ints
    campaign_discount: Ints
    """The part of the discount that a campaign added."""

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def is_empty(self) -> Flags:
        """Orders without a line that is worth money."""
        return self.kind == EMPTY

    @property
    def is_valid(self) -> Flags:
        """Orders of a customer, neither cancelled nor a test, whose sale lines are worth money."""
        return (self.status == COMPLETED) & (self.customer >= 0) & (self.net > 0)

    def copy(self) -> Orders:
        """Return a copy that can be changed."""
        return Orders(**{field.name: getattr(self, field.name).copy() for field in fields(self)})

    def joined(self, other: Orders) -> Orders:
        """Return a copy with the other orders behind these."""
        return Orders(**{f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)})


def draw_orders(company: Company, customers: Customers, purchases: Purchases, campaigns: list[Campaign]) -> Orders:
    """Draw all orders with their line counts; the sums stay 0 until their lines are drawn."""
    kind, customer, days_since_start = _all_kinds(company, customers, purchases, campaigns)
    day = np.minimum(days_since_start.astype(np.int64), company.days - 1)
    at = company.opening_hours("order_at", np.arange(len(day)), day)
    by_time = np.argsort(at, kind="stable")
    return make_orders(
        company,
        customers,
        kind=kind[by_time],
        customer=customer[by_time],
        day=day[by_time],
        at=at[by_time],
        source=_sources(company, len(day)),
        lines_count=_line_counts(company, len(day)),
        name="order",
    )


def make_orders(
    company: Company,
    customers: Customers,
    *,
    kind: Ints,
    customer: Ints,
    day: Ints,
    at: Ints,
    source: Ints,
    lines_count: Ints,
    name: str,
) -> Orders:
    """Complete orders of which the time, place, customer and size are known; `name` names their draws."""
    count = len(kind)
    index = np.arange(count)
    anything = company.draws.below(f"{name}/taste", index, len(CATEGORIES))
    zeros = {field: np.zeros(count, np.int64) for field in ("quantity", "gross", "discount", "net", "cost")}
    return Orders(
        kind=kind.astype(np.int8),
        customer=customer,
        day=day,
        at=at,
        source=source.astype(np.int8),
        channel=np.where(source == 0, company.draws.below(f"{name}/channel", index, 3), 2).astype(np.int8),
        status=_STATUS_OF_KIND[kind],
        campaign=np.full(count, -1, np.int8),
        discount_percent=np.zeros(count, np.int8),
        taste=np.where(customer < 0, anything, customers.taste[customer]).astype(np.int8),
        number=_running(source, np.ones(count, np.int64)),
        lines_count=lines_count,
        first_line=np.cumsum(lines_count) - lines_count,
        first_line_number=_running(source, lines_count),
        campaign_discount=np.zeros(count, np.int64),
        **zeros,
    )


def _running(source: Ints, amount: Ints) -> Ints:
    """Return, per entry, the sum of the amounts before it in its own source."""
    before = np.zeros(len(source), np.int64)
    for number in np.unique(source):
        mine = source == number
        before[mine] = np.cumsum(amount[mine]) - amount[mine]
    return before


def _all_kinds(
    company: Company, customers: Customers, purchases: Purchases, campaigns: list[Campaign]
) -> tuple[Ints, Ints, Floats]:
    """Return kind, customer and time (days since the start) of every order, in no particular order."""
    parts = [(ORGANIC, purchases.customer, purchases.at)]
    parts += [(PROMPTED, campaign.prompted, prompted_at(company, campaign)) for campaign in campaigns]
    for kind, share in (
        (GUEST, GUEST_SHARE),
        (CANCELLED_ORDER, CANCELLED_SHARE),
        (TEST_ORDER, TEST_SHARE),
        (EMPTY, EMPTY_SHARE),
    ):
        index = np.arange(max(1, round(share * len(purchases.at))))
        who = company.draws.below(f"odd/{kind}/customer", index, customers.buyer_count)
        has_customer = np.zeros(len(index), bool) if kind == GUEST else (index % 2 == 0) | (kind != TEST_ORDER)
        when = company.draws.uniform(f"odd/{kind}/at", index) * company.days
        parts.append((kind, np.where(has_customer, who, -1), when))
    kinds = np.concatenate([np.full(len(who), kind, np.int64) for kind, who, _ in parts])
    return kinds, np.concatenate([who for _, who, _ in parts]), np.concatenate([at for _, _, at in parts])


def _sources(company: Company, count: int) -> Ints:
    """Return the source of each order: all in the first, or about a third in the second."""
    if len(company.sources) == 1:
        return np.zeros(count, np.int64)
    return (company.draws.uniform("source", np.arange(count)) >= SHOP_SHARE).astype(np.int64)


def return_count(company: Company) -> int:
    """Return how many return lines the first delivery has."""
    return max(1, round(company.size * RETURN_SHARE))


def _line_counts(company: Company, orders: int) -> Ints:
    """Return line counts of at least 1, geometric-like, that add up to the company's sale lines exactly.

    A size with fewer lines than orders gives one line an order.
    """
    to_share = max(0, company.size - return_count(company) - orders)
    weights = -np.log1p(-company.draws.uniform("lines_count", np.arange(orders)))
    shares = np.cumsum(weights)
    bounds = np.floor(shares / shares[-1] * to_share).astype(np.int64)
    return 1 + np.diff(bounds, prepend=0)


def label_campaigns(company: Company, orders: Orders, campaigns: list[Campaign], buyers: int) -> None:
    """Write campaigns and their discounts onto the orders of treated members inside the campaign."""
    for campaign in campaigns:
        begin, end = np.searchsorted(orders.day, [campaign.start, campaign.end])
        window = np.arange(begin, end)
        is_treated = np.zeros(buyers + 1, bool)
        is_treated[campaign.treated] = True
        theirs = window[is_treated[orders.customer[window]] & (orders.kind[window] == ORGANIC)]
        used = company.draws.uniform("label", theirs) < campaign.plan.label_share
        orders.campaign[theirs[used]] = campaign.number
        orders.discount_percent[theirs[used]] = campaign.plan.discount_percent
        orders.campaign[window[orders.kind[window] == PROMPTED]] = campaign.number
