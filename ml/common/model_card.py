"""Model cards: what a model is for, what it learned from, how well it did out of time, and where to be careful."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ml.churn.champion import CHAMPION
from ml.churn.evaluation import means
from ml.churn.scores import BANDS
from ml.churn.training import ChurnConfig, ChurnResult
from ml.segments.clustering import ClusterResult

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
        _list([f"{name}: {value}" for name, value in sorted(run["parameters"].items())]),
        "Features:",
        _list(run["features"]),
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


def segments_card(result: ClusterResult) -> str:
    """Markdown about the segments of a day: what they are, how many were possible, and how they moved."""
    run = result.run
    medians = result.profile.pivot(
        index=["cluster_id", "cluster_name", "customers_count"], columns="feature", values="median"
    ).reset_index()
    parts = [
        f"# Segments: {run['model']}, version {run['version']}",
        f"{run['rows']:,d} customers as of {run['as_of_date']}, grouped by logged and scaled behaviour; "
        f"cluster 1 is worth most. Run {run['model_run_id']}.",
        "## Median customer",
        _table(medians.columns, medians.itertuples(index=False)),
        "## How many clusters",
        "Silhouette says how well they are apart, stability how far other samples of customers give the same ones "
        "(adjusted Rand index).",
        _table(result.stability.columns, result.stability.itertuples(index=False)),
        "## Against the run before",
        _table(result.drift.columns[1:], result.drift.iloc[:, 1:].itertuples(index=False)),
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
    return _table(["Model", *_MEASURES.values()], [list(row.values()) for row in figures])


def _calibration(curves: pd.DataFrame, model: str) -> str:
    rows = curves[(curves["model"] == model) & (curves["curve"] == "calibration")]
    return _table(["Predicted", "Observed", "Customers"], rows[["x", "y", "customers_count"]].itertuples(index=False))


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(titles: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    lines = [" | ".join(map(str, titles)), *(" | ".join(_cell(value) for value in row) for row in rows)]
    return "\n".join([f"| {lines[0]} |", "|" + " --- |" * (lines[0].count("|") + 1), *(f"| {x} |" for x in lines[1:])])


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    return (
        f"{value:.4g}"
        if isinstance(value, float) and abs(value) < 1000
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )
