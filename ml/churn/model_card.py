"""The card of a churn model: its purpose, its training data, its quality out of time, and cautions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ml.churn.champion import CHAMPION
from ml.churn.config import ChurnConfig
from ml.churn.evaluation import means
from ml.churn.scores import BANDS
from ml.churn.training import ChurnResult
from ml.common.markdown import bullets, table

_MEASURES = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "brier": "Brier",
    "calibration_error": "Calibration error",
    "lift_at_10pct": "Lift at 10%",
}


def churn_card(result: ChurnResult, config: ChurnConfig) -> str:
    """Markdown about the published churn model, with the figures of every model it was compared with."""
    run, horizon = result.run, config.horizon_days
    cuts = ", ".join(f"{band} from {cut:g}" for band, cut in zip(BANDS[1:], config.bands, strict=True))
    parts = [
        f"# Churn: {run['model']}, version {run['version']}",
        f"The probability that a customer with an order in the last 365 days places none in the next {horizon} days.",
        "## Status",
        f"{result.status}: {result.detail}.",
        "## Learned from",
        f"{run['rows']:,d} customer snapshots from {run['snapshot_from']} to {run['snapshot_to']}, "
        f"each with its {horizon} days over. Run {run['model_run_id']}.",
        bullets([f"{name}: {value}" for name, value in sorted(run["parameters"].items())]),
        "Features:",
        bullets(run["features"]),
        "## Out of time",
        "Mean over the judged origins, active customers. No model saw a label that was still open at its origin; "
        "parameters were searched on earlier origins only.",
        _measures(result.metrics),
        "## Calibration",
        "Active customers of the judged origins together, by tenth of the predicted probability.",
        _calibration(result.curves, _judged_as(result)),
        "## Use",
        f"Bands: {BANDS[0]} below {config.bands[0]:g}, {cuts}. Reasons say what sets a customer apart from a typical "
        "active one in the eyes of the model; they are not causes. A model trained on the past does not know of "
        "campaigns, prices or seasons that the past did not have.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _judged_as(result: ChurnResult) -> str:
    kept = result.status == "champion_kept" and CHAMPION in set(result.curves["model"])
    return CHAMPION if kept else str(result.run["model"])


def _measures(metrics: pd.DataFrame) -> str:
    figures: list[Mapping[str, Any]] = []
    for model in sorted(metrics["model"].unique()):
        found = means(metrics, model)
        figures.append({"Model": model, **{title: found.get(metric) for metric, title in _MEASURES.items()}})
    return table(["Model", *_MEASURES.values()], [list(row.values()) for row in figures])


def _calibration(curves: pd.DataFrame, model: str) -> str:
    rows = curves[(curves["model"] == model) & (curves["curve"] == "calibration")]
    return table(["Predicted", "Observed", "Customers"], rows[["x", "y", "customers_count"]].itertuples(index=False))
