"""Churn: learn from past snapshots, evaluate out of time, publish a model that is not worse than its baseline.

`train_and_score` is the whole of it. The steps are in other modules: `windows` defines the training rows of each
origin, `candidates` the models, `tuning` and `backtest` fit and evaluate them, `champion` decides, `reasons` explains.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.churn.backtest import fit, judge, judge_prior
from ml.churn.calibration import CalibratedModel
from ml.churn.candidates import BASELINE, CANDIDATES, CLASS_PRIOR, RECENCY_ALONE, RECENCY_COLUMN, candidate
from ml.churn.champion import (
    BASELINE_PUBLISHED,
    CHAMPION,
    CHAMPION_KEPT,
    INSUFFICIENT_HISTORY,
    LEAK_SUSPECTED,
    PROMOTED,
    RUN_METRIC_COLUMNS,
    Backtest,
    Champion,
    decide,
    judge_champion,
)
from ml.churn.config import MOST_JUDGED, ChurnConfig, MinimumHistory
from ml.churn.evaluation import CURVE_COLUMNS, backtest_metrics, curves
from ml.churn.feature_matrix import (
    FeatureMatrix,
    feature_names,
    labels,
    make_feature_matrix,
    sample_rows,
    snapshot_days,
)
from ml.churn.leakage import leaking_features, require_closed_labels
from ml.churn.scores import Scored, score_customers
from ml.churn.tuning import Tuned, tune_all
from ml.churn.windows import Origin, require_embargo, rolling_origins, split_judged
from ml.common.determinism import deterministic, side_by_side
from ml.common.frames import empty, typed
from ml.common.model_runs import fingerprint, model_run_id

TASK = "churn"
# With less than this, even a figure beside the status `insufficient_history` would be noise.
_REPORTABLE = MinimumHistory(active=20, churners=10, others=10, origins=1)
# Differences in mean AUC below this come and go with a handful of customers.
_SAME_AUC = 0.002


@dataclass(frozen=True)
class ChurnResult:
    """The result of a run.

    scored: the eligible customers of the last snapshot; nobody without a model. run: the record of the published model.
    runs: the records of every model compared, `run` among them. metrics: RUN_METRIC_COLUMNS, out-of-time figures of all
    of them. curves: evaluate.CURVE_COLUMNS. model: the fitted model that scored, or None. training_key: identity of the
    comparison's inputs, see `Champion`. status: promoted, champion_kept, baseline_published, insufficient_history or
    leak_suspected; detail says why.
    """

    scored: Scored
    run: Mapping[str, Any]
    runs: tuple[Mapping[str, Any], ...]
    metrics: pd.DataFrame
    curves: pd.DataFrame
    model: CalibratedModel | None
    training_key: str
    status: str
    detail: str

    @property
    def scores(self) -> pd.DataFrame:
        """SCORE_COLUMNS, a row per customer, by customer_id."""
        return self.scored.scores

    def comparison(self) -> dict[str, Any]:
        """The part that `store.set_champion` keeps, so that the same data need not be learned again."""
        return Backtest(self.runs, self.metrics, self.curves).state()


@dataclass(frozen=True)
class _Training:
    """What every step of one run shares.

    matrix: the labelled rows with the features that can teach something; complete: with all of them, as an older
    champion may want. key: fingerprint of the rows and all that is set.
    """

    matrix: FeatureMatrix
    complete: FeatureMatrix
    config: ChurnConfig
    as_of: dt.date
    key: str

    def snapshots(self) -> list[dt.date]:
        """The labelled snapshots, oldest first."""
        return [day.item() for day in np.unique(self.matrix.snapshot)]

    def newest(self) -> FeatureMatrix:
        """The training rows of a model to be published."""
        return self.matrix.at(self.snapshots()[-self.config.most_train_snapshots :])

    def record(self, model: str, parameters: Mapping[str, Any], features: Sequence[str], **more: Any) -> dict[str, Any]:
        """A run record; `model_run_id` depends on the model, its features, the data and all settings.

        It does not depend on `parameters`, because these are the result of a search over the same inputs.
        """
        recipe = {
            "parameters": dict(parameters),
            "features": list(features),
            "horizon_days": self.config.horizon_days,
            "seed": self.config.seed,
        }
        run_id = model_run_id(f"{TASK}/{model}", {"features": recipe["features"], "training": self.key})
        rows = self.newest()
        snapshot_from, snapshot_to = (str(rows.snapshot[0]), str(rows.snapshot[-1])) if len(rows) else (None, None)
        return {
            "model_run_id": run_id,
            "task": TASK,
            "model": model,
            "version": f"{snapshot_to or self.as_of}.{run_id[:6]}",
            "as_of_date": str(self.as_of),
            "snapshot_from": snapshot_from,
            "snapshot_to": snapshot_to,
            "rows": len(rows),
            "is_champion": False,
            "status": "compared",
            "detail": "",
            **recipe,
            **more,
        }


def train_and_score(
    features: pd.DataFrame, config: ChurnConfig, champion: Champion | None, as_of: dt.date
) -> ChurnResult:
    """Churn probabilities of every customer at the snapshot of `as_of`.

    features: a row per (snapshot_date, customer_id) with is_active, churned (unknown where the horizon is not over)
    and numeric features; the order of rows and columns does not matter. Snapshots before `as_of` may hold a sample
    of the customers. champion: the model in place, or None.

    Without a row at that snapshot, or with fewer than `config.minimum` asks for, the status is insufficient_history.
    Nothing is learned again if the champion comes from a comparison on the same data with the same settings. Raises
    ValueError for missing columns, repeated keys, a later snapshot, or labels whose horizon is not over then.
    """
    with deterministic(config.threads):
        days = snapshot_days(features)
        if (days > np.datetime64(as_of)).any():
            raise ValueError(f"features has snapshots after {as_of}, which is to be scored")
        training = _prepare(features, config, as_of)
        if np.datetime64(as_of) not in days:
            return _without_scores(training, INSUFFICIENT_HISTORY, f"nobody is to be scored on {as_of}")
        usable = champion if champion and champion.fits(feature_names(features)) else None
        if usable and usable.training_key == training.key and usable.backtest:
            return _score_unchanged(features, training, usable, usable.backtest)
        return _compare_and_score(features, training, usable)


def _prepare(features: pd.DataFrame, config: ChurnConfig, as_of: dt.date) -> _Training:
    """The labelled rows of the newest snapshots, sampled where they are too many."""
    days, known = snapshot_days(features), ~np.isnan(labels(features))
    newest = np.unique(days[known])[-config.most_snapshots :]
    rows = np.flatnonzero(known & np.isin(days, newest))
    matrix = make_feature_matrix(features, sample_rows(features, rows, config.most_training_rows))
    require_closed_labels(matrix, as_of, config.horizon_days)
    key = model_run_id(TASK, {**config.learning(), "data": fingerprint(matrix.frame())})
    return _Training(matrix.telling(), matrix, config, as_of, key)


def _compare_and_score(features: pd.DataFrame, training: _Training, champion: Champion | None) -> ChurnResult:
    config, origins = training.config, _origins(training)
    counted = [origin for origin in origins if _meets(training.matrix, origin, config.minimum)]
    if len(counted) < config.minimum.origins:
        return _insufficient(training, origins, len(counted))
    if RECENCY_COLUMN not in training.matrix.features:
        detail = f"{RECENCY_COLUMN} is the same for everybody, so there is no baseline to compare with"
        return _without_scores(training, INSUFFICIENT_HISTORY, detail)
    leaks = leaking_features(training.matrix, config.leak_auc)
    if leaks:
        named = ", ".join(f"{name} (AUC {auc})" for name, auc in sorted(leaks.items()))
        return _without_scores(training, LEAK_SUSPECTED, f"too telling to be known in advance: {named}")
    tuning, judged = split_judged(counted, config.horizon_days, fewest=config.minimum.origins, most=MOST_JUDGED)
    tuned = _tune_all(training, tuning[-config.most_tuning_origins :])
    challenger = _plainest_of_the_best(tuned)
    rival = champion if champion and not champion.is_baseline else None
    backtest = _backtest(training, judged, tuned, rival)
    status = decide(backtest.metrics, challenger, has_champion=rival is not None)
    if status == CHAMPION_KEPT and rival is not None:
        run, model = dict(rival.run), rival.model
    else:
        run, model = _fit_published(training, tuned[challenger], challenger if status == PROMOTED else RECENCY_ALONE)
    return _result(
        features, training, backtest, run, model, status, _why(status, challenger, had_champion=rival is not None)
    )


def _origins(training: _Training) -> tuple[Origin, ...]:
    origins = rolling_origins(
        training.snapshots(), training.config.horizon_days, most_train=training.config.most_train_snapshots
    )
    require_embargo(origins, training.config.horizon_days)
    return origins


def _meets(matrix: FeatureMatrix, origin: Origin, minimum: MinimumHistory) -> bool:
    test, train = matrix.at([origin.test]), matrix.at(origin.train)
    churners = int(test.label[test.active].sum())
    active = int(test.active.sum())
    enough = active >= minimum.active and churners >= minimum.churners and active - churners >= minimum.others
    return enough and 0 < train.label.sum() < len(train)


def _tune_all(training: _Training, tuning: Sequence[Origin]) -> dict[str, Tuned]:
    config = training.config
    candidates = [CANDIDATES[name] for name in config.candidates]
    found = tune_all(candidates, training.matrix, tuning, config.trials, config.seed, config.threads)
    return dict(zip(config.candidates, found, strict=True))


def _plainest_of_the_best(tuned: Mapping[str, Tuned]) -> str:
    """The first of the models that tuning cannot tell from the best; simply the first when nothing was tuned."""
    best = max((found.auc for found in tuned.values() if not np.isnan(found.auc)), default=np.nan)
    return next(name for name, found in tuned.items() if not found.auc < best - _SAME_AUC)


def _backtest(
    training: _Training, judged: Sequence[Origin], tuned: Mapping[str, Tuned], champion: Champion | None
) -> Backtest:
    """Every model, both baselines and the champion, on the same origins."""
    matrix, seed = training.matrix, training.config.seed
    calls: list[tuple[Any, ...]] = [
        (matrix, judged, CANDIDATES[name], found.params, seed) for name, found in tuned.items()
    ]
    calls.append((matrix, judged, BASELINE, BASELINE.defaults, seed))
    parts = [*side_by_side(judge, calls, training.config.threads), judge_prior(matrix, judged)]
    runs: list[Mapping[str, Any]] = [
        training.record(name, found.params, matrix.features) for name, found in tuned.items()
    ]
    runs += [training.record(RECENCY_ALONE, BASELINE.defaults, BASELINE.features(matrix.features))]
    runs += [training.record(CLASS_PRIOR, {}, ())]
    ids = {run["model"]: run["model_run_id"] for run in runs}
    if champion:
        parts.append(judge_champion(champion, training.complete, judged))
        runs.append(champion.run)
        ids[CHAMPION] = champion.run["model_run_id"]
    predictions = pd.concat(parts, ignore_index=True)
    metrics = backtest_metrics(predictions, RECENCY_ALONE)
    metrics.insert(0, "model_run_id", metrics["model"].map(ids))
    return Backtest(tuple(runs), typed(metrics, RUN_METRIC_COLUMNS), curves(predictions))


def _fit_published(training: _Training, tuned: Tuned, name: str) -> tuple[dict[str, Any], CalibratedModel]:
    """The published model on every labelled row, and its record."""
    recipe = candidate(name)
    parameters = tuned.params if name != RECENCY_ALONE else recipe.defaults
    model = fit(recipe, parameters, training.newest(), training.config.seed)
    return training.record(name, parameters, recipe.features(training.matrix.features)), model


def _why(status: str, challenger: str, *, had_champion: bool) -> str:
    if status == CHAMPION_KEPT:
        return f"{challenger} does not beat the champion out of time"
    if status == BASELINE_PUBLISHED:
        return f"{challenger} is worse than recency alone out of time"
    beaten = "recency alone and the champion" if had_champion else "recency alone"
    return f"{challenger} does better than {beaten} out of time"


def _result(
    features: pd.DataFrame,
    training: _Training,
    backtest: Backtest,
    run: Mapping[str, Any],
    model: CalibratedModel,
    status: str,
    detail: str,
) -> ChurnResult:
    published = {**run, "is_champion": True, "status": status, "detail": detail}
    others = [other for other in backtest.runs if other["model_run_id"] != run["model_run_id"]]
    return ChurnResult(
        scored=score_customers(model, features, published, training.config.bands),
        run=published,
        runs=(*({**other, "is_champion": False, "status": "compared"} for other in others), published),
        metrics=backtest.metrics,
        curves=backtest.curves,
        model=model,
        training_key=training.key,
        status=status,
        detail=detail,
    )


def _score_unchanged(
    features: pd.DataFrame, training: _Training, champion: Champion, backtest: Backtest
) -> ChurnResult:
    status = BASELINE_PUBLISHED if champion.is_baseline else CHAMPION_KEPT
    detail = "nothing new to learn from since the last comparison"
    return _result(features, training, backtest, champion.run, champion.model, status, detail)


def _insufficient(training: _Training, origins: Sequence[Origin], counted: int) -> ChurnResult:
    """No probabilities; figures of the candidates's defaults where an origin has anything to judge."""
    minimum = training.config.minimum
    detail = (
        f"{counted} of at least {minimum.origins} origins have {minimum.active} active customers, "
        f"{minimum.churners} churners and {minimum.others} others"
    )
    reportable = [origin for origin in origins if _meets(training.matrix, origin, _REPORTABLE)]
    if not reportable:
        return _without_scores(training, INSUFFICIENT_HISTORY, detail)
    defaults = {name: Tuned(dict(CANDIDATES[name].defaults), np.nan) for name in training.config.candidates}
    backtest = _backtest(training, reportable, defaults, None)
    return _without_scores(training, INSUFFICIENT_HISTORY, detail, backtest)


def _without_scores(training: _Training, status: str, detail: str, backtest: Backtest | None = None) -> ChurnResult:
    nothing = Backtest((), empty(RUN_METRIC_COLUMNS), empty(CURVE_COLUMNS))
    found = backtest or nothing
    run = training.record("none", {}, (), status=status, detail=detail)
    return ChurnResult(
        scored=Scored.nobody(),
        run=run,
        runs=(*found.runs, run),
        metrics=found.metrics,
        curves=found.curves,
        model=None,
        training_key=training.key,
        status=status,
        detail=detail,
    )
