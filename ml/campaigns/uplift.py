"""Whom a campaign moves: the effect of the treatment per customer, learned from a randomized campaign.

Two models, one an arm, predict the outcome with and without the treatment; their difference ranks the customers (the
"two-model" or T-learner). The ranking is judged out of sample by its Qini coefficient against random ranking, and
where it does not beat that, everyone is given the average effect. The average effect with its interval is in
`experiments`; how a budget is spent on the scores in `allocate`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import StratifiedKFold
from statsmodels.regression.linear_model import OLS
from threadpoolctl import threadpool_limits

from ml.campaigns.results import CONTROL, TREATMENT, require_columns
from ml.common.model_runs import METRIC_COLUMNS, model_run_id
from ml.common.rounding import significant, varies

MODEL = "uplift"
VERSION = 1

UPLIFT_MODEL = "uplift_model"
AVERAGE_EFFECT = "average_effect"
INSUFFICIENT_DATA = "insufficient_data"

Array = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class UpliftConfig:
    """Size of the models, of the cross-fitting and of the test against random ranking."""

    folds: int = 5
    minimum_per_arm: int = 200
    winsorise_quantile: float = 0.99
    permutations: int = 999
    curve_points: int = 100
    alpha: float = 0.05
    trees: int = 60
    learning_rate: float = 0.05
    depth: int = 3
    leaf_share: float = 0.05
    seed: int = 0

    def regressor(self, rows: int) -> RegressorMixin:
        """One arm's model: few, shallow trees with large leaves, since an effect is small compared with purchases."""
        return HistGradientBoostingRegressor(
            max_iter=self.trees,
            learning_rate=self.learning_rate,
            max_depth=self.depth,
            min_samples_leaf=max(20, int(rows * self.leaf_share)),
            early_stopping=False,
            random_state=self.seed,
        )


class TwoModels(NamedTuple):
    """The outcome with and without the treatment, and how far their difference is to be believed."""

    features: tuple[str, ...]
    treatment: RegressorMixin
    control: RegressorMixin
    average_effect: float
    centre: float
    slope: float

    def predict(self, customers: pd.DataFrame) -> Array:
        """Expected effect per customer, shape (customers,): the average, plus the part that the ranking was shown to
        predict."""
        raw = _difference(self.treatment, self.control, customers[list(self.features)].astype(float).to_numpy())
        return self.average_effect + self.slope * (raw - self.centre)


@dataclass(frozen=True)
class UpliftResult:
    """`scores` one row per customer of the experiment, `metrics`, `curve` (Qini), `run`; `models` None without data."""

    scores: pd.DataFrame
    metrics: pd.DataFrame
    curve: pd.DataFrame
    run: dict[str, Any]
    models: TwoModels | None


def _difference(treatment: RegressorMixin, control: RegressorMixin, features: Array) -> Array:
    with threadpool_limits(1):
        return treatment.predict(features) - control.predict(features)


def _fit_arms(
    features: Array, treated: Flags, outcome: Array, config: UpliftConfig
) -> tuple[RegressorMixin, RegressorMixin]:
    """Both arms' models on outcomes cut at one cut-off: a few huge baskets would otherwise be all that is learned."""
    cutoff = np.quantile(np.abs(outcome), config.winsorise_quantile)
    target = np.clip(outcome, -cutoff, cutoff) if cutoff > 0 else outcome
    with threadpool_limits(1):
        treatment, control = (
            config.regressor(int(arm.sum())).fit(features[arm], target[arm]) for arm in (treated, ~treated)
        )
    return treatment, control


def _cross_fitted(features: Array, treated: Flags, outcome: Array, config: UpliftConfig) -> Array:
    """Each customer's raw difference from models that have not seen that customer.

    To twelve digits of the largest outcome: customers whom the models cannot tell apart get equal scores.
    """
    scores = np.empty(outcome.size)
    folds = StratifiedKFold(config.folds, shuffle=True, random_state=config.seed)
    for learn, score in folds.split(features, treated):
        arms = _fit_arms(features[learn], treated[learn], outcome[learn], config)
        scores[score] = _difference(*arms, features[score])
    size = np.abs(outcome).max() or 1.0
    return np.round(scores / size, 12) * size


