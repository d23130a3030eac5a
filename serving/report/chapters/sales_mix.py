"""Sales of new and returning customers, and the part of sales with discounts."""

from typing import Any

from serving.report import formatting
from serving.report.charts import sales_mix as charts
from serving.report.parts import Cell, Company, Figure, Section, Table

GROUPS = {
    "all": "All customers",
    "never": "Never with a discount",
    "sometimes": "Sometimes",
    "mostly": "Mostly (two thirds or more)",
    "only": "Only with a discount",
    "one_order": "One order so far",
    "discounted": "First order with a discount",
    "full_price": "First order at full price",
}
DEPENDENCE = (
    "Customers by how many of their orders had a discount, from two orders on, and by their first order; net sales "
    "and margin less what came back. Full price: the share with an order without a discount on a later day within so "
    "many days of the first, of those whose first order is that old. It goes with the group; it is not what a discount "
    "causes. * under 30 customers."
)
NO_SALES = "There are no order lines yet, so there are no sales to show."
NO_ORDERS = "No customer has ordered yet, so nothing depends on discounts."
NO_DISCOUNTS = "No order had a discount, so none of the sales rests on them."


def new_and_returning(company: Company) -> Section:
    """Net sales by whether the customer is new, and the same by channel."""
    lead = (
        "A customer is new in the first order and returns in every later one. What comes back lowers the sales of "
        "those whose order it was."
    )
    return Section("new-and-returning", "New and returning customers", [_mix(company), _channels(company)], lead)


def discounts(company: Company) -> Section:
    """Discounts given, and customers who buy without them."""
    return Section("discounts", "Discounts", [_discount_rates(company), _dependence(company)])


def _months(company: Company) -> list[dict[str, Any]]:
    """The months of all channels together."""
    if not company.marts.has("rpt_sales_mix_monthly", "new_net_amount", "is_all_channels", "discount_rate"):
        return []
    return company.marts.rows("from marts.rpt_sales_mix_monthly where is_all_channels order by month")


def _mix(company: Company) -> Figure:
    title = "Who the sales come from"
    months = _months(company)
    if not any(month["orders_count"] for month in months):
        return Figure(title, missing=NO_SALES, width=12)
    frame = company.marts.frame("from marts.rpt_sales_mix_monthly where is_all_channels order by month")
    left_out = ""
    if frame["is_left_truncated"].any() and not frame["is_left_truncated"].all():
        left_out = " Months soon after the data's first day are left out: customers from before would pass as new."
        frame = frame[~frame["is_left_truncated"]]
    return Figure(
        title,
        company.as_of,
        "Net sales by month of first orders, of later orders, of guests, and of returns whose order is not known. "
        f"The four sum to net sales.{left_out}",
        _last_mix(months),
        charts.sales_mix(frame, company.currency),
        width=12,
    )


def _last_mix(months: list[dict[str, Any]]) -> str:
    known = [month for month in months if month["new_net_share_rate"] is not None and not month["is_left_truncated"]]
    if not known:
        return ""
    last = known[-1]
    return (
        f"In {formatting.month(last['month'])}, {formatting.percent(last['new_net_share_rate'])} of net sales came "
        f"from {formatting.some(last['new_customers_count'], 'new customer')} and "
        f"{formatting.percent(last['returning_net_share_rate'])} from "
        f"{formatting.some(last['returning_customers_count'], 'returning one')}."
    )


