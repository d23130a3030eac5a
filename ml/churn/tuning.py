"""Bounded Bayesian search (tree-structured Parzen estimator) of one model's parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from sklearn.metrics import roc_auc_score

from ml.churn.calibration import raw_scores
from ml.churn.candidates import Candidate, Params
from ml.churn.feature_matrix import FeatureMatrix
from ml.churn.windows import Origin


@dataclass(frozen=True)
class Tuned:
    """The best parameters found and their mean AUC on active customers over the tuning origins (NaN: none)."""

    params: dict[str, Any]
    auc: float


def tune(candidate: Candidate, matrix: FeatureMatrix, origins: Sequence[Origin], trials: int, seed: int) -> Tuned:
    """Search the candidate's space for the best mean AUC on active customers, its defaults being the first trial.

    Looks at the rows of `origins` only. Without origins or trials the defaults stand.
    """
    folds = [(matrix.at(origin.train), _active(matrix.at([origin.test]))) for origin in origins]
    trials = math.ceil(trials * candidate.trials_share)
    if not folds or trials < 1 or candidate.suggest is None:
        return Tuned(dict(candidate.defaults), np.nan)
    suggest = candidate.suggest
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(5, trials))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(dict(candidate.defaults))
    study.optimize(lambda trial: _mean_auc(candidate, suggest(trial), folds, seed), n_trials=trials)
    return Tuned(dict(study.best_params), study.best_value)


def _mean_auc(
    candidate: Candidate, params: Params, folds: Sequence[tuple[FeatureMatrix, FeatureMatrix]], seed: int
) -> float:
    aucs = []
    for train, test in folds:
        features = candidate.features(train.features)
        model = candidate.build(params, seed).fit(train.columns(features), train.label.astype(int))
        aucs.append(roc_auc_score(test.label, raw_scores(model, test.columns(features))))
    return float(np.mean(aucs))


def _active(matrix: FeatureMatrix) -> FeatureMatrix:
    return matrix.rows(matrix.active)
