"""Return documents: one line of an order, in part or whole, some days later."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from generator.company import UNLINKED_SHARE, Company
from generator.customers import Customers
from generator.draws import Codes, Flags, Ints
from generator.lines import LineKeys, draw_lines
from generator.orders import GUEST, ORGANIC, Orders, return_count


@dataclass
class Returns:
    """One entry per return document of one line, ordered by time; quantities and amounts are negative.

    `order` is the position of the order it belongs to, `is_linked` whether the line says so.
    """

    order: Ints
    is_linked: Flags
    customer: Ints
    day: Ints
    at: Ints
    source: Codes
    channel: Codes
    product: Ints
    quantity: Ints
    gross: Ints
    discount: Ints
    net: Ints
    cost: Ints
    number: Ints
    """Position in its source, from 0: the id of the return document."""
    line_number: Ints
    """Position in its source behind the sale lines: the line id."""

    def __len__(self) -> int:
        return len(self.order)

    def joined(self, other: Returns) -> Returns:
        """Return a copy with the other returns behind these."""
        return Returns(
            **{f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)}
        )


def draw_returns(company: Company, customers: Customers, orders: Orders) -> Returns:
    """Draw the returns of the shop: one line of an order, in part or whole, one to 45 days later.

    Orders that a campaign touched are never returned, so that its effect stays known.
    """
    can_return = (
        ((orders.kind == ORGANIC) | (orders.kind == GUEST))
        & (orders.campaign < 0)
        & (orders.source == 0)
        & (orders.day < company.days - 1)
    )
    choices = np.flatnonzero(can_return)
    order = choices[company.draws.choose("return", len(choices), return_count(company))]
    returns = make_returns(company, customers, orders, order, "return")
    by_time = np.argsort(returns.at, kind="stable")
    returns = Returns(**{f.name: getattr(returns, f.name)[by_time] for f in fields(returns)})
    returns.number = np.arange(len(returns))
    returns.line_number = int(orders.lines_count[orders.source == 0].sum()) + returns.number
    return returns


def make_returns(company: Company, customers: Customers, orders: Orders, order: Ints, name: str) -> Returns:
    """Return one line of each given order; unlinked ones may name a customer who never bought.

    Document and line numbers start at 0.
    """
    index = np.arange(len(order))
    draws = company.draws
    position = draws.below(f"{name}/position", index, orders.lines_count[order])
    sold = draw_lines(company, LineKeys.of(orders, order, position))
    sold = draw_lines(company, LineKeys.of(orders, order, np.where(sold.net > 0, position, 0)))
    quantity = 1 + draws.below(f"{name}/quantity", index, sold.quantity)
    day = orders.day[order] + 1
    day += draws.below(f"{name}/day", index, np.minimum(45, company.days - day))
    is_linked = draws.uniform(f"{name}/link", index) >= UNLINKED_SHARE
    is_stranger = ~is_linked & (draws.uniform(f"{name}/stranger", index) < 0.1)
    stranger = customers.buyer_count + draws.below(f"{name}/who", index, len(customers) - customers.buyer_count)
    gross = -(sold.gross // sold.quantity) * quantity
    discount = -(sold.discount * quantity // sold.quantity)
    return Returns(
        order=order,
        is_linked=is_linked,
        customer=np.where(is_stranger, stranger, orders.customer[order]),
        day=day,
        at=company.opening_hours(f"{name}/at", index, day),
        source=orders.source[order],
        channel=orders.channel[order],
        product=sold.product,
        quantity=-quantity,
        gross=gross,
        discount=discount,
        net=gross - discount,
        cost=-company.unit_costs[sold.product] * quantity,
        number=index,
        line_number=index,
    )
