"""The one chart of parts of a whole."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from serving.report.charts.drawing import SHARE, SHARE_SCALE, WHOLE, Chart, chart, colours_of, readable_on, room, tip

SMALLEST_WITH_TEXT = 0.05


def shares(frame: pd.DataFrame, colours: Mapping[str, str], height: int = 160) -> Chart:
    """Share of each group in each measure: measure, part, value, share; groups in the order of `colours`."""
    long = frame.assign(place=frame["part"].map({part: place for place, part in enumerate(colours)}))
    long = long.sort_values(["measure", "place"])
    base = chart(long, height).encode(
        y=alt.Y(
            "measure:N", sort=list(dict.fromkeys(frame["measure"])), title=None, axis=alt.Axis(labelLimit=room(170))
        ),
        order=alt.Order("place:Q"),
        tooltip=[
            tip("measure", "Measure", None),
            tip("part", "Group", None),
            tip("value", "Value", WHOLE),
            tip("share", "Share", ".1%"),
        ],
    )
    bars = base.mark_bar(height={"band": 0.62}, cornerRadiusEnd=0).encode(
        x=alt.X("share:Q", stack="zero", title=None, axis=None, scale=SHARE_SCALE), color=colours_of("part", colours)
    )
    labels = base.mark_text(fontWeight=600).encode(
        x=alt.X("share:Q", stack="zero", bandPosition=0.5, scale=SHARE_SCALE),
        detail="part:N",
        text=alt.condition(f"datum.share >= {SMALLEST_WITH_TEXT}", alt.Text("share:Q", format=SHARE), alt.value("")),
        color=readable_on("part"),
    )
    return bars + labels
