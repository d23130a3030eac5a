"""What an arm's customers did, as one number with its variance: means, ratios and quantiles.

Every metric is over everyone assigned to the arm, so chance assignment makes the arms comparable. The functions work
along the first axis, so a study over thousands of simulated campaigns runs the same code as a real analysis.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

Array = np.ndarray[Any, np.dtype[np.float64]]
# A quantile needs as many customers on either side of it for the normal approximation of its ranks.
CUSTOMERS_BESIDE_QUANTILE = 10
QUANTILE_Z = float(stats.norm.ppf(0.975))


class Outcomes(NamedTuple):
    """What the customers of an arm bought in the window, each of shape (customers, ...)."""

    orders_count: Array
    net_amount: Array
    margin_amount: Array


class Figure(NamedTuple):
    """A number of an arm, the variance of its estimate, and the degrees of freedom of that variance."""

    value: Any
    variance: Any
    freedom: float = np.inf


class Difference(NamedTuple):
    """Treatment minus control, its standard error, and the interval and two-sided p-value for one look."""

    value: Any
    error: Any
    low: Any
    high: Any
    p_value: Any


def mean(values: Array) -> Figure:
    """Mean per customer; its variance is that of the sample over the customers."""
    customers = len(values)
    return Figure(values.mean(axis=0), values.var(axis=0, ddof=1) / customers, customers - 1)


def ratio(numerator: Array, denominator: Array) -> Figure:
    """Sum over sum, such as net sales over orders: customers are drawn, not orders, so both sums vary together.

    Delta method: the variance of the mean of (y - R x) / mean x (Deng, Knoblich, Lu 2018). NaN where the denominator
    sums to 0.
    """
    below = denominator.mean(axis=0)
    below = np.where(below == 0, np.nan, below)
    value = numerator.mean(axis=0) / below
    return Figure(value, mean((numerator - value * denominator) / below).variance)


def quantile(values: Array, share: float) -> Figure:
    """The value that a share of customers does not exceed, those who bought nothing counted with 0.

    Its error is the distance of the order statistics between which it lies with 95%, over 2 * 1.96 (Deng, Knoblich,
    Lu 2018); that takes no density. NaN with fewer than ten customers on a side, and where the lower one is 0: among
    customers who bought nothing a quantile does not vary as a normal does, and one more buyer moves it by a whole
    order.
    """
    customers = len(values)
    if min(share, 1 - share) * customers < CUSTOMERS_BESIDE_QUANTILE:
        return Figure(np.quantile(values, share, axis=0), np.full(values.shape[1:], np.nan)[()])
    ordered = np.sort(values, axis=0)
    reach = QUANTILE_Z * np.sqrt(customers * share * (1 - share))
    low = max(int(np.floor(customers * share - reach)) - 1, 0)
    high = min(int(np.ceil(customers * share + reach)), customers - 1)
    error = (ordered[high] - ordered[low]) / (2 * QUANTILE_Z)
    return Figure(np.quantile(ordered, share, axis=0), np.where(ordered[low] > 0, error**2, np.nan)[()])


def difference(treatment: Figure, control: Figure, alpha: float = 0.05) -> Difference:
    """Treatment minus control at 1 - alpha. Of two means this is Welch's test, with Satterthwaite's degrees of freedom;
    ratios and quantiles are taken as normal."""
    value, variance = treatment.value - control.value, treatment.variance + control.variance
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = treatment.variance**2 / treatment.freedom + control.variance**2 / control.freedom
        freedom = np.where(parts > 0, variance**2 / parts, np.inf)
        error = np.sqrt(variance)
        reach = stats.t.ppf(1 - alpha / 2, freedom) * error
        p_value = 2 * stats.t.sf(np.abs(value) / error, freedom)
    return Difference(value, error, value - reach, value + reach, p_value)


def _conversion_rate(arm: Outcomes) -> Figure:
    return mean((arm.orders_count > 0).astype(float))


def _mean_of(measure: str, arm: Outcomes) -> Figure:
    return mean(getattr(arm, measure))


def _average_order_value(arm: Outcomes) -> Figure:
    return ratio(arm.net_amount, arm.orders_count)


def _quantile_of_net_amount(share: float, arm: Outcomes) -> Figure:
    return quantile(arm.net_amount, share)


METRICS: Mapping[str, Callable[[Outcomes], Figure]] = {
    "conversion_rate": _conversion_rate,
    **{measure: partial(_mean_of, measure) for measure in Outcomes._fields},
    "average_order_value": _average_order_value,
    **{f"net_amount_p{percent}": partial(_quantile_of_net_amount, percent / 100) for percent in (50, 90, 99)},
}
