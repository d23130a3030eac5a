"""Fitting churn models, and evaluating them at origins whose future they have not seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ml.churn.calibration import CalibratedModel
from ml.churn.candidates import CLASS_PRIOR, Candidate, Params
from ml.churn.evaluation import PREDICTION_COLUMNS
from ml.churn.feature_matrix import FeatureMatrix
from ml.churn.windows import Origin

_CHUNK = 50_000


def fit(
    candidate: Candidate, params: Params, rows: FeatureMatrix, seed: int, features: Sequence[str] | None = None
) -> CalibratedModel:
    """The candidate, calibrated, on rows whose labels are all known, from all its features or those given."""
    x = rows.columns(features or candidate.features(rows.features))
    return CalibratedModel(candidate.build(params, seed)).fit(x, rows.label.astype(int), rows.group)


def log_odds(model: CalibratedModel, x: np.ndarray) -> np.ndarray:
    """(n,) calibrated log-odds of churn, a chunk of rows at a time."""
    chunks = [model.log_odds(x[start : start + _CHUNK]) for start in range(0, len(x), _CHUNK)]
    return np.concatenate(chunks) if chunks else np.empty(0)


def judge(
    matrix: FeatureMatrix, origins: Iterable[Origin], candidate: Candidate, params: Params, seed: int
) -> pd.DataFrame:
    """Out-of-time predictions of one model, refitted at each origin: PREDICTION_COLUMNS."""
    parts = []
    for origin in origins:
        model = fit(candidate, params, matrix.at(origin.train), seed)
        parts.append(predict(model, matrix.at([origin.test]), candidate.features(matrix.features), candidate.name))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PREDICTION_COLUMNS)


def predict(model: CalibratedModel, test: FeatureMatrix, features: Sequence[str], name: str) -> pd.DataFrame:
    """A fitted model's predictions for the rows of one snapshot: PREDICTION_COLUMNS."""
    return _predictions(name, test, model.predict_proba(test.columns(features))[:, 1])


def judge_prior(matrix: FeatureMatrix, origins: Iterable[Origin]) -> pd.DataFrame:
    """The prior: the churn rate of the training rows, for active customers that of active ones, for the others
    theirs."""
    parts = []
    for origin in origins:
        train, test = matrix.at(origin.train), matrix.at([origin.test])
        rates = {active: _rate(train, active) for active in (True, False)}
        parts.append(_predictions(CLASS_PRIOR, test, np.where(test.active, rates[True], rates[False])))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PREDICTION_COLUMNS)


def _rate(train: FeatureMatrix, active: bool) -> float:
    chosen = train.label[train.active == active]
    return float(chosen.mean()) if len(chosen) else float(train.label.mean())


def _predictions(name: str, test: FeatureMatrix, probability: np.ndarray) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "model": name,
        "origin": str(test.snapshot[0]),
        "is_active": test.active,
        "churned": test.label.astype(int),
        "probability": probability,
    }
    return pd.DataFrame(columns)[PREDICTION_COLUMNS]
