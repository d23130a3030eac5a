"""The loyalty programme: tiers, points, and the results of campaigns."""

from collections import Counter
from itertools import cycle
from typing import Any

import pandas as pd

from serving.report import formatting, theme
from serving.report.chapters import programme_months
from serving.report.chapters.campaign_arms import arm_figures
from serving.report.chapters.following import shares_live
from serving.report.charts import programme as charts
from serving.report.charts.shares import shares
from serving.report.parts import Cell, Company, Figure, Section, Table

CAMPAIGNS_SHOWN = 15
EARNED, LOST, UNKNOWN = "earned_money", "lost_money", "cannot_be_estimated"
BASES = {
    "uplift_model": "its campaign, for the like",
    "average_effect": "its campaign, on average",
    "assumed": "an assumption",
    "effect_not_shown": "its campaign showed none",
}
TONES = {EARNED: "good", LOST: "bad", UNKNOWN: ""}


def programme(company: Company) -> Section:
    """Tiers, points and the rewards planned; one sentence for a company without a programme."""
    if not has_programme(company):
        missing = (
            "The company has no loyalty programme yet: no tier rules name it, no reward was redeemed and no points were"
            " adjusted. The published tables hold tiers and points by example rules, as if there were one. It begins"
            " with rules of its own in dbt/seeds/tier_rules.csv."
        )
        return Section("programme", "Loyalty programme", [Figure("Tiers, points, rewards", missing=missing, width=12)])
    by_month = [figure(company) for figure in (programme_months.tier_moves, programme_months.points_flow)]
    figures = [_tiers(company), _liability(company), *by_month, programme_months.costs(company), _rewards(company)]
    return Section("programme", "Loyalty programme", figures)


def has_programme(company: Company) -> bool:
    """Whether tiers and points are the company's own, and not those of the example rules."""
    if not company.marts.has("rpt_tier_customers", "is_programme_own"):
        return True
    return bool(company.marts.one("select bool_or(is_programme_own) from marts.rpt_tier_customers"))


def tiers_in_order(company: Company) -> list[str]:
    """The names of the tiers, the lowest first."""
    if not company.marts.has("rpt_tier_customers", "tier", "tier_rank"):
        return []
    return [row["tier"] for row in company.marts.rows("from marts.rpt_tier_customers order by tier_rank, tier")]


def campaigns(company: Company) -> Section:
    """The measured result of each campaign, beside the sales with its coupons."""
    found = campaign_outcomes(company)
    if not found:
        missing = "No campaign has started, so there is nothing to judge."
        return Section("campaigns", "Campaigns", [Figure("Did campaigns pay?", missing=missing, width=12)])
    figures = [_returns(company, found)] if any(row["roi_incremental"] is not None for row in found) else []
    figures += [_campaign_table(company, found), *arm_figures(company)]
    return Section("campaigns", "Campaigns", figures, outcome_sentence(found))


def campaign_outcomes(company: Company) -> list[dict[str, Any]]:
    """One row per campaign with its outcome and the reason for it; those that can be judged first."""
    marts = company.marts
    judged = marts.has("fct_campaign_results", "roi_incremental", "campaign_outcome", "outcome_reason")
    if not judged or not marts.has("dim_campaigns", "campaign_name", "start_date", "end_date"):
        return []
    assumed = "results.is_cost_assumed" if marts.has("fct_campaign_results", "is_cost_assumed") else "null"
    return marts.rows(
        f"""
        select
            campaigns.campaign_name, campaigns.start_date, campaigns.end_date, results.*,
            {assumed} as cost_is_assumed
        from marts.fct_campaign_results as results
        inner join marts.dim_campaigns as campaigns on results.campaign_id = campaigns.campaign_id
        where results.metric = 'margin_amount'
        order by
            results.roi_incremental is null, results.roi_incremental desc, campaigns.start_date, results.campaign_id
        """
    )


