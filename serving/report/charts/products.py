"""Charts of what is bought after what."""

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import SHARE, WHOLE, Chart, chart, readable_on, room, tip


def next_orders(frame: pd.DataFrame) -> Chart:
    """What second orders held by what first ones held: from_name, to_name in their order, rates, counts, days."""
    froms, tos = list(dict.fromkeys(frame["from_name"])), list(dict.fromkeys(frame["to_name"]))
    base = chart(frame, 34 * len(froms) + 60).encode(
        x=alt.X(
            "to_name:N", sort=tos, title="Second order", axis=alt.Axis(orient="top", labelAngle=-30, labelLimit=120)
        ),
        y=alt.Y("from_name:N", sort=froms, title="First order", axis=alt.Axis(labelLimit=room(160))),
        tooltip=[
            tip("from_name", "First order", None),
            tip("from_orders_count", "Customers", WHOLE),
            tip("to_name", "Second order", None),
            tip("reached_rate", "Of them", ".1%"),
            tip("reached_low", "From", ".1%"),
            tip("reached_high", "to", ".1%"),
            tip("all_reached_rate", "After any first order", ".1%"),
            tip("median_days", "Half of them within days", WHOLE),
        ],
    )
    cells = base.mark_rect(stroke=theme.PAPER, strokeWidth=2, cornerRadius=3).encode(
        color=alt.Color("reached_rate:Q", scale=alt.Scale(range=theme.BLUES), legend=None)
    )
    dark = readable_on("reached_rate")
    return cells + base.mark_text().encode(text=alt.Text("reached_rate:Q", format=SHARE), color=dark)
