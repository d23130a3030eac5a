"""The points ledger as its definitions tell it, customer by customer and day by day, in plain Python."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from math import floor

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
    """What has been neither used nor taken back nor expired."""
    is_available: bool = False


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
    redemptions: list[tuple[str, date, int, str | None]] = field(default_factory=list)
    """With the order that they name, if any; negative ones take a redemption back."""
    adjustments: list[tuple[str, date, int]] = field(default_factory=list)
    paid: list[Purchase] = field(default_factory=list)
    """The orders that redemptions name, whoever bought them."""


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


@dataclass
class Use:
    """Points that a redemption took, of a lot or of none so far."""

    redemption: str
    order: str | None
    lot: "Lot | None"
    points: int


class Lots:
    """A queue of lots: events take points out of them one by one; what none can give is owed and paid later."""

    def __init__(self) -> None:
        self.lots: list[Lot] = []
        self.uses: list[Use] = []
        """Of all that used points, in time; what has no lot is owed."""

    def release(self, lot: Lot) -> None:
        """Make a lot available; what is owed is paid first."""
        lot.is_available = True
        self._pay([lot])

    def take_back(self, lot: Lot, points: int, day: date) -> int:
        """Take points of an order's lot; how many of them were pending."""
        own = min(points, lot.unreversed)
        pending = self._take(lot, own, day)
        self.use("return", None, points - own)
        return pending

    def take_back_newest(self, points: int, day: date) -> int:
        """Take points of the newest lots first; how many of them were pending."""
        pending = 0
        for lot in reversed(self.lots):
            if lot.expires_on >= day:
                share = min(points, lot.unreversed)
                points -= share
                pending += self._take(lot, share, day)
        self.use("return", None, points)
        return pending

    def _take(self, lot: Lot, points: int, day: date) -> int:
        lot.unreversed -= points
        left = min(points, lot.left)
        lot.left -= left
        self.use("return", None, points - left)
        return points if day < lot.available_on else 0

    def use(self, by: str, order: str | None, points: int) -> None:
        """Use points of the oldest available lots first."""
        if points:
            self.uses.append(Use(by, order, None, points))
            self._pay([lot for lot in self.lots if lot.is_available])

    def _pay(self, lots: list[Lot]) -> None:
        for use in [use for use in self.uses if use.lot is None]:
            for lot in lots:
                share = min(use.points, lot.left)
                if share:
                    lot.left -= share
                    use.points -= share
                    self.uses.append(Use(use.redemption, use.order, lot, share))
        self.uses = [use for use in self.uses if use.points]

    def give_back(self, points: int, day: date, redemption: str | None, order: str | None) -> int:
        """Give points of a redemption back, of any or of an order's where none is named; returns how many."""
        mine = [
            use
            for use in self.uses
            if (use.redemption == redemption if redemption else use.redemption not in ("return", "adjustment"))
            and (use.lot is None or use.lot.expires_on >= day)
        ]
        if redemption is None:
            mine = [use for use in mine if order is not None and use.order == order] or mine
        owed, spent = [use for use in mine if use.lot is None], [use for use in mine if use.lot]
        given = 0
        for use in [*owed, *reversed(spent)]:
            share = min(points - given, use.points)
            use.points -= share
            given += share
            if use.lot:
                use.lot.left += share
        self._pay([lot for lot in self.lots if lot.is_available and lot.expires_on >= day])
        return given

    def expire(self, lot: Lot) -> int:
        """What nobody used of a lot."""
        lot.is_available, expired, lot.left = False, lot.left, 0
        return expired


class Ledger:
    """One customer's journals: (kind, day, points by account), by the name of what caused them."""

    def __init__(self, history: PointsHistory, terms: Terms) -> None:
        self.history, self.terms = history, terms
        self.kept = Lots()
        self.lots = self.kept.lots
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
            self._give_back(day)
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
                if lot.source == "order" and lot.left:
                    name = f"release:{lot.key}"
                    self._post(name, "release", day, member_pending=-lot.left, member_available=lot.left)
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
        for key, used_on, points, order in sorted(self.history.redemptions):
            if used_on == day and points > 0:
                self.kept.use(key, order, points)
                self._post(f"redeem:{key}", "redeem", day, member_available=-points, redeemed=points)
        for key, used_on, points in self.history.adjustments:
            if used_on == day and points < 0:
                self.kept.use("adjustment", None, -points)
                self._post(f"adjust:{key}", "adjust", day, member_available=points, adjustment=-points)

    def _give_back(self, day: date) -> None:
        taken_back = [one for one in self.history.redemptions if one[1] == day and one[2] < 0]
        events: list[tuple[str, int, str | None, str | None]] = [
            (f"redeem:{key}", -points, None, order) for key, _, points, order in taken_back
        ]
        for key, used_on, points, order_key in self.history.redemptions:
            order = next((one for one in self.history.paid if one.key == order_key), None)
            if order and points > 0 and (given := self._returned_of(order, used_on, points, day)):
                events.append((f"give-back:{key}:{day}", given, key, None))
        for name, points, redemption, order_key in sorted(
            events, key=lambda event: (event[2] is None, event[2] or event[0])
        ):
            given = self.kept.give_back(points, day, redemption, order_key)
            if given:
                self._post(name, "redeem", day, member_available=given, redeemed=-given)

    def _returned_of(self, order: Purchase, used_on: date, points: int, day: date) -> int:
        """The points of a redemption that the returns of its order give back on a day, whole ones, in steps."""

        def so_far(last: date) -> int:
            amount = sum(
                (amount for returned_on, amount in order.returns if max(returned_on, order.day) <= last), Decimal(0)
            )
            return floor(points * min(-amount, order.net) / order.net)

        before = so_far(day - timedelta(days=1)) if day > used_on else 0
        return so_far(day) - before if day >= used_on else 0