def outcome_sentence(found: list[dict[str, Any]]) -> str:
    """One sentence: which campaigns earned money, which lost it, and of which it cannot be estimated."""
    names = {
        outcome: [row["campaign_name"] for row in found if row["campaign_outcome"] == outcome] for outcome in TONES
    }
    if len(names[UNKNOWN]) == len(found):
        return f"Whether any of {formatting.some(len(found), 'campaign')} earned or lost money cannot be estimated."
    parts = [
        f"{formatting.listed(names[outcome])} {formatting.plain(outcome)}"
        for outcome in (EARNED, LOST)
        if names[outcome]
    ]
    if names[UNKNOWN]:
        parts.append(f"of {formatting.some(len(names[UNKNOWN]), 'campaign')} it cannot be estimated")
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _returns(company: Company, found: list[dict[str, Any]]) -> Figure:
    known = [row for row in found if row["roi_incremental"] is not None][:CAMPAIGNS_SHOWN]
    columns = ["campaign_name", "roi_attributed", "roi_incremental", "roi_low", "roi_high"]
    frame = pd.DataFrame(
        [
            {column: row[column] for column in columns} | {"outcome": formatting.plain(row["campaign_outcome"])}
            for row in known
        ]
    )
    return Figure(
        "What came back for the money",
        company.as_of,
        "Point and line: (incremental margin - cost) / cost with its 95% interval, from customers drawn by "
        "chance; the one return "
        "on investment. Ring: margin of what was bought with the campaign's coupons, part of which would have "
        "been bought anyway.",
        chart=charts.campaign_returns(frame),
        width=12,
    )


def _campaign_table(company: Company, found: list[dict[str, Any]]) -> Figure:
    shown = found[:CAMPAIGNS_SHOWN]
    rest = (
        f" {formatting.some(len(found) - len(shown), 'more campaign')} in fct_campaign_results."
        if len(found) > len(shown)
        else ""
    )
    table = Table(
        ("Campaign", "Customers", "Cost", "Attributed sales", "Attributed return", "Return on investment", "Outcome"),
        [_campaign_row(company, row) for row in shown],
        left=frozenset({0, 6}),
    )
    rate = company.settings.assumed.contact_cost_amount
    assumed = [f"{company.money(rate)} a contact"] if any(row["cost_is_assumed"] for row in found) else []
    assumed.append(company.assumed_margin)
    return Figure(
        "Campaign by campaign",
        company.as_of,
        "Attributed: net sales of the lines that carry the campaign's coupon, and their margin less cost over "
        "cost. It is no effect. "
        f"Return on investment needs customers drawn by chance; else it stays empty, with the reason.{rest}",
        _reasons(found),
        table=table,
        assumed=", ".join(assumed),
        width=12,
    )


def _campaign_row(company: Company, row: dict[str, Any]) -> tuple[str | Cell, ...]:
    interval = f"{formatting.percent(row['roi_low'])} to {formatting.percent(row['roi_high'])}"
    return (
        Cell(row["campaign_name"], formatting.span(row["start_date"], row["end_date"])),
        formatting.count(row["treated_count"]),
        company.money(row["cost_amount"]),
        company.money(row["attributed_amount"]),
        formatting.percent(row["roi_attributed"]),
        Cell(formatting.percent(row["roi_incremental"]), interval if row["roi_incremental"] is not None else ""),
        Cell(
            formatting.plain(row["campaign_outcome"]),
            formatting.reason(row["outcome_reason"]),
            tone=TONES[row["campaign_outcome"]],
        ),
    )


def _reasons(found: list[dict[str, Any]]) -> str:
    reasons = Counter(formatting.reason(row["outcome_reason"]) for row in found if row["campaign_outcome"] == UNKNOWN)
    parts = [
        f"{formatting.some(number, 'campaign')}: {why}"
        for why, number in sorted(reasons.items(), key=lambda x: (-x[1], x[0]))
    ]
    return f"Why it cannot be estimated – {'; '.join(parts)}." if parts else ""