def _cut_points(ranked_scores: Array, points: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Numbers of customers at which the curve is read: about `points`, never inside a group of equal scores."""
    ends = np.append(np.flatnonzero(np.diff(ranked_scores)) + 1, ranked_scores.size)
    wanted = np.arange(1, points + 1) * ranked_scores.size / points
    return np.unique(ends[np.minimum(np.searchsorted(ends, wanted), ends.size - 1)])


def _gains(treated: Flags, outcome: Array, cuts: np.ndarray[Any, np.dtype[np.int64]]) -> Array:
    """Incremental outcome per treated customer when the first `cut` of the ranking are targeted; last axis = ranking.

    y_t - y_c * n_t / n_c over those targeted (Radcliffe 2007), over all treated.
    """
    at = cuts - 1
    treated_count = np.cumsum(treated, axis=-1)[..., at]
    treated_outcome = np.cumsum(np.where(treated, outcome, 0.0), axis=-1)[..., at]
    control_count = cuts - treated_count
    control_outcome = np.cumsum(np.where(treated, 0.0, outcome), axis=-1)[..., at]
    scaled = control_outcome * treated_count / np.maximum(control_count, 1)
    return (treated_outcome - scaled) / treated_count[..., -1:]


def _area(gains: Array, shares: Array) -> Array:
    """Area between a Qini curve and the straight line of random targeting, along the last axis."""
    above = np.concatenate([np.zeros((*gains.shape[:-1], 1)), gains - shares * gains[..., -1:]], axis=-1)
    return np.trapezoid(above, np.concatenate([[0.0], shares]), axis=-1)


class Qini(NamedTuple):
    """Coefficient, its p-value against random ranking, and the curve [share, gain, random_gain]."""

    coefficient: float
    p_value: float
    curve: pd.DataFrame


def qini(scores: Array, treated: Flags, outcome: Array, config: UpliftConfig | None = None) -> Qini:
    """How much more a ranking by `scores` gains than a random one, in outcome per treated customer.

    The coefficient is the area between the curve of incremental outcome over the share targeted and the straight line;
    0 for a random ranking, and equal scores are never split. The p-value is one-sided: the share of
    `config.permutations` redrawn assignments that reach the coefficient when the effect is the same for everyone, so
    that any ranking is as good as random (Fisher's randomization test, never 0). The ranking is kept and the arms are
    redrawn, not the other way round: a score that goes with large baskets makes the top of the curve noisier than a
    random ranking is, and would too often pass for better than shuffled scores.
    """
    config = config or UpliftConfig()
    order = np.argsort(-scores, kind="stable")
    treated, outcome = treated[order], outcome[order]
    cuts = _cut_points(-scores[order], config.curve_points)
    shares = cuts / outcome.size
    gains = _gains(treated, outcome, cuts)
    coefficient = float(_area(gains, shares))
    effect = outcome[treated].mean() - outcome[~treated].mean()
    untreated = outcome - effect * treated
    generator = np.random.default_rng(config.seed)
    as_good = 0
    for _ in range(config.permutations):
        redrawn = generator.permutation(treated)
        redrawn_gains = _gains(redrawn, untreated + effect * redrawn, cuts)
        as_good += int(_area(redrawn_gains, shares) >= coefficient)
    curve = pd.DataFrame({"share": shares, "gain": gains, "random_gain": shares * gains[-1]})
    return Qini(coefficient, (1 + as_good) / (1 + config.permutations), curve)


def _calibration(scores: Array, treated: Flags, outcome: Array) -> tuple[float, float]:
    """Average effect, and the share of the scores' spread that is real: the best linear predictor of the effect.

    y ~ 1 + s + (t - e) + (t - e)(s - mean s); Chernozhukov, Demirer, Duflo, Fernández-Val (2018). A slope outside
    [0, 1] is put on the nearest end: a ranking is never turned round, nor its spread believed beyond what it says.
    """
    centred = scores - scores.mean()
    if not varies(scores):
        return float(outcome[treated].mean() - outcome[~treated].mean()), 0.0
    weight = treated - treated.mean()
    regressors = np.column_stack([np.ones(scores.size), centred, weight, weight * centred])
    fit = OLS(outcome, regressors).fit()
    average_effect, slope = significant(fit.params[2:])
    return float(average_effect), float(np.clip(slope, 0, 1))


def _check(customers: pd.DataFrame, features: Sequence[str]) -> None:
    require_columns(customers, ("customer_id", "arm", "outcome", *features), "customers")
    if customers["customer_id"].duplicated().any():
        raise ValueError("customers has more than one row for a customer")
    unknown = set(customers["arm"].unique()) - {TREATMENT, CONTROL}
    if unknown:
        raise ValueError(f'arm must be "{TREATMENT}" or "{CONTROL}"; found {sorted(map(str, unknown))}')


def _metrics(judged: Qini, average_effect: float, slope: float) -> pd.DataFrame:
    """[model, metric, slice, value, baseline]; the baseline of a ranking is a random one."""
    rows = [
        (MODEL, "qini_coefficient", "cross_fitted", judged.coefficient, 0.0),
        (MODEL, "qini_p_value", "cross_fitted", judged.p_value, np.nan),
        (MODEL, "average_effect", "all", average_effect, 0.0),
        (MODEL, "calibration_slope", "cross_fitted", slope, 0.0),
    ]
    return pd.DataFrame(rows, columns=METRIC_COLUMNS)


def _run(customers: pd.DataFrame, features: Sequence[str], status: str, config: UpliftConfig) -> dict[str, Any]:
    parameters = {"version": VERSION, "features": list(features), **asdict(config)}
    return {
        "model_run_id": model_run_id(MODEL, parameters, customers),
        "model": MODEL,
        "version": VERSION,
        "rows": len(customers),
        "status": status,
        "parameters": parameters,
    }


def learn_uplift(customers: pd.DataFrame, features: Sequence[str], config: UpliftConfig | None = None) -> UpliftResult:
    """Learn which customers a campaign influences, from all customers assigned to it.

    `customers`: one row per customer of one randomized campaign: customer_id, arm (treatment, control), outcome over
    the window (no value counts as zero), and numeric `features` known before the assignment (NULL allowed).

    `scores`, sorted by customer_id: expected_uplift (effect of treating, in the outcome's unit) from models that have
    not seen the customer, status, model_run_id. Status and `run["status"]`: `uplift_model` where the cross-fitted
    ranking beats a random one (Qini p < alpha); `average_effect` where it does not, and everyone has the average;
    `insufficient_data` with NULL below `minimum_per_arm` customers in an arm, where `models` is None too. `models`,
    fitted on everyone, predicts for customers outside the campaign under the same rule.

    Raises `ValueError` for a missing column, an unknown arm or a repeated customer.
    """
    config = config or UpliftConfig()
    _check(customers, features)
    used = customers[["customer_id", "arm", "outcome", *features]].sort_values("customer_id", ignore_index=True)
    treated = (used["arm"] == TREATMENT).to_numpy()
    outcome = used["outcome"].astype(float).fillna(0.0).to_numpy()
    inputs = used[list(features)].astype(float).to_numpy()
    if min(treated.sum(), (~treated).sum()) < config.minimum_per_arm:
        run = _run(used, features, INSUFFICIENT_DATA, config)
        empty = pd.DataFrame({"share": [], "gain": [], "random_gain": []}, dtype=float)
        return UpliftResult(_scores(used, np.nan, run), pd.DataFrame(columns=METRIC_COLUMNS), empty, run, None)
    raw = _cross_fitted(inputs, treated, outcome, config)
    judged = qini(raw, treated, outcome, config)
    average_effect, slope = _calibration(raw, treated, outcome)
    beats_random = judged.p_value < config.alpha
    run = _run(used, features, UPLIFT_MODEL if beats_random else AVERAGE_EFFECT, config)
    believed = slope if beats_random else 0.0
    arms = _fit_arms(inputs, treated, outcome, config)
    centre = float(_difference(*arms, inputs).mean())
    return UpliftResult(
        scores=_scores(used, average_effect + believed * (raw - raw.mean()), run),
        metrics=_metrics(judged, average_effect, slope),
        curve=judged.curve,
        run=run,
        models=TwoModels(tuple(features), *arms, average_effect, centre, believed),
    )


def _scores(customers: pd.DataFrame, uplift: Array | float, run: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "expected_uplift": uplift,
            "status": run["status"],
            "model_run_id": run["model_run_id"],
        }
    )
