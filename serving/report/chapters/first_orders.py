"""First orders of good customers: products, categories, channels and countries, compared with all other customers."""

from typing import Any

import pandas as pd

from serving.report import formatting
from serving.report.charts import first_orders as charts
from serving.report.parts import Company, Figure, Section, Table

ATTRIBUTES = {
    "first_product": "Product",
    "first_category": "Category",
    "first_discount_code": "Discount code",
    "first_discounted": "Price",
    "first_order_size": "Size of the order",
    "channel": "Channel",
    "store": "Store",
    "country": "Country",
    "marketing_source": "Marketing source",
    "marketing_medium": "Marketing medium",
    "marketing_campaign": "Marketing campaign",
}
VALUES = {
    ("first_discounted", "yes"): "with a discount",
    ("first_discounted", "no"): "at full price",
    ("first_discount_code", "none"): "no code",
    ("first_order_size", "1"): "smallest fifth",
    ("first_order_size", "2"): "second fifth",
    ("first_order_size", "3"): "middle fifth",
    ("first_order_size", "4"): "fourth fifth",
    ("first_order_size", "5"): "largest fifth",
}
LEAD = (
    "Customers by what their first order was, beside all others of the same age. A difference goes with how they "
    "began; whether it comes of that, only an experiment tells."
)
SHOWN = 12
CURVES = 6
TESTED = (
    f"Stands out: not explained by chance, although many values are looked at (Holm, 5%). The first {SHOWN}: what "
    "stands out, then the surest of the others."
)
TOO_YOUNG = "Too few customers have a first order that is {days} days old, so beginnings cannot be compared."
MARGIN = "cumulative_margin_amount_per_customer"
COLUMNS = ("difference_low", "difference_high", "is_different", "holm_p_value", "others_value")


def first_orders(company: Company) -> Section:
    """Differences in repurchase and margin by first order, and the repurchase rate of each group."""
    figures = [_coming_back(company), _earning(company), _curves(company)]
    return Section("first-orders", "What good customers began with", figures, LEAD)


def _differences(company: Company, metric: str, days: int) -> list[dict[str, Any]]:
    """The known differences, significant ones first, each with its value in words as `began`."""
    if not company.marts.has("rpt_cohort_drivers", *COLUMNS):
        return []
    rows = company.marts.rows(
        """
        from marts.rpt_cohort_drivers where status = 'ok' and metric = $metric and age_days = $days
        order by is_different desc, holm_p_value, p_value, abs(difference) desc, attribute, attribute_value limit $shown
        """,
        metric=metric,
        days=days,
        shown=SHOWN,
    )
    values = _values(company, rows)
    return [
        {**row, "began": f"{_attribute(row['attribute'])}: {value}"} for row, value in zip(rows, values, strict=True)
    ]


def _attribute(name: str) -> str:
    return ATTRIBUTES.get(name, formatting.title(name))


def _values(company: Company, rows: list[dict[str, Any]]) -> list[str]:
    """The values of attributes in words: products by name, fifths and discounts by their meaning."""
    names = company.product_names(row["attribute_value"] for row in rows if row["attribute"] == "first_product")
    words = VALUES | {("first_product", product): name for product, name in names.items()}
    return [words.get((row["attribute"], row["attribute_value"]), row["attribute_value"]) for row in rows]


def _coming_back(company: Company) -> Figure:
    title = "Who comes back within 90 days"
    rows = _differences(company, "repurchase_rate", 90)
    if not rows:
        return Figure(title, missing=TOO_YOUNG.format(days=90), width=12)
    return Figure(
        title,
        company.as_of,
        "Share of customers with a second order within 90 days of the first, less that share of all others, in "
        f"percentage points; the bar is its 95% interval. {TESTED}",
        _most_different(rows),
        charts.differences(rows),
        width=12,
    )


def _most_different(rows: list[dict[str, Any]]) -> str:
    found = [row for row in rows if row["is_different"]]
    if not found:
        return "Nothing stands out: each of these differences may be chance."
    first = found[0]
    return (
        f"{first['began']}: {formatting.percent(first['value'])} of those who began so came back, "
        f"{formatting.percent(first['others_value'])} of all others."
    )


def _earning(company: Company) -> Figure:
    title = "Who earns more within half a year"
    rows = _differences(company, MARGIN, 180)
    if not rows:
        return Figure(title, missing=TOO_YOUNG.format(days=180), width=12)
    table = Table(
        (
            "First order",
            "Customers",
            "Margin per customer",
            "Of all others",
            "Difference",
            "95% interval",
            "Conclusion",
        ),
        [
            (
                row["began"],
                formatting.count(row["customers_count"]),
                company.money(row["value"]),
                company.money(row["others_value"]),
                company.money(row["difference"]),
                f"{company.money(row['difference_low'])} to {company.money(row['difference_high'])}",
                charts.conclusion(row),
            )
            for row in rows
        ],
        left=frozenset({0, 6}),
    )
    return Figure(
        title,
        company.as_of,
        f"Margin of the first 180 days, returns taken off. {TESTED}",
        table=table,
        assumed=company.assumed_margin,
        width=12,
    )


def _curves(company: Company) -> Figure:
    title = "How they came back, by what they began with"
    missing = TOO_YOUNG.format(days=30)
    if not company.marts.has("fct_cohort_attributes", "repurchase_rate", "is_small"):
        return Figure(title, missing=missing, width=12)
    frame = _largest(
        company.marts.frame(
            """
            select attribute, attribute_value, age_days, repurchase_rate, cohort_size from marts.fct_cohort_attributes
            where cohort_month = 'all' and status = 'ok' and not is_small
                and attribute_value not in ('unknown', 'other')
            order by attribute, attribute_value, age_days
            """
        )
    )
    if frame.empty:
        return Figure(title, missing=missing, width=12)
    frame["began"] = _values(company, frame.to_dict("records"))
    frame["attribute"] = frame["attribute"].map(_attribute)
    return Figure(
        title,
        company.as_of,
        "Share of customers with a second order so many days after the first, of those whose first order is that old; "
        f"the {CURVES} values with most customers. Values with under 30 are left out.",
        chart=charts.curves(frame),
        width=12,
    )


def _largest(frame: pd.DataFrame) -> pd.DataFrame:
    """The values of each attribute that most customers began with, the attributes with most of them first."""
    sizes = frame.groupby(["attribute", "attribute_value"], as_index=False)["cohort_size"].max()
    sizes = sizes.sort_values(["cohort_size", "attribute_value"], ascending=[False, True])
    largest = sizes.groupby("attribute").head(CURVES)
    order = largest.groupby("attribute").size().sort_values(ascending=False, kind="stable").index
    kept = frame.merge(largest[["attribute", "attribute_value"]])
    return kept.sort_values("attribute", key=lambda names: names.map(order.get_loc), kind="stable", ignore_index=True)
