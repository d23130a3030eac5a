"""Recency, frequency and net sales so far, their scores, and the segment."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from serving.explain.explanation import Arithmetic, Explanation, Metric, NotToldError, counted, told
from serving.explain.facts import Facts, Row

NAME = "rfm"
PUBLISHED = """
select recency_days, frequency, monetary_amount, r_score, f_score, m_score, fm_score, scoring_method, rfm_segment
from fct_customer_rfm
where customer_id = $customer_id and as_of_date = $as_of_date and rfm_window = 'lifetime'
"""
ORDERS = """
select order_id, order_date, net_amount
from fct_orders
where customer_id = $customer_id and is_valid and order_date <= $as_of_date
order by order_date desc, order_id
"""
COUNTED = f"select count(*) as orders_count, max(order_date) as last_order_date from ({ORDERS})"
SALES = """
select
    coalesce(sum(net_amount) filter (where not is_return), 0)::decimal(18, 4) as sales_amount,
    coalesce(sum(net_amount) filter (where is_return), 0)::decimal(18, 4) as return_amount
from fct_order_lines
where customer_id = $customer_id and is_valid and order_date <= $as_of_date
"""
BOUNDS = """
select measure, score, lowest_value, highest_value
from rpt_rfm_score_bounds
where as_of_date = $as_of_date and rfm_window = 'lifetime'
order by measure, score
"""
CELLS = """
select r_score, fm_score, rfm_segment
from rpt_rfm_cells
where as_of_date = $as_of_date and rfm_window = 'lifetime'
"""
METHODS = {
    "percentile": "Scores rank customers: the lowest fifth scores 1, and so on; equal values score alike.",
    "cut_points": "Scores go by the cut points of the settings, as there are too few customers to rank.",
}
Bounds = Mapping[int, Row]


def explain(facts: Facts) -> Explanation:
    """Scores count every valid order up to the day, and net sales less returns."""
    published = facts.row(PUBLISHED)
    if published is None:
        kept = facts.days_kept("fct_customer_rfm")
        raise NotToldError(f"no scores of {facts.as_of_date} are kept; days nearest to it: {kept}")
    sums, found, sales = Arithmetic(), facts.rows(COUNTED)[0], facts.rows(SALES)[0]
    net = sales["sales_amount"] + sales["return_amount"]
    sums.check("orders", found["orders_count"], published["frequency"])
    sums.check("net sales", net, published["monetary_amount"])
    rules = [
        "Each of recency, frequency and net sales scores 1 to 5, 5 is the best. The segment is that of the recency"
        " score and the mean of the two others, rounded up.",
        METHODS[published["scoring_method"]],
    ]
    if published["recency_days"] is None:
        figure = f"{published['rfm_segment']}, as there is no valid order"
    else:
        figure = f"{published['rfm_segment']}, scores " + " ".join(
            f"{name} {published[f'{name}_score']}" for name in ("r", "f", "m")
        )
        _scores(sums, facts, published, found["last_order_date"], sales)
        _segment(sums, facts, published)
    orders = facts.listed("Valid orders, the latest first", ORDERS)
    return Explanation(NAME, figure, rules, [orders], sums.lines, sums.differences)


def _scores(sums: Arithmetic, facts: Facts, published: Row, last: date, sales: Row) -> None:
    """The three measures out of the rows, and the scores whose values they are among."""
    bounds: dict[str, dict[int, Row]] = {}
    for row in facts.rows(BOUNDS):
        bounds.setdefault(row["measure"], {})[row["score"]] = row
    days = (facts.as_of_date - last).days
    sums.check("recency in days", days, published["recency_days"])
    said = f"Recency: {facts.as_of_date} less {last}, the day of the last valid order, is {counted(days, 'day')}"
    _score(sums, "recency", bounds["recency"], said, Decimal(days), published["r_score"])
    orders = published["frequency"]
    said = f"Frequency: {counted(orders, 'valid order')}"
    _score(sums, "frequency", bounds["frequency"], said, Decimal(orders), published["f_score"])
    sold, back = sales["sales_amount"], sales["return_amount"]
    said = f"Net sales: {told(sold)} of sales - {told(-back)} of returns = {told(sold + back)}"
    _score(sums, "net sales", bounds["monetary"], said, sold + back, published["m_score"])


def _score(sums: Arithmetic, name: str, bounds: Bounds, said: str, value: Decimal, published: int) -> None:
    """The score whose values include the customer's, and what the next better one takes."""
    found = next((score for score, row in bounds.items() if _is_within(row, value)), None)
    sums.check(f"score of {name}", found, published)
    if found is None:
        return
    better = min((score for score in bounds if score > found), default=None)
    ahead = f"; {_span(bounds[better])} would score {better}" if better else ""
    sums.say(f"{said}, which scores {found} ({_span(bounds[found])}){ahead}.")


def _is_within(row: Row, value: Decimal) -> bool:
    low, high = row["lowest_value"], row["highest_value"]
    return (low is None or value >= low) and (high is None or value <= high)


def _span(row: Row) -> str:
    low, high = (end if end is None else _plain(end) for end in (row["lowest_value"], row["highest_value"]))
    if low is None or low == high:
        return f"up to {high}" if low is None else low
    return f"{low} or more" if high is None else f"{low} to {high}"


def _plain(value: Decimal) -> str:
    """Days and orders without decimals."""
    return told(int(value) if value == int(value) else value)


def _segment(sums: Arithmetic, facts: Facts, published: Row) -> None:
    recency, frequency, monetary = (published[f"{name}_score"] for name in ("r", "f", "m"))
    joint = (frequency + monetary + 1) // 2
    segments = {(row["r_score"], row["fm_score"]): row["rfm_segment"] for row in facts.rows(CELLS)}
    segment = segments.get((recency, joint))
    sums.check("joint score of frequency and net sales", joint, published["fm_score"])
    sums.check("segment", segment, published["rfm_segment"])
    sums.say(f"({frequency} + {monetary} + 1) // 2 = {joint}; recency {recency} with {joint} is {segment}.")


METRIC = Metric(
    NAME,
    {
        "fct_customer_rfm": (
            "customer_id as_of_date rfm_window recency_days frequency monetary_amount r_score f_score m_score "
            "fm_score scoring_method rfm_segment"
        ),
        "rpt_rfm_score_bounds": "as_of_date rfm_window measure score lowest_value highest_value",
        "rpt_rfm_cells": "as_of_date rfm_window r_score fm_score rfm_segment",
        "fct_orders": "customer_id order_id order_date net_amount is_valid",
        "fct_order_lines": "customer_id order_date net_amount is_return is_valid",
    },
    explain,
)
