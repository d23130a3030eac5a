"""Charts of sales by kind of customer, and of discounts."""

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import SHORT, WHOLE, Chart, chart, colours_of, month_axis, month_tip, tip, with_days

NAMES = {
    "new_net_amount": "new customers",
    "returning_net_amount": "returning customers",
    "guest_net_amount": "guests",
    "unlinked_net_amount": "returns of unknown orders",
}


def sales_mix(frame: pd.DataFrame, currency: str) -> Chart:
    """Net sales by month and class: month and the four amounts; a class without any has no colour in the legend."""
    found = {column: name for column, name in NAMES.items() if (frame[column] != 0).any()}
    long = with_days(frame[["month", *found]], "month").melt("month", list(found), "kind", "net_amount")
    long["kind"] = long["kind"].map(found)
    colours = dict(zip(NAMES.values(), (theme.BLUE, theme.TEAL, theme.GREY, theme.ORANGE), strict=True))
    return (
        chart(long, 230)
        .mark_bar(width={"band": 0.72})
        .encode(
            x=month_axis(),
            y=alt.Y("net_amount:Q", title=f"Net sales, {currency}", axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
            color=colours_of("kind", {name: colours[name] for name in found.values()}),
            tooltip=[month_tip(), tip("kind", "Of", None), tip("net_amount", "Net sales", WHOLE)],
        )
    )


def discount_rates(frame: pd.DataFrame) -> Chart:
    """Discounts as a share of gross sales by month: month, discount_rate, discount_amount."""
    return (
        chart(with_days(frame, "month"), 230)
        .mark_bar(width={"band": 0.72}, color=theme.ORANGE)
        .encode(
            x=month_axis(),
            y=alt.Y("discount_rate:Q", title=None, axis=alt.Axis(format=".1%", tickCount=5)),
            tooltip=[
                month_tip(),
                tip("discount_rate", "Share given away", ".1%"),
                tip("discount_amount", "Discounts", WHOLE),
            ],
        )
    )
