"""Sales and customers, and the segments that customers fall into."""

from collections.abc import Iterable

from serving.report import formatting
from serving.report.chapters.following import of_groups
from serving.report.charts import customers as charts
from serving.report.charts import flows as charts_of_flows
from serving.report.parts import Cell, Company, Figure, Live, Section, Table

SELLERS_SHOWN = 8
# From the best to those who are gone.
SEGMENTS = (
    "Champions",
    "Loyal",
    "Potential Loyalist",
    "New",
    "Promising",
    "Need Attention",
    "About to Sleep",
    "Cannot Lose",
    "At Risk",
    "Hibernating",
    "Lost",
    "Inactive",
    "Prospect",
)
NET_SALES = (
    "Net sales are what customers paid after the shop's discounts, less returns on the day they came back; "
    "cancelled and "
    "test orders are out."
)


def sales(company: Company) -> Section:
    """Net sales and customers by month, and the best-selling products."""
    figures = [_net_sales(company), _active(company), _came_and_went(company), _best_sellers(company)]
    return Section("sales", "Sales and customers", figures)


def segments(company: Company) -> Section:
    """Segments of customers by recency, frequency and money, and their activity."""
    figures = [_grid(company), _activity(company), _segment_table(company), _moves(company), _clusters(company)]
    lead = (
        "Segments rank customers against each other and say nothing about whether they still come: where people shop "
        "every week, one who was here ten days ago can rank as lost. Activity says that, so the two are shown crossed."
    )
    return Section("segments", "Customer segments", figures, lead)


def _net_sales(company: Company) -> Figure:
    title = "Net sales by month"
    if not company.marts.has("rpt_sales_monthly", "net_amount", "identified_rate", "is_complete"):
        return Figure(title, missing="There are no order lines yet, so there are no sales to show.", width=12)
    frame = company.marts.frame(
        "select month, net_amount, orders_count, is_complete from marts.rpt_sales_monthly order by month"
    )
    return Figure(
        title,
        company.as_of,
        f"{NET_SALES} Orders without a customer are included.",
        _coverage(company),
        charts.net_sales(frame, company.currency),
        width=12,
        live=Live(
            "sales", {"month": "month"}, {"net_amount": ("sum", "net_amount"), "orders_count": ("sum", "orders_count")}
        ),
    )


def _coverage(company: Company) -> str:
    if not company.marts.has("rpt_key_figures", "net_amount", "identified_rate"):
        return ""
    figures = company.marts.rows("from marts.rpt_key_figures order by as_of_date desc limit 1")[0]
    share, net = figures["identified_rate"], company.money(figures["net_amount"])
    if share is None:
        return ""
    known = "All" if share == 1 else formatting.percent(share, 1)
    return f"{net} so far. {known} of it is from customers who are known by name or card."


def _active(company: Company) -> Figure:
    title = "Active customers"
    horizon = company.settings.churn_horizon_days
    if not company.marts.has("rpt_customer_growth_monthly", "active_end_count", "retention_rate"):
        return Figure(title, missing="No customer has ordered yet, so nobody is active.")
    frame = company.marts.frame("from marts.rpt_customer_growth_monthly order by month")
    return Figure(
        title,
        company.as_of,
        f"Customers with a valid order in the {horizon} days up to the month's end.",
        chart=charts.active_customers(frame[["month", "active_end_count", "retention_rate"]]),
        live=Live(
            "active",
            {"month": "month"},
            {"active_end_count": ("sum", "active_end_count"), "retention_rate": ("none",)},
        ),
    )


def _came_and_went(company: Company) -> Figure:
    title = "Who came and who went"
    if not company.marts.has("rpt_customer_growth_monthly", "new_count", "reactivated_count", "lost_count"):
        return Figure(title, missing="No customer has ordered yet, so nobody came or went.")
    frame = company.marts.frame("from marts.rpt_customer_growth_monthly order by month")
    left_out = ""
    if "is_left_truncated" in frame and not frame["is_left_truncated"].all():
        if frame["is_left_truncated"].any():
            left_out = " Months soon after the data's first day are left out: customers from before would pass as new."
        frame = frame[~frame["is_left_truncated"]]
    return Figure(
        title,
        company.as_of,
        "Active at the month's end but not at its start: new with a first order in the month, else reactivated. "
        "Lost: the "
        f"other way round. Start + new + reactivated - lost = end.{left_out}",
        _last_growth(company),
        charts.came_and_went(frame[["month", "new_count", "reactivated_count", "lost_count"]]),
    )


