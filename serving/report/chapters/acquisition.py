"""What a new customer costs, and when that has come back."""

from typing import Any

from serving.report import formatting
from serving.report.parts import Company, Figure, Section, Table

LEAD = (
    "A customer's channel is where the first order came from; customers of an unknown channel are spread over none. "
    "Margins are those earned so far, after returns, at the same age for all. Months soon after the data's first day "
    "are left out: customers from before would pass as new."
)
NO_SPEND = Figure(
    "Cost of a new customer",
    missing="The data has no spend on advertising, or only in months soon after its first day. Deliver it as the "
    "entity marketing_spend (docs/input.md) to see what a new customer costs and when that is paid back.",
    width=12,
)
MONTHS_SHOWN = 12
STATUSES = {
    "paid_back": "paid back",
    "not_paid_back_yet": "not yet",
    "no_customer_old_enough": "too early",
    "no_spend": "no spend",
    "channel_unknown": "channel unknown",
}


def acquisition(company: Company) -> Section:
    """Cost of new customers by month and channel, and the age at which their margin reaches it."""
    figures = [_costs(company), _payback(company)] if _has_spend(company) else [NO_SPEND]
    return Section("acquisition", "What new customers cost", figures, LEAD)


def _has_spend(company: Company) -> bool:
    if not company.marts.has("rpt_acquisition_monthly", "spend_amount", "is_left_truncated") or not company.marts.has(
        "rpt_payback", "payback_days", "status"
    ):
        return False
    return bool(
        company.marts.one(
            "select count(*) from marts.rpt_acquisition_monthly where spend_amount > 0 and not is_left_truncated"
        )
    )


def _costs(company: Company) -> Figure:
    rows = company.marts.rows(
        """
        from marts.rpt_acquisition_monthly where is_all_channels and spend_amount > 0 and not is_left_truncated
        order by month desc limit $shown
        """,
        shown=MONTHS_SHOWN,
    )
    return Figure(
        "Cost of a new customer",
        company.as_of,
        "Spend on advertising over the customers who ordered for the first time in that month, in whichever channel; "
        "then with the programme's costs. 90 and 180 days: the margin of their first days over the spend, once all of "
        "them are that old; 1.00× means that the spend has come back. * under 30 customers.",
        table=_costs_by_month(company, rows),
        assumed=company.assumed_margin,
        width=12,
    )


def _costs_by_month(company: Company, rows: list[dict[str, Any]]) -> Table:
    columns = (
        "Month",
        "Spend",
        "New customers",
        "Channel unknown",
        "Cost of one",
        "With the programme",
        "90 days",
        "180 days",
    )
    return Table(
        columns,
        [
            (
                formatting.month(row["month"]) + ("" if row["is_complete"] else " (not over)"),
                company.money(row["spend_amount"]),
                _small(formatting.count(row["new_customers_count"]), row),
                formatting.percent(row["unknown_channel_rate"]),
                company.money(row["cac_amount"]),
                company.money(row["fully_loaded_cac_amount"]),
                formatting.times(row["ltv_to_cac_90d"]),
                formatting.times(row["ltv_to_cac_180d"]),
            )
            for row in rows
        ],
    )


def _payback(company: Company) -> Figure:
    rows = company.marts.rows(
        """
        from marts.rpt_payback where spend_amount > 0 and not is_left_truncated
        order by cohort_month desc, is_all_channels desc, channel limit $shown
        """,
        shown=3 * MONTHS_SHOWN,
    )
    table = Table(
        ("Month", "Channel", "New customers", "Cost of one", "Margin of one so far", "At an age of", "Paid back after"),
        [
            (
                formatting.month(row["cohort_month"]),
                "All channels" if row["is_all_channels"] else row["channel"],
                _small(formatting.count(row["cohort_size"]), row),
                company.money(row["cac_amount"]),
                company.money(row["cumulative_margin_amount_per_customer"]),
                f"{row['looked_at_age_days']} days",
                f"{row['payback_days']} days" if row["payback_days"] else STATUSES[row["status"]],
            )
            for row in rows
        ],
    )
    return Figure(
        "When the spend has come back",
        company.as_of,
        "The first age, in steps of 30 days, at which the margin of a month's new customers reaches what was spent on "
        "them. No age is looked at that not all of them have reached. * under 30 customers.",
        table=table,
        assumed=company.assumed_margin,
        width=12,
    )


def _small(text: str, row: dict[str, Any]) -> str:
    return f"{text} *" if row["is_small"] else text
