"""Charts of the models' forecasts and their accuracy."""

from math import ceil

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import SHARE, SHARE_SCALE, SHORT, WHOLE, Chart, chart, colours_of, tip


def calibration(frame: pd.DataFrame) -> Chart:
    """Predicted beside observed churn by decile: predicted_rate, observed_rate, customers_count."""
    highest = float(frame[["predicted_rate", "observed_rate"]].max().max())
    end = min(1.0, ceil(10 * highest + 0.5) / 10)
    ends = pd.DataFrame({"predicted_rate": [0.0, end], "observed_rate": [0.0, end]})
    axis, scale = alt.Axis(format=SHARE, tickCount=5), alt.Scale(domain=[0, end])
    x = alt.X("predicted_rate:Q", title="Forecast", axis=axis, scale=scale)
    y = alt.Y("observed_rate:Q", title="Happened", axis=axis, scale=scale)
    ideal = chart(ends, 260).mark_line(color=theme.GREY, strokeDash=[4, 4], strokeWidth=1.5).encode(x, y)
    base = chart(frame, 260).encode(
        x,
        y,
        tooltip=[
            tip("predicted_rate", "Forecast", ".1%"),
            tip("observed_rate", "Happened", ".1%"),
            tip("customers_count", "Customers", WHOLE),
        ],
    )
    line = base.mark_line(color=theme.BLUE, strokeWidth=1.5)
    return ideal + line + base.mark_point(color=theme.BLUE, filled=True, size=70, opacity=1)


def gains(frame: pd.DataFrame) -> Chart:
    """Churners found, starting with the highest forecasts: contacted_share, reached_share, who (the forecaster; ours
    first)."""
    ends = pd.DataFrame({"contacted_share": [0.0, 1.0], "reached_share": [0.0, 1.0]})
    axis = alt.Axis(format=SHARE, tickCount=5)
    x = alt.X("contacted_share:Q", title="Customers contacted, highest forecast first", axis=axis, scale=SHARE_SCALE)
    y = alt.Y("reached_share:Q", title="Of those who would leave, reached", axis=axis, scale=SHARE_SCALE)
    chance = chart(ends, 260).mark_line(color=theme.GREY, strokeDash=[4, 4], strokeWidth=1.5).encode(x, y)
    colours = dict(zip(dict.fromkeys(frame["who"]), (theme.BLUE, theme.YELLOW), strict=False))
    lines = (
        chart(frame, 260)
        .mark_line(point=True)
        .encode(
            x,
            y,
            color=colours_of("who", colours),
            tooltip=[
                tip("who", "By", None),
                tip("contacted_share", "Contacted", SHARE),
                tip("reached_share", "Reached", SHARE),
            ],
        )
    )
    return chance + lines


def forecast_and_actual(frame: pd.DataFrame, currency: str) -> Chart:
    """Net sales per customer by tenth of the forecast: decile, kind (forecast or happened), amount."""
    amount = alt.Axis(labelExpr=SHORT, tickCount=5)
    return (
        chart(frame, 260)
        .mark_bar()
        .encode(
            x=alt.X("decile:O", title="Tenth of customers, highest forecast first", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("kind:N"),
            y=alt.Y("amount:Q", title=f"Net sales per customer, {currency}", axis=amount),
            color=colours_of("kind", {"forecast": theme.PALE_BLUE, "happened": theme.BLUE}),
            tooltip=[
                tip("decile", "Tenth", None),
                tip("kind", "Net sales", None),
                tip("amount", "Per customer", ",.2f"),
            ],
        )
    )


def value_by_decile(frame: pd.DataFrame, currency: str) -> Chart:
    """Expected value by tenth of customers, most valuable first: decile, amount, amount_per_customer, share."""
    base = chart(frame, 260).encode(
        x=alt.X("decile:O", title="Tenth of customers, most valuable first", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("amount:Q", title=f"Expected margin, {currency}", axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
        tooltip=[
            tip("decile", "Tenth", None),
            tip("amount", "Expected margin", WHOLE),
            tip("amount_per_customer", "Per customer", ",.2f"),
            tip("share", "Share of all", ".1%"),
        ],
    )
    bars = base.mark_bar(color=theme.BLUE, width={"band": 0.72})
    return bars + base.mark_text(dy=-8).encode(text=alt.Text("share:Q", format=SHARE))
