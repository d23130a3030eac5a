"""The expected results: counts and exact sums from the generator's own arrays, never from the files."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from generator.campaigns import Campaign
from generator.company import COMPLETED, CURRENCIES, STATUSES, Company
from generator.customers import Customers
from generator.draws import Ints
from generator.orders import ORGANIC, PROMPTED, Orders
from generator.returns import Returns
from generator.tables import coded, dates, keys, money

AMOUNTS = ("gross", "discount", "net", "cost")


def amount(units: int) -> str:
    """Return units of 1/10000 as exact text with four decimals."""
    return str(Decimal(int(units)).scaleb(-4))


def totals(company: Company, customers: Customers, orders: Orders, returns: Returns) -> dict[str, Any]:
    """Return the totals that a warehouse must hold for these rows: overall, by source and by business month.

    Rows by source are in its own currency and cover every status; all else is in the base currency.
    """
    sales = _sales_by_month(company, orders, returns)
    return {
        "order_lines": int(orders.lines_count.sum()) + len(returns),
        "sources": {name: _source_totals(number, orders, returns) for number, name in enumerate(company.sources)},
        "order_lines_by_status": _lines_by_status(orders, returns),
        "return_lines": len(returns),
        "linked_return_lines": int((returns.is_linked & (orders.lines_count[returns.order] > 0)).sum()),
        "sale_documents": int((orders.lines_count > 0).sum()),
        "customers": len(customers),
        "customers_with_valid_order": int((first_and_last_day(orders, len(customers))[1] >= 0).sum()),
        "valid_orders": int(orders.is_valid.sum()),
        **{name: amount(by_month.sum()) for name, by_month in sales.items()},
        "months": _months(company, orders, sales),
    }


def _source_totals(number: int, orders: Orders, returns: Returns) -> dict[str, Any]:
    sold, back = orders.source == number, returns.source == number
    return {
        "currency": CURRENCIES[number],
        "order_lines": int(orders.lines_count[sold].sum() + back.sum()),
        "quantity": int(orders.quantity[sold].sum() + returns.quantity[back].sum()),
        **{
            f"{name}_amount": amount(getattr(orders, name)[sold].sum() + getattr(returns, name)[back].sum())
            for name in AMOUNTS
        },
    }


def _lines_by_status(orders: Orders, returns: Returns) -> dict[str, int]:
    counts = np.zeros(len(STATUSES), np.int64)
    np.add.at(counts, orders.status, orders.lines_count)
    counts[COMPLETED] += len(returns)
    return {name: int(count) for name, count in zip(STATUSES, counts, strict=True)}


def _month_of(company: Company, day: Ints) -> Ints:
    return np.searchsorted(company.month_starts, day, "right") - 1


def _sales_by_month(company: Company, orders: Orders, returns: Returns) -> dict[str, Ints]:
    """Return sums in units of the base currency over completed orders and returns, one per month."""
    sums: dict[str, Ints] = {}
    for rows, counts in ((returns, np.ones(len(returns), bool)), (orders, orders.status == COMPLETED)):
        month = _month_of(company, rows.day)
        for name in AMOUNTS:
            units = company.to_base(getattr(rows, name), rows.source, rows.day)
            _add_by_month(sums, f"{name}_amount", company, month[counts], units[counts])
            if name == "net":
                known = counts & (rows.customer >= 0)
                _add_by_month(sums, "identified_net_amount", company, month[known], units[known])
                if rows is returns:
                    _add_by_month(sums, "return_amount", company, month, units)
    sums["margin_amount"] = sums["net_amount"] - sums["cost_amount"]
    return sums


def _add_by_month(sums: dict[str, Ints], name: str, company: Company, month: Ints, units: Ints) -> None:
    by_month = sums.setdefault(name, np.zeros(len(company.months), np.int64))
    np.add.at(by_month, month, units)


def _months(company: Company, orders: Orders, sales: dict[str, Ints]) -> list[dict[str, Any]]:
    """Return sales, valid orders, active and new customers of each calendar month."""
    count = len(company.months)
    customer, month = orders.customer[orders.is_valid], _month_of(company, orders.day[orders.is_valid])
    customers = int(customer.max()) + 1
    active = (np.bincount(customer * count + month, minlength=customers * count).reshape(-1, count) > 0).sum(axis=0)
    first_day = first_and_last_day(orders, customers)[0]
    new = np.bincount(_month_of(company, first_day[first_day >= 0]), minlength=count)
    valid = np.bincount(month, minlength=count)
    return [
        {
            "month": first.isoformat(),
            **{name: amount(by_month[number]) for name, by_month in sales.items()},
            "valid_orders": int(valid[number]),
            "active_customers": int(active[number]),
            "new_customers": int(new[number]),
        }
        for number, first in enumerate(company.months)
    ]


def first_and_last_day(orders: Orders, customers: int) -> tuple[Ints, Ints]:
    """Return the days of each customer's first and last valid order, -1 without one."""
    first = np.full(customers, np.iinfo(np.int64).max)
    last = np.full(customers, -1, np.int64)
    np.minimum.at(first, orders.customer[orders.is_valid], orders.day[orders.is_valid])
    np.maximum.at(last, orders.customer[orders.is_valid], orders.day[orders.is_valid])
    return np.where(last < 0, -1, first), last


