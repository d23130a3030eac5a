"""The first screen: headline numbers and the most important facts; and the data behind the report."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from serving.report import formatting
from serving.report.chapters.churn_and_value import value_at_risk
from serving.report.chapters.customer_lists import high_risk
from serving.report.chapters.programme import (
    EARNED,
    LOST,
    UNKNOWN,
    campaign_outcomes,
    has_programme,
    outcome_sentence,
)
from serving.report.parts import Company, Live, Tile

# A year, and the same month of the year before.
MONTHS_DRAWN = 13


def tiles(company: Company) -> list[Tile]:
    """Up to eight headline numbers; those whose data is missing are left out."""
    makers = (_year, _last_month, _average_order, _active, _retention, _at_risk, _liability, _campaigns)
    return [tile for maker in makers if (tile := maker(company)) is not None]


def sentences(company: Company) -> list[str]:
    """The most important facts, one sentence each."""
    makers = (_trend, _activity, _concentration, _stake, _programme)
    return [sentence for maker in makers if (sentence := maker(company))]


def facts(company: Company) -> list[str]:
    """The data behind the report: rows read and kept, and assumed rates."""
    assumed = company.settings.assumed
    read = _reconciliation(company)
    rates = (
        f"Assumed, from the settings: margin rate {formatting.percent(assumed.margin_rate)} where an order line has "
        "no cost, "
        f"{company.money(assumed.contact_cost_amount)} a contact where a campaign has no cost, "
        f"{company.money(assumed.point_value_amount)} a point, {formatting.percent(assumed.redemption_rate)} of "
        "points redeemed."
    )
    horizon = f"Somebody who has not ordered for {company.settings.churn_horizon_days} days is no longer active."
    return [*([read] if read else []), *_unexplained(company), rates, horizon]


def _key_figures(company: Company) -> dict[str, Any] | None:
    if not company.marts.has("rpt_key_figures", "net_amount_365d", "average_order_amount_365d"):
        return None
    return company.marts.rows("from marts.rpt_key_figures order by as_of_date desc limit 1")[0]


def _year(company: Company) -> Tile | None:
    figures = _key_figures(company)
    if figures is None:
        return None
    change = figures["net_change_rate_365d"]
    note, tone = _change(change, "on the 365 days before") if change is not None else (_since(company, figures), "")
    return Tile(
        "Net sales, past 365 days",
        company.money(figures["net_amount_365d"]),
        note,
        tone,
        before=_before(company, figures, "net_amount_365d", company.money),
        past=_past(company, "rpt_sales_monthly", "net_amount", "is_complete"),
        live=Live("customers", {}, {"value": ("sum", "net_amount_365d")}, {"value": "money"}),
    )


def _since(company: Company, figures: dict[str, Any]) -> str:
    first = company.marts.one("select min(month) filter (net_amount <> 0) from marts.rpt_sales_monthly")
    start = figures["as_of_date"] - timedelta(days=364)
    return f"since {formatting.day(max(first, start))}" if first else ""


def _before(company: Company, figures: dict[str, Any], column: str, written: Callable[[Any], str]) -> str:
    """What a headline number was in the publication before; empty where there was none, or the number is the same."""
    if not company.marts.has("fct_publication_changes", "difference") or not company.marts.has("publication"):
        return ""
    difference = company.marts.one(
        """
        select sum(changes.difference) from marts.fct_publication_changes as changes
        inner join marts.publication on changes.build_id = publication.build_id
        where changes.mart = 'rpt_key_figures' and changes.column_name = $column
        """,
        column=column,
    )
    if not difference:
        return ""
    return f"{written(float(figures[column]) - difference)} in the publication before"


def _past(company: Company, mart: str, column: str, condition: str) -> list[float]:
    """The values of a mart's last months, the earliest first."""
    if not company.marts.has(mart, "month", column):
        return []
    rows = company.marts.rows(
        f"select {column} as value from marts.{mart} where {condition} order by month desc limit $shown",
        shown=MONTHS_DRAWN,
    )
    return [float(row["value"]) for row in reversed(rows)]


def _months(company: Company) -> list[dict[str, Any]]:
    """The complete months, latest first."""
    if not company.marts.has("rpt_sales_monthly", "month", "net_amount", "net_change_rate"):
        return []
    return company.marts.rows("from marts.rpt_sales_monthly where is_complete order by month desc")