def _channels(company: Company) -> Figure:
    title = "New and returning by channel"
    over = [month["month"] for month in _months(company) if month["is_complete"] and month["orders_count"]]
    if not over:
        return Figure(title, missing="No month with orders is over yet, so channels cannot be compared.", width=12)
    rows = company.marts.rows(
        """
        from marts.rpt_sales_mix_monthly where not is_all_channels and month = $month and orders_count > 0
        order by net_amount desc, channel
        """,
        month=over[-1],
    )
    if [row["channel"] for row in rows] == ["unknown"]:
        return Figure(title, missing="The data does not say in which channel an order was placed.", width=12)
    table = Table(
        ("Channel", "Orders", "New customers", "Returning customers", "Net sales", "Of new customers", "Of returning"),
        [
            (
                _marked(row["channel"], row["is_small"]),
                formatting.count(row["orders_count"]),
                formatting.count(row["new_customers_count"]),
                formatting.count(row["returning_customers_count"]),
                company.money(row["net_amount"]),
                _share(row["new_net_share_rate"]),
                _share(row["returning_net_share_rate"]),
            )
            for row in rows
        ],
    )
    return Figure(
        title,
        company.as_of,
        f"{formatting.month(over[-1])}, the last month with orders that is over. A customer is new once, in the "
        "channel of the first order. * under 30 orders.",
        table=table,
        width=12,
    )


def _discount_rates(company: Company) -> Figure:
    title = "How much is given away"
    months = _months(company)
    if not any(month["orders_count"] for month in months):
        return Figure(title, missing=NO_SALES, width=12)
    if not any(month["discount_amount"] for month in months):
        return Figure(title, missing=NO_DISCOUNTS, width=12)
    if not any(month["discount_rate"] is not None for month in months):
        return Figure(title, missing="No month with sales is over yet, so there is no rate to show.", width=12)
    frame = company.marts.frame(
        """
        select month, discount_rate, discount_amount from marts.rpt_sales_mix_monthly
        where is_all_channels and discount_rate is not null order by month
        """
    )
    return Figure(
        title,
        company.as_of,
        "The shop's discounts as a share of what the goods would have cost without them, by month; returns taken off. "
        "Months that are not over are left out.",
        chart=charts.discount_rates(frame),
        width=12,
    )


def _dependence(company: Company) -> Figure:
    title = "Who buys at full price"
    has_rows = company.marts.has("rpt_discount_dependence", "group_kind", "full_price_rate_90d", "status")
    rows = company.marts.rows("from marts.rpt_discount_dependence order by group_rank") if has_rows else []
    statuses = {row["status"] for row in rows}
    if not rows or "no_orders" in statuses:
        return Figure(title, missing=NO_ORDERS, width=12)
    if "no_discounts" in statuses:
        return Figure(title, missing=NO_DISCOUNTS, width=12)
    return Figure(
        title,
        company.as_of,
        DEPENDENCE,
        _only(rows),
        table=_groups(company, rows),
        assumed=company.assumed_margin,
        width=12,
    )


def _groups(company: Company, rows: list[dict[str, Any]]) -> Table:
    return Table(
        (
            "Customers' orders",
            "Customers",
            "Share of customers",
            "Net sales",
            "Share of net sales",
            "Margin",
            "Discount",
            "Full price in 90 days",
            "In 180 days",
        ),
        [
            (
                _marked(GROUPS[row["group_value"]], row["is_small"]),
                formatting.count(row["customers_count"]),
                _share(row["customers_share_rate"]),
                company.money(row["net_amount"]),
                _share(row["net_share_rate"]),
                company.money(row["margin_amount"]),
                formatting.percent(row["discount_rate"], 1),
                formatting.percent(row["full_price_rate_90d"]),
                formatting.percent(row["full_price_rate_180d"]),
            )
            for row in rows
        ],
    )


def _only(rows: list[dict[str, Any]]) -> str:
    only = next(row for row in rows if row["group_value"] == "only")
    if not only["customers_count"]:
        return "Nobody has ordered twice or more and always with a discount."
    return (
        f"{formatting.some(only['customers_count'], 'customer')} with two orders or more "
        f"{'has' if only['customers_count'] == 1 else 'have'} never bought at full price: "
        f"{formatting.percent(only['customers_share_rate'], 1)} of customers, "
        f"{formatting.percent(only['net_share_rate'], 1)} of net sales."
    )


def _marked(name: str, is_small: bool) -> str:
    return f"{name} *" if is_small else name


def _share(rate: float | None) -> Cell:
    return Cell(formatting.percent(rate), bar=None if rate is None else min(1.0, max(0.0, rate)))
