"""The first screen: headline numbers, and what to know in a minute; and what the report rests on."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from serving.report import formatting
from serving.report.chapters.models import value_at_risk
from serving.report.chapters.programme import EARNED, LOST, UNKNOWN, campaign_outcomes, outcome_sentence
from serving.report.parts import Company, Tile

LIVELY = ("active", "reactivated")


def tiles(company: Company) -> list[Tile]:
    """Up to eight headline numbers; those whose data is missing are left out."""
    makers = (_year, _last_month, _average_order, _active, _retention, _at_risk, _liability, _campaigns)
    return [tile for maker in makers if (tile := maker(company)) is not None]


def sentences(company: Company) -> list[str]:
    """What to know in a minute, each fact a sentence."""
    makers = (_trend, _activity, _concentration, _stake, _programme)
    return [sentence for maker in makers if (sentence := maker(company))]


def facts(company: Company) -> list[str]:
    """What the report rests on: rows read and kept, and rates that are assumed."""
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
    return [*([read] if read else []), rates, horizon]


def _has_sales(company: Company) -> bool:
    return company.marts.has("fct_order_lines", "order_date", "net_amount", "is_valid") and company.as_of is not None


def _net_between(company: Company, after: date, until: date) -> Decimal:
    value = company.marts.one(
        "select sum(net_amount) from marts.fct_order_lines where is_valid and order_date > $after and "
        "order_date <= $until",
        after=after,
        until=until,
    )
    return value or Decimal(0)


def _year(company: Company) -> Tile | None:
    if not _has_sales(company) or company.as_of is None:
        return None
    start = company.as_of - timedelta(days=365)
    now, before = _net_between(company, start, company.as_of), _net_between(company, start - timedelta(days=365), start)
    first = company.marts.one("select min(order_date) from marts.fct_order_lines where is_valid")
    whole = first is not None and first <= start - timedelta(days=365) + timedelta(days=1)
    note, tone = _change(now, before, "on the 365 days before") if whole else (_since(first, start), "")
    return Tile("Net sales, past 365 days", company.money(now), note, tone)


def _since(first: date | None, start: date) -> str:
    return f"since {formatting.day(max(first, start + timedelta(days=1)))}" if first else ""


def _months(company: Company) -> list[dict[str, Any]]:
    """The complete months, latest first: month, net_amount."""
    if not _has_sales(company):
        return []
    return company.marts.rows(
        """
        select date_trunc('month', order_date)::date as month, sum(net_amount) as net_amount
        from marts.fct_order_lines
        where is_valid and last_day(order_date) <= $as_of
        group by all order by month desc
        """,
        as_of=company.as_of,
    )


def _last_month(company: Company) -> Tile | None:
    months = _months(company)
    if not months:
        return None
    note, tone = ("", "")
    if len(months) > 1:
        note, tone = _change(
            months[0]["net_amount"], months[1]["net_amount"], f"on {formatting.month(months[1]['month'])}"
        )
    return Tile(
        f"Net sales, {formatting.month(months[0]['month'])}", company.money(months[0]["net_amount"]), note, tone
    )


def _average_order(company: Company) -> Tile | None:
    if not company.marts.has("fct_orders", "is_valid", "net_amount"):
        return None
    row = company.marts.rows(
        """
        select count(*) as orders_count, sum(net_amount) / nullif(count(*), 0) as average_amount from marts.fct_orders
        where is_valid and order_date > $as_of::date - 365 and order_date <= $as_of
        """,
        as_of=company.as_of,
    )[0]
    return Tile(
        "Average order",
        company.money(row["average_amount"]),
        f"{formatting.count(row['orders_count'])} orders in 365 days",
    )


def _activity_counts(company: Company) -> dict[str, int]:
    if not company.marts.has("fct_customer_rfm", "activity_status"):
        return {}
    rows = company.marts.rows(
        """
        select activity_status, count(*) as customers_count from marts.fct_customer_rfm
        where as_of_date = $last and rfm_window = 'lifetime' and activity_status is not null
        group by all
        """,
        last=company.marts.last_day("fct_customer_rfm"),
    )
    return {row["activity_status"]: row["customers_count"] for row in rows}


def _active(company: Company) -> Tile | None:
    counts = _activity_counts(company)
    if not counts:
        return None
    active, everybody = sum(counts.get(name, 0) for name in LIVELY), sum(counts.values())
    return Tile(
        "Active customers",
        formatting.count(active),
        f"{formatting.percent(active / everybody)} of {formatting.count(everybody)}",
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
        f"Retention, {formatting.month(rows[0]['month'])}", formatting.percent(rows[0]["retention_rate"], 1), note, tone
    )


def _at_risk(company: Company) -> Tile | None:
    risk = value_at_risk(company)
    if risk is None:
        return None
    note = (
        f"{formatting.count(risk['customers'])} customers, {formatting.percent(risk['share'])} of the year's net sales"
    )
    return Tile("Net sales at high risk", company.money(risk["net_amount"]), note)


def _liability(company: Company) -> Tile | None:
    if not company.marts.has("rpt_points_liability", "month", "liability_amount"):
        return None
    amount = company.marts.one("select liability_amount from marts.rpt_points_liability order by month desc limit 1")
    return Tile("Points liability", company.money(amount), "worth of points not yet redeemed")


def _campaigns(company: Company) -> Tile | None:
    found = campaign_outcomes(company)
    if not found:
        return None
    number = {outcome: sum(row["outcome"] == outcome for row in found) for outcome in (EARNED, LOST, UNKNOWN)}
    note = f"{number[LOST]} lost money, {number[UNKNOWN]} cannot be told"
    return Tile("Campaigns that earned money", f"{number[EARNED]} of {len(found)}", note)


def _trend(company: Company) -> str:
    months = _months(company)
    if len(months) < 2:
        return ""
    now, before = months[0], months[1]
    note, _ = _change(now["net_amount"], before["net_amount"], f"on {formatting.month(before['month'])}")
    best = max(months[:12], key=lambda row: row["net_amount"])
    ending = "" if best is now else f" was {formatting.month(best['month'])} with {company.money(best['net_amount'])}"
    return (
        f"Net sales in {formatting.month(now['month'])} were {company.money(now['net_amount'])}, {note.lstrip('▲▼ ')}; "
        f"the best of the past twelve months{ending}."
    )


def _activity(company: Company) -> str:
    counts = _activity_counts(company)
    everybody = sum(counts.values())
    if not everybody:
        return ""
    lively = sum(counts.get(name, 0) for name in LIVELY)
    return (
        f"{formatting.percent(lively / everybody)} of {formatting.count(everybody)} customers are active, "
        f"{formatting.percent(counts.get('at_risk', 0) / everybody)} are at risk and "
        f"{formatting.percent(counts.get('lapsed', 0) / everybody)} have lapsed."
    )


def _concentration(company: Company) -> str:
    if not company.marts.has("fct_customer_rfm", "monetary_amount", "rfm_window"):
        return ""
    share = company.marts.one(
        """
        with ranked as (
            select
                monetary_amount, count(*) over () as n,
                row_number() over (order by monetary_amount desc, customer_id) as place
            from marts.fct_customer_rfm
            where rfm_window = 'lifetime' and as_of_date = (select max(as_of_date) from marts.fct_customer_rfm)
        )

        select sum(monetary_amount) filter (place * 5 <= n) / nullif(sum(monetary_amount), 0) from ranked
        """
    )
    return (
        ""
        if share is None
        else f"The best fifth of customers brought {formatting.percent(share)} of customers' net sales."
    )


def _stake(company: Company) -> str:
    risk = value_at_risk(company)
    if risk is None:
        return ""
    probability, horizon = company.settings.churn.bands[1], company.settings.churn_horizon_days
    return (
        f"{formatting.some(int(risk['customers']), 'customer')} who brought {company.money(risk['net_amount'])} in "
        "the past 365 days "
        f"have a risk of {formatting.percent(probability)} or more not to order in the next {horizon} days."
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


def _change(now: Decimal, before: Decimal, than: str) -> tuple[str, str]:
    if before <= 0:
        return "", ""
    change = float(now / before - 1)
    arrow = "▲" if change > 0 else "▼" if change < 0 else ""
    return f"{arrow} {formatting.signed(change, '.1%')} {than}".strip(), _tone(change)


def _tone(change: float) -> str:
    return "good" if change > 0 else "bad" if change < 0 else ""
