"""What is bought again, what is bought together, and what the next order holds."""

from typing import Any

import pandas as pd

from serving.report import formatting
from serving.report.charts import products as charts
from serving.report.charts.first_orders import MAY_BE_CHANCE, STANDS_OUT
from serving.report.parts import Cell, Company, Figure, Section, Table

LEAD = (
    "Valid orders of known customers. What is bought together or next need not be bought because of each other: who "
    "makes coffee needs filters, whatever is shown. Whether an offer sells more, only an experiment tells."
)
AGAIN_SHOWN = 12
CATEGORIES_SHOWN = 8
PAIRS_SHOWN = 12
FIRSTS_SHOWN = 6
NEXT_SHOWN = 3
AGAIN = (
    "Days until a quarter, half and three quarters of those who bought it have bought it again, counting those who "
    f"have not yet (Kaplan-Meier). {formatting.NONE}: so many never have so far. The {{shown}} bought again most "
    "often, with 30 such purchases or more; who buys often counts with every wait."
)
TOGETHER = (
    f"Pairs in 20 orders or more, the {PAIRS_SHOWN} that are most above chance. Also with the second: of the orders "
    "with the first product, the share with both, and the other way round. Stands out: not explained by chance, "
    "although {compared} pairs were compared (Holm, 5%). Large orders hold more of everything, who always buys both "
    "counts with each order, and the largest of many figures tend to be too large."
)
WORDS = {"other": "something else", "unknown": "not known", "no_next_order": "no order"}
NO_NEXT = "No {kind} was in enough first orders that are 180 days old, so what follows cannot be told."


def products(company: Company) -> Section:
    """Replenishment, baskets and journeys."""
    figures = [
        _again(company, "product", AGAIN_SHOWN),
        _again(company, "category", CATEGORIES_SHOWN),
        _together(company),
        _next_categories(company),
        _next_products(company),
    ]
    return Section("products", "What is bought again, together and next", figures, LEAD)


def _again(company: Company, kind: str, shown: int) -> Figure:
    title = f"When a {kind} is bought again"
    rows = []
    if company.marts.has("rpt_replenishment", "median_wait_days", "is_small"):
        rows = company.marts.rows(
            """
            from marts.rpt_replenishment where group_kind = $kind and not is_small
            order by ended_waits_count desc, group_value limit $shown
            """,
            kind=kind,
            shown=shown,
        )
    if not rows:
        return Figure(title, missing=f"No {kind} was bought again 30 times, so there is no usual wait.", width=12)
    names = company.product_names(row["group_value"] for row in rows) if kind == "product" else {}
    table = Table(
        (kind.title(), "Customers", "Bought again", "A quarter after", "Half after", "Three quarters after"),
        [
            (
                names.get(row["group_value"], row["group_value"]),
                formatting.count(row["customers_count"]),
                formatting.some(row["ended_waits_count"], "time"),
                _days(row["first_quartile_wait_days"]),
                _days(row["median_wait_days"]),
                _days(row["third_quartile_wait_days"]),
            )
            for row in rows
        ],
    )
    return Figure(title, company.as_of, AGAIN.format(shown=shown), _soonest(rows, names), table=table, width=12)


def _soonest(rows: list[dict[str, Any]], names: dict[str, str]) -> str:
    known = [row for row in rows if row["median_wait_days"] is not None]
    if not known:
        return "Of none of these have half of the buyers bought it again so far."
    first = min(known, key=lambda row: row["median_wait_days"])
    name = names.get(first["group_value"], first["group_value"])
    return f"{name} comes back soonest of these: half have bought it again after {_days(first['median_wait_days'])}."


def _together(company: Company) -> Figure:
    title = "What is bought together"
    rows = []
    if company.marts.has("rpt_basket_pairs", "lift", "is_above_chance"):
        rows = company.marts.rows(
            """
            from marts.rpt_basket_pairs where group_kind = 'product' and lift > 1
            order by is_above_chance desc, lift desc, joint_orders_count desc, first_value, second_value limit $shown
            """,
            shown=PAIRS_SHOWN,
        )
    if not rows:
        missing = "No two products are together in 20 orders more often than they would be by chance."
        return Figure(title, missing=missing, width=12)
    names = company.product_names(row[end] for row in rows for end in ("first_value", "second_value"))
    pairs = [(names.get(row["first_value"], row["first_value"]), names.get(row["second_value"], row["second_value"]))
             for row in rows]  # fmt: skip
    table = Table(
        (
            "Pair",
            "Orders with both",
            "Also with the second",
            "Also with the first",
            "Times as often as by chance",
            "Conclusion",
        ),
        [
            (
                Cell(first, f"and {second}"),
                formatting.count(row["joint_orders_count"]),
                _share_of(row["first_to_second_rate"], row["first_orders_count"]),
                _share_of(row["second_to_first_rate"], row["second_orders_count"]),
                f"{row['lift']:,.1f}",
                STANDS_OUT if row["is_above_chance"] else MAY_BE_CHANCE,
            )
            for (first, second), row in zip(pairs, rows, strict=True)
        ],
        left=frozenset({0, 5}),
    )
    takeaway = "Nothing stands out: each of these pairs may be chance."
    if rows[0]["is_above_chance"]:
        takeaway = f"{' and '.join(pairs[0])} are in one order {rows[0]['lift']:,.1f} times as often as by chance."
    definition = TOGETHER.format(compared=formatting.count(rows[0]["comparisons_count"]))
    return Figure(title, company.as_of, definition, takeaway, table=table, width=12)


