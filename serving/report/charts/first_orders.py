"""Charts of customers' first orders."""

from typing import Any

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import SHARE, WHOLE, Chart, chart, colours_of, room, tip

STANDS_OUT, MAY_BE_CHANCE = "stands out", "may be chance"


def conclusion(row: dict[str, Any]) -> str:
    """Whether a difference is more than chance, in words."""
    return STANDS_OUT if row["is_different"] else MAY_BE_CHANCE


def differences(rows: list[dict[str, Any]]) -> Chart:
    """A point with its interval per value: began, difference, its two ends, value, others_value, is_different."""
    names = ["began", "difference", "difference_low", "difference_high", "value", "others_value", "customers_count"]
    frame = pd.DataFrame(rows)[names].assign(kind=[conclusion(row) for row in rows], order=range(len(rows)))
    base = chart(frame, 30 * len(frame) + 40).encode(
        y=alt.Y("began:N", title=None, sort=alt.SortField("order"), axis=alt.Axis(labelLimit=room(260))),
        color=colours_of("kind", {STANDS_OUT: theme.BLUE, MAY_BE_CHANCE: theme.GREY}),
        tooltip=[
            tip("began", "First order", None),
            tip("value", "Came back", ".1%"),
            tip("others_value", "Of all others", ".1%"),
            tip("difference_low", "Difference from", "+.1%"),
            tip("difference_high", "to", "+.1%"),
            tip("customers_count", "Customers", WHOLE),
        ],
    )
    low = alt.X("difference_low:Q", title="Difference from all others", axis=alt.Axis(format="+.0%", tickCount=7))
    bars = base.mark_rule(strokeWidth=3).encode(x=low, x2="difference_high:Q")
    points = base.mark_point(filled=True, size=80, opacity=1).encode(x="difference:Q")
    zero = alt.Chart(pd.DataFrame({"none": [0.0]})).mark_rule(color=theme.GREY, strokeDash=[4, 4]).encode(x="none:Q")
    return zero + bars + points


def curves(frame: pd.DataFrame) -> Chart:
    """Repurchase by age, a line per value of the attribute that is chosen below: attribute, began, age_days, rate."""
    attributes = list(dict.fromkeys(frame["attribute"]))
    chosen = alt.param(
        name="attribute", value=attributes[0], bind=alt.binding_select(options=attributes, name="First orders by ")
    )
    return (
        chart(frame, 280)
        .mark_line(point=True)
        .encode(
            x=alt.X("age_days:Q", title="Days since the first order", axis=alt.Axis(values=[30, 60, 90, 180, 365])),
            y=alt.Y("repurchase_rate:Q", title=None, axis=alt.Axis(format=SHARE, tickCount=5)),
            color=alt.Color("began:N", title=None),
            tooltip=[
                tip("began", "First order", None),
                tip("age_days", "Days", WHOLE),
                tip("repurchase_rate", "Came back", ".1%"),
                tip("cohort_size", "Customers", WHOLE),
            ],
        )
        .add_params(chosen)
        .transform_filter("datum.attribute === attribute")
    )
