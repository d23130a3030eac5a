"""Charts of other rules beside today's."""

import altair as alt
import pandas as pd

from serving.report import theme
from serving.report.charts.drawing import SHORT, WHOLE, Chart, chart, colours_of, room, tip


def scenario_costs(frame: pd.DataFrame, currency: str) -> Chart:
    """Cost of scenarios: scenario, kind (in theme.COSTS), amount; scenarios in the frame's order."""
    order, kinds = list(dict.fromkeys(frame["scenario"])), list(theme.COSTS)
    return (
        chart(frame, 60 * len(order) + 40)
        .mark_bar()
        .encode(
            x=alt.X("amount:Q", title=currency, axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
            y=alt.Y("scenario:N", sort=order, title=None, axis=alt.Axis(labelLimit=room(170))),
            yOffset=alt.YOffset("kind:N", sort=kinds),
            color=colours_of("kind", theme.COSTS),
            tooltip=[tip("scenario", "Scenario", None), tip("kind", "Kind", None), tip("amount", currency, WHOLE)],
        )
    )


def scenario_differences(frame: pd.DataFrame, currency: str) -> Chart:
    """Net margin beside today's, with its interval: scenario, expected, low, high, outcome (in theme.DIFFERENCES)."""
    base = chart(frame, 40 * len(frame) + 60).encode(
        y=alt.Y("scenario:N", sort=list(frame["scenario"]), title=None, axis=alt.Axis(labelLimit=room(170))),
        color=colours_of("outcome", theme.DIFFERENCES),
        tooltip=[
            tip("scenario", "Scenario", None),
            tip("expected", "Expected", WHOLE),
            tip("low", "At least", WHOLE),
            tip("high", "At most", WHOLE),
        ],
    )
    axis = alt.Axis(labelExpr=SHORT, tickCount=7)
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=theme.INK, strokeWidth=1).encode(x="zero:Q")
    low = alt.X("low:Q", title=f"{currency}, 0 is today", axis=axis)
    spans = base.mark_rule(strokeWidth=3).encode(x=low, x2="high:Q")
    return zero + spans + base.mark_point(filled=True, size=110, opacity=1).encode(x="expected:Q")


def search_trials(frame: pd.DataFrame, cost_cap: float, currency: str) -> Chart:
    """Trials of a search: cost, net, kind (in theme.TRIALS) and changes; the line is the cap."""
    cap = alt.Chart(pd.DataFrame({"cap": [cost_cap]})).mark_rule(color=theme.RED, strokeDash=[4, 4]).encode(x="cap:Q")
    zero, axis = alt.Scale(zero=False), alt.Axis(labelExpr=SHORT, tickCount=6)
    points = (
        chart(frame, 260)
        .mark_point(filled=True, size=90, opacity=0.9)
        .encode(
            x=alt.X("cost:Q", title=f"Cost if every point is redeemed, {currency}", scale=zero, axis=axis),
            y=alt.Y("net:Q", title=f"Expected net incremental margin, {currency}", scale=zero, axis=axis),
            color=colours_of("kind", theme.TRIALS),
            tooltip=[tip("changes", "Rules", None), tip("net", "Net", WHOLE), tip("cost", "May cost", WHOLE)],
        )
    )
    return cap + points
