"""Parts common to all charts: size, axes, tooltips and colours. Colours and type are `theme`'s.

Charts fill the width of the page and are drawn by the reader's browser. Rates are 0 to 1, amounts in the base
currency, days ISO dates without a time, so that no browser's time zone moves them. A chart is a function: a small frame
in, an Altair chart out.
"""

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from serving.report import theme

Chart = alt.Chart | alt.LayerChart

WHOLE = ",.0f"
SHARE = ".0%"
SHORT = "datum.value == 0 ? '0' : format(datum.value, '~s')"
SHARE_SCALE = alt.Scale(domain=[0, 1])


def chart(frame: pd.DataFrame, height: int) -> alt.Chart:
    """A chart of the page's width."""
    return alt.Chart(frame).properties(width="container", height=height)


def with_days(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The frame with a column of days as ISO dates."""
    return frame.assign(**{column: pd.to_datetime(frame[column]).dt.strftime("%Y-%m-%d")})


def month_axis() -> alt.X:
    """The months below a chart."""
    axis = alt.Axis(format="%b %y", labelAngle=0, labelOverlap=True, labelSeparation=6)
    return alt.X("utcyearmonth(month):O", title=None, axis=axis)


def month_tip() -> alt.Tooltip:
    """The month of a tooltip."""
    return alt.Tooltip("utcyearmonth(month):O", title="Month", format="%B %Y")


def tip(column: str, title: str, number_format: str | None) -> alt.Tooltip:
    """A value of a tooltip: a name where there is no number format."""
    if number_format is None:
        return alt.Tooltip(f"{column}:N", title=title)
    return alt.Tooltip(f"{column}:Q", title=title, format=number_format)


def colours_of(column: str, colours: Mapping[str, str]) -> alt.Color:
    """A column's values in their colours, with a legend in that order."""
    return alt.Color(f"{column}:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), title=None)


def room(most: int) -> alt.ExprRef:
    """The room for names beside an axis: at most so many points, and less where the page is narrow."""
    return alt.expr(f"min({most}, 0.42 * (isFinite(containerSize()[0]) ? containerSize()[0] : 690))")


def readable_on(field: str) -> Any:
    """The colour of text inside a mark that is coloured by a field: black or white, whichever is easier to read."""
    mark = f"scale('color', datum['{field}'])"
    return alt.condition(
        f"contrast('{theme.ON_DARK}', {mark}) > contrast('{theme.ON_LIGHT}', {mark})",
        alt.value(theme.ON_DARK),
        alt.value(theme.ON_LIGHT),
    )
