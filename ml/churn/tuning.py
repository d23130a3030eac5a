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
from ml.common.determinism import side_by_side

# In mean AUC: further behind the best with its defaults, a model is not searched (DECISIONS.md).
_WORTH_SEARCHING = 0.0015


@dataclass(frozen=True)
class Tuned:
    """The best parameters found and their mean AUC on active customers over the tuning origins (NaN: none)."""

    params: dict[str, Any]
    auc: float


@dataclass(frozen=True)
class _Tuning:
    """The rows that a search looks at, by origin: those it learns from, and the active customers it is judged on."""

    folds: tuple[tuple[FeatureMatrix, FeatureMatrix], ...]
    seed: int

    def auc(self, candidate: Candidate, params: Params) -> float:
        """Mean AUC over the origins."""
        aucs = []
        for train, test in self.folds:
            features = candidate.features(train.features)
            model = candidate.build(params, self.seed).fit(train.columns(features), train.label.astype(int))
            aucs.append(roc_auc_score(test.label, raw_scores(model, test.columns(features))))
        return float(np.mean(aucs))


def tune_all(
    candidates: Sequence[Candidate],
    matrix: FeatureMatrix,
    origins: Sequence[Origin],
    trials: int,
    seed: int,
    threads: int = 1,
) -> list[Tuned]:
    """The best parameters of each candidate by mean AUC on active customers.

    All candidates are evaluated with their defaults; only those within _WORTH_SEARCHING of the best are searched. Uses
    only the rows of `origins`. Without origins or trials the defaults are kept.
    """
    folds = tuple((matrix.at(origin.train), _active(matrix.at([origin.test]))) for origin in origins)
    if not folds or trials < 1:
        return [Tuned(dict(candidate.defaults), np.nan) for candidate in candidates]
    tuning = _Tuning(folds, seed)
    aucs = side_by_side(tuning.auc, [(candidate, candidate.defaults) for candidate in candidates], threads)
    found = [Tuned(dict(candidate.defaults), auc) for candidate, auc in zip(candidates, aucs, strict=True)]
    near = [place for place, auc in enumerate(aucs) if auc >= max(aucs) - _WORTH_SEARCHING]
    searched = side_by_side(_search, [(tuning, candidates[place], found[place], trials) for place in near], threads)
    for place, better in zip(near, searched, strict=True):
        found[place] = better
    return found


def _search(tuning: _Tuning, candidate: Candidate, known: Tuned, trials: int) -> Tuned:
    """A search that begins at the defaults, of which the answer is known."""
    trials, suggest = math.ceil(trials * candidate.trials_share), candidate.suggest
    if suggest is None:
        return known

    def objective(trial: optuna.Trial) -> float:
        params = suggest(trial)
        return known.auc if params == known.params else tuning.auc(candidate, params)

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=tuning.seed, n_startup_trials=min(5, trials))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(dict(candidate.defaults))
    study.optimize(objective, n_trials=trials)
    return Tuned(dict(study.best_params), study.best_value)


def _active(matrix: FeatureMatrix) -> FeatureMatrix:
    return matrix.rows(matrix.active)
