"""The files written for a company: its settings and its source, from exports that were recognised or guessed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os.path import commonpath
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from warehouse.ingest.declared_types import ISO, SHORT
from warehouse.ingest.sources import FORMAT_OF_ENDING
from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.places import currency_of, zone_of_currency, zone_of_offsets, zone_of_rails
from warehouse.onboarding.readers import Recognised

FORMATS = (
    "%b %d, %Y %I:%M:%S %p", "%b %d, %Y, %I:%M:%S %p", "%b %d, %Y %H:%M:%S", "%b %d, %Y", "%B %d, %Y",
    "%d %b %Y %H:%M:%S", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%Y%m%d%H%M%S", "%Y%m%d", "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日",
)  # fmt: skip
# Behind a time of day alone: in 13-01-2025 a year stands behind the dash.
OFFSET = re.compile(r"(?P<moment>.*\d:\d{2}(?:[.,]\d+)?) ?(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})")
CHURN_DAYS = 90


@dataclass(frozen=True)
class Finding:
    """A fact about the company: its value, its reason, and whether it is more than an assumption."""

    value: str
    because: str
    is_known: bool = True


@dataclass
class Proposal:
    """A company before it is written: its source's YAML and its settings, with reasons.

    `folder` is where its files lie, None for a database.
    """

    source_name: str
    system: str
    source: dict[str, Any]
    folder: Path | None
    currency: Finding
    zone: Finding
    files: list[str]
    notes: list[str] = field(default_factory=list)
    guesses: list[tuple[str, str, str]] = field(default_factory=list)


def propose_recognised(found: Recognised) -> Proposal:
    """The company of a known system's exports."""
    source = copy_of(found.reader.source)
    samples = [sample for files in found.files.values() for sample in files]
    folder = common_folder(samples)
    for name, files in found.files.items():
        table = source["tables"][name]
        table["files"] = patterns(files, folder) or [placeholder(name)]
        for sample in files:
            table.update(sample.options)
    first, kind = next(iter(found.reader.tables.items()))
    sample = found.files[first][0]
    notes = [*found.reader.notes, *_fit_moments(source, first, kind.moment, sample)]
    _fit_width(source, kind.side_by_side, found.files[first])
    currency = find_currency(sample, kind.currency, kind.country)
    zone = find_zone(sample, kind.moment, kind.zone, currency.value)
    files_told = [
        f"{sample.path.name}: {found.reader.system}, {name}{''.join(f'; {one}' for one in sample.found)}"
        for name, files in found.files.items()
        for sample in files
    ]
    ordered = {"name": found.name, **source}
    return Proposal(found.name, found.reader.system, ordered, folder, currency, zone, files_told, notes)


def copy_of(value: Any) -> Any:
    """A reader's source that can be changed."""
    if isinstance(value, Mapping):
        return {key: copy_of(part) for key, part in value.items()}
    return [copy_of(part) for part in value] if isinstance(value, list | tuple) else value


def common_folder(samples: Sequence[Sample]) -> Path:
    """The folder that all files lie in or below."""
    return Path(commonpath([sample.path.resolve().parent for sample in samples]))


def placeholder(table: str) -> str:
    """The pattern of a table that no file was given for yet."""
    return f"no-{table}-yet-*.csv"


def patterns(samples: Sequence[Sample], folder: Path) -> list[str]:
    """Patterns of the files' names, in which digits are replaced so that they match the next export."""
    found = []
    for sample in samples:
        name = sample.path.resolve().relative_to(folder)
        ending = _ending(name)
        stem = name.name.removesuffix(ending)
        loose = re.sub(r"[ _-]*\(?\d[\d ._-]*\)?", "*", stem) if re.search(r"[^\W\d_]{3}", stem) else stem
        loose = loose if loose.endswith("*") else f"{loose}*"
        folders = "**/" if len(samples) > 1 and name.parent != Path() else ""
        prefix = "" if folders or name.parent == Path() else f"{name.parent.as_posix()}/"
        found.append(f"{folders}{prefix}{loose}{ending}")
    return list(dict.fromkeys(found))


def _ending(name: Path) -> str:
    """The ending that tells the format, with that of a packed file behind it; other dots are the name's own."""
    inner, outer = ["", *name.suffixes][-2:]
    is_packed = outer.lower() in (".gz", ".zip") and inner.lower() in FORMAT_OF_ENDING
    return inner + outer if is_packed else outer