def _last_growth(company: Company) -> str:
    rows = company.marts.rows(
        """
        select month, active_start_count, retention_rate from marts.rpt_customer_growth_monthly
        where retention_rate is not null order by month desc limit 1
        """
    )
    if not rows:
        return ""
    last = rows[0]
    return (
        f"In {formatting.month(last['month'])}, {formatting.percent(last['retention_rate'], 1)} of the "
        f"{formatting.count(last['active_start_count'])} customers active at its start still were at its end."
    )


def _best_sellers(company: Company) -> Figure:
    title = "Best sellers"
    if not company.marts.has("rpt_product_sales", "sales_rank", "net_amount_365d", "net_share_rate"):
        return Figure(title, missing="No line names a product, so there is no list of best sellers.", width=12)
    rows = company.marts.rows("from marts.rpt_product_sales order by sales_rank limit $shown", shown=SELLERS_SHOWN)
    most = float(max((row["net_amount_365d"] for row in rows), default=0)) or 1.0
    table = Table(
        ("Product", "Category", "Net sales", "Share"),
        [
            (
                row["product_name"],
                row["category"],
                Cell(company.money(row["net_amount_365d"]), bar=float(row["net_amount_365d"]) / most),
                formatting.percent(row["net_share_rate"], 1),
            )
            for row in rows
        ],
        left=frozenset({0, 1}),
    )
    return Figure(
        title,
        company.as_of,
        "Net sales of the past 365 days; products of one name and category are added up.",
        table=table,
        width=12,
    )


def _grid(company: Company) -> Figure:
    title = "Customers by recency, frequency and money"
    marts = company.marts
    missing = "No customer has a valid order yet, so customers cannot be ranked."
    if not marts.has("rpt_rfm_cells", "r_score", "fm_score", "rfm_segment", "net_share_rate"):
        return Figure(title, missing=missing)
    last = marts.last_day("rpt_rfm_cells")
    frame = marts.frame(
        """
        select r_score, fm_score, rfm_segment, customers_count, net_amount, net_share_rate as net_share
        from marts.rpt_rfm_cells
        where as_of_date = $last and rfm_window = 'lifetime'
        order by r_score, fm_score
        """,
        last=last,
    )
    if frame.empty:
        return Figure(title, missing=missing)
    return Figure(
        title,
        last,
        "Recency: days since the last valid order. Frequency: valid orders. Money: net sales. Each is ranked "
        "from 1 to 5 "
        "among all customers, 5 is best, equal values rank equal; frequency and money are averaged. The number "
        "is customers; the "
        "darker, the more of net sales they brought.",
        chart=charts.rfm_grid(frame),
        live=Live(
            "customers",
            {"r_score": "r_score", "fm_score": "fm_score"},
            {
                "customers_count": ("sum", "customers_count"),
                "net_amount": ("sum", "net_amount"),
                "net_share": ("share", "net_amount"),
            },
        ),
    )


def _activity(company: Company) -> Figure:
    title = "Do they still come?"
    marts, horizon = company.marts, company.settings.churn_horizon_days
    if not marts.has("fct_customer_rfm", "rfm_segment", "activity_status"):
        return Figure(title, missing="No customer has an order yet, so there is no activity to show.")
    frame = marts.frame(
        """
        select rfm_segment, activity_status, count(*) as customers_count from marts.fct_customer_rfm
        where as_of_date = $last and rfm_window = 'lifetime' and activity_status is not null
        group by all order by all
        """,
        last=marts.last_day("fct_customer_rfm"),
    )
    if frame.empty:
        return Figure(title, missing="No customer has an order yet, so there is no activity to show.")
    order = _in_order(frame["rfm_segment"])
    return Figure(
        title,
        marts.last_day("fct_customer_rfm"),
        f"Active: a valid order in the last {horizon} days; reactivated: the same after a pause of {horizon} "
        "days or more; at "
        f"risk: {horizon} to {2 * horizon - 1} days ago; lapsed: longer ago.",
        chart=charts.activity_by_segment(frame, order),
        live=Live(
            "customers",
            {"rfm_segment": "rfm_segment", "activity_status": "activity_status"},
            {"customers_count": ("sum", "customers_count")},
        ),
    )


def _in_order(found: Iterable[str]) -> list[str]:
    """The segments that were found, from the best to those who are gone; those of the company's own last."""
    names = set(found)
    return [*(name for name in SEGMENTS if name in names), *sorted(names - set(SEGMENTS))]


