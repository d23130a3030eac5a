"""The arms of campaigns with several treatments, each beside the customers who got nothing."""

from typing import Any

import pandas as pd

from serving.report import formatting
from serving.report.charts import programme as charts
from serving.report.parts import Cell, Company, Figure, Table

ROWS_SHOWN = 20
DIFFERENT, CHANCE, OPEN, CONTROL = "differs from the control", "may be chance", "not over", "control"


def arm_figures(company: Company) -> list[Figure]:
    """One figure of the arms that are compared today; none where no campaign has several treatments."""
    found = _arms(company)
    if not found:
        return []
    shown = found[:ROWS_SHOWN]
    drawn = _drawn(shown)
    rest = (
        f" {formatting.some(len(found) - len(shown), 'more arm')} in fct_campaign_arms."
        if len(found) > len(shown)
        else ""
    )
    table = Table(
        ("Arm", "Customers", "Bought", "Net sales each", "Margin each", "More margin than the control", "Conclusion"),
        [_arm_row(company, row) for row in shown],
        left=frozenset({0, 6}),
    )
    return [
        Figure(
            "Arm by arm",
            company.as_of,
            "Margin per customer assigned less that of the control. Broad line: 95% interval of one look, once the"
            " campaign is over. Thin line: 95% interval that may be looked at every day. An arm differs from the"
            f" control where its p-value, adjusted for all arms of its campaign, is below 5%.{rest}",
            chart=charts.arm_effects(drawn, company.currency) if len(drawn) else None,
            table=table,
            width=12,
        )
    ]


def _arms(company: Company) -> list[dict[str, Any]]:
    """The newest campaigns first, in each the control last."""
    marts = company.marts
    if not marts.has("fct_campaign_arms", "arm", "sequential_low") or not marts.has("dim_campaigns", "campaign_name"):
        return []
    return marts.rows(
        """
        with today as (
            select * from marts.fct_campaign_arms
            where as_of_date = (select max(as_of_date) from marts.fct_campaign_arms)
        )
        select campaigns.campaign_name, today.*
        from today
        inner join marts.dim_campaigns as campaigns on today.campaign_id = campaigns.campaign_id
        where today.campaign_id in (
            select campaign_id from today where not is_control group by campaign_id having count(*) > 1
        )
        order by campaigns.start_date desc, today.campaign_id, today.is_control, today.arm
        """
    )


def _drawn(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The arms with an effect, as the chart reads them."""
    names = ["effect_per_member", "effect_low", "effect_high", "sequential_low", "sequential_high"]
    drawn = [
        {"arm": f"{row['campaign_name']}: {row['arm']}", "conclusion": _conclusion(row)}
        | {name: row[name] for name in names}
        for row in rows
        if row["effect_per_member"] is not None
    ]
    return pd.DataFrame(drawn, columns=["arm", "conclusion", *names])


def _conclusion(row: dict[str, Any]) -> str:
    if row["is_control"]:
        return CONTROL
    if row["status"] == "window_open":
        return OPEN
    return DIFFERENT if row["is_different"] else CHANCE


def _arm_row(company: Company, row: dict[str, Any]) -> tuple[str | Cell, ...]:
    return (
        Cell(row["arm"], row["campaign_name"]),
        formatting.count(row["members_count"]),
        formatting.percent(row["conversion_rate"], 1),
        company.money(row["net_amount_per_member"]),
        company.money(row["margin_amount_per_member"]),
        Cell(company.money(row["effect_per_member"]), _interval(company, row)),
        Cell(_conclusion(row), "" if row["status"] in ("ok", CONTROL) else formatting.reason(row["status"])),
    )


def _interval(company: Company, row: dict[str, Any]) -> str:
    """The interval that the status allows: of one look, else of every look."""
    ends = ("effect_low", "effect_high") if row["effect_low"] is not None else ("sequential_low", "sequential_high")
    if row[ends[0]] is None:
        return ""
    return f"{company.money(row[ends[0]])} to {company.money(row[ends[1]])}"
