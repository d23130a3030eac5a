"""The parameters of the generated company: size, calendar, currencies, prices, and the shares of special cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from generator.draws import Draws, Ints

UNITS = 10_000
"""Units of a money amount: 1.0000 of a currency is 10,000 units."""
CENT = 100

SOURCES = ("shop", "till")
CURRENCIES = ("EUR", "USD")
"""Currency of each source; the first is the base currency."""
CATEGORIES = ("Grocery", "Bakery", "Drinks", "Home & Garden", "Beauty", "Toys", "Pets", "Books")
CHANNELS = ("web", "app", "store")
STATUSES = ("completed", "cancelled", "test")
COMPLETED, CANCELLED, TEST = range(3)

LINES_PER_ORDER = 6.0
RETURN_SHARE = 0.015
"""Return lines as a share of all order lines."""
GUEST_SHARE, CANCELLED_SHARE, TEST_SHARE, EMPTY_SHARE = 0.10, 0.02, 0.003, 0.002
"""Orders of each kind as a share of the customers' valid orders."""
PROSPECT_SHARE = 0.03
"""Customers without any order as a share of those with one."""
UNLINKED_SHARE = 0.10
"""Returns that do not say which order they belong to."""
SHOP_SHARE = 0.65
"""Orders placed in the shop when there is a till too."""


@dataclass(frozen=True)
class Company:
    """Parameters of a generated company; `size` counts order lines of the first delivery, returns included."""

    size: int
    seed: int
    start: date
    days: int
    business_timezone: str
    sources: tuple[str, ...]
    customers: int | None
    changes: float

    @cached_property
    def draws(self) -> Draws:
        """The company's random numbers."""
        return Draws(self.seed)

    @cached_property
    def day_starts(self) -> Ints:
        """Instants (seconds since 1970, UTC) at which each business day starts, and the last one ends."""
        zone = ZoneInfo(self.business_timezone)
        midnights = (datetime.combine(self.date_of(day), time(), zone) for day in range(self.days + 1))
        return np.array([int(midnight.astimezone(UTC).timestamp()) for midnight in midnights], dtype=np.int64)

    @cached_property
    def month_starts(self) -> Ints:
        """Day numbers at which a calendar month starts inside the window, with 0 first and `days` last."""
        firsts = [day for day in range(1, self.days) if self.date_of(day).day == 1]
        return np.array([0, *firsts, self.days], dtype=np.int64)

    @cached_property
    def months(self) -> list[date]:
        """First days of the calendar months that the window touches, in step with `month_starts`."""
        return [self.date_of(int(day)).replace(day=1) for day in self.month_starts[:-1]]

    @property
    def start_ordinal(self) -> int:
        """Days from 1970-01-01 to the first business day."""
        return (self.start - date(1970, 1, 1)).days

    def date_of(self, day: int) -> date:
        """Return the business date of a day number."""
        return self.start + timedelta(days=day)

    def opening_hours(self, name: str, index: Ints, day: Ints) -> Ints:
        """Return instants (seconds, UTC) between 07:00 and 21:00 business time of the given day numbers."""
        return self.day_starts[day] + 7 * 3600 + self.draws.below(name, index, 14 * 3600)

    @cached_property
    def product_count(self) -> int:
        """Number of products, a multiple of the number of categories."""
        return len(CATEGORIES) * int(np.clip(self.size // 4_000, 8, 2_500))

    @cached_property
    def prices(self) -> Ints:
        """Unit price of each product in units of money, whole cents."""
        spread = self.draws.uniform("price", np.arange(self.product_count))
        return np.round(99 * np.exp(3.2 * spread**2)).astype(np.int64) * CENT

    @cached_property
    def unit_costs(self) -> Ints:
        """Unit cost of each product in units of money, whole cents, 45% to 70% of its price."""
        share = 0.45 + 0.25 * self.draws.uniform("unit_cost", np.arange(self.product_count))
        return np.round(self.prices / CENT * share).astype(np.int64) * CENT

    @cached_property
    def dollar_rates(self) -> Ints:
        """Hundredths of the base currency for one dollar, per day: two decimals keep every product exact."""
        day = np.arange(self.days)
        drift = 4 * np.sin(2 * np.pi * day / 365) + 2 * self.draws.uniform("rate", day)
        return 91 + np.floor(drift).astype(np.int64)

    def to_base(self, units: Ints, source: Ints, day: Ints) -> Ints:
        """Convert amounts (units of the source's currency) to the base currency at the rate of their day.

        Exact: amounts in foreign currency are whole cents (100 units) and rates whole hundredths.
        """
        return np.where(source == 0, units, units // CENT * self.dollar_rates[day])
