"""Customers who buy at a rate of their own until they drop out: the BG/NBD process.

Purchases are Poisson with a rate from a gamma distribution; after each repeat purchase a customer drops
out with a probability from a beta distribution (Fader, Hardie, Lee, "Counting your customers the easy
way", 2005). Both are drawn through inverse distribution functions, so a customer is a function of an index.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaincinv, gammaincinv

from generator.company import (
    CANCELLED_SHARE,
    CATEGORIES,
    EMPTY_SHARE,
    GUEST_SHARE,
    LINES_PER_ORDER,
    PROSPECT_SHARE,
    RETURN_SHARE,
    TEST_SHARE,
    Company,
)
from generator.draws import Draws, Floats, Ints

RATE_SHAPE, RATE_SCALE_WEEKS = 1.2, 6.0
"""r and alpha of BG/NBD, in weeks: the mean customer buys once in alpha / r = 5 weeks."""
DROPOUT_A, DROPOUT_B = 0.8, 8.0
"""a and b of BG/NBD."""
_PILOT_COUNT = 2_000


@dataclass(frozen=True)
class Customers:
    """One entry per buyer, then one per prospect; times in days since the window opened."""

    buyer_count: int
    rate_per_week: Floats
    dropout_probability: Floats
    first_at: Floats
    """Instant of the first purchase; infinite for prospects."""
    dropped_out_at: Floats
    """Instant of the purchase after which the customer was gone; infinite while alive."""
    taste: Ints
    """Favourite category."""

    def __len__(self) -> int:
        return len(self.rate_per_week)


@dataclass(frozen=True)
class Purchases:
    """One entry per purchase: the customer, and the time in days since the window opened."""

    customer: Ints
    at: Floats


def draw_customers(company: Company) -> tuple[Customers, Purchases]:
    """Draw the customers and their purchases inside the window.

    The number of buyers is the company's, or what its size needs at about six lines an order.
    """
    count = company.customers or max(2, round(_orders_wanted(company) / _orders_expected(company.days)))
    prospects = max(1, round(count * PROSPECT_SHARE))
    customers = _parameters(company.draws, count, prospects, company.days)
    return _purchases(company.draws, customers, company.days)


def _orders_wanted(company: Company) -> float:
    """Return how many purchases of customers the size amounts to."""
    others = GUEST_SHARE + CANCELLED_SHARE + TEST_SHARE + EMPTY_SHARE
    return company.size * (1 - RETURN_SHARE) / LINES_PER_ORDER / (1 + others)


def _orders_expected(days: int) -> float:
    """Return the mean number of purchases of a customer in a window, from a fixed pilot population."""
    pilot = Draws(0)
    _, purchases = _purchases(pilot, _parameters(pilot, _PILOT_COUNT, 0, days), days)
    return len(purchases.at) / _PILOT_COUNT


def _parameters(draws: Draws, buyers: int, prospects: int, days: int) -> Customers:
    """Draw everything about the customers that does not depend on their purchases."""
    index = np.arange(buyers + prospects)
    arrival = draws.uniform("arrival", index)
    first_at = np.where(arrival < 0.5, arrival * 0.3, 2 * arrival - 1) * days
    first_at[buyers:] = np.inf
    return Customers(
        buyer_count=buyers,
        rate_per_week=gammaincinv(RATE_SHAPE, draws.uniform("purchase_rate", index)) / RATE_SCALE_WEEKS,
        dropout_probability=betaincinv(DROPOUT_A, DROPOUT_B, draws.uniform("dropout_rate", index)),
        first_at=first_at,
        dropped_out_at=np.full(len(index), np.inf),
        taste=draws.below("taste", index, len(CATEGORIES)),
    )


def _purchases(draws: Draws, customers: Customers, days: int) -> tuple[Customers, Purchases]:
    """Let every customer buy until dropping out or the end of the window: one round a purchase."""
    who = np.arange(customers.buyer_count)
    at = customers.first_at[who]
    dropped_out_at = customers.dropped_out_at.copy()
    rounds = [(who, at)]
    while who.size:
        index = who + (len(rounds) << 32)
        weeks = -np.log1p(-draws.uniform("gap", index)) / customers.rate_per_week[who]
        at = at + 7 * weeks
        drops = draws.uniform("drop", index) < customers.dropout_probability[who]
        inside = at < days
        rounds.append((who[inside], at[inside]))
        dropped_out_at[who[inside & drops]] = at[inside & drops]
        who, at = who[inside & ~drops], at[inside & ~drops]
    purchases = Purchases(np.concatenate([w for w, _ in rounds]), np.concatenate([a for _, a in rounds]))
    return replace(customers, dropped_out_at=dropped_out_at), purchases
