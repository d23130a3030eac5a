"""A churn model's word on every customer of one day: probability, band, reasons and what they add up from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from ml.churn.calibration import CalibratedModel
from ml.churn.feature_matrix import FeatureMatrix, make_feature_matrix, sample_rows, snapshot_days
from ml.churn.reasons import (
    CONTRIBUTION_COLUMNS,
    REASONS_COUNT,
    SHOWN_DECIMALS,
    contribution_rows,
    contributions,
    explain,
    typical_values,
)
from ml.common.frames import empty, typed

BANDS = ("low", "medium", "high", "critical")
SCORE_COLUMNS = [
    "customer_id",
    "as_of_date",
    "churn_probability",
    "churn_band",
    *(f"reason_{rank}" for rank in range(1, REASONS_COUNT + 1)),
    "model_run_id",
]
REFERENCE_COLUMNS = ["base_log_odds", "base_probability", "active_customers_count"]
_CHUNK = 50_000


@dataclass(frozen=True)
class Scored:
    """scores: SCORE_COLUMNS, by customer_id; contributions: CONTRIBUTION_COLUMNS, what the log-odds of each customer
    have more or less than the typical ones; reference: REFERENCE_COLUMNS, one row, the typical active customer."""

    scores: pd.DataFrame
    contributions: pd.DataFrame
    reference: pd.DataFrame

    @classmethod
    def nobody(cls) -> Scored:
        """Nobody has a score."""
        return cls(empty(SCORE_COLUMNS), empty(CONTRIBUTION_COLUMNS), empty(REFERENCE_COLUMNS))


def score_customers(
    model: CalibratedModel, features: pd.DataFrame, run: Mapping[str, Any], bands: Sequence[float]
) -> Scored:
    """Every customer of the last snapshot; a chunk of customers at a time."""
    days = snapshot_days(features)
    last = np.flatnonzero(days == days.max())
    ordered = last[np.argsort(features["customer_id"].iloc[last].astype(str).to_numpy(dtype=object), kind="stable")]
    sample = make_feature_matrix(features, sample_rows(features, ordered, _CHUNK))
    typical = typical_values(sample)
    chunks = [
        _score_chunk(model, make_feature_matrix(features, ordered[start : start + _CHUNK]), run, bands, typical)
        for start in range(0, len(ordered), _CHUNK)
    ]
    return Scored(
        pd.concat([chunk.scores for chunk in chunks], ignore_index=True),
        pd.concat([chunk.contributions for chunk in chunks], ignore_index=True),
        chunks[0].reference.assign(active_customers_count=int(features["is_active"].iloc[last].sum())),
    )


def _score_chunk(
    model: CalibratedModel, matrix: FeatureMatrix, run: Mapping[str, Any], bands: Sequence[float], typical: np.ndarray
) -> Scored:
    used = tuple(run["features"])
    found = contributions(model, matrix, used, typical)
    probability = np.round(model.predict_proba(matrix.columns(used))[:, 1], 6)
    reasons = explain(matrix, typical, found)
    columns: dict[str, Any] = {
        "customer_id": matrix.customer,
        "as_of_date": matrix.snapshot.astype("datetime64[us]"),
        "churn_probability": probability,
        "churn_band": churn_bands(probability, bands),
        **{f"reason_{rank + 1}": reasons[:, rank] for rank in range(REASONS_COUNT)},
        "model_run_id": run["model_run_id"],
    }
    base = round(found.base, SHOWN_DECIMALS)
    reference = pd.DataFrame({"base_log_odds": [base], "base_probability": [float(expit(base))]})
    return Scored(typed(pd.DataFrame(columns), SCORE_COLUMNS), contribution_rows(matrix, typical, found), reference)


def churn_bands(probability: np.ndarray, bands: Sequence[float]) -> np.ndarray:
    """low < bands[0] <= medium < bands[1] <= high < bands[2] <= critical."""
    return np.array(BANDS, dtype=object)[np.searchsorted(np.asarray(bands), probability, side="right")]
