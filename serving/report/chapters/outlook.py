"""What to expect of the months ahead, and how well the same was forecast before."""

from typing import Any

from serving.report import formatting
from serving.report.charts import outlook as charts
from serving.report.parts import Cell, Company, Figure, Section, Table

LEAD = (
    "Forecasts of the six months after the last whole one. They go on from what happened so far: a new shop, a "
    "campaign or a higher price that is planned is not in them. A series is forecast only where the same way of "
    "forecasting, tried on month ends of the past, was no further off than a simple guess, and its intervals held as "
    "often as they should."
)
NAMES = {
    "net_sales": "Net sales",
    "orders": "Orders",
    "new_customers": "New customers",
    "returning_customers": "Returning customers",
}
REASONS = {
    "insufficient_history": "too few months of the past to try it on",
    "worse_than_naive": "no nearer than the simple guess",
    "intervals_too_narrow": "months fell outside the intervals too often",
    "intervals_too_wide": "hardly a month fell outside the intervals, so they say too little",
}
TOO_SHORT = (
    "Nothing is forecast yet: {months} in the data, and a forecast is shown once it could be tried on six month ends "
    "of the past, which takes about 20 whole months."
)
MONTHS_SHOWN = 24
SAID_AHEAD = 3
CHART = f"""
with came as (
    select month, net_amount as value from marts.rpt_sales_monthly
    where is_complete order by month desc limit $months
)
select month, '{charts.CAME}' as kind, value, null as low_80, null as high_80, null as low_95, null as high_95 from came
union all
select month, '{charts.AHEAD}', expected_value, low_80_value, high_80_value, low_95_value, high_95_value
from marts.fct_forecasts
where series = 'net_sales' and as_of_date = (select max(as_of_date) from marts.fct_forecasts)
union all
select month, '{charts.SAID}', expected_value, low_80_value, high_80_value, low_95_value, high_95_value
from marts.rpt_forecast_hits
where series = 'net_sales' and months_ahead = $ahead and month in (select month from came)
order by kind, month
"""


def outlook(company: Company) -> Section:
    """Months ahead with their intervals, and earlier forecasts beside what came."""
    rows = _forecasts(company)
    if not any(row["origins_count"] for row in rows):
        return Section(
            "outlook", "What to expect", [Figure("Months ahead", missing=_too_short(company), width=12)], LEAD
        )
    return Section(
        "outlook", "What to expect", [_sales(company, rows), _ahead(company, rows), _judged(company, rows)], LEAD
    )


def _forecasts(company: Company) -> list[dict[str, Any]]:
    """The months ahead of the last posting, in the order in which series are shown."""
    if not company.marts.has("fct_forecasts", "expected_value", "coverage_95_rate"):
        return []
    rows = company.marts.rows(
        """
        from marts.fct_forecasts where as_of_date = (select max(as_of_date) from marts.fct_forecasts)
        order by tier, month
        """
    )
    order = [*NAMES, "tier_customers"]
    return sorted(rows, key=lambda row: order.index(row["series"]))


def _too_short(company: Company) -> str:
    whole = 0
    if company.marts.has("rpt_sales_monthly", "is_complete"):
        whole = company.marts.one("select count(*) from marts.rpt_sales_monthly where is_complete")
    return TOO_SHORT.format(months=f"there {'is' if whole == 1 else 'are'} {formatting.some(whole, 'whole month')}")


