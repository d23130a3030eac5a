"""The candidates: scikit-learn pipelines that turn features into a churn score, and the parameters to tune in each.

A pipeline takes (n, features) with NaN where unknown. Skewed amounts and counts go through a signed logarithm where the
model is not indifferent to scale. Leaf sizes are shares of the rows, so that they mean the same on few rows and on
many. Adding a model is one `Candidate` in `_ALL`, and its types in `TRUSTED_TYPES` of the model store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from ml.common.classifiers import SteadyLogistic, SteadyNetwork, SteadySvm

RECENCY_ALONE = "recency_alone"
CLASS_PRIOR = "class_prior"
RECENCY_COLUMN = "recency_days"

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Candidate:
    """One member of the candidates: how it is built from parameters, and the space they are searched in.

    `defaults` is the first point of each search, and all of it when there is nothing to tune on.
    `only`: the features it looks at, all by default. `trials_share`: slow learners get a part of the trials only.
    """

    name: str
    build: Callable[[Params, int], Pipeline]
    suggest: Callable[[optuna.Trial], dict[str, Any]] | None
    defaults: Params = field(default_factory=dict)
    only: tuple[str, ...] | None = None
    trials_share: float = 1.0

    def features(self, available: Sequence[str]) -> tuple[str, ...]:
        """The features this model learns from."""
        return tuple(available) if self.only is None else self.only


def signed_log(values: np.ndarray) -> np.ndarray:
    """`sign(v) ln(1 + |v|)`, elementwise: refunds stay negative, large amounts come closer."""
    return np.sign(values) * np.log1p(np.abs(values))


def _impute() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _smooth(shape: str) -> list[Any]:
    """Scaled straight lines, or smooth curves between the quintiles of each feature."""
    logged = [_impute(), FunctionTransformer(signed_log)]
    if shape == "linear":
        return [*logged, StandardScaler()]
    return [*logged, SplineTransformer(n_knots=5, degree=3, knots="quantile", extrapolation="constant")]


def _logistic(params: Params, seed: int) -> Pipeline:
    model = SteadyLogistic(C=params["c"], solver="newton-cholesky", tol=1e-10, max_iter=200)
    return make_pipeline(*_smooth(params["shape"]), model)


def _suggest_logistic(trial: optuna.Trial) -> dict[str, Any]:
    shape = trial.suggest_categorical("shape", ["curved", "linear"])
    return {"shape": shape, "c": trial.suggest_float("c", 0.01, 3.0, log=True)}


def _tree(params: Params, seed: int) -> Pipeline:
    model = DecisionTreeClassifier(
        max_depth=params["max_depth"], min_samples_leaf=params["min_samples_leaf"], random_state=seed
    )
    return make_pipeline(_impute(), model)


def _suggest_tree(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "max_depth": trial.suggest_int("max_depth", 2, 8),
        "min_samples_leaf": trial.suggest_float("min_samples_leaf", 0.002, 0.05, log=True),
    }


def _forest(params: Params, seed: int) -> Pipeline:
    model = RandomForestClassifier(
        n_estimators=60,
        max_features=params["max_features"],
        min_samples_leaf=params["min_samples_leaf"],
        max_samples=params["max_samples"],
        random_state=seed,
        n_jobs=1,  # more threads add the trees' votes in an order of their own: other last digits each time
    )
    return make_pipeline(_impute(), model)


def _suggest_forest(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "max_features": trial.suggest_float("max_features", 0.1, 0.3),
        "min_samples_leaf": trial.suggest_float("min_samples_leaf", 0.0005, 0.01, log=True),
        "max_samples": trial.suggest_float("max_samples", 0.1, 0.25),
    }


def _boosting(params: Params, seed: int) -> Pipeline:
    # a feature that nobody in training has a value of cannot be binned, and says nothing
    model = HistGradientBoostingClassifier(**params, early_stopping=False, random_state=seed)
    return make_pipeline(VarianceThreshold(), model)


def _suggest_boosting(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "max_iter": trial.suggest_int("max_iter", 40, 150),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 3, 12),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 20, 200, log=True),
        "l2_regularization": trial.suggest_float("l2_regularization", 0.1, 100.0, log=True),
        "max_features": trial.suggest_float("max_features", 0.2, 1.0),
    }


def _svm(params: Params, seed: int) -> Pipeline:
    model = SteadySvm(C=params["c"], dual=False, max_iter=5000, random_state=seed)
    return make_pipeline(*_smooth(params["shape"]), model)


def _suggest_svm(trial: optuna.Trial) -> dict[str, Any]:
    shape = trial.suggest_categorical("shape", ["linear", "curved"])
    return {"shape": shape, "c": trial.suggest_float("c", 1e-4, 0.3, log=True)}


def _network(params: Params, seed: int) -> Pipeline:
    model = SteadyNetwork(
        hidden_layer_sizes=(params["hidden"],),
        alpha=params["alpha"],
        learning_rate_init=params["learning_rate"],
        max_iter=params["epochs"],
        batch_size=256,
        random_state=seed,
    )
    return make_pipeline(*_smooth("linear"), model)


def _suggest_network(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "hidden": trial.suggest_int("hidden", 4, 24),
        "alpha": trial.suggest_float("alpha", 0.1, 30.0, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.003, 0.03, log=True),
        "epochs": trial.suggest_int("epochs", 6, 20),
    }


# From the plainest to the most intricate: the order in which equally good models are preferred.
_ALL = (
    Candidate("logistic_regression", _logistic, _suggest_logistic, {"shape": "curved", "c": 0.03}),
    Candidate("decision_tree", _tree, _suggest_tree, {"max_depth": 5, "min_samples_leaf": 0.01}),
    Candidate("linear_svm", _svm, _suggest_svm, {"shape": "linear", "c": 0.01}),
    Candidate(
        "hist_gradient_boosting",
        _boosting,
        _suggest_boosting,
        {
            "max_iter": 80,
            "learning_rate": 0.07,
            "max_leaf_nodes": 6,
            "min_samples_leaf": 40,
            "l2_regularization": 10.0,
            "max_features": 0.4,
        },
        trials_share=0.5,
    ),
    Candidate(
        "random_forest",
        _forest,
        _suggest_forest,
        {"max_features": 0.2, "min_samples_leaf": 0.002, "max_samples": 0.2},
        trials_share=0.5,
    ),
    Candidate(
        "neural_network",
        _network,
        _suggest_network,
        {"hidden": 16, "alpha": 1.0, "learning_rate": 0.01, "epochs": 12},
        trials_share=0.5,
    ),
)
CANDIDATES: Mapping[str, Candidate] = {candidate.name: candidate for candidate in _ALL}

# Published under its own name when no model is better: one number that every shop has.
BASELINE = Candidate(RECENCY_ALONE, _logistic, None, {"shape": "linear", "c": 1.0}, only=(RECENCY_COLUMN,))


def candidate(name: str) -> Candidate:
    """The candidate or baseline of that name; KeyError naming the known ones otherwise."""
    if name == RECENCY_ALONE:
        return BASELINE
    if name not in CANDIDATES:
        raise KeyError(f"no churn model is called {name!r}: known are {', '.join([*CANDIDATES, RECENCY_ALONE])}")
    return CANDIDATES[name]
