"""The kinds of values in the columns of a file: days, times of day, numbers as people write them, or text."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from warehouse.ingest.declared_types import ISO, SHORT
from warehouse.ingest.number_units import COUNTED_IN, NO_CENTS, SIGNS
from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.proposal import FORMATS

# So much of a column has to be of a kind.
ENOUGH = 0.95
MOMENT = re.compile(f"{ISO}|{SHORT}")
CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?")
NUMBER = re.compile(
    rf"[-\u2212+(]?(?:[A-Z]{{0,2}}[{SIGNS}]|[A-Z]{{3}} )? ?[-\u2212+]?\d[\d., '\u00a0\u202f\u2009]*\)?[-\u2013\u2014]?"
    rf"(?:[ \u00a0\u202f]?(?:[{SIGNS}]|%|zł|kr|(?i:{COUNTED_IN})[.]?)| [A-Z]{{3}})?[)-]?"
)
WITHOUT_CENTS = re.compile(f"(?<=[0-9])[.,]{NO_CENTS}")


def number_of(text: str, mark: str) -> Decimal | None:
    """A number as the file writes it, without its currency; None if the text is no number."""
    if not NUMBER.fullmatch(text):
        return None
    negative = is_negative(text)
    bare = re.sub(r"[^\d.,]", "", text)
    bare = bare.replace("," if mark == "." else ".", "").replace(mark, ".")
    try:
        number = Decimal(bare)
    except InvalidOperation:
        return None
    return -number if negative else number


def is_negative(text: str) -> bool:
    """Whether a number has a minus or brackets; a dash in the place of cents is none."""
    return re.search("[-\u2212(]", WITHOUT_CENTS.sub("", text)) is not None


def decimal_mark(values: Sequence[str]) -> str:
    """The decimal mark that most numbers show, a point where none shows one."""
    return proven_decimal_mark(values) or "."


def proven_decimal_mark(values: Sequence[str]) -> str | None:
    """The mark that most numbers show: the last one, before other than three digits, or behind the other one."""
    shown = re.compile(r"([.,])(?:\d{1,2}|\d{4,})\D*$|[.,]\d+([.,])\d*\D*$")
    votes = Counter(match[1] or match[2] for value in values if (match := shown.search(value)))
    return votes.most_common(1)[0][0] if votes else None


def share_of(values: Sequence[str], test: Callable[[str], Any]) -> float:
    """How many of the filled values pass a test."""
    filled = [value for value in values if value]
    return sum(bool(test(value)) for value in filled) / len(filled) if filled else 0.0


def is_moment(text: str) -> bool:
    """Whether a text is a day or a moment."""
    if MOMENT.fullmatch(text):
        return True
    return len(text) > 7 and any(_fits(text, form) for form in FORMATS)


def _fits(text: str, form: str) -> bool:
    try:
        return 1990 <= datetime.strptime(text, form).year <= 2100
    except ValueError:
        return False


def kinds_of(sample: Sample) -> dict[str, str]:
    """The kind of each column's values: moment, clock, number or text; empty columns are left out."""
    found = {}
    for place, header in enumerate(sample.header):
        values = [row[place] for row in sample.rows[:1000] if row[place]]
        if not header or not values:
            continue
        if share_of(values, is_moment) >= ENOUGH:
            found[header] = "moment"
        elif share_of(values, CLOCK.fullmatch) >= ENOUGH:
            found[header] = "clock"
        elif any(value.endswith("%") for value in values):
            found[header] = "text"  # shares, which are no amounts
        elif share_of(values, NUMBER.fullmatch) >= ENOUGH:
            found[header] = "number"
        else:
            found[header] = "text"
    return found
