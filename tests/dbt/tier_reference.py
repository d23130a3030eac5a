"""Tiers as definitions.md tells them, customer by customer and day by day, in plain Python."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal


@dataclass(frozen=True)
class Rule:
    """One tier of one version of the rules."""

    effective_from: date
    rank: int
    threshold: Decimal
    earn_rate: Decimal = Decimal(1)
    validity_months: int = 12
    grace_days: int = 30
    keep_rate: Decimal = Decimal("0.8")


@dataclass(frozen=True)
class Return:
    """A return that names its order."""

    order_day: date
    day: date
    amount: Decimal
    """Negative."""


@dataclass
class TierHistory:
    """What happened to one customer."""

    known_since: date
    net_by_day: dict[date, Decimal]
    """Sales and returns of each day."""
    returns: list[Return] = field(default_factory=list)


@dataclass(frozen=True)
class TierRow:
    """A tier or its validity, from a day on."""

    valid_from: date
    rank: int
    expires_on: date | None
    metric: Decimal
    reason: str


@dataclass
class Held:
    """A tier that is held, or that comes back when those above it are reversed."""

    rank: int = 1
    expires_on: date | None = None
    check_on: date | None = None
    upgrade_day: date | None = None
    upgrade_metric: Decimal = Decimal(0)
    threshold: Decimal = Decimal(0)


def month_end(day: date, months: int) -> date:
    """The last day of the month that many months after the day's."""
    month = day.year * 12 + day.month + months
    return date(month // 12, month % 12 + 1, 1) - timedelta(days=1)


def rules_on(rules: Sequence[Rule], day: date) -> dict[int, Rule]:
    """The tiers in force on a day, by rank."""
    version = max(rule.effective_from for rule in rules if rule.effective_from <= day)
    return {rule.rank: rule for rule in rules if rule.effective_from == version}


def replay(
    history: TierHistory, rules: Sequence[Rule], first_day: date, last_day: date, return_window_days: int
) -> list[TierRow]:
    """The rows of one customer, from looking at every day in turn."""
    customer = _Customer(history, return_window_days)
    for offset in range((last_day - first_day).days + 1):
        day = first_day + timedelta(days=offset)
        customer.look_at(day, rules_on(rules, day))
    return customer.rows


class _Customer:
    def __init__(self, history: TierHistory, return_window_days: int) -> None:
        self.history = history
        self.window = timedelta(days=return_window_days)
        self.tiers = [Held()]
        self.rows: list[TierRow] = []
        self.trailing: dict[date, Decimal] = defaultdict(Decimal)
        self.metric = Decimal(0)
        for day, amount in history.net_by_day.items():
            self.trailing[day] += amount
            self.trailing[day + timedelta(days=365)] -= amount

    def look_at(self, day: date, rules: dict[int, Rule]) -> None:
        self.metric += self.trailing.get(day, Decimal(0))
        if day < self.history.known_since:
            return
        before = self.tiers[-1]
        self.tiers = [held for held in self.tiers if not self._is_reversed(held, day)]
        is_reversed = self.tiers[-1] is not before
        is_checked = self._check(day, rules)
        is_upgraded = self._upgrade(day, rules)
        rank = self.tiers[-1].rank
        if day == self.history.known_since and rank == 1:
            self._add(day, "enrolment")
        elif rank > before.rank:
            self._add(day, "upgrade")
        elif is_reversed:
            self._add(day, "return")
        elif rank < before.rank:
            self._add(day, "downgrade")
        elif is_checked or is_upgraded:
            self._add(day, "renewal")

    def _is_reversed(self, held: Held, day: date) -> bool:
        if held.upgrade_day is None:
            return False
        first = held.upgrade_day - timedelta(days=364)
        taken = sum(
            returned.amount
            for returned in self.history.returns
            if first <= returned.order_day <= held.upgrade_day < returned.day <= day
            and returned.day <= returned.order_day + self.window
        )
        return held.upgrade_metric + taken < held.threshold

    def _check(self, day: date, rules: dict[int, Rule]) -> bool:
        held = self.tiers[-1]
        if held.check_on is None or held.check_on > day:
            return False
        rule = rules[held.rank]
        rank = held.rank if self.metric >= rule.keep_rate * rule.threshold else held.rank - 1
        self.tiers = [Held()]
        if rank > 1:
            expires_on = month_end(held.expires_on, rule.validity_months)
            self.tiers = [Held(rank, expires_on, expires_on + timedelta(days=rule.grace_days))]
        return True

    def _upgrade(self, day: date, rules: dict[int, Rule]) -> bool:
        reached = max(rank for rank, rule in rules.items() if rank == 1 or self.metric >= rule.threshold)
        if reached <= self.tiers[-1].rank:
            return False
        rule = rules[reached]
        expires_on = month_end(day, rule.validity_months)
        check_on = expires_on + timedelta(days=rule.grace_days)
        self.tiers.append(Held(reached, expires_on, check_on, day, self.metric, rule.threshold))
        return True

    def _add(self, day: date, reason: str) -> None:
        held = self.tiers[-1]
        self.rows.append(TierRow(day, held.rank, held.expires_on, self.metric, reason))