def _last_month(company: Company) -> Tile | None:
    months = _months(company)
    if not months:
        return None
    note, tone = ("", "")
    if len(months) > 1:
        note, tone = _change(months[0]["net_change_rate"], f"on {formatting.month(months[1]['month'])}")
    month = months[0]["month"]
    return Tile(
        f"Net sales, {formatting.month(month)}",
        company.money(months[0]["net_amount"]),
        note,
        tone,
        past=_past(company, "rpt_sales_monthly", "net_amount", "is_complete"),
        live=Live("sales", {}, {"value": ("sum", "net_amount")}, {"value": "money"}, only={"month": month.isoformat()}),
    )


def _average_order(company: Company) -> Tile | None:
    figures = _key_figures(company)
    if figures is None:
        return None
    return Tile(
        "Average order",
        company.money(figures["average_order_amount_365d"]),
        f"{formatting.count(figures['orders_count_365d'])} orders of known customers in 365 days",
        before=_before(company, figures, "average_order_amount_365d", company.money),
    )


def _active(company: Company) -> Tile | None:
    figures = _key_figures(company)
    if figures is None or not figures["buyers_count"]:
        return None
    return Tile(
        "Active customers",
        formatting.count(figures["active_count"]),
        f"{formatting.percent(figures['active_share_rate'])} of {formatting.count(figures['buyers_count'])}",
        before=_before(company, figures, "active_count", formatting.count),
        past=_past(company, "rpt_customer_growth_monthly", "active_end_count", "active_end_count is not null"),
        live=Live("customers", {}, {"value": ("sum", "active_count")}, {"value": "count"}),
    )


def _retention(company: Company) -> Tile | None:
    if not company.marts.has("rpt_customer_growth_monthly", "retention_rate"):
        return None
    rows = company.marts.rows(
        """
        select month, retention_rate from marts.rpt_customer_growth_monthly
        where retention_rate is not null order by month desc limit 2
        """
    )
    if not rows:
        return None
    note, tone = "", ""
    if len(rows) > 1:
        points = 100 * (rows[0]["retention_rate"] - rows[1]["retention_rate"])
        note, tone = f"{formatting.signed(points, '.1f')} points on {formatting.month(rows[1]['month'])}", _tone(points)
    return Tile(
        f"Retention, {formatting.month(rows[0]['month'])}",
        formatting.percent(rows[0]["retention_rate"], 1),
        note,
        tone,
        past=_past(company, "rpt_customer_growth_monthly", "retention_rate", "retention_rate is not null"),
    )


def _at_risk(company: Company) -> Tile | None:
    risk = value_at_risk(company)
    if risk is None:
        return None
    live = Live("customers", {}, {"value": ("sum", "risk_net_amount_365d")}, {"value": "money"})
    return Tile("Net sales at high risk", company.money(risk["net_amount"]), _risky(company, risk), live=live)


def _risky(company: Company, risk: dict[str, Any]) -> str:
    """How many customers a risk is about, and how many of them it is too late for."""
    counted = high_risk(company)
    gone = f", {formatting.count(counted['gone'])} of them already gone" if counted else ""
    return f"{formatting.some(int(risk['customers']), 'customer')}{gone}"


def _liability(company: Company) -> Tile | None:
    if not company.marts.has("rpt_points_liability", "month", "liability_amount") or not has_programme(company):
        return None
    amount = company.marts.one("select liability_amount from marts.rpt_points_liability order by month desc limit 1")
    past = _past(company, "rpt_points_liability", "liability_amount", "true")
    return Tile("Points liability", company.money(amount), "worth of points not yet redeemed", past=past)


def _campaigns(company: Company) -> Tile | None:
    found = campaign_outcomes(company)
    if not found:
        return None
    number = {outcome: sum(row["campaign_outcome"] == outcome for row in found) for outcome in (EARNED, LOST, UNKNOWN)}
    note = f"{number[LOST]} lost money, {number[UNKNOWN]} cannot be estimated"
    return Tile("Campaigns that earned money", f"{number[EARNED]} of {len(found)}", note)


