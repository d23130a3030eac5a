"""A churn model's word on every customer of one day: probability, band and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ml.churn.calibration import CalibratedModel
from ml.churn.feature_matrix import FeatureMatrix, make_feature_matrix, sample_rows, snapshot_days
from ml.churn.reasons import REASONS_COUNT, explain, typical_values
from ml.common.frames import typed

BANDS = ("low", "medium", "high", "critical")
SCORE_COLUMNS = [
    "customer_id",
    "as_of_date",
    "churn_probability",
    "churn_band",
    *(f"reason_{rank}" for rank in range(1, REASONS_COUNT + 1)),
    "model_run_id",
]
_CHUNK = 50_000


def score_customers(
    model: CalibratedModel, features: pd.DataFrame, run: Mapping[str, Any], bands: Sequence[float]
) -> pd.DataFrame:
    """SCORE_COLUMNS for every customer of the last snapshot, by customer_id; a chunk of customers at a time."""
    days = snapshot_days(features)
    last = np.flatnonzero(days == days.max())
    ordered = last[np.argsort(features["customer_id"].iloc[last].astype(str).to_numpy(dtype=object), kind="stable")]
    typical = typical_values(make_feature_matrix(features, sample_rows(features, ordered, _CHUNK)))
    chunks = [
        _score_chunk(model, make_feature_matrix(features, ordered[start : start + _CHUNK]), run, bands, typical)
        for start in range(0, len(ordered), _CHUNK)
    ]
    return pd.concat(chunks, ignore_index=True)


def _score_chunk(
    model: CalibratedModel, matrix: FeatureMatrix, run: Mapping[str, Any], bands: Sequence[float], typical: np.ndarray
) -> pd.DataFrame:
    used = tuple(run["features"])
    probability = np.round(model.predict_proba(matrix.columns(used))[:, 1], 6)
    reasons = explain(model, matrix, used, typical)
    columns: dict[str, Any] = {
        "customer_id": matrix.customer,
        "as_of_date": matrix.snapshot.astype("datetime64[us]"),
        "churn_probability": probability,
        "churn_band": churn_bands(probability, bands),
        **{f"reason_{rank + 1}": reasons[:, rank] for rank in range(REASONS_COUNT)},
        "model_run_id": run["model_run_id"],
    }
    return typed(pd.DataFrame(columns), SCORE_COLUMNS)


def churn_bands(probability: np.ndarray, bands: Sequence[float]) -> np.ndarray:
    """low < bands[0] <= medium < bands[1] <= high < bands[2] <= critical."""
    return np.array(BANDS, dtype=object)[np.searchsorted(np.asarray(bands), probability, side="right")]
