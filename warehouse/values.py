"""Types of the values that people write into YAML files, each with its range, its order and its length.

Values reach SQL, mail headers, paths and tables unchanged, so wrong values are refused when they are read.
"""

import os
import re
import unicodedata
from datetime import date
from decimal import Decimal
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import getaddresses, parseaddr
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from warehouse.errors import BLANK_LETTERS, UNPRINTABLE, nearest

PYTHON_TYPE = re.compile(r" (?:for|of) <class '[^']*'>")
PATTERN = re.compile("String should match pattern '([^']*)'")
# What the patterns of settings and sources mean, in words.
PATTERNS = {
    "^[A-Z]{3}$": "the ISO code of a currency in capitals, as EUR",
    r"^([01]\d|2[0-3]):[0-5]\d$": "a time of day, as 05:00",
    r"^[1-9]\d{0,2}$": "one to three digits that do not begin with 0, as 49",
    "^[a-z][a-z0-9_]*$": "small letters, digits and _, with a letter first",
    "^[a-z0-9_-]*$": "small letters, digits, _ and -",
    "^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and _, with no digit first",
    "^[A-Za-z_][A-Za-z0-9._-]*$": "letters, digits, dots, _ and -, with a letter or _ first",
    "^(https://|mailto:)[^/]": "an address that begins with https:// or mailto:",
}
MOST_TOLD = 400
LONGEST_PATH, LONGEST_NAME = 1000, 255
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
CRON_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    ("weekday", 0, 7, {name: number for number, name in enumerate(WEEKDAYS)}),
)
WORD = re.compile("[A-Za-z]+")
CRON_PART = re.compile(r"(\*|(?P<first>\d{1,2})(-(?P<last>\d{1,2}))?)(/(?P<step>\d{1,2}))?")
LONGEST_MONTH = {month: 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31 for month in range(1, 13)}
MEMORY = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([MGTmgt][iI]?[bB])")
MEMORY_UNITS = {"M": 1, "G": 1000, "T": 1_000_000}
LEAST_MEMORY = 100
HOST = re.compile(r"(?=.{1,253}$)(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*|\[?[0-9A-Fa-f:.]{2,45}\]?")


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f'"{name}" is no IANA time zone{nearest(name, available_timezones())}')
    return name


def _holiday_place(text: str) -> str:
    from holidays import list_supported_countries  # here, as most companies name no country

    country, _, part = text.partition("-")
    known = list_supported_countries(include_aliases=False)
    if country not in known or (part and part not in known[country]):
        raise ValueError(f'"{text}" is no country, or part of one, with known holidays, such as DE or DE-BY')
    return text


def _span(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"the lower end, {ends[0]}, is above the upper one, {ends[1]}")
    return ends


def _rising(cuts: tuple[float, ...]) -> tuple[float, ...]:
    for below, above in pairwise(cuts):
        if above <= below:
            raise ValueError(f"each has to be above the one before, and {above} comes after {below}")
    return cuts


def _no_truth(value: Any) -> Any:
    """YAML reads yes, no, on and off as truth, which Python counts as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number is expected, not yes or no")
    return value


def _iso_day(value: Any) -> Any:
    """A number would be taken for seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("a day is written as YYYY-MM-DD")
    return value


def what_is_wrong(message: str) -> str:
    """A message of pydantic's, not at any length and without its own words: kinds of errors, types, patterns."""
    told = PYTHON_TYPE.sub("", message.removeprefix("Value error, "))
    told = PATTERN.sub(lambda match: _in_words(match[1]), told)
    return told if len(told) <= MOST_TOLD else f"{told[:MOST_TOLD]}..."


def _in_words(pattern: str) -> str:
    if variable := re.fullmatch(r"\^(LOYALTY_[A-Z]+_)\[A-Z0-9_\]\+\$", pattern):
        return f"it should be the name of a variable that begins with {variable[1]}, in capitals, digits and _"
    return f"it should be {PATTERNS.get(pattern, f'written as {pattern}')}"


def one_line(text: str) -> str:
    """`text`, if it fits on one line of any page, header or table. Raises ValueError otherwise."""
    for character in text if text.strip() else "":
        if unicodedata.category(character) in UNPRINTABLE:
            raise ValueError(f"it holds the character U+{ord(character):04X}, which cannot be printed")
    if all(character in BLANK_LETTERS or unicodedata.category(character)[0] in "ZCM" for character in text):
        raise ValueError("it is empty")
    return text


def _plain_sentence(text: str) -> str:
    """Descriptions stand in dbt's YAML files, where braces are Jinja."""
    if any(mark in text for mark in ("{{", "{%", "{#")):
        raise ValueError("it holds {{, {% or {#, which dbt reads as Jinja")
    return one_line(" ".join(text.split())) if text.strip() else ""


def _web_address(text: str) -> str:
    """It stands in a header and in the text of every mail, with {message_id} put in."""
    one_line(text)
    if not text.isascii() or any(character in text for character in ' <>"\\^`|'):
        raise ValueError("an address holds no blanks, quotes or letters beyond ASCII; write them percent-encoded")
    if set("{}") & set(text.replace("{message_id}", "")):
        raise ValueError("of braces it may hold {message_id} alone")
    if text.startswith("mailto:"):
        _sender(unquote(text.removeprefix("mailto:").partition("?")[0]))
        return text
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname and HOST.fullmatch(parts.hostname)) and parts.port != 0
    except ValueError:  # brackets that do not fit, a port that is no number
        is_whole = False
    if not is_whole or "@" in parts.netloc:
        raise ValueError("it has to name a host, and neither user nor password: every customer reads it")
    return text


