"""Numbers, days and statuses in the words of the report."""

from datetime import date
from decimal import Decimal
from typing import Any, Self

Number = int | float | Decimal

SYMBOLS = {"USD": "$", "GBP": "£", "EUR": "€", "CNY": "¥", "JPY": "¥"}
SCALES = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))
NONE = "–"
MINUS = "−"

# Why a figure is not there. Marts say it in one word; people read a sentence's end.
STATUSES = {
    "too_little_history": "less than 56 days of data before it",
    "window_open": "its period is not over, or not fully in the data",
    "provisional": "orders of its period may still come back",
    "broken_assignment": "more than 1% of its customers were assigned to two groups",
    "too_few_treated": "too few customers to compare",
    "too_few_customers": "too few customers to compare",
    "unbalanced": "no comparable customers outside it",
    "pretrend": "its customers were already developing differently before",
    "placebo_28": "the same comparison finds an effect 28 days earlier, when there was none",
    "placebo_56": "the same comparison finds an effect 56 days earlier, when there was none",
    "sample_ratio_mismatch": "its groups are not of the sizes that were drawn, so the draw is broken",
    "no_single_control": "its arms have no control, or more than one",
    "no_variation": "no customer bought anything",
    "observational": "an association only: its customers were not drawn by chance",
    "not_analysed": "not analysed yet",
    "interval_above_zero": "more than it cost, whatever the interval",
    "interval_below_zero": "less than it cost, whatever the interval",
    "interval_holds_zero": "the interval holds both gain and loss",
    "no_cost": "it has no cost to compare with",
    "no_customer_old_enough": "no customer is old enough yet",
    "insufficient_history": "the history is too short",
    "dropout_not_identified": "the data does not show who has left for good",
    "not_backtestable": "a horizon longer than the history is left out, as nothing can be checked against it",
    "population_mean": "the average order value of all customers is used",
}


# Models whose names are not simply their words.
MODELS = {
    "bg_nbd": "BG/NBD",
    "mbg_nbd": "MBG/NBD",
    "cnbd_k": "CNBD-k",
    "bg_cnbd_k": "BG/CNBD-k",
    "mbg_cnbd_k": "MBG/CNBD-k",
    "gamma_gamma": "Gamma-Gamma",
    "pareto_nbd": "Pareto/NBD",
    "nbd": "NBD",
    "naive_rate": "orders per week so far",
    "recency_alone": "days since the last order alone",
    "linear_svm": "linear support vector machine",
    "hist_gradient_boosting": "gradient boosting",
}


class Written(str):
    """A text with the value that it shows, by which a table is sorted and which its CSV holds."""

    value: Any

    def __new__(cls, text: str, value: Any) -> Self:
        """The text with its value: a number, a day, or None where there is none."""
        written = super().__new__(cls, text)
        written.value = float(value) if isinstance(value, Decimal) else value
        return written


def money(amount: Number | None, currency: str) -> str:
    """A rounded amount with its currency: $4.60m, £812k, CHF 99."""
    return Written(NONE if amount is None else _money(amount, currency), amount)


def symbol(currency: str) -> str:
    """What stands before an amount: $, or the code and a space."""
    return SYMBOLS.get(currency, f"{currency} ")


def _money(amount: Number, currency: str) -> str:
    value = float(amount)
    sign = MINUS if value < 0 else ""
    for scale, letter in SCALES:
        if abs(value) >= scale * 0.99995:
            scaled = abs(value) / scale
            digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
            return f"{sign}{symbol(currency)}{scaled:.{digits}f}{letter}"
    return f"{sign}{symbol(currency)}{abs(value):,.{2 if abs(value) < 100 else 0}f}"


def count(number: Number | None) -> str:
    """A whole number: 1,469,307."""
    return Written(NONE if number is None else f"{round(number):,}", number)


def percent(share: Number | None, digits: int = 0) -> str:
    """A share of 1: 0.423 is 42%."""
    text = NONE if share is None else f"{round(float(share), digits + 2) + 0.0:,.{digits}%}".replace("-", MINUS)
    return Written(text, share)


def figure(series: str, value: Number | None, currency: str) -> str:
    """A value of a watched series, as its kind is written: money, a share, or a whole number."""
    if series in ("net_sales", "average_order"):
        return money(value, currency)
    return percent(value, 1) if series.endswith("_rate") else count(value)


def times(ratio: Number | None) -> str:
    """A ratio: 1.5 is 1.50×."""
    return Written(NONE if ratio is None else f"{float(ratio):,.2f}×".replace("-", MINUS), ratio)


def one_digit(number: Number | None) -> str:
    """A number with one digit behind the point: 4.5."""
    return Written(NONE if number is None else f"{float(number):,.1f}".replace("-", MINUS), number)


def signed(change: float, form: str) -> str:
    """A change with its sign: +9.2%, −1.0."""
    return f"{change:+{form}}".replace("-", MINUS)


def day(moment: date | None) -> str:
    """A day: 31 Dec 2017."""
    return Written(NONE if moment is None else f"{moment.day} {moment:%b %Y}", moment)


def span(first: date | None, last: date | None) -> str:
    """Two days: 3 Mar – 9 Apr 2017."""
    if first and last and first.year == last.year:
        return f"{first.day} {first:%b} – {day(last)}"
    return f"{day(first)} – {day(last)}"


def month(moment: date | None) -> str:
    """A month: Dec 2017."""
    return Written(NONE if moment is None else f"{moment:%b %Y}", moment)


def some(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 campaign, 27 campaigns."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def title(name: str) -> str:
    """A name of settings or models as a title: complete_journey is Complete Journey."""
    return name.replace("_", " ").title()


def model(name: str) -> str:
    """The name of a model, as people write it."""
    return MODELS.get(name, plain(name))


def plain(name: str) -> str:
    """A name of settings or models as a word in a sentence: at_risk is at risk."""
    return name.replace("_", " ")


def reason(status: str | None) -> str:
    """A status in words; an unknown one as it is written."""
    return STATUSES.get(status or "", plain(status or "no reason given"))


def listed(words: list[str]) -> str:
    """A list in a sentence: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
