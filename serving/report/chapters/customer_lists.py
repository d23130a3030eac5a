"""The three lists that a shop acts on: its best customers, those about to leave, and those worth winning back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from serving.report import formatting
from serving.report.marts import AT_RISK, COMING, GONE
from serving.report.parts import WHO_IS, Cell, Company, Figure, Listing, Section, Table

SHOWN = 10
LEAD = (
    "Whom to thank, whom to keep, and whom to win back. The second list holds customers who still come, so something "
    "can be done before they are lost; those of the third have stayed away for longer than an active customer does."
)
_NO_CUSTOMERS = "No order has a customer, so there are none to name."
_RECENT = f"""
with latest as (
    select * from marts.fct_customer_rfm where as_of_date = (select max(as_of_date) from marts.fct_customer_rfm)
),

recent as (
    select
        latest.customer_id, latest.monetary_amount, latest.frequency, latest.recency_days, latest.activity_status,
        latest.activity_status in {COMING} as is_coming, latest.activity_status in {GONE} as is_gone, ranked.rfm_segment
    from latest
    inner join latest as ranked on latest.customer_id = ranked.customer_id and ranked.rfm_window = 'lifetime'
    where latest.rfm_window = '365d'
)
"""
_SCORED = f"""
{_RECENT},

scored as (
    select customer_id, churn_probability, concat_ws('; ', reason_1, reason_2) as reasons
    from marts.fct_churn_scores
    where churn_band in {AT_RISK} and as_of_date = (select max(as_of_date) from marts.fct_churn_scores)
)
"""
_FIRST = "monetary_amount > 0 order by monetary_amount desc, customer_id limit $shown"
_BEST = f"{_RECENT} select * from recent where {_FIRST}"
_LEFT = f"{_RECENT} select * from recent where is_gone and {_FIRST}"
_LEAVING = f"""
{_SCORED}
select recent.*, scored.churn_probability, scored.reasons
from recent inner join scored using (customer_id)
where is_coming and {_FIRST}
"""
_COUNTED = f"""
{_SCORED}
select
    count(*) as customers, coalesce(sum(recent.monetary_amount), 0) as net_amount,
    count(*) filter (where recent.is_coming) as coming,
    coalesce(sum(recent.monetary_amount) filter (where recent.is_coming), 0) as coming_amount,
    count(*) filter (where recent.is_gone) as gone
