"""Optima that do not depend on where a search stops: Newton steps until convergence, and a test of the result.

Sums over customers are the same on every processor: sums are numpy's own, never a product of matrices, and logarithms
are the C library's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import xlogy

from ml.common.rounding import significant

FloatArray = NDArray[np.float64]
Objective = Callable[[FloatArray], tuple[float, FloatArray]]

_MOST_STEPS = 100
_LONGEST_STEP = 1.0
_DIFFERENCE = 1e-4
_NEAR_DIGITS = 6
# Newton steps below this are noise, and no longer shrink.
_QUADRATIC = 1e-8
_NOISE = 1e-12
# A curvature per observation below this says nothing about where the optimum is.
_FLAT = 1e-8


def log(values: Any) -> Any:
    """The C library's natural logarithm: numpy's has another last digit where a processor has AVX-512."""
    return xlogy(1.0, values)


@dataclass(frozen=True)
class Optimum:
    """Where a search ended: `values`, to ten significant digits, and the log-likelihood there.

    is_identified: the likelihood curves down in every direction, and no parameter lies on a bound of the search.
    standard_errors: from the inverse of the curvature, to six digits; NaN for a parameter on a bound, the others being
    those with it held there, and for all where the likelihood does not curve down.
    """

    values: list[float]
    log_likelihood: float
    is_identified: bool
    standard_errors: list[float]


def maximise(
    objective: Objective,
    starts: Sequence[Sequence[float]],
    bounds: Sequence[tuple[float, float]],
    observations_count: float,
) -> Optimum:
    """Maximum likelihood of positive parameters, within bounds, from each start; the likeliest end wins.

    `objective(values)` returns the log-likelihood and its gradient; the search runs on the logarithms of the
    parameters and sees both per observation, so that its tolerances mean the same for every size of data.
    """

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        values = np.array([math.exp(value) for value in logs])  # the C library's, as in `log`
        value, gradient = objective(values)
        return -value / observations_count, -gradient * values / observations_count

    options = {"maxiter": 500, "maxfun": 1000, "ftol": 1e-14, "gtol": 1e-8}
    low, high = np.log(np.array(bounds, dtype=np.float64)).T
    log_bounds = list(zip(low, high, strict=True))
    ends = [
        minimize(loss, np.log(start), jac=True, method="L-BFGS-B", bounds=log_bounds, options=options)
        for start in starts
    ]
    near = polish(loss, min(ends, key=lambda end: end.fun).x, low, high)
    # Once more from a point that every search rounds to: the last steps then leave the same digits behind.
    best = polish(loss, np.clip(np.log(significant(np.exp(near), _NEAR_DIGITS)), low, high), low, high)
    values = significant(np.exp(best))
    inside = (best > low) & (best < high)
    curvature = _curvature(loss, best)
    curves_down = bool(np.linalg.eigvalsh(curvature)[0] > _FLAT)
    errors = significant(values * _log_errors(curvature, inside) / math.sqrt(observations_count), _NEAR_DIGITS)
    return Optimum(values.tolist(), objective(values)[0], bool(inside.all()) and curves_down, errors.tolist())


def _log_errors(curvature: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
    """Standard errors of the parameters' logarithms for a single observation, shape (p,); NaN where not free."""
    errors = np.full(len(free), np.nan)
    curvature = curvature[np.ix_(free, free)]
    if free.any() and np.linalg.eigvalsh(curvature)[0] > _FLAT:
        errors[free] = np.sqrt(np.diag(np.linalg.inv(curvature)))
    return errors


def polish(loss: Objective, point: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """The minimum of `loss` near `point`, shape (p,), by Newton steps until they are noise.

    `loss(point)` returns value and gradient. Where the loss falls towards a bound, the point ends exactly on it.
    """
    before = np.inf
    for _ in range(_MOST_STEPS):
        moved = _stepped(loss, point, low, high)
        step = float(np.abs(moved - point).max())
        point = moved
        if step < _NOISE or (before < _QUADRATIC and step > before / 2):
            break
        before = step
    return point


def _stepped(loss: Objective, point: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """One Newton step on the parameters that no bound holds, halved until the loss does not rise."""
    value, slope = loss(point)
    free = ~((point <= low) & (slope >= 0) | (point >= high) & (slope <= 0))
    if not free.any():
        return point
    step = np.zeros_like(point)
    step[free] = _descent(_curvature(loss, point)[np.ix_(free, free)], slope[free])
    step *= min(1.0, _LONGEST_STEP / max(np.abs(step).max(), np.finfo(float).tiny))
    for _ in range(30):
        moved = np.clip(point + step, low, high)
        if loss(moved)[0] <= value + _NOISE * (1 + abs(value)):
            return moved
        step = step / 2
    return point


def _descent(curvature: FloatArray, slope: FloatArray) -> FloatArray:
    """The Newton step, downhill also along directions in which the loss curves the other way."""
    values, directions = np.linalg.eigh(curvature)
    return -directions @ ((directions.T @ slope) / np.maximum(np.abs(values), _FLAT))


def _curvature(loss: Objective, point: FloatArray) -> FloatArray:
    """Second derivatives by central differences of the gradient, shape (p, p), symmetric."""
    steps = np.eye(len(point)) * _DIFFERENCE
    rows = [(loss(point + step)[1] - loss(point - step)[1]) / (2 * _DIFFERENCE) for step in steps]
    second = np.array(rows)
    return (second + second.T) / 2