def _path(path: Path) -> Path:
    if str(path) in ("", "."):
        raise ValueError("it is empty")
    if len(str(path)) > LONGEST_PATH or any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        raise ValueError("it is longer than a path may be")
    one_line(str(path))
    return path


def _cron(text: str) -> str:
    fields = text.split()
    if len(fields) != len(CRON_FIELDS):
        raise ValueError('a cron expression has minute, hour, day, month and weekday: "0 5 * * *"')
    numbers = [_cron_numbers(field, *known) for field, known in zip(fields, CRON_FIELDS, strict=True)]
    _, _, days, months, _ = numbers
    if fields[-1] == "*" and min(days) > max(LONGEST_MONTH[month] for month in months):
        raise ValueError(f"day {fields[2]} of month {fields[3]} never comes")
    return text


def _cron_numbers(field: str, name: str, low: int, high: int, words: dict[str, int]) -> set[int]:
    """The minutes, hours, days, months or weekdays that a field stands for."""
    found: set[int] = set()
    for part in field.split(","):
        numbered = WORD.sub(lambda match: str(words.get(match.group().lower(), match.group())), part)
        match = CRON_PART.fullmatch(numbered)
        numbers = [int(number) for number in (match["first"], match["last"]) if number] if match else []
        step = int(match["step"]) if match and match["step"] else 1
        is_in_order = numbers == sorted(numbers) and all(low <= number <= high for number in numbers)
        if not match or not is_in_order or not 1 <= step <= high:
            raise ValueError(f"{part!r} is no {name} ({low} to {high}) of a cron expression")
        first = numbers[0] if numbers else low
        last = numbers[-1] if numbers and not (match["step"] and len(numbers) == 1) else high
        found.update(range(first, last + 1, step))
    return found


def _sender(text: str) -> str:
    try:
        address = parseaddr(text)[1]
        is_whole = bool(Address(addr_spec=address).domain) and address.isascii() and len(getaddresses([text])) == 1
    except (ValueError, IndexError, MessageError):
        is_whole = False
    if not is_whole:
        raise ValueError("it is no mail address with letters of ASCII; write it as Name <address>")
    return text


def _recipient(text: str) -> str:
    if parseaddr(_sender(text))[1] != text:
        raise ValueError("an address alone is expected, such as owner@example.org")
    return text


def _memory(text: str) -> str:
    match = MEMORY.fullmatch(text)
    if not match or float(match[1]) * MEMORY_UNITS[match[2][0].upper()] < LEAST_MEMORY:
        raise ValueError("an amount of memory of at least 100MB is expected, such as 2GB")
    return text


def _mail_host(text: str) -> str:
    if not HOST.fullmatch(text):
        raise ValueError("it is no host name or address")
    return text


HolidayPlace = Annotated[str, Field(max_length=20), AfterValidator(_holiday_place)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
# A name or a sentence of people's, which reaches pages, headers and SQL as it is.
Text = Annotated[str, Field(max_length=200), AfterValidator(one_line)]
# The name of a column, a file or a table, as others gave it.
Header = Annotated[str, Field(max_length=500), AfterValidator(one_line)]
Sentence = Annotated[str, Field(max_length=2000), AfterValidator(_plain_sentence)]
Day = Annotated[date, BeforeValidator(_iso_day), Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
Whole = Annotated[int, BeforeValidator(_no_truth)]
Number = Annotated[float, BeforeValidator(_no_truth), Field(allow_inf_nan=False)]
Rate = Annotated[Number, Field(ge=0, le=1)]
Days = Annotated[Whole, Field(ge=1, le=100_000)]
# A cut of counts or amounts.
Bound = Annotated[Number, Field(ge=-1e12, le=1e12)]
Count = Annotated[Whole, Field(ge=1, le=1_000_000)]
MoneyRate = Annotated[Number, Field(ge=0, le=1e9)]
# Text, which YAML makes of hours only in quotes: 21:00 without them is the number 1260.
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Cron = Annotated[str, Field(max_length=100), AfterValidator(one_line), AfterValidator(_cron)]
Scale = Annotated[Number, Field(gt=0, le=1000)]
Minutes = Annotated[Number, Field(gt=0, le=44640)]
Seconds = Annotated[Number, Field(gt=0, le=3600)]
Elasticity = Annotated[Number, Field(gt=0, lt=1)]
Return = Annotated[Number, Field(ge=-1000, le=1000)]
ExpiryMonths = Annotated[Whole, Field(ge=1, le=1200)]
Amount = Annotated[
    Decimal, BeforeValidator(_no_truth), Field(ge=0, le=Decimal("1e12"), max_digits=18, decimal_places=4)
]
Span, Rising = AfterValidator(_span), AfterValidator(_rising)
SourceName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=60)]
Folder = Annotated[Path, AfterValidator(_path)]
# Variables that hold secrets: a value that does not fit may be the secret itself, so it is never repeated.
SmtpVariable = Annotated[str, Field(pattern="^LOYALTY_SMTP_[A-Z0-9_]+$", max_length=100)]
DsnVariable = Annotated[str, Field(pattern="^LOYALTY_DSN_[A-Z0-9_]+$", max_length=100)]
WebhookVariable = Annotated[str, Field(pattern="^LOYALTY_WEBHOOK_[A-Z0-9_]+$", max_length=100)]
Sender = Annotated[Text, AfterValidator(_sender)]
Recipient = Annotated[Text, AfterValidator(_recipient)]
WebAddress = Annotated[str, Field(pattern="^(https://|mailto:)[^/]", max_length=1000), AfterValidator(_web_address)]
Memory = Annotated[str, AfterValidator(_memory)]
MailHost = Annotated[str, AfterValidator(_mail_host)]
