"""The quality of probabilities: discrimination, calibration, lift, per origin and on average, beside a baseline.

No measure depends on the order of rows, even if scores are tied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from ml.common.frames import empty, typed
from ml.common.model_runs import METRIC_COLUMNS

# Out-of-time predictions, one row per model, origin and customer, as the backtest makes them.
PREDICTION_COLUMNS = ["model", "origin", "is_active", "churned", "probability"]
POPULATIONS = ("active", "eligible")
CURVE_COLUMNS = ["model", "curve", "x", "y", "customers_count"]
HIGHER_IS_BETTER = {"auc": True, "brier": False}
_DECILES = 10


def score(churned: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """The measures of one set of predictions; those that need both labels are NaN where one is missing.

    churned: (n,) of 0 and 1; probability: (n,). `lift_at_10pct`: churn rate among the tenth with the highest
    probabilities over the churn rate of all. `calibration_error`: mean absolute difference between predicted and
    observed rate over the deciles, weighted by their customers (expected calibration error).
    """
    order = np.lexsort((churned, probability))  # sums come out the same whatever the order of rows
    churned, probability = churned[order], probability[order]
    both = 0 < churned.sum() < len(churned)
    deciles = calibration_by_decile(churned, probability)
    gaps = (deciles["predicted_rate"] - deciles["observed_rate"]).abs() * deciles["customers_count"]
    return {
        "customers_count": float(len(churned)),
        "churn_rate": float(churned.mean()) if len(churned) else np.nan,
        "auc": float(roc_auc_score(churned, probability)) if both else np.nan,
        "average_precision": float(average_precision_score(churned, probability)) if both else np.nan,
        "brier": float(brier_score_loss(churned, probability)) if len(churned) else np.nan,
        "lift_at_10pct": lift(churned, probability, 0.1) if both else np.nan,
        "calibration_error": float(gaps.sum() / max(len(churned), 1)) if len(churned) else np.nan,
    }


def calibration_by_decile(churned: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Predicted against observed churn rate by tenth of the predictions, lowest first.

    One row per non-empty decile (1 to 10): decile, customers_count, predicted_rate, observed_rate. Equal predictions
    share a decile: `least(10, 10 (rank - 1) // max(n - 1, 1) + 1)`.
    """
    rank = rankdata(probability, method="min").astype(int)
    decile = np.minimum(_DECILES, _DECILES * (rank - 1) // max(len(rank) - 1, 1) + 1)
    rows = pd.DataFrame({"decile": decile, "predicted_rate": probability, "observed_rate": churned.astype(float)})
    grouped = rows.sort_values(["decile", "predicted_rate", "observed_rate"]).groupby("decile")
    means = grouped.mean()
    means.insert(0, "customers_count", grouped.size())
    return means.reset_index()


def lift(churned: np.ndarray, probability: np.ndarray, share: float) -> float:
    """Churn rate in the `share` of customers with the highest probabilities over the churn rate of all.

    Where equal probabilities straddle the cut, their churners count in proportion.
    """
    return float(captured(churned, probability, np.array([share]))[0] / share)


def captured(churned: np.ndarray, probability: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Share of all churners found among the `shares` of customers with the highest probabilities."""
    values, inverse = np.unique(-probability, return_inverse=True)
    seen = np.concatenate([[0], np.cumsum(np.bincount(inverse, minlength=len(values)))])
    found = np.concatenate([[0], np.cumsum(np.bincount(inverse, weights=churned, minlength=len(values)))])
    return np.interp(shares * len(churned), seen, found) / churned.sum()


def backtest_metrics(predictions: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """All measures of out-of-time predictions: METRIC_COLUMNS, `baseline` being the same figure of that model.

    Slices: `origin=2017-09-30;population=active` for each origin, `...;decile=3` with the metrics predicted_rate,
    observed_rate and customers_count, and `mean;population=active` for the plain mean over the origins.
    """
    rows = [
        row
        for model, of_model in predictions.groupby("model", sort=True)
        for population in POPULATIONS
        for row in _population_rows(str(model), population, of_model)
    ]
    return with_baseline(pd.DataFrame(rows, columns=METRIC_COLUMNS[:4]), baseline)


def _population_rows(model: str, population: str, predictions: pd.DataFrame) -> Iterable[tuple[str, str, str, float]]:
    chosen = predictions[predictions["is_active"]] if population == "active" else predictions
    measures = []
    for origin, rows in chosen.groupby("origin", sort=True):
        here = f"origin={origin};population={population}"
        churned, probability = rows["churned"].to_numpy(), rows["probability"].to_numpy()
        measures.append(score(churned, probability))
        yield from ((model, metric, here, value) for metric, value in measures[-1].items())
        for decile in calibration_by_decile(churned, probability).to_dict("records"):
            place = f"{here};decile={int(decile.pop('decile'))}"
            yield from ((model, metric, place, float(value)) for metric, value in decile.items())
    for metric, value in pd.DataFrame(measures).mean(skipna=False).items():
        yield model, str(metric), f"mean;population={population}", float(value)


def with_baseline(metrics: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """`metrics` (model, metric, slice, value) with the value of model `baseline` at the same metric and slice."""
    own = metrics.loc[metrics["model"] == baseline, ["metric", "slice", "value"]]
    joined = metrics.merge(own.rename(columns={"value": "baseline"}), on=["metric", "slice"], how="left")
    return typed(joined, METRIC_COLUMNS)


def means(metrics: pd.DataFrame, model: str, population: str = "active") -> dict[str, float]:
    """The mean over the origins of each measure of one model."""
    chosen = metrics[(metrics["model"] == model) & (metrics["slice"] == f"mean;population={population}")]
    return dict(zip(chosen["metric"], chosen["value"], strict=True))


def not_worse(model: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether neither mean AUC nor mean Brier is worse than the other's; False where either is unknown."""
    return all(
        (model[metric] >= other[metric]) if higher else (model[metric] <= other[metric])
        for metric, higher in HIGHER_IS_BETTER.items()
    )


def beats(model: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Not worse in AUC and Brier, and better in one of them: a tie leaves things as they are."""
    return not_worse(model, other) and not not_worse(other, model)


def curves(predictions: pd.DataFrame) -> pd.DataFrame:
    """Pictures of the active customers of all origins together: CURVE_COLUMNS.

    curve 'calibration': x predicted, y observed churn rate, a point per decile; 'captured': x share of customers
    addressed, y share of churners among them.
    """
    parts = []
    for model, rows in predictions[predictions["is_active"]].groupby("model", sort=True):
        churned, probability = rows["churned"].to_numpy(), rows["probability"].to_numpy()
        deciles = calibration_by_decile(churned, probability)
        shares = np.linspace(0, 1, 21)
        if churned.sum():
            captured_shares = pd.DataFrame({"x": shares, "y": captured(churned, probability, shares)})
            parts.append(captured_shares.assign(model=model, curve="captured", customers_count=len(churned)))
        points = deciles.rename(columns={"predicted_rate": "x", "observed_rate": "y"}).drop(columns="decile")
        parts.append(points.assign(model=model, curve="calibration"))
    if not parts:
        return empty(CURVE_COLUMNS)
    return typed(pd.concat(parts), CURVE_COLUMNS).sort_values(["model", "curve", "x"], ignore_index=True)
