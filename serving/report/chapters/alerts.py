"""Days on which the shop sold or delivered other than it usually does."""

from typing import Any

from serving.report import formatting
from serving.report.parts import Company, Figure, Section, Table

LEAD = (
    "Each day beside the same weekday of the eight weeks before; a month's last day beside other last days. What "
    "stands out may be a campaign, a holiday that the settings do not know, or a file that is missing or came twice."
)
TITLE = "Days that stood out"
NONE = "No day of the last eight weeks stood out, as far as the shop is large enough to tell."
SHOWN = 20
WHY = {"far_from_expected": "far off", "three_days_in_a_row": "third day in a row"}


def unusual_days(company: Company) -> Section:
    """The days that stand out, the latest first."""
    rows = []
    if company.marts.has("fct_alerts", "z_score", "reason"):
        rows = company.marts.rows(
            "from marts.fct_alerts where is_flagged order by date_day desc, abs(z_score) desc, series, source, channel"
            " limit $shown",
            shown=SHOWN,
        )
    figure = _figure(company, rows) if rows else Figure(TITLE, missing=NONE, width=12)
    return Section("alerts", "Days that stand out", [figure], LEAD)


def _figure(company: Company, rows: list[dict[str, Any]]) -> Figure:
    return Figure(
        TITLE,
        company.as_of,
        "Expected: the median of the reference days. Far off: over four times as far from it as usual days are, and "
        "over 10%; third day in a row: over 2.5 times, on one side. The latest 20 are shown.",
        table=Table(
            ("Day", "What", "Source", "Channel", "Value", "Expected", "Change", "Why"),
            [_row(company, row) for row in rows],
            left=frozenset({0, 1, 2, 3, 7}),
        ),
        width=12,
    )


def _row(company: Company, row: dict[str, Any]) -> list[str]:
    change = row["change_rate"]
    return [
        formatting.day(row["date_day"]),
        formatting.plain(row["series"]),
        row["source"],
        row["channel"],
        formatting.figure(row["series"], row["value"], company.currency),
        formatting.figure(row["series"], row["expected_value"], company.currency),
        "" if change is None else formatting.signed(change, ".0%"),
        WHY[row["reason"]],
    ]