def _sales(company: Company, rows: list[dict[str, Any]]) -> Figure:
    title = "Net sales of the months ahead"
    ahead = [row for row in rows if row["series"] == "net_sales"]
    first = ahead[0]
    if first["status"] != "ok":
        return Figure(title, missing=f"Net sales are not forecast: {REASONS[first['status']]}.", width=12)
    came = company.marts.has("rpt_sales_monthly", "net_amount", "is_complete")
    if not came or not company.marts.has("rpt_forecast_hits", "is_in_95", "is_judged"):
        return Figure(title, missing="There are no months to compare the forecast with.", width=12)
    takeaway = (
        f"{formatting.month(first['month'])} is expected to bring {company.money(first['expected_value'])}, and with "
        f"95% between {company.money(first['low_95_value'])} and {company.money(first['high_95_value'])}. "
        f"{_misses(company)}"
    )
    return Figure(
        title,
        first["as_of_date"],
        "Net sales by month, returns on their own day. The dark band should hold four months of five, the pale one "
        "nineteen of twenty; both come from how far off earlier forecasts were. Ticks are what would have been said "
        "three months before, knowing no more than was known then.",
        takeaway,
        charts.outlook(
            company.marts.frame(CHART, months=MONTHS_SHOWN, ahead=SAID_AHEAD), f"Net sales, {company.currency}"
        ),
        width=12,
    )


def _misses(company: Company) -> str:
    """How often a month of the past lay in the interval given three months before."""
    rows = company.marts.rows(
        """
        select is_in_95 from marts.rpt_forecast_hits
        where series = 'net_sales' and months_ahead = $ahead and is_judged
        """,
        ahead=SAID_AHEAD,
    )
    inside = [row for row in rows if row["is_in_95"]]
    return f"Of {len(rows)} months forecast three months before, {len(inside)} lay in that interval."


def _ahead(company: Company, rows: list[dict[str, Any]]) -> Figure:
    title = "Sales and customers of the months ahead"
    shown = [row for row in rows if row["status"] == "ok"]
    if not shown:
        return Figure(title, missing="No series is forecast; the table below says why.", width=12)
    by_series: dict[str, list[dict[str, Any]]] = {}
    for row in shown:
        by_series.setdefault(_name(row), []).append(row)
    months = next(iter(by_series.values()))
    table = Table(
        ("Series", *(formatting.month(row["month"]) for row in months)),
        [(name, *(_expected(company, row) for row in ahead)) for name, ahead in by_series.items()],
    )
    definition = (
        "Expected value, and below it the interval that should hold nineteen months of twenty. New customers place "
        "their first order in the month, returning ones a later one; customers of a tier hold it when the month ends."
    )
    return Figure(title, months[0]["as_of_date"], definition, table=table, width=12)


def _name(row: dict[str, Any]) -> str:
    return NAMES.get(row["series"], f"Customers in {row['tier']}")


def _expected(company: Company, row: dict[str, Any]) -> Cell:
    form = company.money if row["series"] == "net_sales" else formatting.count
    return Cell(form(row["expected_value"]), f"{form(row['low_95_value'])} to {form(row['high_95_value'])}")


def _judged(company: Company, rows: list[dict[str, Any]]) -> Figure:
    series = [row for row in rows if row["months_ahead"] == 1]
    table = Table(
        (
            "Series",
            "Month ends tried",
            "Error over the simple guess's",
            "In the 95% interval",
            "In the 80% interval",
            "Conclusion",
        ),
        [
            (
                _name(row),
                formatting.count(row["origins_count"]),
                _relative(row),
                formatting.percent(row["coverage_95_rate"]),
                formatting.percent(row["coverage_80_rate"]),
                REASONS.get(row["status"], "forecast"),
            )
            for row in series
        ],
        left=frozenset({0, 5}),
    )
    definition = (
        "Month ends of the past from which the six months after were forecast, knowing no more than was known then. "
        "The simple guess is the same month of the year before, or the last month where there are not two years. A "
        "series is forecast from six month ends on, where its error is no larger and its 95% interval held 90% to 99% "
        "of the months."
    )
    count = sum(row["status"] == "ok" for row in series)
    takeaway = f"{count} of {len(series)} series can be forecast."
    return Figure(
        "How well it was forecast before", series[0]["as_of_date"], definition, takeaway, table=table, width=12
    )


def _relative(row: dict[str, Any]) -> str:
    error, guess = row["mean_absolute_scaled_error"], row["naive_scaled_error"]
    return formatting.percent(error / guess if error is not None and guess else None)
