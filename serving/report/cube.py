"""Sums of customers and sales by what customers are, from which the page tells of those that its reader chooses.

A cube has codes and sums by column. The page adds up its rows, so only counts and amounts are in it, no shares and no
averages. Customers stand in it by their id, never by name or address.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.report.marts import AT_RISK, COMING, Marts

# What customers can be chosen by, as dim_customers has it, and how the page calls it.
FILTERS = {
    "tier": "Tier",
    "rfm_segment": "Segment",
    "churn_band": "Churn risk",
    "cluster_name": "Group by behaviour",
    "acquisition_channel": "First channel",
}
# What further tells them apart in figures.
FURTHER = {"activity_status": "Activity", "r_score": "Recency score", "fm_score": "Frequency and money score"}
# In place of a value that a customer does not have.
NONE = "none"
# More cells or customers than this would make the page heavy; then it says that what rests on them is not filtered.
MOST_CELLS = 40_000
MOST_CUSTOMERS = 5_000

_OF_CUSTOMERS = {name: f"coalesce(customers.{name}, '{NONE}')" for name in FILTERS}
_KNOWN = f"""
with recent as (
    select customer_id, frequency, monetary_amount from marts.fct_customer_rfm
    where rfm_window = '365d' and as_of_date = (select max(as_of_date) from marts.fct_customer_rfm)
),

ranked as (
    select * from marts.fct_customer_rfm
    where rfm_window = 'lifetime' and as_of_date = (select max(as_of_date) from marts.fct_customer_rfm)
),

known as (
    select
        customers.customer_id, {", ".join(f"{value} as {name}" for name, value in _OF_CUSTOMERS.items())},
        coalesce(ranked.activity_status, '{NONE}') as activity_status,
        coalesce(ranked.r_score::varchar, '{NONE}') as r_score,
        coalesce(ranked.fm_score::varchar, '{NONE}') as fm_score, ranked.recency_days,
        coalesce(ranked.frequency, 0) as orders_count,
        coalesce(ranked.monetary_amount, 0) as net_amount, coalesce(recent.frequency, 0) as orders_count_365d,
        coalesce(recent.monetary_amount, 0) as net_amount_365d, customers.churn_probability, customers.clv_12m_amount
    from marts.dim_customers as customers
    left join ranked on customers.customer_id = ranked.customer_id
    left join recent on customers.customer_id = recent.customer_id
)
"""
_DIMENSIONS = ", ".join([*FILTERS, *FURTHER])
_CUSTOMERS_CUBE = f"""
{_KNOWN}
select
    {_DIMENSIONS}, count(*) as customers_count, sum(orders_count)::bigint as orders_count,
    sum(net_amount)::double as net_amount, sum(orders_count_365d)::bigint as orders_count_365d,
    sum(net_amount_365d)::double as net_amount_365d, coalesce(sum(recency_days), 0)::bigint as recency_days,
    count(*) filter (where activity_status in {COMING}) as active_count,
    coalesce(sum(net_amount_365d) filter (where churn_band in {AT_RISK}), 0)::double as risk_net_amount_365d
from known group by all order by all
"""
_SALES_CUBE = f"""
select
    sold.month::varchar as month, {", ".join(f"{value} as {name}" for name, value in _OF_CUSTOMERS.items())},
    sum(sold.net_amount)::double as net_amount, sum(sold.orders_count)::bigint as orders_count
from marts.fct_customer_months as sold
inner join marts.dim_customers as customers on sold.customer_id = customers.customer_id
group by all order by all
"""
_ACTIVE_CUBE = f"""
select
    date_trunc('month', ends.as_of_date)::date::varchar as month,
    {", ".join(f"{value} as {name}" for name, value in _OF_CUSTOMERS.items())},
    count(*) filter (where ends.activity_status in {COMING}) as active_end_count
