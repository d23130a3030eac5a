"""Waits of k stages, averaged over customers' rates: the length of a wait, and the number of purchases in a period.

A wait between purchase days is Erlang-k: k stages, each exponential at the customer's rate. With k = 1 purchases are
random in time, with a larger k they have a rhythm. When the open wait begins, a customer with x repeat purchases in t_x
weeks has a rate that varies as Gamma(r + kx, alpha + t_x). While the wait is open, fewer than k stages are over.

Sources: Reutterer, Platzer, Schroeder (2021), "Leveraging purchase regularity for predicting customer behavior the
easy way"; Platzer and Reutterer (2016), "Ticking away the moments".
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, pi

import numpy as np
from scipy.special import betaincinv

from ml.common.likelihood import FloatArray, log

_HALVINGS = 80
_LONGEST_WAIT = 1e9  # weeks
# Below this chance of going on after a purchase, its roots lose their digits, and the expectation no longer moves.
_LEAST_SURVIVAL = 1e-8


def stage_terms(shape: FloatArray, share: FloatArray, k: int) -> FloatArray:
    """`(R)_j / j! u^j` for j < k stages over in an open wait, shape (n, k), R and u of shape (n,).

    `u` is the open wait's share of alpha + T. Divided by their sum S, the terms are the chances of j.
    """
    terms = np.ones((len(shape), k))
    for j in range(1, k):
        terms[:, j] = terms[:, j - 1] * (shape + j - 1) / j * share
    return terms


@dataclass(frozen=True)
class OpenWait:
    """The waits that n living customers are in: `shape` is r + kx, `t_x` and `age` are weeks, all of shape (n,)."""

    k: int
    shape: FloatArray
    alpha: float
    t_x: FloatArray
    age: FloatArray

    def stage_shares(self) -> FloatArray:
        """Chances that j = 0 ... k - 1 stages are over, shape (n, k)."""
        terms = stage_terms(self.shape, self._share(0.0), self.k)
        return terms / terms.sum(axis=1)[:, None]

    def log_silent(self, weeks: FloatArray | float = 0.0) -> FloatArray:
        """Logarithm of the chance of no purchase since the last one until `weeks` from today, shape (n,)."""
        elapsed = (self.alpha + self.age + weeks) / (self.alpha + self.t_x)
        terms = stage_terms(self.shape, self._share(weeks), self.k)
        return log(terms.sum(axis=1)) - self.shape * np.log(elapsed)

    def median_rest(self) -> FloatArray:
        """Median weeks from today to the next purchase, shape (n,)."""
        if self.k == 1:
            return (self.alpha + self.age) * np.expm1(np.log(2.0) / self.shape)
        half = self.log_silent() - np.log(2.0)
        low, high = np.zeros(len(self.shape)), _quantile(self.shape, self.k, 0.5) * (self.alpha + self.age)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            later = self.log_silent(middle) > half
            low, high = np.where(later, middle, low), np.where(later, high, middle)
        return high

    def quantile(self, share: float) -> FloatArray:
        """Weeks from the last purchase by which the given share of the customers who stay has bought, shape (n,)."""
        return _quantile(self.shape, self.k, share) * (self.alpha + self.t_x)

    def _share(self, weeks: FloatArray | float) -> FloatArray:
        return (self.age - self.t_x + weeks) / (self.alpha + self.age + weeks)


def rising(orders: FloatArray) -> FloatArray:
    """Cumulative orders, shape (n, h), raised where rounding left them below 0 or below an earlier horizon."""
    return np.maximum.accumulate(np.maximum(orders, 0.0), axis=1)


def _quantile(shape: FloatArray, k: int, share: float) -> FloatArray:
    """Of k stages at rates that vary as Gamma(shape, 1): a beta prime variable, cut off at an endless wait."""
    over = betaincinv(k, shape, share)
    with np.errstate(divide="ignore"):
        return np.minimum(over / (1 - over), _LONGEST_WAIT)


@dataclass(frozen=True)
class Renewals:
    """Future purchases of n alive customers: `shape` is r + kx (n,), `horizons` are over alpha + T (n, h).

    All results have shape (k, n, h), by the stages j that are over in the open wait. Stages to come are negative
    binomial, and every k-th one is a purchase. A power of the number of purchases is a sum of powers of the number of
    stages, one for each k-th root of unity; their expectations are closed forms. The real root carries the level, the
    others the rhythm, which fades with the horizon.
    """

    k: int
    shape: FloatArray
    horizons: FloatArray

    def expected(self) -> FloatArray:
        """Expected purchases of customers who never stop."""
        stages = np.arange(self.k, dtype=np.float64)[:, None, None]
        level = stages + (self.shape[:, None] + stages) * self.horizons
        return level / self.k - (self.k - 1) / (2 * self.k) - self._rhythm(np.ones(len(self.shape)))

    def expected_until_stop(self, p: FloatArray) -> FloatArray:
        """Expected purchases of customers who stop after each purchase with probability p (n,).

        `E[(1 - (1 - p)^C) / p]` for C purchases if nobody stopped. Written so that nothing cancels where p is small.
        """
        p = np.minimum(p, 1 - _LEAST_SURVIVAL)
        step = -np.log1p(-p) / self.k
        growth = np.expm1(step)
        level = self._level(-np.expm1(-step)[:, None]) / ((1 - p) * self.k * growth)[:, None]
        return level if self.k == 1 else level - self._delay(growth, p)[:, None] - self._rhythm(np.exp(-step))

    def _level(self, away: FloatArray) -> FloatArray:
        """`1 - E[z^M]` for M stages over since the last purchase, z = 1 - away."""
        passed = away * self.horizons
        discount = np.expm1(-self.shape[:, None] * np.log1p(passed))
        level = np.empty((self.k, *discount.shape))
        level[0] = -discount
        if self.k > 1:
            ratio, sooner = (1 - away) / (1 + passed), (away + passed) / (1 + passed)
            gone = np.zeros_like(discount)
            for j in range(1, self.k):
                gone = gone * ratio + sooner
                level[j] = (1 + discount) * gone - discount
        return level

    def _delay(self, growth: FloatArray, p: FloatArray) -> FloatArray:
        """What an evenly spread share of a wait is worth, (k - 1) / 2k at p = 0, shape (n,); growth = 1 / z - 1."""
        choices = [float(comb(self.k, i)) for i in range(self.k + 1)]
        powers = [growth**i for i in range(self.k)]
        late = sum(choices[i] * powers[i - 2] for i in range(2, self.k + 1))
        whole = sum(choices[i] * powers[i - 1] for i in range(1, self.k + 1))
        return late / ((1 - p) * self.k * whole)

    def _rhythm(self, root: FloatArray) -> FloatArray:
        """The other roots of unity times `root` (n,), conjugates in one; 0 for k = 1."""
        rhythm = np.zeros((self.k, *self.horizons.shape))
        for turn in range(1, self.k // 2 + 1):
            is_real = 2 * turn == self.k
            unity = -1.0 if is_real else np.exp(2j * pi * turn / self.k)
            weight = (1 if is_real else 2) / (self.k * root**self.k * (np.conj(unity) / root - 1))
            turned = (root * unity)[:, None]
            base = 1 + (1 - turned) * self.horizons
            wave = weight[:, None] * np.exp(-self.shape[:, None] * np.log(base))
            for j in range(self.k):
                rhythm[j] += wave.real
                wave = wave * (turned / base)
        return rhythm
