"""How often customers buy and when they stop: the BG/NBD family with random or regular purchases, and the naive rate.

A history is (x, t_x, T): repeat purchase days, weeks from the first to the last one, weeks from the first one to today.
While alive a customer waits k stages at a rate that varies between customers as Gamma(r, alpha); with k = 1 purchases
are random in time. After a purchase day a customer stops with a probability that varies as Beta(a, b). NBD is the same
without stopping. `ml.lifetime.purchase_fits` finds the parameters.

The value of a customer or an order does not belong here (see `ml.lifetime.gamma_gamma` and `ml.lifetime.valuation`).

Sources: Fader, Hardie, Lee (2005), "Counting your customers" the easy way (BG/NBD); Batislam, Denizel, Filiztekin
(2007) (MBG/NBD); Ehrenberg (1959) (NBD); Chatfield and Goodhardt (1973) (CNBD); Reutterer, Platzer, Schroeder (2021)
(BG/CNBD-k and MBG/CNBD-k).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ml.common.likelihood import FloatArray
from ml.common.quadrature import beta_quadrature
from ml.lifetime.erlang_waits import OpenWait, Renewals, rising

_BLOCK = 1000  # histories at once: what they need stays in the processor's cache


class PurchaseModel(Protocol):
    """The interface of a model for backtest and scoring; n customers, k horizons in ascending weeks."""

    @property
    def name(self) -> str:
        """The name under which results are published."""

    def p_alive(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """Probability of still being a customer, shape (n,); NaN where the model has no drop-out."""

    def expected_orders(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """Expected purchase days in the next `weeks` of each horizon, cumulative, shape (n, k)."""

    def median_wait(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """Median weeks from today to the next purchase day given alive, shape (n,)."""

    def wait_quantile(self, x: FloatArray, t_x: FloatArray, age: FloatArray, share: float) -> FloatArray:
        """Weeks from the last purchase day by which the given share of the customers who stay has bought again, shape
        (n,)."""


@dataclass(frozen=True)
class Histories:
    """Distinct (x, t_x, T), sorted, each with the number of customers that share it.

    `x`, `t_x`, `age` and `customers_count` have shape (g,); `index` has shape (n,) and takes each customer to their
    history: `histories.x[histories.index]` is the input again. `log_waits` is the sum over all customers of the
    logarithms of their waits between purchase days, which is used only to measure regularity.
    """

    x: FloatArray
    t_x: FloatArray
    age: FloatArray
    customers_count: FloatArray
    index: NDArray[np.intp]
    log_waits: float


def group_histories(x: ArrayLike, t_x: ArrayLike, age: ArrayLike, log_waits: ArrayLike) -> Histories:
    """Collapse customers (shape (n,), times in weeks) to distinct histories.

    `log_waits`: per customer the sum of the natural logarithms of the weeks between purchase days, 0 without any.

    Raises:
        ValueError: a history breaks 0 <= t_x <= T, or x = 0 exactly when t_x = 0.
    """
    columns = [np.asarray(column, dtype=np.float64) for column in (x, t_x, age)]
    _require_histories(*columns)
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        distinct, position = np.unique(column, return_inverse=True)
        code = code * len(distinct) + position
    _, first, index, count = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    distinct_x, distinct_t_x, distinct_age = (column[first] for column in columns)
    total = float(np.sum(np.sort(np.asarray(log_waits, dtype=np.float64))))
    return Histories(distinct_x, distinct_t_x, distinct_age, count.astype(np.float64), index, total)


def _require_histories(x: FloatArray, t_x: FloatArray, age: FloatArray) -> None:
    ordered = (x >= 0) & (t_x >= 0) & (t_x <= age) & np.isfinite(age)
    consistent = ordered & ((x == 0) == (t_x == 0))
    if not consistent.all():
        row = int(np.argmin(consistent))
        raise ValueError(
            f"history in row {row} (x={x[row]}, t_x={t_x[row]}, T={age[row]}) breaks 0 <= t_x <= T, "
            "with t_x = 0 exactly for customers without a repeat purchase"
        )


@dataclass(frozen=True)
class NaiveRate:
    """Everyone goes on as so far: repeat purchase days per week since the first one; under a week counts as one."""

    @property
    def name(self) -> str:
        """The name under which results are published."""
        return "naive_rate"

    def p_alive(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """NaN, because a rate contains nothing about stopping."""
        return np.full(len(x), np.nan)

    def expected_orders(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """Rate times weeks, shape (n, k)."""
        return (x / np.maximum(age, 1.0))[:, None] * weeks[None, :]

    def median_wait(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """Median of the exponential wait at the rate so far; infinite without a repeat purchase."""
        return self.wait_quantile(x, t_x, age, 0.5)

    def wait_quantile(self, x: FloatArray, t_x: FloatArray, age: FloatArray, share: float) -> FloatArray:
        """That share's quantile of the exponential wait; infinite without a repeat purchase."""
        with np.errstate(divide="ignore"):
            return -np.log1p(-share) * np.maximum(age, 1.0) / x


