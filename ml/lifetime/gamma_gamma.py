"""The value of an order: Gamma-Gamma by maximum likelihood on the mean amount of repeat purchase days.

Amounts vary round a customer's own mean as Gamma(p, nu), and nu between customers as Gamma(q, v). The model assumes
that value and frequency are independent; `frequency_value_correlation` checks that.

Source: Fader and Hardie (2013), "The Gamma-Gamma model of monetary value".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln
from scipy.stats import pearsonr, spearmanr

from ml.common.likelihood import FloatArray, log, maximise
from ml.common.rounding import significant, varies

MINIMUM_REPEATERS = 100
_BOUNDS = ((1e-3, 1e5), (1e-3, 1e4), (1e-6, 1e6))


@dataclass(frozen=True)
class GammaGamma:
    """Fitted parameters; `v` in the currency of the amounts."""

    p: float
    q: float
    v: float
    repeaters_count: int
    log_likelihood: float = np.nan
    is_identified: bool = True
    standard_errors: tuple[float, ...] = (np.nan, np.nan, np.nan)

    @property
    def is_usable(self) -> bool:
        """Whether there is an optimum, the mean over customers exists (q > 1), orders vary (p < 1000), and 100
        repeaters bear it out.
        """
        return self.is_identified and self.q > 1 and self.p < 1000 and self.repeaters_count >= MINIMUM_REPEATERS

    @property
    def population_mean(self) -> float:
        """Mean amount of an order over customers, `p v / (q - 1)`."""
        return self.p * self.v / (self.q - 1)

    def expected_amount(self, x: FloatArray, mean_amount: FloatArray) -> FloatArray:
        """Expected amount of a coming order, shape (n,): own mean and population mean, weighted by evidence.

        `x` repeat purchase days, `mean_amount` their mean; without one (x = 0 or not positive) the population mean.
        """
        known = (x > 0) & (mean_amount > 0)
        own = self.p * (self.v + x * np.where(known, mean_amount, 0.0)) / (self.p * x + self.q - 1)
        return np.where(known, own, self.population_mean)


class GammaGammaLikelihood:
    """Log-likelihood over repeaters; `objective(values) -> (value, gradient)` at (p, q, v).

    Gamma functions are worked out once for each distinct x.
    """

    def __init__(self, x: FloatArray, mean_amount: FloatArray) -> None:
        order = np.lexsort((mean_amount, x))
        self.x, self.mean = x[order], mean_amount[order]
        self.distinct_x, self.x_index, self.x_count = np.unique(self.x, return_inverse=True, return_counts=True)
        self.log_total = log(self.x * self.mean)
        self.log_mean = log(self.mean)

    def __call__(self, values: FloatArray) -> tuple[float, FloatArray]:
        """`ln G(px+q) - ln G(px) - ln G(q) + q ln v + (px-1) ln m + px ln x - (px+q) ln(v + xm)`, summed."""
        p, q, v = values
        shape = p * self.distinct_x
        spread = np.sum(self.x_count * (gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * log(v)))
        log_sum = log(v + self.x * self.mean)
        exponent = p * self.x + q
        value = spread + np.sum((exponent - q) * self.log_total - self.log_mean - exponent * log_sum)
        by_p = np.sum(self.x_count * self.distinct_x * (digamma(shape + q) - digamma(shape)))
        by_q = np.sum(self.x_count * (digamma(shape + q) - digamma(q) + log(v)))
        gradient = [
            by_p + np.sum(self.x * (self.log_total - log_sum)),
            by_q - log_sum.sum(),
            np.sum(q / v - exponent / (v + self.x * self.mean)),
        ]
        return float(value), np.array(gradient)


def fit_gamma_gamma(x: FloatArray, mean_amount: FloatArray) -> GammaGamma | None:
    """Gamma-Gamma on customers with x > 0 and a positive mean amount, shapes (n,).

    None with fewer than two of them, and where all of them spend alike: the likelihood then rises for ever. Amounts
    are scaled by their mean for the search, so that the currency does not matter.
    """
    known = (x > 0) & (mean_amount > 0)
    if known.sum() < 2 or not varies(mean_amount[known]):
        return None
    repeats, scale = x[known].astype(np.float64), float(np.sort(mean_amount[known]).mean())
    objective = GammaGammaLikelihood(repeats, mean_amount[known] / scale)

    found = maximise(objective, [(2.0, 3.0, 1.0)], _BOUNDS, len(repeats))
    p, q, v = found.values
    log_likelihood = found.log_likelihood - len(repeats) * float(np.log(scale))
    p_error, q_error, v_error = found.standard_errors
    errors = (p_error, q_error, float(significant(v_error * scale)))
    return GammaGamma(p, q, float(significant(v * scale)), len(repeats), log_likelihood, found.is_identified, errors)


def frequency_value_correlation(x: FloatArray, mean_amount: FloatArray) -> pd.DataFrame:
    """How value goes with frequency among repeaters: one row a method with correlation and p_value.

    The model takes it as zero. NaN where fewer than three repeaters, or all alike.
    """
    known = (x > 0) & (mean_amount > 0)
    repeats, amount = x[known], mean_amount[known]
    order = np.lexsort((amount, repeats))
    repeats, amount = repeats[order], amount[order]
    varied = len(repeats) > 2 and varies(repeats) and varies(amount)
    rows = []
    for method, correlate in (("pearson", pearsonr), ("spearman", spearmanr)):
        correlation, p_value = correlate(repeats, amount) if varied else (np.nan, np.nan)
        rows.append((method, float(correlation), float(p_value)))
    return pd.DataFrame(rows, columns=["method", "correlation", "p_value"])
