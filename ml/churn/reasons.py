"""Reasons for a customer's churn probability, in three short sentences.

For each theme (see `reason_texts`) the theme's features are set to the values of a typical active customer, and the
model scores again: the change of the log-odds is the theme's contribution. This works for any model and costs one
scoring per theme. Themes whose features the model does not use contribute nothing and are never given as a reason.
"""

from __future__ import annotations

import numpy as np

from ml.churn.backtest import log_odds
from ml.churn.calibration import CalibratedModel
from ml.churn.feature_matrix import FeatureMatrix
from ml.churn.reason_texts import say, themes_of

REASONS_COUNT = 3
_DECIMALS = 9


def typical_values(matrix: FeatureMatrix) -> np.ndarray:
    """(features,) median over active customers (over all where none is active); NaN for a feature always unknown."""
    chosen = matrix.x[matrix.active] if matrix.active.any() else matrix.x
    known = ~np.all(np.isnan(chosen), axis=0)
    typical = np.full(chosen.shape[1], np.nan)
    typical[known] = np.nanmedian(chosen[:, known], axis=0)
    return typical


def contributions(
    model: CalibratedModel, matrix: FeatureMatrix, features: tuple[str, ...], typical: np.ndarray
) -> np.ndarray:
    """(n, themes) log-odds with the theme as it is, less log-odds with the theme typical, to nine decimals.

    Positive where the theme raises the customer's risk. `typical` is by `matrix.features`.
    """
    x = matrix.columns(features)
    usual = typical[[matrix.features.index(name) for name in features]]
    own = log_odds(model, x)
    columns = []
    for positions in themes_of(features).values():
        replaced = x.copy()
        replaced[:, positions] = usual[list(positions)]
        columns.append(own - log_odds(model, replaced))
    return np.round(np.column_stack(columns), _DECIMALS)


def explain(
    model: CalibratedModel, matrix: FeatureMatrix, features: tuple[str, ...], typical: np.ndarray
) -> np.ndarray:
    """(n, 3) sentences, strongest first: for a customer riskier than the typical one the reasons that raise the risk,
    for others the reasons that lower it. None if there are fewer than three such themes.
    """
    parts = contributions(model, matrix, features, typical)
    usual = typical[[matrix.features.index(name) for name in features]]
    riskier = log_odds(model, matrix.columns(features)) >= log_odds(model, usual[None, :])
    strength = np.where(riskier[:, None], parts, -parts)
    order = np.argsort(-strength, axis=1, kind="stable")[:, :REASONS_COUNT]
    values = dict(zip(matrix.features, matrix.x.T, strict=True))
    medians = dict(zip(matrix.features, typical, strict=True))
    reasons = np.full((len(matrix), REASONS_COUNT), None, dtype=object)
    for rank in range(order.shape[1]):
        counts = np.take_along_axis(strength, order[:, [rank]], axis=1)[:, 0] > 0
        for number, theme in enumerate(themes_of(features)):
            rows = np.flatnonzero((order[:, rank] == number) & counts)
            reasons[rows, rank] = say(theme, values, medians, rows)
    return reasons
