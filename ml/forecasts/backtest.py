"""What each past month end would have said of the months after it, with only what was known by then.

At an origin there are several forecasts of a series: the seasonal model's without and with a drift, and the one of
customers rolled forward. The one whose earlier forecasts were nearest is taken, as far as their months had come by the
origin. The intervals come from the errors of what was taken before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ml.common.likelihood import FloatArray, log
from ml.common.rounding import significant
from ml.forecasts.theta import SEASONAL_MONTHS, YEAR

HORIZON = 6
LEAST_MONTHS = 6
# Origins whose errors make an interval or choose a model: no more, so that a shop is measured by what it is now.
MOST_ORIGINS = 12
LEAST_ORIGINS = 3
LEVELS = (0.80, 0.95)
_GROWTH = (0.0, 0.25, 0.5, 0.75, 1.0)
_AHEAD = np.arange(1, HORIZON + 1)
# No series comes to more, nor do the tables hold more; a forecast or a bound that would says nothing beyond that.
LARGEST = 9e13


@dataclass(frozen=True)
class Candidate:
    """A forecast by one model, shape (HORIZON,); has_season: with seasonal factors."""

    model: str
    values: FloatArray
    has_season: bool = False


@dataclass(frozen=True)
class Origin:
    """What was said at the end of month number `month`.

    `values`, `naive` and `lows` and `highs` by level have shape (HORIZON,); lows and highs are NaN where too few
    earlier origins have been compared with what came. `scale` is the mean absolute error of the naive forecast in
    the months up to the origin, NaN where the series never moved.
    """

    month: int
    model: str
    has_season: bool
    values: FloatArray
    lows: tuple[FloatArray, ...]
    highs: tuple[FloatArray, ...]
    naive: FloatArray
    scale: float

    @property
    def has_interval(self) -> bool:
        """Whether an interval could be given."""
        return not math.isnan(self.lows[0][0])


def backtest(values: FloatArray, candidates: Sequence[Sequence[Candidate]]) -> list[Origin]:
    """What was said at each month end, the last one included.

    values: the series, shape (n,). candidates: for each month the forecasts made at its end, by the order in which
    they are preferred; none where the history was too short.
    """
    said: list[Origin] = []
    for month, found in enumerate(candidates):
        if found:
            chosen = _nearest(values, candidates, month)
            lows, highs = _intervals(chosen, values, said, month)
            naive, scale = naive_forecast(values[: month + 1])
            about = (month, chosen.model, chosen.has_season, significant(chosen.values))
            said.append(Origin(*about, lows, highs, naive, scale))
    return said


def naive_forecast(values: FloatArray) -> tuple[FloatArray, float]:
    """The same month of last year, or the last month where there are not two years; and its mean absolute error so
    far, one step ahead, NaN where it was never wrong."""
    lag = YEAR if len(values) >= SEASONAL_MONTHS else 1
    ahead = values[-lag:][(_AHEAD - 1) % lag]
    scale = float(np.abs(values[lag:] - values[:-lag]).mean()) if len(values) > lag else 0.0
    return ahead, float(significant(scale)) if scale > 0 else math.nan


def _nearest(values: FloatArray, candidates: Sequence[Sequence[Candidate]], month: int) -> Candidate:
    """The candidate of `month` with the least mean absolute error, in logarithms, where all of them were tried."""
    found = candidates[month]
    names = {candidate.model for candidate in found}
    errors: dict[str, list[float]] = {name: [] for name in names}
    origins = 0
    for origin in range(max(0, month - MOST_ORIGINS), month):
        tried = {candidate.model: candidate for candidate in candidates[origin]}
        if names <= tried.keys():
            origins += 1
            for name in names:
                errors[name] += np.abs(_errors(tried[name].values, values, origin, month)).tolist()
    if origins < LEAST_ORIGINS:
        return found[0]
    means = [float(significant(np.mean(errors[candidate.model]))) for candidate in found]
    return found[means.index(min(means))]


def _errors(forecast: FloatArray, values: FloatArray, origin: int, month: int) -> FloatArray:
    """Logarithms of what came over what was said at `origin`, for the months up to `month`; NaN where nothing came."""
    came = values[origin + 1 : min(month, origin + HORIZON) + 1]
    return np.asarray(log(np.where(came > 0, came, np.nan) / forecast[: len(came)]))


def _intervals(
    forecast: Candidate, values: FloatArray, earlier: Sequence[Origin], month: int
) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
    """Lows and highs by level, from the errors of earlier origins.

    Errors grow with a power of the months ahead, which is the likeliest of five; the spread is a Student's t of as many
    degrees of freedom as there are origins, as errors of one origin go together. Once enough origins knew the season,
    the errors of those that did not say nothing any more.
    """
    recent = [one for one in earlier if one.month >= month - MOST_ORIGINS]
    alike = [one for one in recent if one.has_season == forecast.has_season]
    recent = alike if len(alike) >= LEAST_ORIGINS else recent
    unknown = tuple(np.full(HORIZON, np.nan) for _ in LEVELS)
    if len(recent) < LEAST_ORIGINS:
        return unknown, unknown
    errors = [_errors(one.values, values, one.month, month) for one in recent]
    ahead = np.concatenate([_AHEAD[: len(found)] for found in errors]).astype(np.float64)
    pooled = np.concatenate(errors)
    spread = _spread(pooled[~np.isnan(pooled)], ahead[~np.isnan(pooled)])
    reach = [float(student.ppf((1 + level) / 2, len(recent))) * spread for level in LEVELS]
    lows = tuple(_scaled(forecast.values, -wide) for wide in reach)
    highs = tuple(_scaled(forecast.values, wide) for wide in reach)
    return lows, highs


def _spread(errors: FloatArray, ahead: FloatArray) -> FloatArray:
    """The standard deviation of an error by months ahead, shape (HORIZON,)."""
    if not len(errors):
        return np.zeros(HORIZON)
    best, found = -math.inf, np.zeros(HORIZON)
    for power in _GROWTH:
        variance = float(np.mean(errors**2 / ahead**power))
        if variance <= 0:
            return np.zeros(HORIZON)
        likelihood = float(significant(-math.log(variance) - power * float(np.mean(log(ahead)))))
        if likelihood > best:
            best, found = likelihood, np.sqrt(variance * _AHEAD**power)
    return found


def _scaled(forecast: FloatArray, logs: FloatArray) -> FloatArray:
    bounds = [value * math.exp(min(more, 50.0)) for value, more in zip(forecast, logs, strict=True)]
    return significant(np.minimum(bounds, LARGEST))
