"""Scores turned into probabilities that mean what they say (Platt, 1999), on customers the model has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone

_EDGE = 1e-6
_SLOPES = (0.05, 20.0)


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
    """(n,) a classifier's own score, larger for 1: its margin, or the log-odds of its probability."""
    if hasattr(model, "predict_proba"):
        return logit(np.clip(model.predict_proba(x)[:, 1], _EDGE, 1 - _EDGE))
    return model.decision_function(x)


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
    """Slope and intercept of least log loss; the score as it is where nothing was held out."""
    if scores is None:
        return 1.0, 0.0

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        odds = point[0] * scores + point[1]
        error = expit(odds) - y
        return float(np.mean(np.logaddexp(0, odds) - y * odds)), np.array([np.mean(error * scores), np.mean(error)])

    best = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[_SLOPES, (None, None)])
    return float(best.x[0]), float(best.x[1])
