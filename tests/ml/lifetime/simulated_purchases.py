"""Customers who buy and stop as BG/CNBD-k or MBG/CNBD-k say, with the truth kept."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.lifetime.purchase_models import Histories, group_histories
from ml.lifetime.valuation import LifetimeValueConfig

DATA_FROM = dt.date(2022, 1, 1)
CONFIG = LifetimeValueConfig(churn_horizon_days=60, margin_rate=0.3)


@dataclass(frozen=True)
class Truth:
    """r, alpha (weeks), a, b, and stages of a wait; a = 0 means that nobody ever stops."""

    r: float
    alpha: float
    a: float
    b: float
    first_may_be_last: bool = False
    k: int = 1


def simulate_purchases(
    truth: Truth, customers_count: int, start_weeks: np.ndarray, end_week: float, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """(one row per purchase: customer, week; weeks at which customers stop, inf if later than `end_week`).

    `start_weeks`: week of each customer's first purchase, shape (n,).
    """
    random = np.random.default_rng(seed)
    rate = random.gamma(truth.r, 1 / truth.alpha, customers_count)
    stopping = random.beta(truth.a, truth.b, customers_count) if truth.a else np.zeros(customers_count)
    week, stopped_at = start_weeks.astype(float).copy(), np.full(customers_count, np.inf)
    buying, purchases = np.arange(customers_count), []
    while len(buying):
        purchases.append(pd.DataFrame({"customer": buying, "week": week[buying]}))
        may_stop = truth.first_may_be_last or len(purchases) > 1
        stops = (random.random(len(buying)) < stopping[buying]) & may_stop
        stopped_at[buying[stops]] = week[buying[stops]]
        buying = buying[~stops]
        week[buying] += random.standard_gamma(truth.k, len(buying)) / rate[buying]
        buying = buying[week[buying] <= end_week]
    return pd.concat(purchases, ignore_index=True), stopped_at


def histories_at(purchases: pd.DataFrame, week: float) -> pd.DataFrame:
    """x, t_x, T, log_waits by customer as of a week; every simulated moment is a purchase of its own."""
    before = purchases[purchases["week"] <= week].sort_values(["customer", "week"])
    known = before.groupby("customer")["week"].agg(["min", "max", "size"])
    logs = np.log(before.groupby("customer")["week"].diff()).groupby(before["customer"]).sum()
    return pd.DataFrame(
        {"x": known["size"] - 1.0, "t_x": known["max"] - known["min"], "T": week - known["min"], "log_waits": logs}
    )


def grouped(known: pd.DataFrame) -> Histories:
    """Distinct histories of `histories_at`."""
    return group_histories(known["x"], known["t_x"], known["T"], known["log_waits"])


def as_purchase_days(purchases: pd.DataFrame, data_from: str, seed: int) -> pd.DataFrame:
    """The same as a frame of purchase days with Gamma-Gamma amounts (p 6, q 4, v 15) and no returns."""
    random = np.random.default_rng(seed)
    spread = random.gamma(4.0, 1 / 15.0, purchases["customer"].max() + 1)
    amount = random.gamma(6.0, 1 / spread[purchases["customer"]])
    return pd.DataFrame(
        {
            "customer_id": "c" + purchases["customer"].astype(str).str.zfill(6),
            "order_date": pd.Timestamp(data_from) + pd.to_timedelta(np.floor(purchases["week"] * 7), unit="D"),
            "net_amount": np.maximum(amount.round(2), 0.01),
            "return_amount": 0.0,
        }
    )


def shop(truth: Truth, customers_count: int, weeks: int, seed: int) -> pd.DataFrame:
    """Purchase days from DATA_FROM on; customers come in the first three fifths of the weeks."""
    starts = np.random.default_rng(seed).uniform(0, weeks * 0.6, customers_count)
    purchases, _ = simulate_purchases(truth, customers_count, starts, weeks, seed + 1)
    return as_purchase_days(purchases, str(DATA_FROM), seed + 2)
