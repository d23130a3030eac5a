"""Charts of what comes and goes by month, of moves between groups, and of what cohorts bring."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import (
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

LATER_IS_DARKER = alt.SchemeParams(name="blues", extent=[0.3, 0.85])


def flows(frame: pd.DataFrame, title: str, colours: Mapping[str, str], number_format: str = WHOLE) -> Chart:
    """What comes (above 0) and goes (below) by month: month, kind (in `colours`), amount, which has a sign."""
    return (
        chart(with_days(frame, "month"), 230)
        .mark_bar(width={"band": 0.72})
        .encode(
            x=month_axis(),
            y=alt.Y("amount:Q", title=title, axis=alt.Axis(labelExpr=SHORT, tickCount=6)),
            color=colours_of("kind", colours),
            tooltip=[month_tip(), tip("kind", "Kind", None), tip("amount", title, number_format)],
        )
    )


def moves(frame: pd.DataFrame, order: Sequence[str]) -> Chart:
    """Customers by the group they were in and are in: from_segment, to_segment, customers_count; groups in `order`."""
    names = alt.Axis(labelLimit=room(120), labelAngle=-30, orient="top")
    base = chart(frame, 26 * frame["from_segment"].nunique() + 90).encode(
        x=alt.X("to_segment:N", sort=list(order), title="Now", axis=names),
        y=alt.Y("from_segment:N", sort=list(order), title="A month before", axis=alt.Axis(labelLimit=room(130))),
        tooltip=[
            tip("from_segment", "A month before", None),
            tip("to_segment", "Now", None),
            tip("customers_count", "Customers", WHOLE),
        ],
    )
    cells = base.mark_rect(stroke=theme.PAPER, strokeWidth=2, cornerRadius=3).encode(
        color=alt.Color("customers_count:Q", scale=alt.Scale(range=theme.BLUES), legend=None)
    )
    fits = alt.expr(f"width < {30 * frame['to_segment'].nunique()} ? 0 : 1")
    return cells + base.mark_text(opacity=fits).encode(
        text=alt.Text("customers_count:Q", format=WHOLE), color=readable_on("customers_count")
    )


def cohort_values(frame: pd.DataFrame, currency: str) -> Chart:
    """What a customer of each cohort has brought by age: cohort_month, age_days, amount, cohort_size."""
    months = pd.to_datetime(frame["cohort_month"])
    named = frame.assign(cohort=months.dt.strftime("%b %Y")).drop(columns="cohort_month")
    cohorts = list(dict.fromkeys(named["cohort"]))
    return (
        chart(named, 280)
        .mark_line(point=True)
        .encode(
            x=alt.X("age_days:Q", title="Days since the first order", axis=alt.Axis(grid=False, tickCount=8)),
            y=alt.Y(
                "amount:Q", title=f"Net sales per customer, {currency}", axis=alt.Axis(labelExpr=SHORT, tickCount=5)
            ),
            color=alt.Color("cohort:O", sort=cohorts, scale=alt.Scale(scheme=LATER_IS_DARKER), title=None),
            tooltip=[
                tip("cohort", "First order in", None),
                tip("age_days", "Days since", WHOLE),
                tip("amount", "Net sales per customer", ",.2f"),
                tip("cohort_size", "Customers", WHOLE),
            ],
        )
    )


def counts(frame: pd.DataFrame, title: str) -> Chart:
    """Bars of counts of named things, in the frame's order: name, rows_count."""
    base = chart(frame, 26 * len(frame) + 40).encode(
        y=alt.Y("name:N", sort=list(frame["name"]), title=None, axis=alt.Axis(labelLimit=room(300))),
        x=alt.X("rows_count:Q", title=title, axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
        tooltip=[tip("name", "Reason", None), tip("rows_count", title, WHOLE)],
    )
    return base.mark_bar(color=theme.ORANGE)
