"""One function a chart: a small frame in, an Altair chart out. Colours and type are `theme`'s.

Charts fill the width of the page and are drawn by the reader's browser. Rates are 0 to 1, amounts in the base
currency, days ISO dates without a time, so that no browser's time zone moves them.
"""

from collections.abc import Mapping, Sequence
from math import ceil

import altair as alt
import pandas as pd

from serving.report import theme

Chart = alt.Chart | alt.LayerChart

WHOLE = ",.0f"
SHARE = ".0%"
SHORT = "datum.value == 0 ? '0' : format(datum.value, '~s')"
COHORTS_SHOWN = 24
PERIODS_WITH_TEXT = 15


def net_sales(frame: pd.DataFrame, currency: str) -> Chart:
    """Net sales by month: month, net_amount, orders_count, is_complete. A month that is not over is pale."""
    return (
        _chart(_with_days(frame, "month"), 230)
        .mark_bar(width={"band": 0.72})
        .encode(
            x=_month_axis(),
            y=alt.Y("net_amount:Q", title=f"Net sales, {currency}", axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
            color=alt.condition("datum.is_complete", alt.value(theme.BLUE), alt.value(theme.PALE_BLUE)),
            tooltip=[
                _month_tip(),
                _tip("net_amount", "Net sales", WHOLE),
                _tip("orders_count", "Orders", WHOLE),
            ],
        )
    )


def active_customers(frame: pd.DataFrame) -> Chart:
    """Customers active at the end of each month: month, active_end_count, retention_rate."""
    base = _chart(_with_days(frame, "month"), 290).encode(
        x=_month_axis(),
        y=alt.Y("active_end_count:Q", title="Active customers", axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
        tooltip=[
            _month_tip(),
            _tip("active_end_count", "Active at its end", WHOLE),
            _tip("retention_rate", "Retention in the month", ".1%"),
        ],
    )
    area = base.mark_area(color=theme.TEAL, opacity=0.12, line={"color": theme.TEAL})
    return area + base.mark_point(color=theme.TEAL, filled=True, size=45, opacity=1)


def came_and_went(frame: pd.DataFrame) -> Chart:
    """Customers gained and lost each month: month, new_count, reactivated_count, lost_count."""
    names = {"new_count": "new", "reactivated_count": "reactivated", "lost_count": "lost"}
    long = _with_days(frame, "month").melt("month", list(names), "kind", "customers_count")
    long["kind"] = long["kind"].map(names)
    long["signed"] = long["customers_count"].where(long["kind"] != "lost", -long["customers_count"])
    return (
        _chart(long, 230)
        .mark_bar(width={"band": 0.72})
        .encode(
            x=_month_axis(),
            y=alt.Y("signed:Q", title="Customers", axis=alt.Axis(labelExpr=SHORT, tickCount=6)),
            color=_colours("kind", {"new": theme.BLUE, "reactivated": theme.PALE_TEAL, "lost": theme.ORANGE}),
            tooltip=[_month_tip(), _tip("kind", "Customers", None), _tip("customers_count", "Count", WHOLE)],
        )
    )


def rfm_grid(frame: pd.DataFrame) -> Chart:
    """The 25 cells: r_score, fm_score, rfm_segment, customers_count, net_amount, net_share. Darker is more sales."""
    base = _chart(frame.assign(name=frame["rfm_segment"].map(_two_lines)), 360).encode(
        x=alt.X("fm_score:O", title="Frequency and money, 5 is best", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("r_score:O", title="Recency, 5 is best", sort="descending"),
        tooltip=[
            _tip("rfm_segment", "Segment", None),
            _tip("customers_count", "Customers", WHOLE),
            _tip("net_amount", "Net sales", WHOLE),
            _tip("net_share", "Share of net sales", ".1%"),
        ],
    )
    cells = base.mark_rect(stroke=theme.PAPER, strokeWidth=3, cornerRadius=5).encode(
        color=alt.Color("net_share:Q", scale=alt.Scale(range=theme.BLUES), legend=None)
    )
    dark = alt.condition(_over("net_share", frame), alt.value(theme.PAPER), alt.value(theme.INK))
    names = base.mark_text(dy=-14, fontWeight=600, lineBreak="\n", lineHeight=13).encode(text="name:N", color=dark)
    counts = base.mark_text(dy=18).encode(text=alt.Text("customers_count:Q", format=","), color=dark)
    return cells + names + counts


def activity_by_segment(frame: pd.DataFrame, order: Sequence[str]) -> Chart:
    """What customers of each segment do: rfm_segment, activity_status, customers_count; segments in `order`."""
    long = frame.assign(activity=frame["activity_status"].str.replace("_", " "))
    colours = {name.replace("_", " "): colour for name, colour in theme.ACTIVITY.items()}
    long["place"] = long["activity"].map({name: place for place, name in enumerate(colours)})
    return (
        _chart(long, 360)
        .mark_bar()
        .encode(
            x=alt.X("customers_count:Q", stack="normalize", title=None, axis=alt.Axis(format=SHARE, tickCount=5)),
            y=alt.Y("rfm_segment:N", sort=list(order), title=None, axis=alt.Axis(labelLimit=160)),
            color=_colours("activity", colours),
            order=alt.Order("place:Q"),
            tooltip=[
                _tip("rfm_segment", "Segment", None),
                _tip("activity", "Activity", None),
                _tip("customers_count", "Customers", WHOLE),
            ],
        )
    )


def cohort_heat_map(frame: pd.DataFrame) -> Chart:
    """Retention by cohort and months since the first order; what is not over is blank.

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
    base = _chart(shown, 26 * len(last) + 40).encode(
        x=alt.X("period:O", title="Months since the first order", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("cohort:N", sort=list(shown["cohort"].unique()), title=None),
        tooltip=[
            _tip("cohort", "First order in", None),
            _tip("cohort_size", "Customers", WHOLE),
            _tip("period", "Months later", None),
            _tip("retention_rate", "Ordered again in that month", ".1%"),
        ],
    )
    cells = base.mark_rect(stroke=theme.PAPER, strokeWidth=2, cornerRadius=3).encode(
        color=alt.Color("retention_rate:Q", scale=alt.Scale(range=theme.BLUES), legend=None)
    )
    if shown["period"].nunique() > PERIODS_WITH_TEXT:
        return cells
    dark = alt.condition(_over("retention_rate", shown), alt.value(theme.PAPER), alt.value(theme.INK))
    return cells + base.mark_text().encode(text=alt.Text("retention_rate:Q", format=SHARE), color=dark)


def repurchase(frame: pd.DataFrame) -> Chart:
    """Share of customers with a second purchase day: horizon_days, repurchase_rate, mature_customers_count."""
    base = _chart(frame, 230).encode(
        x=alt.X("horizon_days:O", title="Within days of the first order", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("repurchase_rate:Q", title=None, axis=alt.Axis(format=SHARE, tickCount=5), scale=_SHARE_SCALE),
        tooltip=[
            _tip("horizon_days", "Within days", None),
            _tip("repurchase_rate", "Ordered again", ".1%"),
            _tip("mature_customers_count", "Customers old enough", WHOLE),
        ],
    )
    bars = base.mark_bar(color=theme.BLUE, width={"band": 0.6})
    return bars + base.mark_text(dy=-8).encode(text=alt.Text("repurchase_rate:Q", format=".0%"))


def return_curve(frame: pd.DataFrame) -> Chart:
    """Share of customers who have come back by each day: day, returned_rate, returned_low, returned_high."""
    base = _chart(frame, 230).encode(
        x=alt.X("day:Q", title="Days since the first purchase day", axis=alt.Axis(grid=False)),
        tooltip=[_tip("day", "Day", None), _tip("returned_rate", "Came back by then", ".1%")],
    )
    share = alt.Axis(format=SHARE, tickCount=5)
    band = base.mark_area(color=theme.BLUE, opacity=0.15, interpolate="step-after").encode(
        y=alt.Y("returned_low:Q", title=None, axis=share, scale=_SHARE_SCALE), y2="returned_high:Q"
    )
    line = base.mark_line(color=theme.BLUE, interpolate="step-after").encode(
        y=alt.Y("returned_rate:Q", title=None, axis=share, scale=_SHARE_SCALE)
    )
    return band + line


def shares(frame: pd.DataFrame, colours: Mapping[str, str], height: int = 160) -> Chart:
    """What part of each measure falls to each group: measure, part, value, share; groups in the order of `colours`."""
    long = frame.assign(place=frame["part"].map({part: place for place, part in enumerate(colours)}))
    long = long.sort_values(["measure", "place"])
    long["ink"] = long["part"].map({part: _ink_on(colour) for part, colour in colours.items()})
    long["middle"] = long.groupby("measure")["share"].cumsum() - long["share"] / 2
    order = list(dict.fromkeys(frame["measure"]))
    base = _chart(long, height).encode(
        y=alt.Y("measure:N", sort=order, title=None, axis=alt.Axis(labelLimit=170)),
        tooltip=[
            _tip("measure", "Measure", None),
            _tip("part", "Group", None),
            _tip("value", "Value", WHOLE),
            _tip("share", "Share", ".1%"),
        ],
    )
    bars = base.mark_bar(height={"band": 0.62}, cornerRadiusEnd=0).encode(
        x=alt.X("share:Q", stack="zero", title=None, axis=None, scale=_SHARE_SCALE),
        color=_colours("part", colours),
        order=alt.Order("place:Q"),
    )
    labels = (
        base.transform_filter("datum.share >= 0.05")
        .mark_text(fontWeight=600)
        .encode(
            x=alt.X("middle:Q", scale=_SHARE_SCALE),
            text=alt.Text("share:Q", format=SHARE),
            color=alt.Color("ink:N", scale=None),
        )
    )
    return bars + labels


def calibration(frame: pd.DataFrame) -> Chart:
    """What was forecast beside what happened, by decile: predicted_rate, observed_rate, customers_count."""
    highest = float(frame[["predicted_rate", "observed_rate"]].max().max())
    end = min(1.0, ceil(10 * highest + 0.5) / 10)
    ends = pd.DataFrame({"predicted_rate": [0.0, end], "observed_rate": [0.0, end]})
    axis, scale = alt.Axis(format=SHARE, tickCount=5), alt.Scale(domain=[0, end])
    x = alt.X("predicted_rate:Q", title="Forecast", axis=axis, scale=scale)
    y = alt.Y("observed_rate:Q", title="Happened", axis=axis, scale=scale)
    ideal = _chart(ends, 260).mark_line(color=theme.GREY, strokeDash=[4, 4], strokeWidth=1.5).encode(x, y)
    base = _chart(frame, 260).encode(
        x,
        y,
        tooltip=[
            _tip("predicted_rate", "Forecast", ".1%"),
            _tip("observed_rate", "Happened", ".1%"),
            _tip("customers_count", "Customers", WHOLE),
        ],
    )
    line = base.mark_line(color=theme.BLUE, strokeWidth=1.5)
    return ideal + line + base.mark_point(color=theme.BLUE, filled=True, size=70, opacity=1)


def gains(frame: pd.DataFrame) -> Chart:
    """Who leaves, found from the highest forecast on: contacted_share, reached_share, who (forecast it; ours first)."""
    ends = pd.DataFrame({"contacted_share": [0.0, 1.0], "reached_share": [0.0, 1.0]})
    axis = alt.Axis(format=SHARE, tickCount=5)
    x = alt.X("contacted_share:Q", title="Customers contacted, highest forecast first", axis=axis, scale=_SHARE_SCALE)
    y = alt.Y("reached_share:Q", title="Of those who would leave, reached", axis=axis, scale=_SHARE_SCALE)
    chance = _chart(ends, 260).mark_line(color=theme.GREY, strokeDash=[4, 4], strokeWidth=1.5).encode(x, y)
    colours = dict(zip(dict.fromkeys(frame["who"]), (theme.BLUE, theme.YELLOW), strict=False))
    lines = (
        _chart(frame, 260)
        .mark_line(point=True)
        .encode(
            x,
            y,
            color=_colours("who", colours),
            tooltip=[
                _tip("who", "By", None),
                _tip("contacted_share", "Contacted", SHARE),
                _tip("reached_share", "Reached", SHARE),
            ],
        )
    )
    return chance + lines


def forecast_and_actual(frame: pd.DataFrame, currency: str) -> Chart:
    """Net sales per customer by tenth of the forecast: decile, kind (forecast or happened), amount."""
    amount = alt.Axis(labelExpr=SHORT, tickCount=5)
    return (
        _chart(frame, 260)
        .mark_bar()
        .encode(
            x=alt.X("decile:O", title="Tenth of customers, highest forecast first", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("kind:N"),
            y=alt.Y("amount:Q", title=f"Net sales per customer, {currency}", axis=amount),
            color=_colours("kind", {"forecast": theme.PALE_BLUE, "happened": theme.BLUE}),
            tooltip=[
                _tip("decile", "Tenth", None),
                _tip("kind", "Net sales", None),
                _tip("amount", "Per customer", ",.2f"),
            ],
        )
    )


def value_by_decile(frame: pd.DataFrame, currency: str) -> Chart:
    """Expected value by tenth of customers, most valuable first: decile, amount, amount_per_customer, share."""
    base = _chart(frame, 260).encode(
        x=alt.X("decile:O", title="Tenth of customers, most valuable first", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("amount:Q", title=f"Expected margin, {currency}", axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
        tooltip=[
            _tip("decile", "Tenth", None),
            _tip("amount", "Expected margin", WHOLE),
            _tip("amount_per_customer", "Per customer", ",.2f"),
            _tip("share", "Share of all", ".1%"),
        ],
    )
    bars = base.mark_bar(color=theme.BLUE, width={"band": 0.72})
    return bars + base.mark_text(dy=-8).encode(text=alt.Text("share:Q", format=SHARE))


def liability(frame: pd.DataFrame, currency: str) -> Chart:
    """What outstanding points are worth at each month's end: month, liability_amount."""
    base = _chart(_with_days(frame, "month"), 230).encode(
        x=_month_axis(),
        y=alt.Y("liability_amount:Q", title=f"Liability, {currency}", axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
        tooltip=[_month_tip(), _tip("liability_amount", "Liability", WHOLE)],
    )
    return base.mark_bar(color=theme.ORANGE, width={"band": 0.72})


def campaign_returns(frame: pd.DataFrame) -> Chart:
    """Attributed beside incremental return: campaign_name, outcome, roi_attributed, roi_incremental, roi_low, roi_high.

    The ring is what bought with the campaign's coupons returned, the point with its 95% interval what the campaign
    itself brought; campaigns stand in the frame's order.
    """
    base = _chart(frame, 24 * len(frame) + 50).encode(
        y=alt.Y("campaign_name:N", sort=list(frame["campaign_name"]), title=None, axis=alt.Axis(labelLimit=220)),
        tooltip=[
            _tip("campaign_name", "Campaign", None),
            _tip("outcome", "Outcome", None),
            _tip("roi_attributed", "Attributed return", SHARE),
            _tip("roi_incremental", "Return on investment", SHARE),
            _tip("roi_low", "At least", SHARE),
            _tip("roi_high", "At most", SHARE),
        ],
    )
    title = "Return on cost: 0% is the money back, 100% is twice the money"
    axis = alt.Axis(format=SHARE, tickCount=7)
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=theme.INK, strokeWidth=1).encode(x="zero:Q")
    rings = base.mark_point(color=theme.MUTED, size=60, strokeWidth=1.5).encode(
        x=alt.X("roi_attributed:Q", title=title, axis=axis)
    )
    colour = _colours("outcome", theme.OUTCOMES)
    known = base.transform_filter("isValid(datum.roi_incremental)")
    spans = known.mark_rule(strokeWidth=3).encode(x=alt.X("roi_low:Q", title=title), x2="roi_high:Q", color=colour)
    points = known.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("roi_incremental:Q", title=title), color=colour
    )
    return zero + rings + spans + points


def scenario_costs(frame: pd.DataFrame, currency: str) -> Chart:
    """What scenarios cost: scenario, kind (in theme.COSTS), amount; scenarios in the frame's order."""
    order, kinds = list(dict.fromkeys(frame["scenario"])), list(theme.COSTS)
    return (
        _chart(frame, 60 * len(order) + 40)
        .mark_bar()
        .encode(
            x=alt.X("amount:Q", title=currency, axis=alt.Axis(labelExpr=SHORT, tickCount=5)),
            y=alt.Y("scenario:N", sort=order, title=None, axis=alt.Axis(labelLimit=170)),
            yOffset=alt.YOffset("kind:N", sort=kinds),
            color=_colours("kind", theme.COSTS),
            tooltip=[_tip("scenario", "Scenario", None), _tip("kind", "Kind", None), _tip("amount", currency, WHOLE)],
        )
    )


def scenario_differences(frame: pd.DataFrame, currency: str) -> Chart:
    """Net margin beside today's, with its interval: scenario, expected, low, high, outcome (in theme.DIFFERENCES)."""
    base = _chart(frame, 40 * len(frame) + 60).encode(
        y=alt.Y("scenario:N", sort=list(frame["scenario"]), title=None, axis=alt.Axis(labelLimit=170)),
        color=_colours("outcome", theme.DIFFERENCES),
        tooltip=[
            _tip("scenario", "Scenario", None),
            _tip("expected", "Expected", WHOLE),
            _tip("low", "At least", WHOLE),
            _tip("high", "At most", WHOLE),
        ],
    )
    axis = alt.Axis(labelExpr=SHORT, tickCount=7)
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=theme.INK, strokeWidth=1).encode(x="zero:Q")
    low = alt.X("low:Q", title=f"{currency}, 0 is today", axis=axis)
    spans = base.mark_rule(strokeWidth=3).encode(x=low, x2="high:Q")
    return zero + spans + base.mark_point(filled=True, size=110, opacity=1).encode(x="expected:Q")


def search_trials(frame: pd.DataFrame, cost_cap: float, currency: str) -> Chart:
    """What a search tried: cost, net, kind (in theme.TRIALS) and changes; the line is the cap."""
    cap = alt.Chart(pd.DataFrame({"cap": [cost_cap]})).mark_rule(color=theme.RED, strokeDash=[4, 4]).encode(x="cap:Q")
    zero, axis = alt.Scale(zero=False), alt.Axis(labelExpr=SHORT, tickCount=6)
    points = (
        _chart(frame, 260)
        .mark_point(filled=True, size=90, opacity=0.9)
        .encode(
            x=alt.X("cost:Q", title=f"Cost if every point is redeemed, {currency}", scale=zero, axis=axis),
            y=alt.Y("net:Q", title=f"Expected net incremental margin, {currency}", scale=zero, axis=axis),
            color=_colours("kind", theme.TRIALS),
            tooltip=[_tip("changes", "Rules", None), _tip("net", "Net", WHOLE), _tip("cost", "May cost", WHOLE)],
        )
    )
    return cap + points


_SHARE_SCALE = alt.Scale(domain=[0, 1])


def _chart(frame: pd.DataFrame, height: int) -> alt.Chart:
    return alt.Chart(frame).properties(width="container", height=height)


def _with_days(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame.assign(**{column: pd.to_datetime(frame[column]).dt.strftime("%Y-%m-%d")})


def _month_axis() -> alt.X:
    axis = alt.Axis(format="%b %y", labelAngle=0, labelOverlap=True, labelSeparation=6)
    return alt.X("utcyearmonth(month):O", title=None, axis=axis)


def _month_tip() -> alt.Tooltip:
    return alt.Tooltip("utcyearmonth(month):O", title="Month", format="%B %Y")


def _tip(column: str, title: str, number_format: str | None) -> alt.Tooltip:
    if number_format is None:
        return alt.Tooltip(f"{column}:N", title=title)
    return alt.Tooltip(f"{column}:Q", title=title, format=number_format)


def _colours(column: str, colours: Mapping[str, str]) -> alt.Color:
    return alt.Color(f"{column}:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), title=None)


def _over(column: str, frame: pd.DataFrame) -> str:
    """A condition: whether the cell is so dark that its text has to be light."""
    low, high = frame[column].min(), frame[column].max()
    return f"datum.{column} > {low + 0.55 * (high - low)}"


def _two_lines(name: str) -> str:
    """A long name broken before its last word, so that it fits a cell."""
    return "\n".join(name.rsplit(" ", 1)) if len(name) > 11 else name


def _ink_on(colour: str) -> str:
    """The text colour that reads best on `colour` (#rrggbb), by its luminance."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return theme.INK if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else theme.PAPER


def _marks(frame: pd.DataFrame) -> pd.Series:
    """Signs behind a cohort's name: † may hold customers from before the data, * is small."""
    return frame["is_left_truncated"].map({True: " †", False: ""}) + frame["is_small"].map({True: " *", False: ""})