def _tiers(company: Company) -> Figure:
    title = "Customers by tier"
    marts = company.marts
    if not marts.has("rpt_tier_customers", "tier", "share_rate", "net_share_rate"):
        return Figure(title, missing="No customer has a tier: the programme has no rules yet, or nobody has an order.")
    frame = marts.frame(
        """
        select 'Customers' as measure, tier as part, tier_rank, customers_count::double as value, share_rate as share
        from marts.rpt_tier_customers
        union all
        select 'Net sales, 365 days', tier, tier_rank, net_amount_365d::double, net_share_rate
        from marts.rpt_tier_customers
        order by measure, tier_rank, part
        """
    )
    colours = dict(zip(dict.fromkeys(frame["part"]), cycle(theme.STEPS), strict=False))
    return Figure(
        title,
        company.as_of,
        "The tier each customer holds, by net sales of the trailing 365 days: reached at once, kept to the end "
        "of the month twelve "
        "months on, then looked at again after 30 days of grace.",
        chart=shares(frame.drop(columns="tier_rank"), colours, 230),
        live=shares_live("tier"),
    )


def _liability(company: Company) -> Figure:
    title = "What outstanding points are worth"
    marts, assumed = company.marts, company.settings.assumed
    if not marts.has("rpt_points_liability", "month", "liability_amount"):
        return Figure(title, missing="No points have been issued, so nothing is owed.")
    frame = marts.frame("select month, liability_amount from marts.rpt_points_liability order by month")
    return Figure(
        title,
        company.as_of,
        "Outstanding points at each month's end, times the value of a point, times the share expected to be redeemed.",
        f"{company.money(frame['liability_amount'].iloc[-1])} at the end of "
        f"{formatting.month(frame['month'].iloc[-1])}.",
        charts.liability(frame, company.currency),
        assumed=f"{company.money(assumed.point_value_amount)} a point; {assumed.redemption_rate:.0%} redeemed "
        "where the data has "
        "no redemptions",
    )


def _rewards(company: Company) -> Figure:
    title = "The next rewards"
    marts = company.marts
    if not marts.has("fct_next_best_rewards", "plan_month", "status", "expected_incremental_margin_amount"):
        return Figure(title, missing="No reward has been planned.", width=12)
    rows = marts.rows(
        """
        select
            reward_name,
            any_value(plan_month) as plan_month,
            count(*) as customers_count,
            count(*) filter (where status = 'offered') as offered_count,
            sum(cost_amount) filter (where status = 'offered') as cost_amount,
            sum(expected_incremental_margin_amount) filter (where status = 'offered') as margin_amount,
            min(basis) as basis
        from marts.fct_next_best_rewards
        group by reward_name
        order by offered_count desc, reward_name
        """
    )
    if not rows:
        return Figure(title, missing="Nobody may have a reward yet: it takes 90 days of history.", width=12)
    rate = f"{company.settings.assumed.reward_response_rate:.0%} of customers answer an untried reward with an order"
    return Figure(
        title,
        company.as_of,
        "The best reward of each customer by expected margin after cost, as randomized campaigns showed it; "
        "offered where it is worth its cost and within the month's budget.",
        _spending(company, rows),
        table=Table(
            ("Reward", "Best for", "Offered to", "Cost", "Expected margin", "Expected by"),
            [_reward_row(company, row) for row in rows],
            left=frozenset({0, 5}),
        ),
        assumed=rate if any(row["basis"] == "assumed" for row in rows) else "",
        width=12,
    )


def _spending(company: Company, rows: list[dict[str, Any]]) -> str:
    month = formatting.month(rows[0]["plan_month"])
    offered = sum(row["offered_count"] for row in rows)
    if not offered:
        return f"For {month} no reward is worth its cost."
    cost, margin = (sum(row[name] or 0 for row in rows) for name in ("cost_amount", "margin_amount"))
    return (
        f"For {month} {formatting.some(offered, 'customer')} are offered one, for {company.money(cost)}, "
        f"expected to bring {company.money(margin)}."
    )


def _reward_row(company: Company, row: dict[str, Any]) -> tuple[str | Cell, ...]:
    return (
        row["reward_name"],
        formatting.count(row["customers_count"]),
        formatting.count(row["offered_count"]),
        company.money(row["cost_amount"] or 0),
        company.money(row["margin_amount"] or 0),
        BASES[row["basis"]],
    )
