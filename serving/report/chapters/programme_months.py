"""The loyalty programme by month: moves between tiers, points that come and go, and what it costs."""

from collections.abc import Mapping

import pandas as pd

from serving.report import theme
from serving.report.charts import flows as charts
from serving.report.parts import Company, Figure

# Of each chart, its kinds: the column, whether it goes, and its colour.
TIERS = {
    "enrolled": ("enrolled_count", False, theme.PALE_BLUE),
    "upgraded": ("upgraded_count", False, theme.TEAL),
    "downgraded": ("downgraded_count", True, theme.ORANGE),
    "put back by returns": ("reversed_count", True, theme.RED),
}
POINTS = {
    "issued": ("issued_points", False, theme.BLUE),
    "redeemed": ("redeemed_points", True, theme.TEAL),
    "expired": ("expired_points", True, theme.GREY),
    "taken back by returns": ("reversed_points", True, theme.ORANGE),
}
COSTS = {
    "contacts": ("contact_cost_amount", False, theme.BLUE),
    "fixed": ("fixed_cost_amount", False, theme.PALE_BLUE),
    "rewards": ("reward_cost_amount", False, theme.TEAL),
    "platform": ("platform_cost_amount", False, theme.GREY),
    "points": ("points_cost_amount", False, theme.ORANGE),
}
Kinds = Mapping[str, tuple[str, bool, str]]


def tier_moves(company: Company) -> Figure:
    """Customers who entered a tier by month and reason."""
    return _flow(
        company,
        "Who moved between tiers",
        "rpt_tier_movements",
        TIERS,
        unit="Customers",
        missing="No customer has moved between tiers yet.",
        definition="Customers by the month they entered a tier: enrolled, upgraded, downgraded after the grace, or put "
        "back where returns took away what the upgrade rested on.",
    )


def points_flow(company: Company) -> Figure:
    """Points that came and went by month."""
    return _flow(
        company,
        "Points that came and went",
        "rpt_points_liability",
        POINTS,
        unit="Points",
        missing="No points have been issued, so none came or went.",
        definition="Points issued by orders and adjustments, above 0; redeemed, expired and taken back by returns, "
        "below. Outstanding points change by the sum.",
    )


def costs(company: Company) -> Figure:
    """What the programme and its campaigns cost by month and kind."""
    contact = company.money(company.settings.assumed.contact_cost_amount)
    return _flow(
        company,
        "What the programme costs",
        "rpt_programme_roi_monthly",
        COSTS,
        unit=f"Cost, {company.currency}",
        missing="The programme and its campaigns have cost nothing so far.",
        definition="Costs by month: a campaign's are spread over its days; points cost the change of their liability "
        "and what was redeemed, so the bar of a month in which points expire can be below 0. Discounts are in the "
        "margin and not among these.",
        assumed=f"{contact} a contact where a campaign has no cost",
    )


def _flow(
    company: Company,
    title: str,
    mart: str,
    kinds: Kinds,
    *,
    unit: str,
    missing: str,
    definition: str,
    assumed: str = "",
) -> Figure:
    """What comes and goes by month, of the kinds that there are."""
    frame = _months(company, mart, kinds)
    if frame is None:
        return Figure(title, missing=missing, width=12)
    chart = charts.flows(frame, unit, _colours(kinds, frame))
    return Figure(title, company.as_of, definition, chart=chart, assumed=assumed, width=12)


def _months(company: Company, mart: str, kinds: Kinds) -> pd.DataFrame | None:
    """Amounts by month and kind, with the sign of what goes; None where there are none but zeros."""
    columns = {column: goes for column, goes, _ in kinds.values()}
    if not company.marts.has(mart, "month", *columns):
        return None
    sums = ", ".join(
        f"{'-' if goes else ''}coalesce(sum({name}), 0)::double as {name}" for name, goes in columns.items()
    )
    frame = company.marts.frame(f"select month, {sums} from marts.{mart} group by month order by month")
    names = {column: kind for kind, (column, _, _) in kinds.items()}
    long = frame.rename(columns=names).melt("month", list(kinds), "kind", "amount")
    found = long[long["kind"].isin(long[long["amount"] != 0]["kind"])]
    return None if found.empty else found


def _colours(kinds: Kinds, frame: pd.DataFrame) -> dict[str, str]:
    """Of the kinds that the frame has, their colours."""
    found = {*frame["kind"]}
    return {kind: colour for kind, (_, _, colour) in kinds.items() if kind in found}
