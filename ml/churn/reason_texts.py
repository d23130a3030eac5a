"""Features in a manager's words: the features of each theme, and the sentences for it.

A theme is a group of features about the same thing (when a customer last came, how often, how much). A saying is a
sentence with blanks; each blank names a feature and the format of its number. A theme uses its first saying whose
features the customer has, unless that would compare equal values and a later one would not. Features that no theme
claims get a theme of their own and a plain sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

TYPICAL = "typical:"


@dataclass(frozen=True)
class Saying:
    """`text` with one `{}` per blank, a pair of feature and writer; `typical:` before a feature asks for its median."""

    text: str
    blanks: tuple[tuple[str, Callable[[float], str]], ...]

    @property
    def compares(self) -> bool:
        """Whether it sets a customer beside the typical one."""
        return any(name.startswith(TYPICAL) for name, _ in self.blanks)

    def features(self) -> set[str]:
        """The features that the sentence speaks of."""
        return {name.removeprefix(TYPICAL) for name, _ in self.blanks}


@dataclass(frozen=True)
class Theme:
    """`pattern` says which features belong here (whole name, a regular expression)."""

    name: str
    pattern: str
    sayings: tuple[Saying, ...]


def days(value: float) -> str:
    """`1 day`, `9 days`."""
    return _counted(value, "day")


def ago(value: float) -> str:
    """`today`, `1 day ago`, `45 days ago`."""
    return "today" if round(value) == 0 else f"{days(value)} ago"


def times(value: float) -> str:
    """`never`, `once`, `3 times`."""
    return {0: "never", 1: "once"}.get(round(value), f"{value:,.0f} times")


def times_in_90_days(value: float) -> str:
    """A weekly rate as `times` in 90 days."""
    return times(value * 90 / 7)


def times_in_30_days(value: float) -> str:
    """A weekly rate as `times` in 30 days."""
    return times(value * 30 / 7)


def contacts(value: float) -> str:
    """`No campaign contact`, `1 campaign contact`, `3 campaign contacts`."""
    return "No campaign contact" if round(value) == 0 else _counted(value, "campaign contact")


def redemptions(value: float) -> str:
    """`No reward redeemed`, `1 reward redeemed`, `3 rewards redeemed`."""
    return f"{'No reward' if round(value) == 0 else _counted(value, 'reward')} redeemed"


def number(value: float) -> str:
    """Two significant places below ten, whole numbers above."""
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"


def amount(value: float) -> str:
    """Two decimals."""
    return f"{value:,.2f}"


def percent(value: float) -> str:
    """A share as a whole percentage."""
    return f"{100 * value:.0f}%"


def pace(value: float) -> str:
    """A ratio to a customer's own habit: `40% below`, `25% above`, `about as`."""
    change = round(100 * (value - 1))
    return "in line with" if abs(change) < 5 else f"{abs(change)}% {'above' if change > 0 else 'below'}"


def often(value: float) -> str:
    """Times a week as a rhythm: `2.5 times a week`, `once a week`, `every 10 days`, `never`."""
    if value <= 0:
        return "never"
    if value < 0.95:
        return f"every {days(7 / value)}"
    return "once a week" if value < 1.05 else f"{number(value)} times a week"


def _counted(value: float, noun: str) -> str:
    whole = round(value)
    return f"{whole:,d} {noun}" if whole == 1 else f"{whole:,d} {noun}s"


def _against_typical(text: str, feature: str, write: Callable[[float], str]) -> Saying:
    return Saying(text, ((feature, write), (TYPICAL + feature, write)))


