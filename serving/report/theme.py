"""Colours and type of the report, the same in page and charts."""

from typing import Any

import altair as alt

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif'
INK = "#1c2733"
MUTED = "#5d6b7a"
LINE = "#e3e8ee"
PAPER = "#ffffff"
GROUND = "#f5f7f9"

BLUE = "#2a6fb0"
PALE_BLUE = "#b9d3ea"
TEAL = "#1f9683"
PALE_TEAL = "#86cabd"
YELLOW = "#e3b93c"
ORANGE = "#df7f3a"
RED = "#c4453c"
GREY = "#b4bec9"

BLUES = ["#eef5fb", "#cfe2f2", "#9cc4e4", "#5d9fd0", "#2a6fb0", "#174a7c"]
ACTIVITY = {"active": TEAL, "reactivated": PALE_TEAL, "at_risk": YELLOW, "lapsed": GREY}
BANDS = {"low": TEAL, "medium": YELLOW, "high": ORANGE, "critical": RED}
OUTCOMES = {"earned money": TEAL, "lost money": RED, "cannot be estimated": GREY}
ARMS = {"differs from the control": TEAL, "may be chance": GREY, "not over": BLUE}
COSTS = {"Liability": ORANGE, "Points cost": BLUE, "Campaign cost": PALE_BLUE}
DIFFERENCES = {"more than today": TEAL, "less than today": RED, "cannot be told apart": GREY}
TRIALS = {"today": INK, "tried": PALE_BLUE, "over the cap": GREY, "best found": TEAL}
STEPS = ["#b9d3ea", "#6ea8d6", "#2a6fb0", "#174a7c", "#0d2c4c"]

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "labelFontSize": 11,
        "titleColor": MUTED,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "gridColor": LINE,
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
    },
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": INK,
        "labelFontSize": 11,
        "symbolType": "square",
        "offset": 4,
        "labelLimit": 240,
    },
    "bar": {"cornerRadiusEnd": 2},
    "line": {"strokeWidth": 2.5},
    "text": {"fontSize": 11, "color": INK},
}


def themed(chart: alt.Chart | alt.LayerChart) -> dict[str, Any]:
    """The Vega-Lite specification of a chart in the report's look; unchecked, as a check takes half of its time."""
    return chart.configure(**CONFIG).to_dict(validate=False)
