"""Scenarios side by side in words: the rows of the table that the command line and the picture both show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from serving.report.formatting import MINUS, NONE, signed
from whatif.outcome import Range, Simulated

DIFFERENCES = {1: "more than today", -1: "less than today", 0: "cannot be told apart"}


class Entry(NamedTuple):
    """A cell: the figure, and how it differs from today's or how sure it is."""

    text: str
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A figure of every scenario, today's first."""

    label: str
    entries: Sequence[Entry]


def comparison(simulated: Sequence[Simulated], currency: str, response: str) -> list[Row]:
    """The rows of the table; `simulated` holds today's rules and the scenarios. `response` is the source of the
    incremental margin."""
    outcomes = [one.outcome for one in simulated]

    def figures(label: str, figure: Callable[..., float]) -> Row:
        return Row(label, _beside_today([float(figure(outcome)) for outcome in outcomes]))

    return [
        *(figures(f"Customers, {tier}", lambda o, tier=tier: o.customers[tier]) for tier in outcomes[0].customers),
        figures("Upgrades", lambda o: o.upgrades_count),
        figures("Downgrades", lambda o: o.downgrades_count),
        figures("Points issued", lambda o: o.issued_points),
        figures("Points redeemed", lambda o: o.redeemed_points),
        figures("Points expired", lambda o: o.expired_points),
        figures("Points outstanding", lambda o: o.outstanding_points),
        figures(f"Liability, {currency}", lambda o: o.liability_amount),
        figures(f"Points cost, {currency}", lambda o: o.points_cost_amount),
        figures(f"Campaign cost, {currency}", lambda o: o.budget_amount),
        figures(f"Cost, all points redeemed, {currency}", lambda o: o.highest_cost_amount),
        figures(f"Margin less cost, {currency}", lambda o: o.margin_amount - o.cost_amount),
        Row(f"Incremental margin, {response}, {currency}", [_range(one.incremental) for one in simulated]),
        Row(f"Net incremental margin, {response}, {currency}", [_range(one.net) for one in simulated]),
        Row("Net beside today's", [Entry(NONE), *(_difference(one.difference) for one in simulated[1:])]),
        Row("Which is", [Entry(NONE), *(Entry(told(one.difference)) for one in simulated[1:])]),
    ]


def told(difference: Range) -> str:
    """The difference to today's rules, in words."""
    return DIFFERENCES[difference.sign]


def changes_text(one: Simulated) -> str:
    """The changes of a scenario: `points.expiry_months=6, budget=2x`."""
    return ", ".join(f"{key}={value}" for key, value in one.changes.items()) or "the rules in force"


def amount(value: float) -> str:
    """A whole amount: 39,933 or −1,204."""
    return f"{round(value):,}".replace("-", MINUS)


def _beside_today(values: Sequence[float]) -> list[Entry]:
    today = values[0]
    return [Entry(amount(today)), *(Entry(amount(value), _change(value, today)) for value in values[1:])]


def _change(value: float, today: float) -> str:
    if value == today:
        return "same"
    return signed(value / today - 1, ".1%") if today > 0 else _signed_amount(value - today)


def _range(value: Range) -> Entry:
    return Entry(amount(value.expected), f"{amount(value.low)} to {amount(value.high)}")


def _difference(value: Range) -> Entry:
    return Entry(_signed_amount(value.expected), f"{_signed_amount(value.low)} to {_signed_amount(value.high)}")


def _signed_amount(value: float) -> str:
    return signed(round(value), ",d")