THEMES = (
    Theme(
        "timing",
        r"recency_days|gap_.*|long_gaps_count|overdue_ratio",
        (
            Saying("Last bought {}, usually every {}", (("recency_days", ago), ("gap_mean_days", days))),
            Saying("Last bought {}", (("recency_days", ago),)),
        ),
    ),
    Theme(
        "frequency",
        r"orders_per_week_.*|active_weeks_rate|active_horizons_rate|fifth_last_order_days",
        (
            _against_typical("Bought {} in 90 days, a typical customer {}", "orders_per_week_90d", times_in_90_days),
            _against_typical("Bought {} in 30 days, a typical customer {}", "orders_per_week_30d", times_in_30_days),
            _against_typical("Bought {} over a year, a typical customer {}", "orders_per_week_365d", often),
        ),
    ),
    Theme(
        "order trend",
        r"orders_trend",
        (Saying("Orders of the last 30 days are {} the customer's own pace", (("orders_trend", pace),)),),
    ),
    Theme(
        "spend trend",
        r"net_amount_trend",
        (Saying("Spending of the last 30 days is {} the customer's own level", (("net_amount_trend", pace),)),),
    ),
    Theme(
        "spend",
        r"net_amount_per_week_.*",
        (
            _against_typical("Spends {} a week over 90 days, a typical customer {}", "net_amount_per_week_90d", amount),
            _against_typical("Spends {} a week over 30 days, a typical customer {}", "net_amount_per_week_30d", amount),
            _against_typical("Spends {} a week over a year, a typical customer {}", "net_amount_per_week_365d", amount),
        ),
    ),
    Theme(
        "basket",
        r"lines_per_order|categories_.*|quantity_per_order|net_amount_per_order",
        (
            _against_typical("Buys {} lines an order, a typical customer {}", "lines_per_order", number),
            _against_typical("Spends {} an order, a typical customer {}", "net_amount_per_order", amount),
            _against_typical("Bought of {} categories in a year, a typical customer {}", "categories_365d", number),
        ),
    ),
    Theme(
        "discounts",
        r"discount_rate|coupon_rate",
        (_against_typical("Takes {} off by discounts, a typical customer {}", "discount_rate", percent),),
    ),
    Theme(
        "returns",
        r"return_rate",
        (_against_typical("Sends back {} of purchases, a typical customer {}", "return_rate", percent),),
    ),
    Theme(
        "weekday habits",
        r"weekend_rate",
        (_against_typical("{} of shopping days are at weekends, a typical customer {}", "weekend_rate", percent),),
    ),
    Theme("tenure", r"tenure_days", (Saying("A customer for {}", (("tenure_days", days),)),)),
    Theme("campaigns", r"campaign_contacts_.*", (Saying("{} in 90 days", (("campaign_contacts_90d", contacts),)),)),
    Theme("rewards", r"redemptions_.*", (Saying("{} in a year", (("redemptions_365d", redemptions),)),)),
    Theme(
        "usage",
        r"usage_events_.*",
        (_against_typical("{} visits or uses in 90 days, a typical customer {}", "usage_events_90d", number),),
    ),
    Theme(
        "feedback",
        r"feedback_rating_.*",
        (Saying("Rated {} of 10", (("feedback_rating_365d", number),)),),
    ),
)


def themes_of(features: Sequence[str]) -> dict[Theme, tuple[int, ...]]:
    """The themes that some features touch, with the positions of those features, in the order of `THEMES`."""
    found: dict[Theme, list[int]] = {}
    for position, feature in enumerate(features):
        theme = next((theme for theme in THEMES if re.fullmatch(theme.pattern, feature)), _own_theme(feature))
        found.setdefault(theme, []).append(position)
    known = {theme.name: rank for rank, theme in enumerate(THEMES)}
    ordered = sorted(found, key=lambda theme: (known.get(theme.name, len(known)), theme.name))
    return {theme: tuple(found[theme]) for theme in ordered}


def _own_theme(feature: str) -> Theme:
    """A plain sentence for a feature that nobody has named yet."""
    plain = feature.replace("_", " ").strip().capitalize()
    return Theme(
        feature, re.escape(feature), (_against_typical(f"{plain}: {{}}, a typical customer {{}}", feature, number),)
    )


def say(theme: Theme, values: Mapping[str, np.ndarray], typical: Mapping[str, float], rows: np.ndarray) -> list[str]:
    """The theme's sentence for each of some rows; a plain mention of the theme where none of its numbers are known.

    values: feature -> (n,); typical: feature -> median; rows: positions among the n.
    """
    sayings = [saying for saying in theme.sayings if saying.features() <= set(values)]
    unknown = f"Unusual {theme.name.replace('_', ' ')}"
    return [_say_one(sayings, values, typical, row) or unknown for row in rows]


def _say_one(
    sayings: Sequence[Saying], values: Mapping[str, np.ndarray], typical: Mapping[str, float], row: int
) -> str | None:
    first = None
    for saying in sayings:
        numbers = [_number(name, values, typical, row) for name, _ in saying.blanks]
        if not all(math.isfinite(value) for value in numbers):
            continue
        words = [write(value) for (_, write), value in zip(saying.blanks, numbers, strict=True)]
        if not saying.compares or len(set(words)) == len(words):
            return saying.text.format(*words)
        first = first or saying.text.format(*words)
    return first


def _number(name: str, values: Mapping[str, np.ndarray], typical: Mapping[str, float], row: int) -> float:
    return float(typical[name.removeprefix(TYPICAL)] if name.startswith(TYPICAL) else values[name][row])
