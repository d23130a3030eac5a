"""Checks that no model learns from the outcome that it has to predict."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
from scipy.stats import mannwhitneyu

from ml.churn.feature_matrix import FeatureMatrix
from ml.churn.windows import label_closes

# Recency, how long a customer has been one, and how often one buys: known on the day itself, however well they predict.
KNOWN_ON_THE_DAY = ("recency_days", "tenure_days", "orders_per_week_365d")
# A separation that chance brings about more often than this, in any of the features, is no evidence.
_CHANCE = 0.001


class _Separation(NamedTuple):
    auc: float
    p_value: float


def require_closed_labels(matrix: FeatureMatrix, as_of: dt.date, horizon_days: int) -> None:
    """Raise ValueError when a row has a label although its horizon goes beyond `as_of`."""
    for day in np.unique(matrix.snapshot[~np.isnan(matrix.label)]):
        if label_closes(day.item(), horizon_days) > as_of:
            raise ValueError(
                f"snapshot {day} has labels as of {as_of}, but its {horizon_days} days are over only on "
                f"{label_closes(day.item(), horizon_days)}: leave `churned` empty where the horizon is not over"
            )


def leaking_features(matrix: FeatureMatrix, limit: float = 0.97) -> dict[str, float]:
    """Features that by themselves separate churners from others suspiciously well, with their AUC.

    Looks at labelled rows of active customers, at each feature's values and at where they are missing, in either
    direction. A feature that uses the label's window separates them. By chance, so does one of many features on few
    rows; and so does any measure of habit in a shop with both regular and one-time buyers. So a feature is named only
    if chance is ruled out over all features together, and if it leaves less than half of the error of the best feature
    known on the day (KNOWN_ON_THE_DAY).
    """
    rows = matrix.rows(matrix.active & ~np.isnan(matrix.label))
    if len(set(rows.label)) < 2:
        return {}
    separations = {
        name: max(
            (_separation(np.nan_to_num(values, nan=-np.inf), rows.label), _separation(np.isnan(values), rows.label)),
            key=lambda separation: separation.auc,
        )
        for name, values in zip(rows.features, rows.x.T, strict=True)
    }
    explained = max((separations[name].auc for name in KNOWN_ON_THE_DAY if name in separations), default=0.5)
    tests_count = 2 * len(separations)
    return {
        name: round(separation.auc, 4)
        for name, separation in separations.items()
        if separation.auc >= limit
        and name not in KNOWN_ON_THE_DAY
        and 1 - separation.auc < (1 - explained) / 2
        and separation.p_value * tests_count < _CHANCE
    }


def _separation(values: np.ndarray, label: np.ndarray) -> _Separation:
    """AUC of a column taken as a score, or of its opposite, whichever is larger, and its p-value (Mann-Whitney)."""
    churners, others = values[label == 1], values[label == 0]
    test = mannwhitneyu(churners, others, method="auto")
    auc = float(test.statistic) / (len(churners) * len(others))
    return _Separation(max(auc, 1 - auc), float(test.pvalue))
