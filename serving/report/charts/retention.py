"""Charts of customers who come back, and when."""

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import SHARE, SHARE_SCALE, WHOLE, Chart, chart, readable_on, tip

COHORTS_SHOWN = 24
PERIODS_WITH_TEXT = 15


def cohort_heat_map(frame: pd.DataFrame) -> Chart:
    """Retention by cohort and months since the first order; periods that are not over are blank.

    `frame`: cohort_month, period, cohort_size, retention_rate, is_left_truncated, is_small; other columns are left
    alone. The first period (always 100%) is left out; the last 24 cohorts and 24 periods are shown.
    """
    shown = frame[frame["period"].between(1, COHORTS_SHOWN) & frame["retention_rate"].notna()].copy()
    months = pd.to_datetime(shown["cohort_month"])
    shown["cohort"] = months.dt.strftime("%b %Y") + _marks(shown)
    shown["cohort_month"] = months.dt.strftime("%Y-%m-%d")
    last = sorted(shown["cohort_month"].unique())[-COHORTS_SHOWN:]
    shown = shown[shown["cohort_month"].isin(last)].sort_values(["cohort_month", "period"])
    shown = shown[["cohort", "cohort_size", "period", "retention_rate"]]
    base = chart(shown, 26 * len(last) + 40).encode(
        x=alt.X("period:O", title="Months since the first order", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("cohort:N", sort=list(shown["cohort"].unique()), title=None),
        tooltip=[
            tip("cohort", "First order in", None),
            tip("cohort_size", "Customers", WHOLE),
            tip("period", "Months later", None),
            tip("retention_rate", "Ordered again in that month", ".1%"),
        ],
    )
    cells = base.mark_rect(stroke=theme.PAPER, strokeWidth=2, cornerRadius=3).encode(
        color=alt.Color("retention_rate:Q", scale=alt.Scale(range=theme.BLUES), legend=None)
    )
    if shown["period"].nunique() > PERIODS_WITH_TEXT:
        return cells
    dark = readable_on("retention_rate")
    fits = alt.expr(f"width < {26 * shown['period'].nunique()} ? 0 : 1")  # what would overlap is left to the tooltip
    return cells + base.mark_text(opacity=fits).encode(text=alt.Text("retention_rate:Q", format=SHARE), color=dark)


def repurchase(frame: pd.DataFrame) -> Chart:
    """Share of customers with a second purchase day: horizon_days, repurchase_rate, mature_customers_count."""
    base = chart(frame, 230).encode(
        x=alt.X("horizon_days:O", title="Within days of the first order", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("repurchase_rate:Q", title=None, axis=alt.Axis(format=SHARE, tickCount=5), scale=SHARE_SCALE),
        tooltip=[
            tip("horizon_days", "Within days", None),
            tip("repurchase_rate", "Ordered again", ".1%"),
            tip("mature_customers_count", "Customers old enough", WHOLE),
        ],
    )
    bars = base.mark_bar(color=theme.BLUE, width={"band": 0.6})
    return bars + base.mark_text(dy=-8).encode(text=alt.Text("repurchase_rate:Q", format=".0%"))


def return_curve(frame: pd.DataFrame) -> Chart:
    """Share of customers who have come back by each day: day, returned_rate, returned_low, returned_high."""
    base = chart(frame, 230).encode(
        x=alt.X("day:Q", title="Days since the first purchase day", axis=alt.Axis(grid=False)),
        tooltip=[tip("day", "Day", None), tip("returned_rate", "Came back by then", ".1%")],
    )
    share = alt.Axis(format=SHARE, tickCount=5)
    band = base.mark_area(color=theme.BLUE, opacity=0.15, interpolate="step-after").encode(
        y=alt.Y("returned_low:Q", title=None, axis=share, scale=SHARE_SCALE), y2="returned_high:Q"
    )
    line = base.mark_line(color=theme.BLUE, interpolate="step-after").encode(
        y=alt.Y("returned_rate:Q", title=None, axis=share, scale=SHARE_SCALE)
    )
    return band + line


def _marks(frame: pd.DataFrame) -> pd.Series:
    """Signs behind a cohort's name: † may hold customers from before the data, * is small."""
    return frame["is_left_truncated"].map({True: " †", False: ""}) + frame["is_small"].map({True: " *", False: ""})