def _trend(company: Company) -> str:
    months = _months(company)
    if len(months) < 2:
        return ""
    now, before = months[0], months[1]
    note, _ = _change(now["net_change_rate"], f"on {formatting.month(before['month'])}")
    best = max(months[:12], key=lambda row: row["net_amount"])
    ending = "" if best is now else f" was {formatting.month(best['month'])} with {company.money(best['net_amount'])}"
    return (
        f"Net sales in {formatting.month(now['month'])} were {company.money(now['net_amount'])}, {note.lstrip('▲▼ ')}; "
        f"the best of the past twelve months{ending}."
    )


def _activity(company: Company) -> str:
    figures = _key_figures(company)
    if figures is None or not figures["buyers_count"]:
        return ""
    return (
        f"{formatting.percent(figures['active_share_rate'])} of {formatting.count(figures['buyers_count'])} customers "
        f"are active, {formatting.percent(figures['at_risk_share_rate'])} are at risk and "
        f"{formatting.percent(figures['lapsed_share_rate'])} have lapsed."
    )


def _concentration(company: Company) -> str:
    figures = _key_figures(company)
    if figures is None or figures["best_fifth_net_share_rate"] is None:
        return ""
    share = formatting.percent(figures["best_fifth_net_share_rate"])
    return f"The best fifth of customers brought {share} of customers' net sales."


def _stake(company: Company) -> str:
    risk = value_at_risk(company)
    if risk is None:
        return ""
    probability, horizon = company.settings.churn.bands[1], company.settings.churn_horizon_days
    counted = high_risk(company)
    gone = f"; {formatting.count(counted['gone'])} of them have already gone" if counted else ""
    return (
        f"{formatting.some(int(risk['customers']), 'customer')} who brought {company.money(risk['net_amount'])} in "
        "the past 365 days "
        f"have a risk of {formatting.percent(probability)} or more not to order in the next {horizon} days{gone}."
    )


def _programme(company: Company) -> str:
    found = campaign_outcomes(company)
    return outcome_sentence(found) if found else ""


def _reconciliation(company: Company) -> str:
    if not company.marts.has("fct_ingest_reconciliation", "rows_read", "rows_rejected", "difference"):
        return ""
    row = company.marts.rows(
        """
        select
            sum(rows_read) as rows_read, sum(rows_accepted) as accepted, sum(rows_rejected) as rejected,
            sum(rows_superseded) as superseded
        from marts.fct_ingest_reconciliation where entity = 'order_lines'
        """
    )[0]
    if row["rows_read"] is None:
        return ""
    return (
        f"Of {formatting.count(row['rows_read'])} order lines read, {formatting.count(row['accepted'])} count, "
        f"{formatting.count(row['rejected'])} were rejected with a reason (fct_rejected_rows) and "
        f"{formatting.count(row['superseded'])} "
        "replaced by a later version; none is lost."
    )


def _unexplained(company: Company) -> list[str]:
    """A warning for each source whose lines do not explain what orders cost, with its worst month."""
    if not company.marts.has("rpt_unexplained_amounts_monthly", "is_above_warning_rate"):
        return []
    rows = company.marts.rows(
        """
        select
            source, count(*) filter (is_above_warning_rate) as above, max(unexplained_rate) as worst_rate,
            arg_max(month, unexplained_rate) as worst_month
        from marts.rpt_unexplained_amounts_monthly
        group by source having bool_or(is_above_warning_rate) order by source
        """
    )
    return [
        f"In {formatting.some(row['above'], 'month')}, order lines, shipping and tax do not explain what orders of "
        f"{row['source']} cost: at worst {formatting.percent(row['worst_rate'], 1)} of it is unexplained, in "
        f"{formatting.month(row['worst_month'])}. A column may mean something else than assumed "
        "(rpt_unexplained_amounts_monthly)."
        for row in rows
    ]


def _change(change: float | None, than: str) -> tuple[str, str]:
    if change is None:
        return "", ""
    arrow = "▲" if change > 0 else "▼" if change < 0 else ""
    return f"{arrow} {formatting.signed(change, '.1%')} {than}".strip(), _tone(change)


def _tone(change: float) -> str:
    return "good" if change > 0 else "bad" if change < 0 else ""
