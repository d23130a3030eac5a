"""The seasonal model of a monthly series, on logarithms: seasonal factors, and what is left without or with a drift.

Without a drift it is exponential smoothing; with one the theta method, which adds half the drift of a straight line.
The one parameter is searched on a grid, and everything else has a closed form, so that all processors find the same
forecast.

Sources: Assimakopoulos and Nikolopoulos (2000), "The theta model"; Hyndman and Billah (2003), "Unmasking the Theta
method".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import f

from ml.common.likelihood import FloatArray, log

YEAR = 12
# Two years hold every month twice.
SEASONAL_MONTHS = 2 * YEAR
_GRID = np.arange(1, 51) / 50
_SIGNIFICANCE = 0.05
_NOTHING = 1e-12
_SSE_DIGITS = 12
_LARGEST = 300.0


@dataclass(frozen=True)
class SeasonalForecast:
    """Values of the months ahead by model, `level` and `drift`, and `season`, their factors by the month of the year;
    all of shape (h,). has_season: whether there are such factors."""

    level: FloatArray
    drift: FloatArray
    season: FloatArray
    has_season: bool


def seasonal_forecast(values: FloatArray, horizon: int) -> SeasonalForecast:
    """Forecast the `horizon` months after `values`, shape (n,), all positive, n >= 2."""
    logs = log(values)
    has_season = is_seasonal(logs)
    season = seasonal_factors(logs) if has_season else np.zeros(YEAR)
    months = np.arange(len(logs) + horizon) % YEAR
    smooth = logs - season[months[: len(logs)]]
    ahead = season[months[len(logs) :]]
    level, drift = _smoothed(smooth, horizon)
    return SeasonalForecast(_exp(level + ahead), _exp(level + drift + ahead), _exp(ahead), has_season)


def is_seasonal(logs: FloatArray) -> bool:
    """Whether the changes from month to month differ by month of the year, in two years or more.

    Analysis of variance at 5%. A trend is the same in all months, and a random walk has independent changes.
    """
    if len(logs) < SEASONAL_MONTHS:
        return False
    changes = np.diff(logs)
    places = np.arange(len(changes)) % YEAR
    means = np.array([changes[places == place].mean() for place in range(YEAR)])
    between = float(np.sum((means[places] - changes.mean()) ** 2)) / (YEAR - 1)
    within = float(np.sum((changes - means[places]) ** 2)) / (len(changes) - YEAR)
    return between > within * f.isf(_SIGNIFICANCE, YEAR - 1, len(changes) - YEAR) + _NOTHING


def seasonal_factors(logs: FloatArray) -> FloatArray:
    """The twelve factors of a classical decomposition, on logarithms, of place 0, 1, ... in the year of the first
    month; they sum to 0."""
    weights = np.array([0.5, *[1.0] * (YEAR - 1), 0.5]) / YEAR
    windows = np.lib.stride_tricks.sliding_window_view(logs, YEAR + 1)
    places = (np.arange(len(windows)) + YEAR // 2) % YEAR
    around = logs[YEAR // 2 : -(YEAR // 2)] - np.sum(windows * weights, axis=1)
    factors = np.array([around[places == place].mean() for place in range(YEAR)])
    return factors - factors.mean()


def _smoothed(logs: FloatArray, horizon: int) -> tuple[float, FloatArray]:
    """The level that exponential smoothing ends on, and the drift of the theta method from there, shape (horizon,)."""
    level = np.full(len(_GRID), logs[0])
    squares = np.zeros(len(_GRID))
    for value in logs[1:]:
        error = value - level
        squares += error**2
        level = level + _GRID * error
    # of sums that only rounding tells apart the first
    best = int(np.argmin(np.round(squares, _SSE_DIGITS)))
    alpha, count = _GRID[best], len(logs)
    time = np.arange(count) - (count - 1) / 2
    slope = np.sum(time * logs) / np.sum(time**2)
    lag = (1 - (1 - alpha) ** count) / alpha
    return float(level[best]), slope / 2 * (np.arange(horizon) + lag)


def _exp(logs: FloatArray) -> FloatArray:
    """The C library's exponential, which has the same digits on every processor."""
    return np.array([math.exp(min(value, _LARGEST)) for value in logs.tolist()])
