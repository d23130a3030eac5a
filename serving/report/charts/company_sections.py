"""Charts that a company declares: bars and lines over days or over names, in one colour or one for each series."""

from datetime import date

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import SHARE, SHORT, WHOLE, Chart, chart, tip

PALETTE = [theme.BLUE, theme.TEAL, theme.YELLOW, theme.ORANGE, theme.RED, theme.GREY, *theme.STEPS]
HEIGHT = 260


def bars(frame: pd.DataFrame, titles: tuple[str, str], *, is_share: bool) -> Chart:
    """A bar for each x, stacked where there are series: x (days or names), y (numbers), series (text, '' for none)."""
    return _encoded(frame, titles, is_share, chart(_plain(frame), HEIGHT).mark_bar())


def line(frame: pd.DataFrame, titles: tuple[str, str], *, is_share: bool) -> Chart:
    """A line over x for each series; the columns are those of `bars`."""
    return _encoded(frame, titles, is_share, chart(_plain(frame), HEIGHT).mark_line(point=True))


def _encoded(frame: pd.DataFrame, titles: tuple[str, str], is_share: bool, marks: alt.Chart) -> Chart:
    x_title, y_title = titles
    y_axis = alt.Axis(format=SHARE, tickCount=5) if is_share else alt.Axis(labelExpr=SHORT, tickCount=5)
    series = list(dict.fromkeys(frame["series"]))
    colours = [PALETTE[place % len(PALETTE)] for place in range(len(series))]
    legend = alt.Legend(title=None) if len(series) > 1 else None
    return marks.encode(
        # in the order of the query; days lie apart as far as they are
        x=alt.X("x:T" if _is_days(frame) else "x:N", title=None, sort=None),
        y=alt.Y("y:Q", title=y_title, axis=y_axis),
        color=alt.Color("series:N", scale=alt.Scale(domain=series, range=colours), legend=legend),
        tooltip=[
            tip("x", x_title, None),
            *([tip("series", "Of", None)] if len(series) > 1 else []),
            tip("y", y_title, ".1%" if is_share else WHOLE),
        ],
    )


def _is_days(frame: pd.DataFrame) -> bool:
    return all(isinstance(value, date) for value in frame["x"])


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with days as ISO dates, and everything else below the chart as text."""
    return frame.assign(x=[value.isoformat() if isinstance(value, date) else str(value) for value in frame["x"]])
