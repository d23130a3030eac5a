"""Summaries of customers' purchase days as of a day, for fitting and testing lifetime value.

The same summaries may come from SQL; `ml.lifetime.valuation.value_summaries` takes such summaries directly.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.common.likelihood import FloatArray, log

_MONEY_UNIT = 10_000  # amounts are summed as whole ten-thousandths: no order of rows changes a byte
SUMMARY_COLUMNS = ("customer_id", "x", "t_x", "T", "log_waits", "mean_repeat_amount", "return_rate")
ACTUAL_COLUMNS = ("actual_orders", "actual_amount")


def summarise_purchases(purchase_days: pd.DataFrame, as_of_date: dt.date) -> pd.DataFrame:
    """One row per customer with a purchase up to `as_of_date`, sorted by customer_id.

    `purchase_days`: customer_id, order_date, net_amount (sales before returns), return_amount (<= 0). Rows of the
    same customer and day are one purchase day; a day without positive sales is a return alone, and no purchase.

    Returns customer_id, x (repeat purchase days), t_x (weeks from first to last), T (weeks from first to
    `as_of_date`), log_waits (sum of the natural logarithms of the weeks between purchase days, 0 without repeats),
    mean_repeat_amount (NaN without repeats), return_rate in [0, 1].

    Raises:
        ValueError: a column is missing.
    """
    days = _customer_days(purchase_days)
    days = days[days["order_date"] <= pd.Timestamp(as_of_date)]
    bought = days[days["sales"] > 0]
    by_customer = bought.groupby("customer_id", sort=True)
    span = by_customer["order_date"].agg(["min", "max", "size"])
    first_sales = bought.drop_duplicates("customer_id")["sales"].to_numpy()
    sales = by_customer["sales"].sum()
    returns = days.groupby("customer_id")["returns"].sum().reindex(sales.index)
    x = span["size"].to_numpy() - 1
    repeat_sales = sales.to_numpy() - first_sales
    mean_repeat = np.divide(repeat_sales, x, out=np.full(len(x), np.nan), where=x > 0) / _MONEY_UNIT
    return pd.DataFrame(
        {
            "customer_id": span.index.to_numpy(),
            "x": x,
            "t_x": (span["max"] - span["min"]).dt.days.to_numpy() / 7,
            "T": (pd.Timestamp(as_of_date) - span["min"]).dt.days.to_numpy() / 7,
            "log_waits": _log_waits(bought),
            "mean_repeat_amount": mean_repeat,
            "return_rate": _return_rates(sales.to_numpy(), -returns.to_numpy()),
        }
    )


def summarise_backtest(purchase_days: pd.DataFrame, origins: Sequence[dt.date], horizon_days: int) -> pd.DataFrame:
    """Summaries as of each origin beside the actual orders in the `horizon_days` after it.

    Returns the columns of `summarise_purchases` with origin_date, actual_orders (purchase days) and
    actual_amount (sales less returns), one row per origin and customer known by then.
    """
    days = _customer_days(purchase_days)
    windows = []
    for origin in origins:
        start = pd.Timestamp(origin)
        after = days[(days["order_date"] > start) & (days["order_date"] <= start + pd.Timedelta(days=horizon_days))]
        after = after.assign(orders=after["sales"] > 0, net=after["sales"] + after["returns"])
        actual = after.groupby("customer_id")[["orders", "net"]].sum()
        window = summarise_purchases(purchase_days, origin)
        actual = actual.reindex(window["customer_id"], fill_value=0)
        window.insert(0, "origin_date", start.date())
        window["actual_orders"] = actual["orders"].to_numpy()
        window["actual_amount"] = actual["net"].to_numpy() / _MONEY_UNIT
        windows.append(window)
    if not windows:
        return pd.DataFrame(columns=["origin_date", *SUMMARY_COLUMNS, *ACTUAL_COLUMNS])
    return pd.concat(windows, ignore_index=True)


def backtest_origins(
    data_from: dt.date,
    as_of_date: dt.date,
    *,
    horizon_days: int,
    step_days: int,
    minimum_training_days: int,
    at_most: int,
) -> list[dt.date]:
    """Past days for forecasts of `horizon_days`, oldest first, `step_days` apart; the last window has just ended.

    Each has at least `minimum_training_days` of history before it.
    """
    latest = as_of_date - dt.timedelta(days=horizon_days)
    origins = [latest - dt.timedelta(days=step_days * back) for back in range(at_most)]
    earliest = data_from + dt.timedelta(days=minimum_training_days)
    return [origin for origin in reversed(origins) if origin >= earliest]


def _customer_days(purchase_days: pd.DataFrame) -> pd.DataFrame:
    """One row per customer and day, sorted; sales and returns in whole ten-thousandths."""
    required = ("customer_id", "order_date", "net_amount", "return_amount")
    missing = [column for column in required if column not in purchase_days]
    if missing:
        raise ValueError(f"purchase days lack the columns {missing}; they have {list(purchase_days.columns)}")
    amounts = purchase_days[["net_amount", "return_amount"]].astype(np.float64).fillna(0.0) * _MONEY_UNIT
    sales, returns = (np.rint(amounts[column]).astype(np.int64) for column in amounts)
    days = pd.DataFrame(
        {
            "customer_id": purchase_days["customer_id"],
            "order_date": pd.to_datetime(purchase_days["order_date"]),
            "sales": sales,
            "returns": returns,
        }
    )
    return days.groupby(["customer_id", "order_date"], sort=True, as_index=False).sum()


def _log_waits(bought: pd.DataFrame) -> FloatArray:
    """Sum of the logarithms of the weeks between purchase days, per customer in the order of `bought`."""
    waits = bought.groupby("customer_id", sort=True)["order_date"].diff().dt.days.to_numpy(np.float64) / 7
    is_first = np.isnan(waits)
    return np.bincount(is_first.cumsum() - 1, weights=log(np.where(is_first, 1.0, waits))).astype(np.float64)


def _return_rates(sales: np.ndarray, returns: np.ndarray) -> np.ndarray:
    """Share of a customer's sales that came back, drawn towards everyone's by the sales of one average customer.

    A customer with little behind them has nearly the rate of all; a habitual returner keeps their own.
    """
    if len(sales) == 0:
        return np.zeros(0)
    total_rate, evidence = returns.sum() / sales.sum(), sales.sum() / len(sales)
    return np.clip((returns + total_rate * evidence) / (sales + evidence), 0.0, 1.0)