def customer_truth(company: Company, customers: Customers, orders: Orders, returns: Returns) -> pa.Table:
    """Return one row per customer: the true process (null for prospects) and the customer's purchases.

    Net sales are in the base currency, completed orders and returns.
    """
    count, is_prospect = len(customers), np.arange(len(customers)) >= customers.buyer_count
    valid = orders.is_valid
    first, last = first_and_last_day(orders, count)
    is_gone = np.isfinite(customers.dropped_out_at)
    gone_on = np.where(is_gone, customers.dropped_out_at, 0).astype(np.int64)
    purchases = np.bincount(orders.customer[valid & (orders.kind == ORGANIC)], minlength=count)
    prompted = np.bincount(orders.customer[valid & (orders.kind == PROMPTED)], minlength=count)
    columns = {
        "customer_id": keys("C", np.arange(count)),
        "is_prospect": pa.array(is_prospect),
        "purchase_rate_per_week": pa.array(customers.rate_per_week, mask=is_prospect),
        "dropout_probability": pa.array(customers.dropout_probability, mask=is_prospect),
        "dropped_out_on": dates(gone_on + company.start_ordinal, ~is_gone),
        "is_alive_at_end": pa.array(~is_gone, mask=is_prospect),
        "first_order_date": dates(first + company.start_ordinal, first < 0),
        "last_order_date": dates(last + company.start_ordinal, last < 0),
        "valid_orders_count": pa.array(np.bincount(orders.customer[valid], minlength=count)),
        "purchases_count": pa.array(purchases),
        "prompted_orders_count": pa.array(prompted),
        "net_amount": money(_net_by_customer(company, orders, returns, count)),
    }
    return pa.table(columns)


def _net_by_customer(company: Company, orders: Orders, returns: Returns, count: int) -> Ints:
    net = np.zeros(count, np.int64)
    sold = (orders.status == COMPLETED) & (orders.customer >= 0)
    back = returns.customer >= 0
    np.add.at(net, orders.customer[sold], company.to_base(orders.net, orders.source, orders.day)[sold])
    np.add.at(net, returns.customer[back], company.to_base(returns.net, returns.source, returns.day)[back])
    return net


def campaign_truth(company: Company, orders: Orders, campaigns: list[Campaign]) -> pa.Table:
    """Return one row per campaign with the margin it really made, in the base currency.

    `lift_per_treated_amount` is the average effect on the treated, margin inside the campaign's days;
    costs are the campaign's own (fixed and contacts), so it earned money where lift exceeds cost.
    """
    margin = company.to_base(orders.net - orders.cost, orders.source, orders.day)
    given_away = company.to_base(orders.campaign_discount, orders.source, orders.day)
    net = company.to_base(orders.net, orders.source, orders.day)
    numbers = np.arange(len(campaigns))
    treated = np.array([len(campaign.treated) for campaign in campaigns])
    lift = np.zeros(len(campaigns), np.int64)
    attributed = np.zeros(len(campaigns), np.int64)
    prompted = (orders.campaign >= 0) & (orders.kind == PROMPTED)
    labelled = orders.campaign >= 0
    np.add.at(lift, orders.campaign[prompted], margin[prompted])
    np.subtract.at(lift, orders.campaign[labelled], given_away[labelled])
    np.add.at(attributed, orders.campaign[labelled], net[labelled])
    cost = np.array([c.fixed_cost + c.plan.contact_cost * len(c.treated) for c in campaigns])
    columns = {
        "campaign_id": keys("K", numbers),
        "campaign_name": coded(numbers, [campaign.plan.name for campaign in campaigns]),
        "is_randomized": pa.array([campaign.plan.is_randomized for campaign in campaigns]),
        "is_over": pa.array([campaign.end <= company.days for campaign in campaigns]),
        "treated_count": pa.array(treated),
        "control_count": pa.array([len(campaign.member) for campaign in campaigns] - treated),
        "prompted_orders_count": pa.array([len(campaign.prompted) for campaign in campaigns]),
        "lift_amount": money(lift),
        "lift_per_treated_amount": pa.array(lift / np.maximum(treated, 1) / 10_000),
        "attributed_net_amount": money(attributed),
        "cost_amount": money(cost),
        "is_earning": pa.array(lift > cost),
    }
    return pa.table(columns)
