"""Scores turned into calibrated probabilities (Platt, 1999), on customers the model has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from ml.common.likelihood import polish
from ml.common.rounding import significant, varies

_EDGE = 1e-6
_SLOPES = (0.05, 20.0)
_DECIMALS = 12


class CalibratedModel(ClassifierMixin, BaseEstimator):
    """A classifier whose score s becomes `1 / (1 + exp(-(slope s + intercept)))`.

    Slope and intercept are fitted on scores of customers that were left out, by halves: all rows of a customer are in
    the same half, because the snapshots of one customer resemble each other. The slope is kept positive: calibration
    corrects the size of a score, never its direction. The model itself is then fitted on every row.
    """

    def __init__(self, base: Any = None) -> None:
        self.base = base

    def fit(self, x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> CalibratedModel:
        """x (n, features), y (n,) of 0 and 1 with both present, groups (n,) a whole number per customer."""
        held_out = _held_out_scores(self.base, x, y, groups)
        self.slope_, self.intercept_ = _platt(held_out, y)
        self.base_ = clone(self.base).fit(x, y)
        self.classes_ = np.array([0, 1])
        return self

    def log_odds(self, x: np.ndarray) -> np.ndarray:
        """(n,) calibrated log-odds."""
        return self.slope_ * raw_scores(self.base_, x) + self.intercept_

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """(n, 2) probabilities of 0 and 1."""
        positive = expit(self.log_odds(x))
        return np.column_stack([1 - positive, positive])

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(n,) 1 where the probability is at least one half."""
        return (self.log_odds(x) >= 0).astype(int)


def raw_scores(model: Any, x: np.ndarray) -> np.ndarray:
    """(n,) a classifier's own score, larger for 1: its margin, or the log-odds of its probability.

    To twelve decimals, so that customers who are alike have the same score wherever in `x` they stand.
    """
    if hasattr(model, "predict_proba"):
        return np.round(logit(np.clip(model.predict_proba(x)[:, 1], _EDGE, 1 - _EDGE)), _DECIMALS)
    return np.round(model.decision_function(x), _DECIMALS)


def _held_out_scores(base: Any, x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> np.ndarray | None:
    """(n,) scores by the half that a row is not in, or None when a half lacks one of the two labels."""
    half = (groups % 2).astype(bool)
    if min(len(set(y[half])), len(set(y[~half]))) < 2:
        return None
    scores = np.empty(len(y))
    for rows in (half, ~half):
        scores[rows] = raw_scores(clone(base).fit(x[~rows], y[~rows]), x[rows])
    return scores


def _platt(scores: np.ndarray | None, y: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of least log loss; the score as it is where nothing was held out.

    Scores that are all alike have no slope: it stays 1, and the intercept makes the mean right.
    """
    if scores is None:
        return 1.0, 0.0
    if not varies(scores):
        return 1.0, float(significant(logit(y.mean()) - scores.mean()))
    target = _targets(scores, y)

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        odds = point[0] * scores + point[1]
        error = expit(odds) - target
        return float(np.mean(np.logaddexp(0, odds) - target * odds)), np.array(
            [np.mean(error * scores), np.mean(error)]
        )

    low, high = np.array([_SLOPES[0], -np.inf]), np.array([_SLOPES[1], np.inf])
    slope, intercept = significant(polish(loss, np.array([1.0, 0.0]), low, high))
    return float(slope), float(intercept)


def _targets(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) the labels; where the scores separate them, Platt's (n1 + 1) / (n1 + 2) and 1 / (n0 + 2).

    Separated labels have no finite optimum: the loss falls for ever with the slope.
    """
    if scores[y == 0].max() > scores[y == 1].min():
        return y.astype(np.float64)
    ones, others = y.sum(), len(y) - y.sum()
    return np.where(y == 1, (ones + 1) / (ones + 2), 1 / (others + 2))