from marts.fct_customer_rfm as ends
inner join marts.dim_customers as customers on ends.customer_id = customers.customer_id
where ends.rfm_window = 'lifetime'
group by all order by all
"""
# Why a customer may leave is told of those who are likely to.
_REASONS = f"""
    select customer_id, concat_ws('; ', reason_1, reason_2) as reasons from marts.fct_churn_scores
    where churn_band in {AT_RISK} and as_of_date = (select max(as_of_date) from marts.fct_churn_scores)
"""
_NO_REASONS = "select null::varchar as customer_id, null::varchar as reasons"
_LISTED = """
{known},

explained as ({explained})

select
    known.customer_id, {dimensions}, known.recency_days, explained.reasons,
    known.orders_count_365d, known.net_amount_365d::double as net_amount_365d, known.net_amount::double as net_amount,
    round(known.churn_probability, 4) as churn_probability, known.clv_12m_amount::double as clv_12m_amount
from known
left join explained on known.customer_id = explained.customer_id
order by known.net_amount_365d desc, known.net_amount desc, known.customer_id
limit $most
"""


@dataclass(frozen=True)
class Cube:
    """What the page filters: `names` of each dimension in their order; cubes and customers as columns.

    In the columns of dimensions stand places of `names`. A cube that would be too large is not there. `is_whole`:
    whether every customer is listed, and not those with the largest net sales alone.
    """

    currency: str
    names: Mapping[str, Sequence[str]]
    cubes: Mapping[str, Mapping[str, Sequence[Any]]]
    customers: Mapping[str, Sequence[Any]]
    is_whole: bool


def cube_of(marts: Marts, currency: str, orders: Mapping[str, Sequence[str]]) -> Cube | None:
    """The cube of a company, or None where it has no customers. `orders`: names of dimensions from best to worst.

    `currency` is what stands before an amount.
    """
    if not marts.has("dim_customers", *FILTERS, "churn_probability", "clv_12m_amount") or not marts.has(
        "fct_customer_rfm", "activity_status", "fm_score"
    ):
        return None
    by_customer = _columns(marts, _CUSTOMERS_CUBE)
    names = {name: _ordered({*by_customer[name]}, orders.get(name, ())) for name in [*FILTERS, *FURTHER]}
    cubes = {"customers": by_customer, "active": _columns(marts, _ACTIVE_CUBE)}
    if marts.has("fct_customer_months", "net_amount", "orders_count"):
        cubes["sales"] = _columns(marts, _SALES_CUBE)
    names["month"] = _ordered({month for cube in cubes.values() for month in cube.get("month", ())}, ())
    listed = _columns(marts, _listed(marts), most=MOST_CUSTOMERS)
    return Cube(
        currency,
        names,
        {name: _coded(cube, names) for name, cube in cubes.items() if len(next(iter(cube.values()))) <= MOST_CELLS},
        _coded(listed, names),
        is_whole=len(listed["customer_id"]) == sum(by_customer["customers_count"]),
    )


def _listed(marts: Marts) -> str:
    explained = _REASONS if marts.has("fct_churn_scores", "reason_1", "reason_2") else _NO_REASONS
    dimensions = ", ".join(f"known.{name}" for name in [*FILTERS, *FURTHER])
    return _LISTED.format(known=_KNOWN, explained=explained, dimensions=dimensions)


def _columns(marts: Marts, query: str, **values: Any) -> dict[str, list[Any]]:
    """The rows of a query by column."""
    answer = marts.connection.execute(query, values or None)
    names = [column[0] for column in answer.description or []]
    rows = answer.fetchall()
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _ordered(found: set[str], order: Sequence[str]) -> list[str]:
    """The names that were found, those of `order` first, and none last."""
    return sorted(found, key=lambda name: (name == NONE, order.index(name) if name in order else len(order), name))


def _coded(columns: Mapping[str, Sequence[Any]], names: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
    """The columns, with places of names in place of names, and amounts to the hundredth of a cent."""
    places = {dimension: {name: place for place, name in enumerate(found)} for dimension, found in names.items()}
    return {
        column: [places[column][value] for value in values]
        if column in places
        else [round(value, 4) if isinstance(value, float) else value for value in values]
        for column, values in columns.items()
    }
