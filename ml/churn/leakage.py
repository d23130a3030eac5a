"""Checks that no model learns from what it is meant to predict."""

from __future__ import annotations

import datetime as dt

import numpy as np
from scipy.stats import rankdata

from ml.churn.feature_matrix import FeatureMatrix
from ml.churn.windows import label_closes

# How recent the last order is defines who is active, and is known on the day itself however well it predicts.
_KNOWN_ON_THE_DAY = ("recency_days",)


def require_closed_labels(matrix: FeatureMatrix, as_of: dt.date, horizon_days: int) -> None:
    """Raise ValueError when a row has a label although its horizon goes beyond `as_of`."""
    for day in np.unique(matrix.snapshot[~np.isnan(matrix.label)]):
        if label_closes(day.item(), horizon_days) > as_of:
            raise ValueError(
                f"snapshot {day} has labels as of {as_of}, but its {horizon_days} days are over only on "
                f"{label_closes(day.item(), horizon_days)}: leave `churned` empty where the horizon is not over"
            )


def leaking_features(matrix: FeatureMatrix, limit: float = 0.97) -> dict[str, float]:
    """Features that by themselves separate churners from others too well to be honest, with their AUC.

    Looks at labelled rows of active customers, at each feature's values and at where they are missing, in either
    direction. No behaviour of the past is that telling; a feature that looked into the label's window is.
    """
    rows = matrix.rows(matrix.active & ~np.isnan(matrix.label))
    if len(set(rows.label)) < 2:
        return {}
    found = {}
    for name, values in zip(rows.features, rows.x.T, strict=True):
        separation = max(
            _separation(np.nan_to_num(values, nan=-np.inf), rows.label), _separation(np.isnan(values), rows.label)
        )
        if separation >= limit and name not in _KNOWN_ON_THE_DAY:
            found[name] = round(separation, 4)
    return found


def _separation(values: np.ndarray, label: np.ndarray) -> float:
    """AUC of a column taken as a score, or of its opposite, whichever is larger (Mann-Whitney)."""
    ranks = rankdata(values)
    churners = label.sum()
    others = len(label) - churners
    auc = (ranks[label == 1].sum() - churners * (churners + 1) / 2) / (churners * others)
    return float(max(auc, 1 - auc))