def _share_of(rate: float, count: int) -> Cell:
    return Cell(formatting.percent(rate, 1), f"of {formatting.count(count)}")


def _next_categories(company: Company) -> Figure:
    title = "What the second order holds, by category"
    frame = _journeys(company, "category")
    largest = _largest(frame, CATEGORIES_SHOWN)
    frame = frame[frame["from_value"].isin(largest) & frame["to_value"].isin([*largest, "no_next_order"])]
    if frame.empty:
        return Figure(title, missing=NO_NEXT.format(kind="category"), width=12)
    order = {value: place for place, value in enumerate([*largest, "no_next_order"])}
    frame = frame.assign(from_place=frame["from_value"].map(order), to_place=frame["to_value"].map(order))
    frame = frame.sort_values(["from_place", "to_place"]).drop(columns=["from_place", "to_place"])
    return Figure(
        title,
        company.as_of,
        "Of customers whose first order held a category, the share whose second order, within 180 days, held another, "
        "or who placed none; only first orders that are 180 days old. An order with several categories counts under "
        f"each, so a row may sum to more than 100%. The {CATEGORIES_SHOWN} categories that most customers began with.",
        chart=charts.next_orders(frame.assign(from_name=frame["from_value"], to_name=frame["to_value"].replace(WORDS))),
        width=12,
    )


def _next_products(company: Company) -> Figure:
    title = "What the second order holds, by product"
    frame = _journeys(company, "product")
    largest = _largest(frame, FIRSTS_SHOWN)
    frame = frame[frame["from_value"].isin(largest) & ~frame["to_value"].isin(list(WORDS))]
    if frame.empty:
        return Figure(title, missing=NO_NEXT.format(kind="product"), width=12)
    names = company.product_names([*frame["from_value"], *frame["to_value"]])
    frame = frame.sort_values(["reached_orders_count", "to_value"], ascending=[False, True], kind="stable")
    table = Table(
        ("First order", "Customers", "Second order", "Of them", "95% interval", "After any first order", "Half within"),
        [
            (
                names.get(row["from_value"], row["from_value"]),
                formatting.count(row["from_orders_count"]),
                names.get(row["to_value"], row["to_value"]),
                formatting.percent(row["reached_rate"], 1),
                f"{formatting.percent(row['reached_low'], 1)} to {formatting.percent(row['reached_high'], 1)}",
                formatting.percent(row["all_reached_rate"], 1),
                _days(row["median_days"]),
            )
            for value in largest
            for row in frame[frame["from_value"] == value].head(NEXT_SHOWN).to_dict("records")
        ],
        left=frozenset({0, 2}),
    )
    return Figure(
        title,
        company.as_of,
        f"The {FIRSTS_SHOWN} products that most customers began with, and the {NEXT_SHOWN} that most of them bought "
        "next, within 180 days. What sells most follows everything: compare with the share after any first order.",
        table=table,
        width=12,
    )


def _journeys(company: Company, kind: str) -> pd.DataFrame:
    """From the first order to the second, by what most customers began with; those of few customers are left out."""
    columns = ["from_value", "to_value", "from_orders_count", "reached_orders_count", "reached_rate", "reached_low",
               "reached_high", "all_reached_rate", "median_days"]  # fmt: skip
    if not company.marts.has("rpt_next_products", *columns, "is_small"):
        return pd.DataFrame(columns=columns)
    return company.marts.frame(
        f"""
        select {", ".join(columns)} from marts.rpt_next_products
        where group_kind = $kind and from_order_number = '1' and not is_small
        order by from_orders_count desc, from_value, to_value
        """,
        kind=kind,
    )


def _largest(frame: pd.DataFrame, shown: int) -> list[str]:
    """The values that most customers began with."""
    return list(dict.fromkeys(frame["from_value"]))[:shown]


def _days(days: float | None) -> str:
    return formatting.NONE if days is None else formatting.some(round(days), "day")
