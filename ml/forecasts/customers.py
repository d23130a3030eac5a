"""Purchase days of the months ahead, customer by customer: those there are, rolled forward, and those to come.

Known customers go on as a lifetime-value model (MBG/NBD) expects, fitted to what was known at the origin. New customers
come as the seasonal model of their series says, and buy as the cohorts of the year before did at the same age.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.common.likelihood import FloatArray
from ml.forecasts.theta import YEAR
from ml.lifetime.backtest import group_summaries
from ml.lifetime.gamma_gamma import MINIMUM_REPEATERS
from ml.lifetime.purchase_fits import fit_dropout_model
from ml.lifetime.purchase_histories import summarise_purchases

_SAMPLE = 4000
_LEAST_MONTHS = 3


@dataclass(frozen=True)
class PurchaseDays:
    """Each customer's purchase days in whole months.

    `days`: customer_id, hash_share, order_date and the number of its month. `counts`: purchase days by the month of the
    customer's first one, shape (cohorts, months). `sizes`: customers whose first one is in the month, shape (months,).
    """

    days: pd.DataFrame
    counts: FloatArray
    sizes: FloatArray

    @classmethod
    def of(cls, days: pd.DataFrame, first_month: pd.Period, months_count: int) -> PurchaseDays:
        """From customer_id, hash_share and order_date; months are numbered from `first_month`."""
        month = (days["order_date"].dt.year - first_month.year) * 12 + days["order_date"].dt.month - first_month.month
        cohort = month.groupby(days["customer_id"]).transform("min").to_numpy()
        cells = np.bincount(cohort * months_count + month.to_numpy(), minlength=months_count**2)
        firsts = np.bincount(cohort[~days["customer_id"].duplicated().to_numpy()], minlength=months_count)
        counts = cells.reshape(months_count, months_count).astype(np.float64)
        return cls(days.assign(month=month), counts, firsts.astype(np.float64))

    def by_month(self) -> FloatArray:
        """Purchase days of each month, shape (months,)."""
        return self.counts.sum(axis=0)


@dataclass(frozen=True)
class RolledForward:
    """Purchase days from one origin on.

    `known_days` of customers known at the origin, `newcomers_days` of the `newcomers` after it, by month ahead, shape
    (h,). `past_days` and `past_firsts`, those that were a customer's first, in the year up to the origin.
    """

    known_days: FloatArray
    newcomers_days: FloatArray
    newcomers: FloatArray
    past_days: FloatArray
    past_firsts: FloatArray


def roll_forward(purchases: PurchaseDays, origin: int, month: pd.Period, newcomers: FloatArray) -> RolledForward | None:
    """Purchase days of the months after `month`, which is the `origin`-th; None where too few came back to tell.

    newcomers: new customers expected in each of these months, shape (h,).
    """
    known = _known(purchases, origin, month, len(newcomers))
    if known is None:
        return None
    rates = _rates_by_age(purchases, origin, len(newcomers))
    arrived = np.array([np.sum(newcomers[: h + 1] * rates[h::-1]) for h in range(len(newcomers))])
    year = slice(max(0, origin - YEAR + 1), origin + 1)
    return RolledForward(known, arrived, newcomers, purchases.by_month()[year], purchases.sizes[year])


def _known(purchases: PurchaseDays, origin: int, month: pd.Period, horizon: int) -> FloatArray | None:
    """Expected purchase days of the customers known by the origin, by month."""
    so_far = purchases.by_month()[: origin + 1]
    if origin - np.argmax(so_far > 0) + 1 < _LEAST_MONTHS:
        return None
    share = _sampled_share(purchases.sizes[: origin + 1].sum())
    days = purchases.days
    sample = days[(days["hash_share"] < share) & (days["month"] <= origin)]
    ends = [(month + ahead).end_time.date() for ahead in range(horizon + 1)]
    summaries = summarise_purchases(sample.assign(net_amount=1.0, return_amount=0.0), ends[0])
    if (summaries["x"] > 0).sum() < MINIMUM_REPEATERS:
        return None
    histories = group_summaries(summaries)
    model = fit_dropout_model(histories, first_may_be_last=True)
    weeks = np.array([(end - ends[0]).days / 7 for end in ends[1:]])
    expected = model.expected_orders(histories.x, histories.t_x, histories.age, weeks)
    total = np.sum(expected * histories.customers_count[:, None], axis=0)
    # a sample stands for all by the purchases so far, which tell more of those to come than the number of customers
    return np.diff(total, prepend=0.0) * so_far.sum() / len(sample)


def _sampled_share(customers_count: float) -> float:
    """The share of customers that leaves at most 4,000: all, or the half, quarter, ... with the smallest hashes."""
    share = 1.0
    while customers_count * share > _SAMPLE:
        share /= 2
    return share


def _rates_by_age(purchases: PurchaseDays, origin: int, horizon: int) -> FloatArray:
    """Purchase days per new customer in the month of the first one and those after, of the last year's cohorts."""
    rates = np.zeros(horizon)
    for age in range(horizon):
        cohorts = np.arange(max(0, origin - age - YEAR + 1), origin - age + 1)
        size = purchases.sizes[cohorts].sum() if len(cohorts) else 0.0
        rates[age] = purchases.counts[cohorts, cohorts + age].sum() / size if size else 0.0
    return rates
