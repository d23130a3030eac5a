"""The content of an order line: product, quantity and amounts, as a function of the line's keys alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.company import CATEGORIES, CENT, Company
from generator.draws import Bits, Flags, Ints
from generator.orders import Orders

_QUANTITIES = np.repeat([1, 2, 3, 4, 6, 12], [150, 60, 20, 14, 8, 4]).astype(np.int64)
_DISCOUNT_PERCENTS = np.repeat([0, 5, 10, 15, 20, 30, 50], [184, 16, 20, 12, 12, 8, 4]).astype(np.int64)
_TASTE_BYTES = 90
"""Of 256 lines, how many are bought in the customer's favourite category."""
_ODD_LINES = 3
"""Of 1024 lines behind an order's first, how many have quantity 0, and how many are free."""


@dataclass(frozen=True)
class LineKeys:
    """The keys that decide a line's content, one entry per line."""

    content: Ints
    """The line's own number, from which it is drawn."""
    taste: Ints
    is_first: Flags
    """The first line of an order is always worth money."""
    is_empty: Flags
    """No line of an empty order is worth money."""
    discount_percent: Ints
    """What a campaign takes off, beside the line's own discount."""
    step: Ints
    """Discounts are whole multiples of it, in units."""
    extra_quantity: Ints

    @classmethod
    def of(cls, orders: Orders, order: Ints, position: Ints) -> LineKeys:
        """Return the keys of the lines at `position` (from 0) of the orders at `order`."""
        return cls(
            content=orders.first_line[order] + position,
            taste=orders.taste[order],
            is_first=position == 0,
            is_empty=orders.is_empty[order],
            discount_percent=orders.discount_percent[order],
            step=np.where(orders.source[order] == 0, 1, CENT),
            extra_quantity=np.zeros(len(order), np.int64),
        )


@dataclass(frozen=True)
class Lines:
    """One entry per sale line; amounts in units of the source's currency, gross = net + discount."""

    product: Ints
    quantity: Ints
    gross: Ints
    discount: Ints
    net: Ints
    cost: Ints
    campaign_discount: Ints


def draw_lines(company: Company, keys: LineKeys) -> Lines:
    """Draw products, quantities and amounts of the lines."""
    bits = company.draws.bits("line", keys.content)
    product = _products(company, bits, keys.taste)
    quantity = _QUANTITIES[_byte(bits, 0)] + keys.extra_quantity
    odd = ((bits >> np.uint64(8)) & np.uint64(1023)).astype(np.int64)
    odd = np.where(keys.is_empty, odd % (2 * _ODD_LINES), np.where(keys.is_first, 1023, odd))
    quantity = np.where(odd < _ODD_LINES, 0, quantity)
    gross = company.prices[product] * quantity
    own_percent = np.where((odd >= _ODD_LINES) & (odd < 2 * _ODD_LINES), 100, _DISCOUNT_PERCENTS[_byte(bits, 18)])
    percent = np.minimum(own_percent + keys.discount_percent, 100)
    discount = gross // CENT * percent // keys.step * keys.step
    own_discount = gross // CENT * own_percent // keys.step * keys.step
    return Lines(
        product=product,
        quantity=quantity,
        gross=gross,
        discount=discount,
        net=gross - discount,
        cost=company.unit_costs[product] * quantity,
        campaign_discount=discount - own_discount,
    )


def _byte(bits: Bits, shift: int) -> Ints:
    return ((bits >> np.uint64(shift)) & np.uint64(255)).astype(np.int64)


def _products(company: Company, bits: Bits, taste: Ints) -> Ints:
    """Draw products by popularity (Zipf's law by rank), a third in the customer's favourite category."""
    spread = (bits >> np.uint64(34)).astype(np.float64) * 2.0**-30
    per_category = company.product_count // len(CATEGORIES)
    favourite = np.exp(spread * np.log(per_category + 1)).astype(np.int64) - 1
    anything = np.exp(spread * np.log(company.product_count + 1)).astype(np.int64) - 1
    is_favourite = _byte(bits, 26) < _TASTE_BYTES
    return np.where(is_favourite, favourite * len(CATEGORIES) + taste, anything)