def _fit_moments(source: dict[str, Any], name: str, column: str | None, sample: Sample) -> list[str]:
    """How the file writes moments, where the mapping has to say so. Returns notes on what is assumed."""
    if column is None:
        return []
    table = source["tables"][name]
    aliases = ((table.get("columns") or {}).get(column) or {}).get("aliases", [])
    values = next((found for one in (column, *aliases) if (found := sample.column(one))), [])
    form = moment_format(values)
    order = None if "date_order" in table else date_order(values)
    if order:
        table["date_order"] = order.order
    lines = source["mapping"]["order_lines"]["columns"]
    if form and isinstance(lines["ordered_at"], str):
        lines["ordered_at"] = {"column": column, "format": form}
    elif form and "column" in lines["ordered_at"]:
        lines["ordered_at"]["format"] = form
    return [order.note(name)] if order and order.is_assumed else []


def moment_format(values: Sequence[str]) -> str | None:
    """The format of moments that the loader cannot read by itself; None where it can, or where none fits."""
    some = values[:200]
    if not some or all(re.fullmatch(f"{ISO}|{SHORT}", value) for value in some):
        return None
    return next((form for form in FORMATS if all(_is_written(value, form) for value in some)), None)


def _is_written(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)
    except ValueError:
        return False
    return True


SHORT_DAY = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.]\d{2,4}")


@dataclass(frozen=True)
class DateOrder:
    """Whether day or month comes first in short dates, `dmy` or `mdy`, and whether that is assumed."""

    order: str
    is_assumed: bool

    def note(self, table: str) -> str:
        """What is said of an assumption."""
        first, other = ("day", "mdy") if self.order == "dmy" else ("month", "dmy")
        return (
            f"Days are read with the {first} first (assumed: each of them can be read both ways). If it is the other"
            f" way, say `date_order: {other}` at tables.{table} in the source's file."
        )


def date_order(values: Sequence[str]) -> DateOrder | None:
    """The order of short dates, which the next file may not show; None without any, or where both orders are shown."""
    short = [match for value in values if (match := SHORT_DAY.match(value))]
    ways = {"dmy": any(int(match[1]) > 12 for match in short), "mdy": any(int(match[2]) > 12 for match in short)}
    shown = [way for way, is_shown in ways.items() if is_shown]
    if not short or len(shown) > 1:
        return None
    assumed = "mdy" if any("/" in match[0] for match in short) else "dmy"
    return DateOrder(shown[0] if shown else assumed, is_assumed=not shown)


def _fit_width(source: dict[str, Any], patterns_of: Sequence[str], samples: Sequence[Sample]) -> None:
    """How many lines stand side by side in the widest file, with as much room again for wider ones."""
    numbers = [
        int(match[1])
        for pattern in patterns_of
        for sample in samples
        for header in sample.header
        if (match := re.fullmatch(re.escape(pattern).replace(r"\{n\}", r"(\d+)"), header, re.IGNORECASE))
    ]
    if numbers:
        source["mapping"]["order_lines"]["unpivot"]["up_to"] = min(2 * max(numbers), 500)


def find_currency(sample: Sample, column: str | None, country: str | None) -> Finding:
    """The currency of most rows, else the currency of the most frequent country, else the euro, as an assumption."""
    if column and (values := [value.upper() for value in sample.column(column) if re.fullmatch("[A-Za-z]{3}", value)]):
        most = max(sorted(set(values)), key=values.count)
        others = sorted(set(values) - {most})
        more = f"; there are also {', '.join(others)}, which need exchange rates" if others else ""
        return Finding(most, f'the column "{column}"{more}')
    if country and (values := [value.upper() for value in sample.column(country)]):
        most = max(sorted(set(values)), key=values.count)
        if found := currency_of(most):
            return Finding(found, f"most customers are in {most}", is_known=False)
    return Finding("EUR", "assumed: the files name no currency", is_known=False)


def find_zone(sample: Sample, column: str | None, named: str | None, currency: str) -> Finding:
    """The time zone that a column names, or that offsets of the moments fit, else that of the currency's country."""
    if named and (values := sample.column(named)):
        most = max(sorted(set(values)), key=values.count)
        if found := zone_of_rails(most):
            return Finding(found, f'the column "{named}"')
    moments = []
    for value in sample.column(column) if column else []:
        if match := OFFSET.fullmatch(value):
            minutes = int(match["hours"]) * 60 + int(match["minutes"])
            moments.append((match["moment"], -minutes if match["sign"] == "-" else minutes))
    if moments:
        zone, offsets = zone_of_offsets(moments)
        if zone:
            return Finding(zone, f"its offsets from UTC, {', '.join(offsets)}, on the days of the file")
    zone = zone_of_currency(currency)
    return Finding(zone, f"assumed by the currency {currency}: the files name no time zone", is_known=False)


def check_zone(name: str) -> str:
    """An IANA zone. Raises KeyError's kin for any other name."""
    return ZoneInfo(name).key
