"""The chart of months ahead beside those that came."""

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import SHORT, WHOLE, Chart, chart, month_axis, month_tip, tip, with_days

CAME, AHEAD, SAID = "what came", "forecast", "forecast three months before"
COLOURS = {CAME: theme.INK, AHEAD: theme.BLUE, SAID: theme.ORANGE}


def outlook(frame: pd.DataFrame, title: str) -> Chart:
    """Months that came, those ahead with both intervals, and what had been said of those that came.

    `frame`: month, kind (`what came`, `forecast`, `forecast three months before`), value, and low_80, high_80, low_95
    and high_95, which are NULL for what came.
    """
    long = with_days(frame, "month")
    colour = alt.Color("kind:N", scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())), title=None)
    axis = alt.Axis(labelExpr=SHORT, tickCount=5)
    ahead = chart(long[long["kind"] == AHEAD], 260).encode(x=month_axis())
    bands = [
        ahead.mark_area(color=theme.BLUE, opacity=opacity).encode(
            y=alt.Y(f"low_{level}:Q", title=title, axis=axis), y2=f"high_{level}:Q"
        )
        for level, opacity in ((95, 0.12), (80, 0.18))
    ]
    valued = {"x": month_axis(), "y": alt.Y("value:Q", title=title, axis=axis), "color": colour}
    lines = chart(long[long["kind"] != SAID], 260).mark_line(point=True).encode(**valued, tooltip=_tips())
    said = chart(long[long["kind"] == SAID], 260).mark_tick(thickness=3, width=14, orient="horizontal")
    return bands[0] + bands[1] + said.encode(**valued, tooltip=_tips()) + lines


def _tips() -> list[alt.Tooltip]:
    return [
        month_tip(),
        tip("kind", "This is", None),
        tip("value", "Value", WHOLE),
        tip("low_95", "With 95% from", WHOLE),
        tip("high_95", "to", WHOLE),
    ]
