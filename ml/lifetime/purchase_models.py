"""How often customers buy and when they stop: BG/NBD, MBG/NBD and NBD by maximum likelihood, and the naive rate.

A history is (x, t_x, T): repeat purchase days, weeks from the first to the last one, weeks from the first one
to today. While alive a customer buys at a Poisson rate that varies between customers as Gamma(r, alpha); after a
purchase day a customer stops with a probability that varies as Beta(a, b). NBD is the same without stopping.

What a customer or an order is worth does not belong here (see `ml.lifetime.gamma_gamma` and `ml.lifetime.valuation`).

Sources: Fader, Hardie, Lee (2005), "Counting your customers" the easy way (BG/NBD); Batislam, Denizel,
Filiztekin (2007) (MBG/NBD); Ehrenberg (1959) (NBD).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, digamma, expit, gammaln

from ml.common.likelihood import FloatArray, log, maximise
from ml.common.quadrature import beta_quadrature

_BOUNDS = {"r": (1e-4, 1e4), "alpha": (1e-4, 1e6), "a": (1e-5, 1e4), "b": (1e-5, 1e5)}
# Twice the log-likelihood that drop-out has to add to be more than rounding; a test asks for thousands of times that.
_NO_DROPOUT = 1e-3


class PurchaseModel(Protocol):
    """What backtest and scoring ask of a model; n customers, k horizons in ascending weeks."""

    @property
    def name(self) -> str:
        """The name under which results are published."""

    def p_alive(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """Probability of still being a customer, shape (n,); NaN where the model has no drop-out."""

    def expected_orders(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """Expected purchase days in the next `weeks` of each horizon, cumulative, shape (n, k)."""

    def median_wait(self, x: FloatArray, age: FloatArray) -> FloatArray:
        """Median weeks to the next purchase day given alive, shape (n,)."""


@dataclass(frozen=True)
class Histories:
    """Distinct (x, t_x, T), sorted, each with the number of customers that share it.

    `x`, `t_x`, `age` and `customers_count` have shape (g,); `index` has shape (n,) and takes each customer to
    their history: `histories.x[histories.index]` is the input again.
    """

    x: FloatArray
    t_x: FloatArray
    age: FloatArray
    customers_count: FloatArray
    index: NDArray[np.intp]


def group_histories(x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Histories:
    """Collapse customers (shape (n,), times in weeks) to distinct histories.

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
    return Histories(distinct_x, distinct_t_x, distinct_age, count.astype(np.float64), index)


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
        """NaN: a rate says nothing about stopping."""
        return np.full(len(x), np.nan)

    def expected_orders(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """Rate times weeks, shape (n, k)."""
        return (x / np.maximum(age, 1.0))[:, None] * weeks[None, :]

    def median_wait(self, x: FloatArray, age: FloatArray) -> FloatArray:
        """Median of the exponential wait at the rate so far; infinite without a repeat purchase."""
        with np.errstate(divide="ignore"):
            return np.log(2.0) * np.maximum(age, 1.0) / x


@dataclass(frozen=True)
class Nbd:
    """Purchases at a Gamma(r, alpha) rate per week, for ever."""

    r: float
    alpha: float
    log_likelihood: float = np.nan

    @property
    def name(self) -> str:
        """The name under which results are published."""
        return "nbd"

    def p_alive(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """NaN: the model has no drop-out."""
        return np.full(len(x), np.nan)

    def expected_orders(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """Posterior mean rate (r + x) / (alpha + T) times weeks, shape (n, k)."""
        return ((self.r + x) / (self.alpha + age))[:, None] * weeks[None, :]

    def median_wait(self, x: FloatArray, age: FloatArray) -> FloatArray:
        """`(alpha + T) (2^(1 / (r + x)) - 1)` weeks."""
        return _median_wait(self.r, self.alpha, x, age)


@dataclass(frozen=True)
class DropoutModel:
    """BG/NBD, or MBG/NBD where the first purchase, too, may be the last one (`first_may_be_last`).

    The two differ in the posterior of the stopping probability only: given alive it is Beta(a, b + x) in
    BG/NBD and Beta(a, b + x + 1) in MBG/NBD.
    """

    r: float
    alpha: float
    a: float
    b: float
    first_may_be_last: bool
    log_likelihood: float = np.nan

    @property
    def name(self) -> str:
        """The name under which results are published."""
        return "mbg_nbd" if self.first_may_be_last else "bg_nbd"

    def p_alive(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        """Probability of not having stopped by today, shape (n,)."""
        return expit(-self._log_odds_of_having_stopped(x, t_x, age))

    def expected_orders(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """Probability of being alive times the orders expected of one who is, shape (n, k).

        The second factor depends on (x, T) alone and is worked out once for each distinct pair.
        """
        pairs, index = np.unique(np.column_stack([x, age]), axis=0, return_inverse=True)
        if_alive = self.expected_orders_if_alive(pairs[:, 0], pairs[:, 1], weeks)
        return self.p_alive(x, t_x, age)[:, None] * if_alive[index]

    def expected_orders_if_alive(self, x: FloatArray, age: FloatArray, weeks: FloatArray) -> FloatArray:
        """Expected purchase days in each horizon given alive today, shape (n, k).

        `E[(1 - (1 + p t / (alpha + T))^-(r + x)) / p]` over p ~ Beta(a, b + x), the rate being integrated out. This is
        equation (10) of Fader, Hardie and Lee before it is written with 2F1, where it becomes a difference of nearly
        equal numbers with poles at a = 1 and a + b + x = 1, and overflows for weekly shoppers. As an expectation of a
        smooth positive function it is neither; nodes and weights depend on x alone. Relative error below 1e-9 where
        alpha + T exceeds a hundredth of the horizon, 2e-5 down to half a week of it.
        """
        distinct_x, index = np.unique(x, return_inverse=True)
        nodes, weights = beta_quadrature(self.a, self.b + self.first_may_be_last + distinct_x)
        orders = np.zeros((len(x), len(weeks)))
        horizons, shape = weeks / (self.alpha + age)[:, None], (self.r + x)[:, None]
        for node, weight in zip(nodes.T, weights.T, strict=True):
            p, share = node[index][:, None], weight[index][:, None]
            orders -= share * np.expm1(-shape * np.log1p(p * horizons)) / p
        return orders

    def probability_of_order(self, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: float) -> FloatArray:
        """Probability of at least one purchase day in the next `weeks`, shape (n,)."""
        silent_if_alive = np.exp(-(self.r + x) * np.log1p(weeks / (self.alpha + age)))
        return self.p_alive(x, t_x, age) * (1 - silent_if_alive)

    def median_wait(self, x: FloatArray, age: FloatArray) -> FloatArray:
        """`(alpha + T) (2^(1 / (r + x)) - 1)` weeks, given alive."""
        return _median_wait(self.r, self.alpha, x, age)

    def _log_odds_of_having_stopped(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        chances_to_stop = x + self.first_may_be_last
        may_have_stopped = chances_to_stop > 0
        survived = np.where(may_have_stopped, self.b + chances_to_stop - 1, 1.0)
        log_odds = np.log(self.a / survived) + (self.r + x) * np.log((self.alpha + age) / (self.alpha + t_x))
        return np.where(may_have_stopped, log_odds, -np.inf)


def _median_wait(r: float, alpha: float, x: FloatArray, age: FloatArray) -> FloatArray:
    return (alpha + age) * np.expm1(np.log(2.0) / (r + x))


def fit_nbd(histories: Histories) -> Nbd:
    """NBD by maximum likelihood; parameters r and alpha (weeks).

    Where customers differ no more than chance makes them, the likelihood rises with r for ever; r is then put on the
    end of its range, where everybody buys at the same rate.

    Raises:
        ValueError: nobody has bought twice, so that there is no rate.
    """
    objective = NbdLikelihood(histories)
    r, alpha = objective.start()
    bounds = [_BOUNDS["r"], _BOUNDS["alpha"]]
    if not objective.customers_differ():
        r = _BOUNDS["r"][1]
        alpha *= r
        bounds = [(r, r), (alpha / 2, alpha * 2)]
    found = maximise(objective, [(r, alpha)], bounds, histories.customers_count.sum())
    r, alpha = found.values
    return Nbd(r, alpha, found.log_likelihood)


def fit_dropout_model(histories: Histories, *, first_may_be_last: bool, nbd: Nbd | None = None) -> DropoutModel:
    """BG/NBD or MBG/NBD by maximum likelihood; parameters r, alpha (weeks), a, b.

    Starts from rare and from frequent stopping, and keeps the likelier end. Where drop-out adds nothing to NBD (`nbd`,
    fitted here where it is not given) a and b have no optimum: the model is then NBD with a and b on the ends of their
    ranges, where nobody stops.

    Raises:
        ValueError: nobody has bought twice.
    """
    nbd = nbd or fit_nbd(histories)
    objective = DropoutLikelihood(histories, first_may_be_last=first_may_be_last)
    r, alpha = NbdLikelihood(histories).start()
    starts = [(r, alpha, a, b) for a, b in ((1.0, 3.0), (0.3, 30.0))]
    found = maximise(objective, starts, list(_BOUNDS.values()), histories.customers_count.sum())
    if 2 * (found.log_likelihood - nbd.log_likelihood) < _NO_DROPOUT:
        never = (_BOUNDS["a"][0], _BOUNDS["b"][1])
        return DropoutModel(nbd.r, nbd.alpha, *never, first_may_be_last, nbd.log_likelihood)
    r, alpha, a, b = found.values
    return DropoutModel(r, alpha, a, b, first_may_be_last, found.log_likelihood)


def _sum(weight: FloatArray, values: FloatArray) -> float:
    return float(np.sum(weight * values))


class NbdLikelihood:
    """Log-likelihood of NBD over distinct histories; `objective(values) -> (value, gradient)`."""

    def __init__(self, histories: Histories) -> None:
        self.histories = histories

    def start(self) -> tuple[float, float]:
        """Rate of all customers together, with a spread between customers as wide as its mean.

        Raises ValueError where nobody has bought twice.
        """
        h = self.histories
        orders, weeks = (float(np.sum(h.customers_count * column)) for column in (h.x, h.age))
        if not orders:
            raise ValueError("nobody has bought twice: there is no rate of purchases to fit")
        return 1.0, weeks / orders

    def customers_differ(self) -> bool:
        """Whether purchases vary more between customers than at one rate for all: sum (x - m)^2 > sum x, m expected.

        The slope of the likelihood in 1 / r where r is infinite (Dean and Lawless, 1989).
        """
        h = self.histories
        expected = h.age / self.start()[1]
        spread, chance = np.sum(h.customers_count * (h.x - expected) ** 2), np.sum(h.customers_count * h.x)
        return bool(spread > chance * (1 + 1e-9))

    def __call__(self, values: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood and its gradient at (r, alpha)."""
        r, alpha = values
        x, weight = self.histories.x, self.histories.customers_count
        waited = alpha + self.histories.age
        likelihood = gammaln(r + x) - gammaln(r) + r * log(alpha) - (r + x) * log(waited)
        by_r = digamma(r + x) - digamma(r) + log(alpha) - log(waited)
        by_alpha = r / alpha - (r + x) / waited
        return _sum(weight, likelihood), np.array([_sum(weight, by_r), _sum(weight, by_alpha)])


class DropoutLikelihood:
    """Log-likelihood of BG/NBD or MBG/NBD; `objective(values) -> (value, gradient)` at (r, alpha, a, b).

    Per history, with k = 1 for MBG/NBD and 0 for BG/NBD, and `odds` those of having stopped:
    `ln G(r+x) - ln G(r) + r ln alpha + ln B(a, b+x+k) - ln B(a, b) - (r+x) ln(alpha+T) + ln(1 + odds)`,
    `odds = a / (b+x+k-1) ((alpha+T) / (alpha+t_x))^(r+x)`, 0 where x + k = 0.
    Gamma and beta functions are worked out once for each distinct x.
    """

    def __init__(self, histories: Histories, *, first_may_be_last: bool) -> None:
        self.histories = histories
        self.first_may_be_last = first_may_be_last
        self.x, self.x_index = np.unique(histories.x, return_inverse=True)
        self.x_weight = np.bincount(self.x_index, weights=histories.customers_count).astype(np.float64)
        self.may_have_stopped = histories.x + first_may_be_last > 0

    def __call__(self, values: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood and its gradient at (r, alpha, a, b)."""
        by_x, by_x_gradient = self._terms_of_x(*values)
        by_history, by_history_gradient = self._terms_of_history(*values)
        return by_x + by_history, by_x_gradient + by_history_gradient

    def _terms_of_x(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray]:
        x, weight = self.x, self.x_weight
        survived = b + x + self.first_may_be_last
        likelihood = gammaln(r + x) - gammaln(r) + r * log(alpha) + betaln(a, survived) - betaln(a, b)
        together = digamma(a + b) - digamma(a + survived)
        gradient = [
            digamma(r + x) - digamma(r) + log(alpha),
            np.full_like(x, r / alpha),
            together,
            together + digamma(survived) - digamma(b),
        ]
        return _sum(weight, likelihood), np.array([_sum(weight, part) for part in gradient])

    def _terms_of_history(self, r: float, alpha: float, a: float, b: float) -> tuple[float, FloatArray]:
        h, weight = self.histories, self.histories.customers_count
        shape = r + h.x
        waited, active = alpha + h.age, alpha + h.t_x
        log_waited, log_ratio = log(waited), log(waited / active)
        survived = np.where(self.may_have_stopped, b + h.x + self.first_may_be_last - 1, 1.0)
        log_odds = np.where(self.may_have_stopped, log(a / survived) + shape * log_ratio, -np.inf)
        stopped = expit(log_odds)
        gradient = [
            stopped * log_ratio - log_waited,
            -shape * ((1 - stopped) / waited + stopped / active),
            stopped / a,
            -stopped / survived,
        ]
        likelihood = np.logaddexp(0.0, log_odds) - shape * log_waited
        return _sum(weight, likelihood), np.array([_sum(weight, part) for part in gradient])