from scored left join recent using (customer_id)
"""
_AWAY = f"""
{_RECENT}
select count(*) as customers, sum(monetary_amount) as net_amount from recent where is_gone and monetary_amount > 0
"""


def lists(company: Company) -> Section:
    """The best customers, those about to leave, and those gone but worth winning back."""
    return Section("lists", "Customers to look after", [_best(company), _leaving(company), _left(company)], LEAD)


def high_risk(company: Company) -> dict[str, Any] | None:
    """Customers in the bands high and critical, how many of them still come, and how many have gone; None unknown."""
    if not _is_scored(company):
        return None
    return company.marts.rows(_COUNTED)[0]


def _is_ranked(company: Company) -> bool:
    return company.marts.has(
        "fct_customer_rfm", "monetary_amount", "frequency", "recency_days", "rfm_segment", "activity_status"
    )


def _is_scored(company: Company) -> bool:
    return _is_ranked(company) and company.marts.has("fct_churn_scores", "churn_probability", "churn_band", "reason_1")


def _best(company: Company) -> Figure:
    title = "Your best customers"
    if not _is_ranked(company):
        return Figure(title, missing=_NO_CUSTOMERS, width=12)
    rows = company.marts.rows(_BEST, shown=SHOWN)
    if not rows:
        return Figure(title, missing="Nobody has bought in the past 365 days.", width=12)
    table = Table(
        ("Customer", "Net sales, 365 days", "Orders", "Days since last", "Segment", "Activity"),
        [[*_first(company, row), _activity(row)] for row in rows],
        left=frozenset({0, 4, 5}),
    )
    listing = Listing({}, [*_COLUMNS, ("activity_status", "plain")])
    return _figure(company, title, f"By net sales of the past 365 days. {WHO_IS}", table, listing)


def _leaving(company: Company) -> Figure:
    title = "About to leave"
    if not _is_scored(company):
        return Figure(title, missing="Without churn scores nobody can be said to be about to leave.", width=12)
    rows, counted = company.marts.rows(_LEAVING, shown=SHOWN), company.marts.rows(_COUNTED)[0]
    if not rows:
        return Figure(title, missing="Nobody who still comes is in the bands high or critical.", width=12)
    table = Table(
        ("Customer", "Net sales, 365 days", "Orders", "Days since last", "Segment", "Risk", "Why"),
        [
            [*_first(company, row), Cell(formatting.percent(row["churn_probability"]), tone="bad"), row["reasons"]]
            for row in rows
        ],
        left=frozenset({0, 4, 6}),
    )
    definition = (
        "Active customers in the bands high and critical, by net sales of the past 365 days. Risk: probability of no "
        f"order in the next {company.settings.churn_horizon_days} days. Why: what sets the forecast apart the most "
        "from that of a typical active customer."
    )
    takeaway = (
        f"{formatting.some(counted['coming'], 'customer')} who still come and brought "
        f"{company.money(counted['coming_amount'])} in the past 365 days may be about to leave. "
        f"{formatting.count(counted['gone'])} of the {formatting.count(counted['customers'])} at high risk have "
        "already gone."
    )
    listing = Listing(
        {"activity_status": COMING, "churn_band": AT_RISK},
        [*_COLUMNS, ("churn_probability", "percent"), ("reasons", "text")],
    )
    return replace(_figure(company, title, definition, table, listing), takeaway=takeaway)


def _left(company: Company) -> Figure:
    title = "Gone, but worth winning back"
    if not _is_ranked(company):
        return Figure(title, missing=_NO_CUSTOMERS, width=12)
    rows, counted = company.marts.rows(_LEFT, shown=SHOWN), company.marts.rows(_AWAY)[0]
    horizon = company.settings.churn_horizon_days
    if not rows:
        missing = f"Nobody who bought in the past 365 days has stayed away for {horizon} days or more."
        return Figure(title, missing=missing, width=12)
    table = Table(
        ("Customer", "Net sales, 365 days", "Orders", "Days since last", "Segment", "Activity"),
        [[*_first(company, row), _activity(row)] for row in rows],
        left=frozenset({0, 4, 5}),
    )
    definition = (
        f"Customers without an order for {horizon} days or more, by net sales of the past 365 days. At risk: up to "
        f"{2 * horizon - 1} days; lapsed: longer."
    )
    has = "has" if counted["customers"] == 1 else "have"
    takeaway = (
        f"{formatting.some(counted['customers'], 'customer')} who brought {company.money(counted['net_amount'])} in "
        f"the past 365 days {has} stayed away for {horizon} days or more."
    )
    listing = Listing({"activity_status": GONE}, [*_COLUMNS, ("activity_status", "plain")])
    return replace(_figure(company, title, definition, table, listing), takeaway=takeaway)


_COLUMNS: Sequence[tuple[str, str]] = (
    ("customer_id", "text"),
    ("net_amount_365d", "money"),
    ("orders_count_365d", "count"),
    ("recency_days", "count"),
    ("rfm_segment", "text"),
)


def _first(company: Company, row: dict[str, Any]) -> list[str | Cell]:
    return [
        row["customer_id"],
        company.money(row["monetary_amount"]),
        formatting.count(row["frequency"]),
        formatting.count(row["recency_days"]),
        row["rfm_segment"],
    ]


def _activity(row: dict[str, Any]) -> str:
    return formatting.plain(row["activity_status"] or formatting.NONE)


def _figure(company: Company, title: str, definition: str, table: Table, listing: Listing) -> Figure:
    last = company.marts.last_day("fct_customer_rfm")
    return Figure(title, last, definition, table=table, width=12, listing=listing)
