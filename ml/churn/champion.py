"""Which model is published: the challenger, the present champion, or the baseline.

The rule: a model is published only when neither its mean AUC nor its mean Brier score, over the judged origins and on
active customers, is worse than recency alone. A challenger also has to beat the champion on the same origins; on ties
the champion stays. If no model passes, the baseline is published under its own name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ml.churn.backtest import fit, predict
from ml.churn.calibration import CalibratedModel
from ml.churn.candidates import RECENCY_ALONE, candidate
from ml.churn.evaluation import CURVE_COLUMNS, PREDICTION_COLUMNS, beats, means, not_worse
from ml.churn.feature_matrix import FeatureMatrix
from ml.churn.windows import Origin, label_closes
from ml.common.frames import typed
from ml.common.model_runs import METRIC_COLUMNS

RUN_METRIC_COLUMNS = ["model_run_id", *METRIC_COLUMNS]

# The name under which the champion's figures stand beside those of the candidates.
CHAMPION = "champion"

PROMOTED = "promoted"
CHAMPION_KEPT = "champion_kept"
BASELINE_PUBLISHED = "baseline_published"
INSUFFICIENT_HISTORY = "insufficient_history"
LEAK_SUSPECTED = "leak_suspected"


@dataclass(frozen=True)
class Backtest:
    """The result of a comparison: a record per model, their metrics and their curves."""

    runs: tuple[Mapping[str, Any], ...]
    metrics: pd.DataFrame
    curves: pd.DataFrame

    def state(self) -> dict[str, Any]:
        """Plain containers to be stored as JSON; unknown numbers are None."""
        return {
            "runs": [dict(run) for run in self.runs],
            "metrics": _columns(self.metrics),
            "curves": _columns(self.curves),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Backtest:
        """The opposite of `state`."""
        return cls(
            tuple(state["runs"]),
            typed(pd.DataFrame(state["metrics"]), RUN_METRIC_COLUMNS),
            typed(pd.DataFrame(state["curves"]), CURVE_COLUMNS),
        )


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return frame.astype(object).where(frame.notna(), None).to_dict("list")


@dataclass(frozen=True)
class Champion:
    """The model that scored before this run.

    run: its run record; model: the fitted model. training_key and backtest: those of the last comparison that chose or
    kept it, so that the same data need not be learned again; None if unknown.
    """

    run: Mapping[str, Any]
    model: CalibratedModel
    training_key: str | None = None
    backtest: Backtest | None = None

    @classmethod
    def from_saved(
        cls,
        run: Mapping[str, Any],
        model: CalibratedModel,
        training_key: str | None = None,
        comparison: Mapping[str, Any] | None = None,
    ) -> Champion:
        """The champion as it was saved; `comparison` as `Backtest.state` gives it."""
        return cls(run, model, training_key, Backtest.from_state(comparison) if comparison else None)

    def fits(self, features: Iterable[str]) -> bool:
        """Whether it can still score: every feature it learned from is there."""
        return set(self.run["features"]) <= set(features)

    @property
    def is_baseline(self) -> bool:
        """Whether it is recency alone, which each run judges anew anyway."""
        return self.run["model"] == RECENCY_ALONE


def judge_champion(champion: Champion, matrix: FeatureMatrix, origins: Iterable[Origin]) -> pd.DataFrame:
    """The champion's out-of-time predictions: PREDICTION_COLUMNS, under the name `champion`.

    Origins after its last label are predicted by the saved model. At older origins it has seen the answers, so its
    pipeline is refitted there on the data known then, like a challenger's.
    """
    last_seen = label_closes(dt.date.fromisoformat(champion.run["snapshot_to"]), champion.run["horizon_days"])
    features = tuple(champion.run["features"])
    recipe, parameters = candidate(champion.run["model"]), champion.run["parameters"]
    parts = []
    for origin in origins:
        model = champion.model
        if last_seen > origin.test:
            model = fit(recipe, parameters, matrix.at(origin.train), champion.run["seed"], features)
        parts.append(predict(model, matrix.at([origin.test]), features, CHAMPION))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PREDICTION_COLUMNS)


def decide(metrics: pd.DataFrame, challenger: str, *, has_champion: bool) -> str:
    """PROMOTED, CHAMPION_KEPT or BASELINE_PUBLISHED, from backtest metrics on active customers."""
    baseline, new = means(metrics, RECENCY_ALONE), means(metrics, challenger)
    passes = not_worse(new, baseline)
    if has_champion:
        old = means(metrics, CHAMPION)
        if not_worse(old, baseline) and not (passes and beats(new, old)):
            return CHAMPION_KEPT
    return PROMOTED if passes else BASELINE_PUBLISHED
