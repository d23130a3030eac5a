"""Whether forecasts of a series are good enough to be shown, by what they had said of months that have come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.common.likelihood import FloatArray
from ml.common.rounding import significant
from ml.forecasts.backtest import HORIZON, Origin

LEAST_JUDGED, MOST_JUDGED = 6, 24
LEAST_COVERAGE, MOST_COVERAGE = 0.90, 0.99
OK = "ok"
INSUFFICIENT_HISTORY = "insufficient_history"
WORSE_THAN_NAIVE = "worse_than_naive"
TOO_NARROW = "intervals_too_narrow"
TOO_WIDE = "intervals_too_wide"


@dataclass(frozen=True)
class Accuracy:
    """origins_count: those compared, all of whose months have come. Errors are mean absolute scaled errors; coverages
    the shares of months within the intervals. NaN without origins."""

    origins_count: int
    error: float
    naive_error: float
    coverage_80: float
    coverage_95: float
    status: str


def judge(values: FloatArray, said: Sequence[Origin]) -> Accuracy:
    """Compare what the last origins said with what came: at most 24, with an interval, whose months have all come."""
    judged = [one for one in said if is_judged(one, len(values))][-MOST_JUDGED:]
    if not judged:
        return Accuracy(0, np.nan, np.nan, np.nan, np.nan, INSUFFICIENT_HISTORY)
    came = np.array([values[one.month + 1 : one.month + 1 + HORIZON] for one in judged])
    scale = np.array([one.scale for one in judged])[:, None]
    error = np.mean(np.abs(came - [one.values for one in judged]) / scale)
    naive_error = np.mean(np.abs(came - [one.naive for one in judged]) / scale)
    inside = [
        np.mean((came >= [one.lows[level] for one in judged]) & (came <= [one.highs[level] for one in judged]))
        for level in (0, 1)
    ]
    error, naive_error, narrow, wide = significant([error, naive_error, *inside]).tolist()
    return Accuracy(len(judged), error, naive_error, narrow, wide, _status(len(judged), error, naive_error, wide))


def is_judged(origin: Origin, months_count: int) -> bool:
    """Whether an origin counts: it had an interval, its series had moved before, and all its months have come."""
    return origin.has_interval and not np.isnan(origin.scale) and origin.month + HORIZON < months_count


def _status(origins_count: int, error: float, naive_error: float, coverage: float) -> str:
    if origins_count < LEAST_JUDGED:
        return INSUFFICIENT_HISTORY
    if error > naive_error:
        return WORSE_THAN_NAIVE
    if coverage < LEAST_COVERAGE:
        return TOO_NARROW
    return TOO_WIDE if coverage > MOST_COVERAGE else OK
