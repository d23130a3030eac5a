"""The one chart of parts of a whole."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import SHARE, SHARE_SCALE, WHOLE, Chart, chart, colours_of, tip


def shares(frame: pd.DataFrame, colours: Mapping[str, str], height: int = 160) -> Chart:
    """Share of each group in each measure: measure, part, value, share; groups in the order of `colours`."""
    long = frame.assign(place=frame["part"].map({part: place for place, part in enumerate(colours)}))
    long = long.sort_values(["measure", "place"])
    long["ink"] = long["part"].map({part: _ink_on(colour) for part, colour in colours.items()})
    long["middle"] = long.groupby("measure")["share"].cumsum() - long["share"] / 2
    order = list(dict.fromkeys(frame["measure"]))
    base = chart(long, height).encode(
        y=alt.Y("measure:N", sort=order, title=None, axis=alt.Axis(labelLimit=170)),
        tooltip=[
            tip("measure", "Measure", None),
            tip("part", "Group", None),
            tip("value", "Value", WHOLE),
            tip("share", "Share", ".1%"),
        ],
    )
    bars = base.mark_bar(height={"band": 0.62}, cornerRadiusEnd=0).encode(
        x=alt.X("share:Q", stack="zero", title=None, axis=None, scale=SHARE_SCALE),
        color=colours_of("part", colours),
        order=alt.Order("place:Q"),
    )
    labels = (
        base.transform_filter("datum.share >= 0.05")
        .mark_text(fontWeight=600)
        .encode(
            x=alt.X("middle:Q", scale=SHARE_SCALE),
            text=alt.Text("share:Q", format=SHARE),
            color=alt.Color("ink:N", scale=None),
        )
    )
    return bars + labels


def _ink_on(colour: str) -> str:
    """The text colour that reads best on `colour` (#rrggbb), by its luminance."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return theme.INK if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else theme.PAPER
