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

# Text on a coloured mark, which keeps its colour in the dark: of black and white, one always has a contrast of 4.5.
ON_LIGHT, ON_DARK = "#000000", "#fffffe"
# Colours of the page alone: good and bad news, notes, lines between rows.
PAGE = {"GOOD": "#137463", "BAD": "#b23a31", "NOTE": "#fdf6e3", "NOTE_INK": "#6b5413", "ROW": "#eff2f5"}
# The same roles where the reader's system is dark.
DARK = {
    "INK": "#e6ebf0",
    "MUTED": "#a3b0bd",
    "LINE": "#33414e",
    "PAPER": "#18212a",
    "GROUND": "#0f151b",
    "BLUE": "#7db4e2",
    "PALE_BLUE": "#2c4d6b",
    "GOOD": "#5cc9b4",
    "BAD": "#f09188",
    "NOTE": "#3a3218",
    "NOTE_INK": "#ecd9a0",
    "ROW": "#24303b",
}
# Colours of charts that follow the page into the dark; data keeps its colours.
FOLLOWING = {
    colour: f"var(--{name.lower()})"
    for name, colour in (("INK", INK), ("MUTED", MUTED), ("LINE", LINE), ("PAPER", PAPER))
}

BLUES = ["#eef5fb", "#cfe2f2", "#9cc4e4", "#5d9fd0", "#2a6fb0", "#174a7c"]
ACTIVITY = {"active": TEAL, "reactivated": PALE_TEAL, "at_risk": YELLOW, "lapsed": GREY}
BANDS = {"low": TEAL, "medium": YELLOW, "high": ORANGE, "critical": RED}
OUTCOMES = {"earned money": TEAL, "lost money": RED, "cannot be estimated": GREY}
ARMS = {"differs from the control": TEAL, "may be chance": GREY, "not over": BLUE}
COSTS = {"Liability": ORANGE, "Points cost": BLUE, "Campaign cost": PALE_BLUE}
DIFFERENCES = {"more than today": TEAL, "less than today": RED, "cannot be told apart": GREY}
TRIALS = {"today": INK, "tried": PALE_BLUE, "over the cap": GREY, "best found": TEAL}
STEPS = ["#b9d3ea", "#6ea8d6", "#2a6fb0", "#174a7c", "#0d2c4c"]

NARROW = "(isFinite(containerSize()[0]) ? containerSize()[0] : 690) < 420"

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
        # two beside each other, and short, where the page is narrow
        "labelLimit": {"expr": f"{NARROW} ? 110 : 240"},
        "columns": {"expr": f"{NARROW} ? 2 : 0"},
    },
    "bar": {"cornerRadiusEnd": 2},
    "line": {"strokeWidth": 2.5},
    "text": {"fontSize": 11, "color": INK},
}


def themed(chart: alt.Chart | alt.LayerChart) -> dict[str, Any]:
    """The Vega-Lite specification of a chart in the report's look; unchecked, as a check takes half of its time."""
    return chart.configure(**CONFIG).to_dict(validate=False)


def following(spec: Any) -> Any:
    """A specification whose text and lines have the page's colours, so that they change with it; not its data."""
    if isinstance(spec, dict):
        return {key: value if key == "datasets" else following(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [following(value) for value in spec]
    return FOLLOWING.get(spec, spec) if isinstance(spec, str) else spec
