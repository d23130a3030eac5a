"""Maximum likelihood of positive parameters with an analytic gradient, on scipy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

FloatArray = NDArray[np.float64]
Objective = Callable[[FloatArray], tuple[float, FloatArray]]


def maximise(
    objective: Objective,
    starts: Sequence[Sequence[float]],
    bounds: Sequence[tuple[float, float]],
    observations_count: float,
) -> tuple[list[float], float]:
    """Search on the logarithms of the parameters, within bounds, from each start; the likeliest end wins.

    `objective(values)` returns the log-likelihood and its gradient; the search sees them per observation, so that
    its tolerances mean the same for every size of data. Returns (parameters, log-likelihood).
    """

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        values = np.exp(logs)
        value, gradient = objective(values)
        return -value / observations_count, -gradient * values / observations_count

    options = {"maxiter": 500, "maxfun": 1000, "ftol": 1e-14, "gtol": 1e-8}
    log_bounds = [tuple(np.log(bound)) for bound in bounds]
    ends = [
        minimize(loss, np.log(start), jac=True, method="L-BFGS-B", bounds=log_bounds, options=options)
        for start in starts
    ]
    best = min(ends, key=lambda end: end.fun)
    return [float(value) for value in np.exp(best.x)], float(-best.fun * observations_count)
