"""Charts of sales, customers and segments."""

from collections.abc import Sequence
from unicodedata import east_asian_width

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import (
    SHARE,
    SHORT,
    WHOLE,
    Chart,
    chart,
    colours_of,
    month_axis,
    month_tip,
    readable_on,
    room,
    tip,
    with_days,
)


def net_sales(frame: pd.DataFrame, currency: str) -> Chart:
    """Net sales by month: month, net_amount, orders_count, is_complete. A month that is not over is pale."""
    return (
        chart(with_days(frame, "month"), 230)
        .mark_bar(width={"band": 0.72})
        .encode(
            x=month_axis(),
            y=alt.Y("net_amount:Q", title=f"Net sales, {currency}", axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
            color=alt.condition("datum.is_complete", alt.value(theme.BLUE), alt.value(theme.PALE_BLUE)),
            tooltip=[
                month_tip(),
                tip("net_amount", "Net sales", WHOLE),
                tip("orders_count", "Orders", WHOLE),
            ],
        )
    )


def active_customers(frame: pd.DataFrame) -> Chart:
    """Customers active at the end of each month: month, active_end_count, retention_rate."""
    base = chart(with_days(frame, "month"), 290).encode(
        x=month_axis(),
        y=alt.Y("active_end_count:Q", title="Active customers", axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
        tooltip=[
            month_tip(),
            tip("active_end_count", "Active at its end", WHOLE),
            tip("retention_rate", "Retention in the month", ".1%"),
        ],
    )
    area = base.mark_area(color=theme.TEAL, opacity=0.12, line={"color": theme.TEAL})
    return area + base.mark_point(color=theme.TEAL, filled=True, size=45, opacity=1)


def came_and_went(frame: pd.DataFrame) -> Chart:
    """Customers gained and lost each month: month, new_count, reactivated_count, lost_count."""
    names = {"new_count": "new", "reactivated_count": "reactivated", "lost_count": "lost"}
    long = with_days(frame, "month").melt("month", list(names), "kind", "customers_count")
    long["kind"] = long["kind"].map(names)
    long["signed"] = long["customers_count"].where(long["kind"] != "lost", -long["customers_count"])
    return (
        chart(long, 230)
        .mark_bar(width={"band": 0.72})
        .encode(
            x=month_axis(),
            y=alt.Y("signed:Q", title="Customers", axis=alt.Axis(labelExpr=SHORT, tickCount=6)),
            color=colours_of("kind", {"new": theme.BLUE, "reactivated": theme.PALE_TEAL, "lost": theme.ORANGE}),
            tooltip=[month_tip(), tip("kind", "Customers", None), tip("customers_count", "Count", WHOLE)],
        )
    )


def rfm_grid(frame: pd.DataFrame) -> Chart:
    """The 25 cells: r_score, fm_score, rfm_segment, customers_count, net_amount, net_share. Darker is more sales."""
    base = chart(frame.assign(name=frame["rfm_segment"].map(_two_lines)), 360).encode(
        x=alt.X("fm_score:O", title="Frequency and money, 5 is best", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("r_score:O", title="Recency, 5 is best", sort="descending"),
        tooltip=[
            tip("rfm_segment", "Segment", None),
            tip("r_score", "Recency, 5 is best", WHOLE),
            tip("fm_score", "Frequency and money, 5 is best", WHOLE),
            tip("customers_count", "Customers", WHOLE),
            tip("net_amount", "Net sales", WHOLE),
            tip("net_share", "Share of net sales", ".1%"),
        ],
    )
    cells = base.mark_rect(stroke=theme.PAPER, strokeWidth=3, cornerRadius=5).encode(
        color=alt.Color("net_share:Q", scale=alt.Scale(range=theme.BLUES), legend=None)
    )
    dark = readable_on("net_share")
    # smaller where the page is narrow, so that a name stays within its cell
    size = alt.expr("clamp(width / 36, 8, 11)")
    names = base.mark_text(dy=-14, fontWeight=600, lineBreak="\n", lineHeight=13, fontSize=size).encode(
        text="name:N", color=dark
    )
    counts = base.mark_text(dy=18).encode(text=alt.Text("customers_count:Q", format=","), color=dark)
    return cells + names + counts


def activity_by_segment(frame: pd.DataFrame, order: Sequence[str]) -> Chart:
    """Activity of customers by segment: rfm_segment, activity_status, customers_count; segments in `order`."""
    long = frame.assign(activity=frame["activity_status"].str.replace("_", " "))
    colours = {name.replace("_", " "): colour for name, colour in theme.ACTIVITY.items()}
    long["place"] = long["activity"].map({name: place for place, name in enumerate(colours)})
    return (
        chart(long, 360)
        .mark_bar()
        .encode(
            x=alt.X("customers_count:Q", stack="normalize", title=None, axis=alt.Axis(format=SHARE, tickCount=5)),
            y=alt.Y("rfm_segment:N", sort=list(order), title=None, axis=alt.Axis(labelLimit=room(160))),
            color=colours_of("activity", colours),
            order=alt.Order("place:Q"),
            tooltip=[
                tip("rfm_segment", "Segment", None),
                tip("activity", "Activity", None),
                tip("customers_count", "Customers", WHOLE),
            ],
        )
    )


def _two_lines(name: str) -> str:
    """A long name broken before its last word, or in its middle where it has no words, so that it fits a cell."""
    if " " in name:
        return "\n".join(name.rsplit(" ", 1))
    wide = sum(east_asian_width(sign) in "WF" for sign in name)
    middle = (len(name) + 1) // 2
    return f"{name[:middle]}\n{name[middle:]}" if len(name) + wide > 12 or wide > 4 else name
