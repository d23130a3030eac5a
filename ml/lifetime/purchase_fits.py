"""The BG/NBD family by maximum likelihood, and the number of stages of a wait by likelihood.

The likelihood needs of a customer (x, t_x, T) alone. Only the choice of k needs more, the sum of the logarithms of all
waits: it raises or lowers the likelihood of a k as a whole, so that equal histories stay together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from scipy.special import betaln, digamma, expit, gammaln

from ml.common.likelihood import FloatArray, log, maximise, polish
from ml.lifetime.erlang_waits import stage_terms
from ml.lifetime.purchase_models import DropoutModel, Histories, Nbd

MOST_STAGES = 12
Model = TypeVar("Model", Nbd, DropoutModel)
_BOUNDS = {"r": (1e-4, 1e4), "alpha": (1e-4, 1e6), "a": (1e-5, 1e4), "b": (1e-5, 1e5)}
# Twice the log-likelihood that drop-out or a stage has to add to be more than rounding; a test of drop-out asks for
# thousands of times that.
_NOTHING = 1e-3


def choose_stages(fit: Callable[[int], Model]) -> Model:
    """The model with the likeliest number of stages k: from 1 upwards to the first fall, at most 12."""
    best = fit(1)
    for k in range(2, MOST_STAGES + 1):
        found = fit(k)
        if 2 * (found.log_likelihood - best.log_likelihood) < _NOTHING:
            break
        best = found
    return replace(best, k_is_chosen=True)


def fit_nbd(histories: Histories, k: int = 1) -> Nbd:
    """NBD, or CNBD with k stages, by maximum likelihood; parameters r and alpha (weeks).

    If customers differ no more than by chance, the likelihood always rises with r; r is then set to the end of its
    range, where all customers buy at the same rate.

    Raises:
        ValueError: nobody has bought twice, so that there is no rate.
    """
    objective = NbdLikelihood(histories, k)
    r, alpha = objective.start()
    bounds = [_BOUNDS["r"], _BOUNDS["alpha"]]
    if not objective.customers_differ():
        r = _BOUNDS["r"][1]
        alpha = r / objective.common_rate()
        bounds = [(r, r), (alpha / 2, alpha * 2)]
    found = maximise(objective, [(r, alpha)], bounds, histories.customers_count.sum())
    r, alpha = found.values
    return Nbd(r, alpha, found.log_likelihood, tuple(found.standard_errors), k)


def fit_dropout_model(histories: Histories, *, first_may_be_last: bool, nbd: Nbd | None = None) -> DropoutModel:
    """BG/NBD or MBG/NBD by maximum likelihood, with the k of `nbd`; parameters r, alpha (weeks), a, b.

    Starts from rare and from frequent stopping, and keeps the likelier end. If drop-out adds nothing to NBD (`nbd`,
    fitted here with k = 1 if it is not given), a and b have no optimum: the model is then NBD with a and b at the ends
    of their ranges, where nobody stops.

    Raises:
        ValueError: nobody has bought twice.
    """
    nbd = nbd or fit_nbd(histories)
    objective = DropoutLikelihood(histories, first_may_be_last=first_may_be_last, k=nbd.k)
    r, alpha = NbdLikelihood(histories, nbd.k).start()
    starts = [(r, alpha, a, b) for a, b in ((1.0, 3.0), (0.3, 30.0))]
    found = maximise(objective, starts, list(_BOUNDS.values()), histories.customers_count.sum())
    if 2 * (found.log_likelihood - nbd.log_likelihood) < _NOTHING:
        never, errors = (_BOUNDS["a"][0], _BOUNDS["b"][1]), (*nbd.standard_errors, np.nan, np.nan)
        return DropoutModel(nbd.r, nbd.alpha, *never, first_may_be_last, nbd.log_likelihood, errors, nbd.k)
    r, alpha, a, b = found.values
    return DropoutModel(r, alpha, a, b, first_may_be_last, found.log_likelihood, tuple(found.standard_errors), nbd.k)


def _sum(weight: FloatArray, values: FloatArray) -> float:
    return float(np.sum(weight * values))


def _log_waits(histories: Histories, k: int) -> float:
    """What the lengths of the waits add to the log-likelihood of k: `sum (k-1) ln w - ln G(k)`."""
    return (k - 1) * histories.log_waits - _sum(histories.customers_count, histories.x) * math.lgamma(k)


class _OpenStages:
    """`ln S` of each history's open wait, its slope in the shape r + kx, and the mean of the stages over, shape (g,).

    S has one term a stage: `(r+kx)_j / j! ((T - t_x) / (alpha+T))^j`, j < k.
    """

    def __init__(self, histories: Histories, shape: FloatArray, alpha: float, k: int) -> None:
        terms = stage_terms(shape, (histories.age - histories.t_x) / (alpha + histories.age), k)
        total = np.ones(len(shape))
        slope, stages, rising = np.zeros(len(shape)), np.zeros(len(shape)), np.zeros(len(shape))
        for j in range(1, k):
            rising = rising + 1 / (shape + j - 1)
            total = total + terms[:, j]
            slope = slope + terms[:, j] * rising
            stages = stages + terms[:, j] * j
        self.log_total = log(total)
        self.slope = slope / total
        self.mean = stages / total


class NbdLikelihood:
    """Log-likelihood of NBD with k stages over distinct histories; `objective(values) -> (value, gradient)`."""

    def __init__(self, histories: Histories, k: int = 1) -> None:
        self.histories = histories
        self.k = k
        self.of_waits = _log_waits(histories, k)

    def start(self) -> tuple[float, float]:
        """The rate of all customers together, with a spread between customers as large as its mean.

        Raises ValueError if nobody has bought twice.
        """
        h = self.histories
        orders, weeks = (float(np.sum(h.customers_count * column)) for column in (h.x, h.age))
        if not orders:
            raise ValueError("nobody has bought twice: there is no rate of purchases to fit")
        return 1.0, weeks / orders / self.k

    def common_rate(self) -> float:
        """Stages a week if all customers had the same rate, by maximum likelihood."""
        weeks = np.sum(self.histories.customers_count * self.histories.age)

        def loss(point: FloatArray) -> tuple[float, FloatArray]:
            rate = math.exp(point[0])
            stages, _, log_silent = self._stages(rate)
            reached = _sum(self.histories.customers_count, self.k * self.histories.x * point[0] + log_silent)
            seen = _sum(self.histories.customers_count, stages)
            return rate - reached / weeks, np.array([rate - seen / weeks])

        start = np.array([-math.log(self.start()[1])])
        return math.exp(polish(loss, start, np.array([-np.inf]), np.array([np.inf]))[0])

    def customers_differ(self) -> bool:
        """Whether purchases vary more between customers than at one rate for all.

        The slope of the likelihood in 1 / r where r is infinite (Dean and Lawless, 1989): the squares of stages seen
        less stages expected against the stages' own variance. Where k = 1: sum (x - m)^2 > sum x, m expected.
        """
        rate = self.common_rate()
        stages, variance, _ = self._stages(rate)
        spread = _sum(self.histories.customers_count, (stages - rate * self.histories.age) ** 2)
        return spread > _sum(self.histories.customers_count, variance) * (1 + 1e-9)

    def __call__(self, values: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood and its gradient at (r, alpha)."""
        r, alpha = values
        shape, weight = r + self.k * self.histories.x, self.histories.customers_count
        waited, open_stages = alpha + self.histories.age, _OpenStages(self.histories, shape, alpha, self.k)
        likelihood = gammaln(shape) - gammaln(r) + r * log(alpha) - shape * log(waited) + open_stages.log_total
        by_r = digamma(shape) - digamma(r) + log(alpha) - log(waited) + open_stages.slope
        by_alpha = r / alpha - (shape + open_stages.mean) / waited
        return _sum(weight, likelihood) + self.of_waits, np.array([_sum(weight, by_r), _sum(weight, by_alpha)])

    def _stages(self, rate: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """At one rate for all: stages over, those of the open wait expected; their variance by chance; ln silence."""
        silence = rate * (self.histories.age - self.histories.t_x)
        terms = [np.ones_like(silence)]
        for j in range(1, self.k):
            terms.append(terms[-1] * silence / j)
        total, mean, square = (sum(j**power * term for j, term in enumerate(terms)) for power in range(3))
        mean, square = mean / total, square / total
        seen = self.k * self.histories.x + mean
        return seen, seen - (square - mean**2), log(total)


class DropoutLikelihood:
    """Log-likelihood of BG/NBD or MBG/NBD with k stages; `objective(values) -> (value, gradient)` at (r, alpha, a, b).

    Per history, with c = 1 for MBG/NBD and 0 for BG/NBD, R = r + kx, and `odds` those of having stopped:
    `ln G(R) - ln G(r) + r ln alpha + ln B(a, b+x+c) - ln B(a, b) - R ln(alpha+T) + ln S + ln(1 + odds)`,
    `odds = a / (b+x+c-1) ((alpha+T) / (alpha+t_x))^R / S`, 0 where x + c = 0, and what the waits themselves say of k.
    Gamma and beta functions are worked out once for each distinct x.
    """

    def __init__(self, histories: Histories, *, first_may_be_last: bool, k: int = 1) -> None:
        self.histories = histories
        self.first_may_be_last = first_may_be_last
        self.k = k
        self.of_waits = _log_waits(histories, k)
        self.x, self.x_index = np.unique(histories.x, return_inverse=True)
        self.x_weight = np.bincount(self.x_index, weights=histories.customers_count).astype(np.float64)
        self.may_have_stopped = histories.x + first_may_be_last > 0

    def __call__(self, values: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood and its gradient at (r, alpha, a, b)."""
        by_x, by_x_gradient = self._terms_of_x(*values)
        by_history, by_history_gradient = self._terms_of_history(*values)
        return by_x + by_history + self.of_waits, by_x_gradient + by_history_gradient

    def _terms_of_x(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray]:
        x, weight = self.x, self.x_weight
        shape, survived = r + self.k * x, b + x + self.first_may_be_last
        likelihood = gammaln(shape) - gammaln(r) + r * log(alpha) + betaln(a, survived) - betaln(a, b)
        together = digamma(a + b) - digamma(a + survived)
        gradient = [
            digamma(shape) - digamma(r) + log(alpha),
            np.full_like(x, r / alpha),
            together,
            together + digamma(survived) - digamma(b),
        ]
        return _sum(weight, likelihood), np.array([_sum(weight, part) for part in gradient])

    def _terms_of_history(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray]:
        h, weight = self.histories, self.histories.customers_count
        shape = r + self.k * h.x
        waited, active = alpha + h.age, alpha + h.t_x
        log_waited, log_ratio = log(waited), log(waited / active)
        open_stages = _OpenStages(h, shape, alpha, self.k)
        survived = np.where(self.may_have_stopped, b + h.x + self.first_may_be_last - 1, 1.0)
        log_odds = log(a / survived) + shape * log_ratio - open_stages.log_total
        log_odds = np.where(self.may_have_stopped, log_odds, -np.inf)
        stopped = expit(log_odds)
        alive = 1 - stopped
        gradient = [
            stopped * log_ratio - log_waited + alive * open_stages.slope,
            -(alive * (shape + open_stages.mean) / waited + stopped * shape / active),
            stopped / a,
            -stopped / survived,
        ]
        likelihood = np.logaddexp(0.0, log_odds) - shape * log_waited + open_stages.log_total
        return _sum(weight, likelihood), np.array([_sum(weight, part) for part in gradient])
