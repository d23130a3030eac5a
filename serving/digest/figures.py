"""The figures of the digest, and days that stand out, as the marts of the live publication have them."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from duckdb import DuckDBPyConnection

from serving.publication.reader import has_mart

# Older alerts are in the mart and on the report; nobody is told of them anew.
DAYS_TOLD = 7
MOVED_TOLD = 3
ALERTS = """
select series, source, channel, date_day, value, expected_value, change_rate, reason from marts.fct_alerts
where is_flagged and date_day > (select data_through - to_days($days) from marts.publication)
order by date_day desc, abs(z_score) desc, series, source, channel
"""
WEEK = """
from marts.rpt_weekly_figures where week = (select max(week) from marts.rpt_weekly_figures)
order by movement_rank nulls last, series, channel
"""


@dataclass(frozen=True)
class Alert:
    """A day of a series that stands out."""

    series: str
    source: str
    channel: str
    day: date
    value: float
    expected: float
    change_rate: float | None
    reason: str


@dataclass(frozen=True)
class Figure:
    """A figure of a week, beside the week before and a year ago; None where there is nothing to compare with."""

    series: str
    channel: str
    value: float | None
    change_rate: float | None
    year_change_rate: float | None


@dataclass(frozen=True)
class Week:
    """The last whole week: the figures of all channels together, what moved most, and days that stood out."""

    monday: date
    figures: list[Figure]
    moved: list[Figure]
    alerts: list[Alert]

    @property
    def sunday(self) -> date:
        """Its last day."""
        return self.monday + timedelta(days=6)


def alerts_of_last_days(connection: DuckDBPyConnection) -> list[Alert]:
    """The days of the last week of the data that stand out, the latest first; none in an older publication."""
    if not has_mart(connection, "fct_alerts"):
        return []
    return [Alert(*row) for row in connection.execute(ALERTS, {"days": DAYS_TOLD}).fetchall()]


def last_week(connection: DuckDBPyConnection) -> Week | None:
    """The last whole week of the live publication; None where there is none yet."""
    rows = _rows(connection) if has_mart(connection, "rpt_weekly_figures") else []
    if not rows:
        return None
    monday = rows[0]["week"]
    figures = [_figure(row) for row in rows if row["is_all_channels"] and row["value"] is not None]
    moved = [_figure(row) for row in rows if row["has_moved"]][:MOVED_TOLD]
    alerts = [one for one in alerts_of_last_days(connection) if 0 <= (one.day - monday).days < DAYS_TOLD]
    return Week(monday, figures, moved, alerts)


def _rows(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    answer = connection.execute(WEEK)
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _figure(row: dict[str, Any]) -> Figure:
    return Figure(row["series"], row["channel"], row["value"], row["change_rate"], row["year_change_rate"])