class _Waits:
    """The waits of a model of purchases k stages apart, at a Gamma(r, alpha) rate, for those who stay."""

    r: float
    alpha: float
    k: int

    def median_wait(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """`(alpha + T) (2^(1 / (r + x)) - 1)` weeks where k = 1."""
        return self._open_wait(x, t_x, age).median_rest()

    def wait_quantile(self, x: FloatArray, t_x: FloatArray, age: FloatArray, share: float) -> FloatArray:
        """`(alpha + t_x) ((1 - share)^(-1 / (r + x)) - 1)` weeks where k = 1."""
        return self._open_wait(x, t_x, age).quantile(share)

    def _open_wait(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> OpenWait:
        return OpenWait(self.k, self.r + self.k * x, self.alpha, t_x, age)


@dataclass(frozen=True)
class Nbd(_Waits):
    """Purchases for ever, k stages apart, at a Gamma(r, alpha) rate of stages per week; CNBD-k where k was chosen."""

    r: float
    alpha: float
    log_likelihood: float = np.nan
    standard_errors: tuple[float, ...] = (np.nan, np.nan)
    k: int = 1
    k_is_chosen: bool = False

    @property
    def name(self) -> str:
        """The name under which results are published."""
        return "cnbd_k" if self.k_is_chosen else "nbd"

    def p_alive(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """NaN: the model has no drop-out."""
        return np.full(len(x), np.nan)

    def expected_orders(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """Posterior mean rate times weeks, (r + x) / (alpha + T) where k = 1, less the wait gone by; shape (n, k)."""
        wait = self._open_wait(x, t_x, age)
        renewals = Renewals(self.k, wait.shape, weeks / (self.alpha + age)[:, None])
        return rising(_over_stages(wait, renewals.expected()))


@dataclass(frozen=True)
class DropoutModel(_Waits):
    """BG/NBD, or MBG/NBD where the first purchase, too, may be the last one (`first_may_be_last`).

    The two differ in the posterior of the stopping probability only: given alive it is Beta(a, b + x) in
    BG/NBD and Beta(a, b + x + 1) in MBG/NBD. With k chosen by likelihood they are BG/CNBD-k and MBG/CNBD-k, which with
    k = 1 say the same.
    """

    r: float
    alpha: float
    a: float
    b: float
    first_may_be_last: bool
    log_likelihood: float = np.nan
    standard_errors: tuple[float, ...] = (np.nan, np.nan, np.nan, np.nan)
    k: int = 1
    k_is_chosen: bool = False

    @property
    def name(self) -> str:
        """The name under which results are published."""
        return ("mbg" if self.first_may_be_last else "bg") + ("_cnbd_k" if self.k_is_chosen else "_nbd")

    def p_alive(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """Probability of not having stopped by today, shape (n,)."""
        chances_to_stop = x + self.first_may_be_last
        may_have_stopped = chances_to_stop > 0
        survived = np.where(may_have_stopped, self.b + chances_to_stop - 1, 1.0)
        log_odds = np.log(self.a / survived) - self._open_wait(x, t_x, age).log_silent()
        return expit(-np.where(may_have_stopped, log_odds, -np.inf))

    def expected_orders(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """Probability of being alive times the orders expected of an alive customer, shape (n, k)."""
        return self.p_alive(x, t_x, age)[:, None] * self.expected_orders_if_alive(x, t_x, age, weeks)

    def expected_orders_if_alive(
        self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: FloatArray
    ) -> FloatArray:
        """Expected purchase days in each horizon given alive today, shape (n, k).

        `E[(1 - (1 - p)^C) / p]` over p ~ Beta(a, b + x), C being the purchases of one who never stops, with the rate
        and the stages of the open wait integrated out. For k = 1, where the second factor depends on (x, T) alone, it
        is `E[(1 - (1 + p t / (alpha + T))^-(r + x)) / p]`: equation (10) of Fader, Hardie and Lee before it is written
        with 2F1, where it becomes a difference of nearly equal numbers with poles at a = 1 and a + b + x = 1, and
        overflows for weekly shoppers. Relative error below 1e-8 where alpha + T exceeds a hundredth of the horizon,
        2e-5 down to half a week of it.
        """
        pairs, pair = np.unique(np.column_stack([x, age]), axis=0, return_inverse=True)
        by_stage = self._orders_by_stage(pairs[:, 0], pairs[:, 1], weeks)
        return rising(_over_stages(self._open_wait(x, t_x, age), by_stage[:, pair]))

    def _orders_by_stage(self, x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """The same by the stages over in the open wait, shape (stages, n, k); it depends on (x, T) alone."""
        distinct_x, index = np.unique(x, return_inverse=True)
        nodes, weights = beta_quadrature(self.a, self.b + self.first_may_be_last + distinct_x)
        horizons = weeks / (self.alpha + age)[:, None]
        orders = np.zeros((self.k, *horizons.shape))
        for start in range(0, len(x), _BLOCK):
            rows = slice(start, start + _BLOCK)
            renewals = Renewals(self.k, self.r + self.k * x[rows], horizons[rows])
            for node, weight in zip(nodes.T, weights.T, strict=True):
                expected = renewals.expected_until_stop(node[index[rows]])
                orders[:, rows] += weight[index[rows]][:, None] * expected
        return orders

    def probability_of_order(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: float) -> FloatArray:
        """Probability of at least one purchase day in the next `weeks`, shape (n,)."""
        wait = self._open_wait(x, t_x, age)
        return -self.p_alive(x, t_x, age) * np.expm1(wait.log_silent(weeks) - wait.log_silent())


def _over_stages(wait: OpenWait, by_stage: FloatArray) -> FloatArray:
    """The mean of by_stage (stages, n, k) over the chances of the stages, shape (n, k)."""
    shares = wait.stage_shares()
    return np.sum([shares[:, j : j + 1] * orders for j, orders in enumerate(by_stage)], axis=0)
