"""Charts of points and campaigns."""

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
    room,
    tip,
    with_days,
)


def liability(frame: pd.DataFrame, currency: str) -> Chart:
    """Value of outstanding points at each month's end: month, liability_amount."""
    base = chart(with_days(frame, "month"), 230).encode(
        x=month_axis(),
        y=alt.Y("liability_amount:Q", title=f"Liability, {currency}", axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
        tooltip=[month_tip(), tip("liability_amount", "Liability", WHOLE)],
    )
    return base.mark_bar(color=theme.ORANGE, width={"band": 0.72})


def campaign_returns(frame: pd.DataFrame) -> Chart:
    """Attributed beside incremental return: campaign_name, outcome, roi_attributed, roi_incremental, roi_low, roi_high.

    The ring is the return of sales with the campaign's coupons, the point with its 95% interval the return of the
    campaign itself; campaigns are in the frame's order.
    """
    base = chart(frame, 24 * len(frame) + 50).encode(
        y=alt.Y("campaign_name:N", sort=list(frame["campaign_name"]), title=None, axis=alt.Axis(labelLimit=room(220))),
        tooltip=[
            tip("campaign_name", "Campaign", None),
            tip("outcome", "Outcome", None),
            tip("roi_attributed", "Attributed return", SHARE),
            tip("roi_incremental", "Return on investment", SHARE),
            tip("roi_low", "At least", SHARE),
            tip("roi_high", "At most", SHARE),
        ],
    )
    title = "Return on cost: 0% is the money back, 100% is twice the money"
    axis = alt.Axis(format=SHARE, tickCount=7)
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=theme.INK, strokeWidth=1).encode(x="zero:Q")
    rings = base.mark_point(color=theme.MUTED, size=60, strokeWidth=1.5).encode(
        x=alt.X("roi_attributed:Q", title=title, axis=axis)
    )
    colour = colours_of("outcome", theme.OUTCOMES)
    known = base.transform_filter("isValid(datum.roi_incremental)")
    spans = known.mark_rule(strokeWidth=3).encode(x=alt.X("roi_low:Q", title=title), x2="roi_high:Q", color=colour)
    points = known.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("roi_incremental:Q", title=title), color=colour
    )
    return zero + rings + spans + points


def arm_effects(frame: pd.DataFrame, currency: str) -> Chart:
    """Effects of arms: arm, conclusion, effect_per_member, effect_low, effect_high, sequential_low, sequential_high.

    The point has the 95% interval of one look as a broad line, where there is one, and as a thin line that which may be
    looked at every day; arms are in the frame's order.
    """
    base = chart(frame, 30 * len(frame) + 50).encode(
        y=alt.Y("arm:N", sort=list(frame["arm"]), title=None, axis=alt.Axis(labelLimit=room(260))),
        color=colours_of("conclusion", theme.ARMS),
        tooltip=[
            tip("arm", "Arm", None),
            tip("conclusion", "Conclusion", None),
            tip("effect_per_member", "More margin", ",.2f"),
            tip("effect_low", "At least", ",.2f"),
            tip("effect_high", "At most", ",.2f"),
            tip("sequential_low", "Looked at daily: at least", ",.2f"),
            tip("sequential_high", "Looked at daily: at most", ",.2f"),
        ],
    )
    title = f"Margin per customer more than the control, {currency}"
    zero = alt.Chart(pd.DataFrame({"none": [0.0]})).mark_rule(color=theme.GREY, strokeDash=[4, 4]).encode(x="none:Q")
    thin = base.mark_rule(strokeWidth=1).encode(x=alt.X("sequential_low:Q", title=title), x2="sequential_high:Q")
    broad = base.mark_rule(strokeWidth=4).encode(x=alt.X("effect_low:Q", title=title), x2="effect_high:Q")
    points = base.mark_point(filled=True, size=90, opacity=1).encode(x=alt.X("effect_per_member:Q", title=title))
    # an interval that no arm has would be a layer of nothing, of which the browser complains
    layers = {"sequential_low": thin, "effect_low": broad}
    return sum((layer for end, layer in layers.items() if frame[end].notna().any()), zero) + points