def _moves(company: Company) -> Figure:
    title = "Who changed segment"
    missing = "There are no two month ends with the same way of ranking yet, so nobody can be said to have moved."
    if not company.marts.has("fct_rfm_migrations", "from_segment", "to_segment", "customers_count"):
        return Figure(title, missing=missing, width=12)
    frame = company.marts.frame(
        """
        select month, from_segment, to_segment, customers_count from marts.fct_rfm_migrations
        where rfm_window = 'lifetime' and customers_count is not null
            and month = (select max(month) from marts.fct_rfm_migrations where customers_count is not null)
        order by from_segment, to_segment
        """
    )
    if frame.empty:
        return Figure(title, missing=missing, width=12)
    order = _in_order([*frame["from_segment"], *frame["to_segment"]])
    moved = frame[frame["from_segment"] != frame["to_segment"]]["customers_count"].sum()
    return Figure(
        title,
        company.as_of,
        f"Segments at the end of {formatting.month(frame['month'].iloc[0])} and a month before, of customers who had "
        "one at both; from the best segment to those who are gone.",
        f"{formatting.some(int(moved), 'customer')} of {formatting.count(frame['customers_count'].sum())} changed "
        "their segment.",
        charts_of_flows.moves(frame.drop(columns="month"), order),
        width=12,
    )


def _segment_table(company: Company) -> Figure:
    title = "What the segments are worth"
    marts = company.marts
    if not marts.has("rpt_rfm_segments", "rfm_segment", "net_amount", "average_order_amount"):
        return Figure(title, missing="No order has a customer, so there are no segments.", width=12)
    last = marts.last_day("rpt_rfm_segments")
    rows = marts.rows(
        """
        select *, net_share_rate as net_share from marts.rpt_rfm_segments
        where as_of_date = $last and rfm_window = 'lifetime'
        order by net_amount desc, rfm_segment
        """,
        last=last,
    )
    table = Table(
        (
            "Segment",
            "Customers",
            "Share of customers",
            "Net sales",
            "Share of net sales",
            "Average order",
            "Orders each",
            "Days since last",
        ),
        [
            (
                row["rfm_segment"],
                formatting.count(row["customers_count"]),
                Cell(formatting.percent(row["share_rate"]), bar=row["share_rate"]),
                company.money(row["net_amount"]),
                Cell(formatting.percent(row["net_share"]), bar=float(row["net_share"] or 0)),
                company.money(row["average_order_amount"]),
                formatting.one_digit(row["average_frequency"]),
                formatting.one_digit(row["average_recency_days"]),
            )
            for row in rows
        ],
        keys=[row["rfm_segment"] for row in rows],
    )
    live = of_groups(
        "rfm_segment",
        {
            "3": ("sum", "net_amount"),
            "4": ("share", "net_amount"),
            "5": ("ratio", "net_amount", "orders_count"),
            "6": ("ratio", "orders_count", "customers_count"),
            "7": ("ratio", "recency_days", "customers_count"),
        },
        {"5": "money", "6": "digit", "7": "digit"},
    )
    definition = f"All orders up to the day. {NET_SALES}"
    return Figure(title, last, definition, table=table, width=12, live=live)


def _clusters(company: Company) -> Figure:
    title = "Groups by behaviour"
    marts = company.marts
    if not marts.has("rpt_cluster_customers", "cluster_name", "net_share_rate", "average_orders_365d"):
        return Figure(
            title,
            missing="No groups by behaviour: the clustering has not run, or there are too few customers for it.",
            width=12,
        )
    last = marts.last_day("rpt_cluster_customers")
    rows = marts.rows(
        "from marts.rpt_cluster_customers where as_of_date = $last order by net_amount_365d desc, cluster_id", last=last
    )
    table = Table(
        (
            "Group",
            "Customers",
            "Share of customers",
            "Net sales",
            "Share of net sales",
            "Orders each",
            "Median days since last",
        ),
        [
            (
                row["cluster_name"],
                formatting.count(row["customers_count"]),
                Cell(formatting.percent(row["share_rate"]), bar=row["share_rate"]),
                company.money(row["net_amount_365d"]),
                Cell(formatting.percent(row["net_share_rate"]), bar=float(row["net_share_rate"] or 0)),
                formatting.one_digit(row["average_orders_365d"]),
                formatting.count(row["median_recency_days"]),
            )
            for row in rows
        ],
        keys=[row["cluster_name"] for row in rows],
    )
    values = {
        "3": ("sum", "net_amount_365d"),
        "4": ("share", "net_amount_365d"),
        "5": ("ratio", "orders_count_365d", "customers_count"),
        "6": ("none",),  # a median cannot be told from sums
    }
    return Figure(
        title,
        last,
        "Customers who shop alike, found by k-means on their orders of the past; net sales and orders of the "
        "past 365 days.",
        table=table,
        width=12,
        live=of_groups("cluster_name", values, {"5": "digit"}),
    )
