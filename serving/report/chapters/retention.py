"""Whether customers come back: cohorts, second purchases."""

from serving.report import formatting
from serving.report.charts import flows as charts_of_flows
from serving.report.charts import retention as charts
from serving.report.parts import Company, Figure, Section

COHORTS_WITH_VALUE = 12


def retention(company: Company) -> Section:
    """The cohort heat map, repurchase within set days, the wait for the second purchase, and what cohorts bring."""
    figures = [_cohorts(company), _repurchase(company), _waiting(company), _values(company)]
    return Section("retention", "Coming back", figures)


def _cohorts(company: Company) -> Figure:
    title = "Retention by month of the first order"
    marts = company.marts
    missing = "No cohort has a complete month after its first one yet, so there is no retention to show."
    if not marts.has("fct_cohort_retention", "retention_rate", "is_left_truncated", "is_small"):
        return Figure(title, missing=missing, width=12)
    frame = marts.frame(
        """
        select cohort_month, period, cohort_size, retention_rate, is_left_truncated, is_small
        from marts.fct_cohort_retention
        where period_unit = 'month' and period > 0 and is_complete
        order by cohort_month, period
        """
    )
    if frame.empty:
        return Figure(title, missing=missing, width=12)
    return Figure(
        title,
        company.as_of,
        "Share of the customers with their first valid order in the month who ordered in a later calendar "
        "month. Months that "
        f"are not over are blank. † starts less than {2 * company.settings.churn_horizon_days} days after the "
        "data does: "
        "customers from before may pass as new. * under 30 customers.",
        chart=charts.cohort_heat_map(frame),
        width=12,
    )


def _repurchase(company: Company) -> Figure:
    title = "A second order within …"
    marts = company.marts
    rows = (
        marts.rows("from marts.rpt_repurchase where cohort_month::varchar = 'all' order by horizon_days")
        if marts.has("rpt_repurchase", "repurchase_rate", "status")
        else []
    )
    known = [row for row in rows if row["repurchase_rate"] is not None]
    if not known:
        return Figure(title, missing="No customer's first order is 30 days old yet, so no second one can be counted.")
    unknown = [row for row in rows if row["repurchase_rate"] is None]
    takeaway = "".join(f"{row['horizon_days']} days: {formatting.reason(row['status'])}. " for row in unknown)
    frame = marts.frame(
        """
        select horizon_days, repurchase_rate, mature_customers_count from marts.rpt_repurchase
        where cohort_month::varchar = 'all' and repurchase_rate is not null
        order by horizon_days
        """
    )
    return Figure(
        title,
        company.as_of,
        "Of customers whose first valid order is at least so many days old, the share with a valid order on a "
        "later day within them.",
        takeaway,
        charts.repurchase(frame),
    )


def _waiting(company: Company) -> Figure:
    title = "How long until the second purchase"
    marts = company.marts
    if not marts.has("fct_purchase_survival", "survival_rate", "gap_kind"):
        return Figure(title, missing="No customer has been waited for yet, so there is no curve to show.")
    bounds = "survival_low, survival_high" if marts.has("fct_purchase_survival", "survival_low") else "null, null"
    frame = marts.frame(
        f"""
        select day, 1 - survival_rate as returned_rate, 1 - high as returned_low, 1 - low as returned_high
        from (
            select day, survival_rate, {bounds} from marts.fct_purchase_survival
            where cohort_month::varchar = 'all' and gap_kind = 'second'
        ) as curve (day, survival_rate, low, high)
        order by day
        """
    )
    if frame.empty:
        return Figure(title, missing="No customer has been waited for yet, so there is no curve to show.")
    half = frame[frame["returned_rate"] >= 0.5]["day"]
    takeaway = f"Half of the customers are back after {some_days(int(half.min()))}." if len(half) else ""
    return Figure(
        title,
        company.as_of,
        "Share of customers with a second purchase day by then (Kaplan-Meier: who has not come back yet counts "
        "for as long as "
        "they were waited for). Shaded: 95% interval.",
        takeaway,
        charts.return_curve(frame),
    )


def _values(company: Company) -> Figure:
    title = "What a customer brings with age"
    missing = "No cohort since the data's start is 30 days old yet, so its customers cannot be compared at equal ages."
    if not company.marts.has("fct_cohort_retention", "cumulative_net_amount_per_customer", "is_left_truncated"):
        return Figure(title, missing=missing, width=12)
    frame = company.marts.frame(
        """
        with shown as (
            select distinct cohort_month from marts.fct_cohort_retention
            where period_unit = 'age_30d' and is_complete and not is_left_truncated and not is_small
            order by cohort_month desc limit $cohorts
        )

        select
            cohort_month, 30 * (period + 1) as age_days, cumulative_net_amount_per_customer::double as amount,
            cohort_size
        from marts.fct_cohort_retention
        where period_unit = 'age_30d' and is_complete and not is_small and cohort_month in (from shown)
        order by cohort_month, period
        """,
        cohorts=COHORTS_WITH_VALUE,
    )
    if frame.empty:
        return Figure(title, missing=missing, width=12)
    return Figure(
        title,
        company.as_of,
        "Net sales so far per customer of a month's first orders, at ages in steps of 30 days: only customers who are "
        "that old count, so cohorts are compared at equal ages. Cohorts of under 30 customers, and those soon after "
        "the data's first day, are left out; the latest twelve are shown.",
        chart=charts_of_flows.cohort_values(frame, company.currency),
        width=12,
    )


def some_days(number: int) -> str:
    """1 day, 7 days."""
    return formatting.some(number, "day")
