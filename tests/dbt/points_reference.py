"""The points ledger as definitions.md tells it, customer by customer and day by day, in plain Python.

Two ways to keep lots: `LaidOutLots` knows how many points are gone and lays them over the lots, oldest first;
`QueuedLots` is the textbook's queue, in which every event takes points out of lots one by one. They agree as long as
points become available in the order in which they are issued, that is without adjustments in a customer's favour.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from math import floor
from typing import Protocol

from tests.dbt.tier_reference import Rule, TierRow, month_end, rules_on

ACCOUNTS = ("member_pending", "member_available", "issued", "redeemed", "expired", "reversed", "adjustment")


@dataclass
class Lot:
    """Points issued together."""

    key: str
    source: str
    issued_on: date
    available_on: date
    expires_on: date
    earned: int
    rate: Decimal = Decimal(0)
    net: Decimal = Decimal(0)
    unreversed: int = 0
    left: int = 0
    """Of a queue: what has been neither used nor taken back nor expired."""


@dataclass(frozen=True)
class Purchase:
    """A valid order and its linked returns, as (day, negative amount)."""

    key: str
    day: date
    net: Decimal
    returns: tuple[tuple[date, Decimal], ...]


@dataclass
class PointsHistory:
    """What happened to one customer; everything else than purchases as (key, day, size)."""

    purchases: list[Purchase] = field(default_factory=list)
    unlinked_returns: list[tuple[str, date, Decimal]] = field(default_factory=list)
    redemptions: list[tuple[str, date, int]] = field(default_factory=list)
    adjustments: list[tuple[str, date, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    """The programme's rules, and the customer's tiers under them."""

    rules: Sequence[Rule]
    tiers: Sequence[TierRow]
    return_window_days: int
    expiry_months: int

    def earn_rate(self, day: date) -> Decimal:
        """The rate of the tier held when the day starts."""
        held = [row.rank for row in self.tiers if row.valid_from < day]
        return rules_on(self.rules, day)[held[-1] if held else 1].earn_rate

    def base_rate(self, day: date) -> Decimal:
        """The rate of the lowest tier."""
        return rules_on(self.rules, day)[1].earn_rate


class Lots(Protocol):
    """Ways to keep lots; each method returns how many points came from a pending lot, or expired."""

    def release(self, lot: Lot) -> None: ...
    def take_back(self, lot: Lot, points: int, day: date) -> int: ...
    def take_back_newest(self, points: int, day: date) -> int: ...
    def use(self, points: int) -> None: ...
    def expire(self, lot: Lot) -> int: ...


class LaidOutLots:
    """Of all points ever available, in the order of issue, the first `gone` are gone."""

    def __init__(self, lots: list[Lot]) -> None:
        self.lots = lots
        self.available: list[Lot] = []
        self.gone = 0

    def release(self, lot: Lot) -> None:
        self.available.append(lot)

    def take_back(self, lot: Lot, points: int, day: date) -> int:
        own = min(points, lot.unreversed)
        lot.unreversed -= own
        self.gone += points - own
        return own if day < lot.available_on else 0

    def take_back_newest(self, points: int, day: date) -> int:
        pending = 0
        for lot in reversed(self.lots):
            if lot.expires_on >= day:
                share = min(points, lot.unreversed)
                lot.unreversed -= share
                points -= share
                pending += share if day < lot.available_on else 0
        self.gone += points
        return pending

    def use(self, points: int) -> None:
        self.gone += points

    def expire(self, lot: Lot) -> int:
        gone = self.gone
        for other in self.lots:
            if other in self.available:
                share = min(gone, other.unreversed)
                gone -= share
                if other is lot:
                    self.gone += other.unreversed - share
                    return other.unreversed - share
        raise AssertionError("a lot that was never available cannot expire")


class QueuedLots:
    """Each lot has points left; what no lot can give is owed, and later points fill it first."""

    def __init__(self, lots: list[Lot]) -> None:
        self.lots = lots
        self.available: list[Lot] = []
        self.owed = 0

    def release(self, lot: Lot) -> None:
        filled = min(self.owed, lot.left)
        self.owed -= filled
        lot.left -= filled
        self.available.append(lot)

    def take_back(self, lot: Lot, points: int, day: date) -> int:
        own = min(points, lot.left)
        lot.left -= own
        self.use(points - own)
        return own if day < lot.available_on else 0

    def take_back_newest(self, points: int, day: date) -> int:
        pending = 0
        for lot in reversed(self.lots):
            share = min(points, lot.left)
            lot.left -= share
            points -= share
            pending += share if day < lot.available_on else 0
        self.owed += points
        return pending

    def use(self, points: int) -> None:
        for lot in self.available:
            share = min(points, lot.left)
            lot.left -= share
            points -= share
        self.owed += points

    def expire(self, lot: Lot) -> int:
        expired, lot.left = lot.left, 0
        return expired


class Ledger:
    """One customer's journals: (kind, day, points by account), by the name of what caused them."""

    def __init__(self, history: PointsHistory, terms: Terms, keep: type[LaidOutLots] | type[QueuedLots]) -> None:
        self.history, self.terms = history, terms
        self.lots: list[Lot] = []
        self.kept: Lots = keep(self.lots)
        self.journals: dict[str, tuple[str, date, dict[str, int]]] = {}

    def run(self, first_day: date, last_day: date) -> "Ledger":
        """Post what every day brings, in the order in which a day goes."""
        for offset in range((last_day - first_day).days + 1):
            day = first_day + timedelta(days=offset)
            self._expire(day)
            self._issue(day)
            self._release(day)
            self._take_back(day)
            self._use(day)
        return self

    def balance(self) -> dict[str, int]:
        """The sum of each account."""
        total: dict[str, int] = defaultdict(int)
        for _, _, entries in self.journals.values():
            for account, points in entries.items():
                total[account] += points
        return total

    def _post(self, name: str, kind: str, day: date, **entries: int) -> None:
        assert name not in self.journals and sum(entries.values()) == 0
        self.journals[name] = (kind, day, entries)

    def _expire(self, day: date) -> None:
        for lot in self.lots:
            if lot.expires_on + timedelta(days=1) == day and (points := self.kept.expire(lot)):
                name = f"expire:{lot.source}:{lot.key}"
                self._post(name, "expire", day, member_available=-points, expired=points)

    def _issue(self, day: date) -> None:
        expires_on = month_end(day, self.terms.expiry_months)
        for key, _, points in sorted(event for event in self.history.adjustments if event[1] == day):
            if points > 0:
                self._post(f"adjust:{key}", "adjust", day, member_available=points, adjustment=-points)
                self.lots.append(Lot(key, "adjustment", day, day, expires_on, points, unreversed=points, left=points))
        available_on = day + timedelta(days=self.terms.return_window_days + 1)
        rate = self.terms.earn_rate(day)
        for order in sorted((order for order in self.history.purchases if order.day == day), key=lambda o: o.key):
            if points := floor(rate * order.net):
                self._post(f"earn:{order.key}", "earn", day, member_pending=points, issued=-points)
                lot = Lot(order.key, "order", day, available_on, expires_on, points, rate, order.net, points, points)
                self.lots.append(lot)

    def _release(self, day: date) -> None:
        for lot in self.lots:
            if lot.available_on == day:
                points = lot.unreversed if isinstance(self.kept, LaidOutLots) else lot.left
                if lot.source == "order" and points:
                    name = f"release:{lot.key}"
                    self._post(name, "release", day, member_pending=-points, member_available=points)
                self.kept.release(lot)

    def _take_back(self, day: date) -> None:
        for lot in self.lots:
            returns = next((order.returns for order in self.history.purchases if order.key == lot.key), ())
            if lot.source == "order" and day <= lot.expires_on:
                before = lot.net + sum((amount for returned_on, amount in returns if returned_on < day), Decimal(0))
                after = lot.net + sum((amount for returned_on, amount in returns if returned_on <= day), Decimal(0))
                if points := floor(lot.rate * max(before, Decimal(0))) - floor(lot.rate * max(after, Decimal(0))):
                    self._post_return(f"return:{lot.key}:{day}", day, points, self.kept.take_back(lot, points, day))
        for key, returned_on, amount in sorted(self.history.unlinked_returns):
            points = floor(self.terms.base_rate(day) * -amount)
            if returned_on == day and points:
                pending = self.kept.take_back_newest(points, day)
                self._post_return(f"unlinked-return:{key}:{day}", day, points, pending)

    def _post_return(self, name: str, day: date, points: int, pending: int) -> None:
        self._post(name, "return", day, member_pending=-pending, member_available=pending - points, reversed=points)

    def _use(self, day: date) -> None:
        for key, used_on, points in self.history.redemptions:
            if used_on == day:
                self.kept.use(points)
                self._post(f"redeem:{key}", "redeem", day, member_available=-points, redeemed=points)
        for key, used_on, points in self.history.adjustments:
            if used_on == day and points < 0:
                self.kept.use(-points)
                self._post(f"adjust:{key}", "adjust", day, member_available=points, adjustment=-points)
