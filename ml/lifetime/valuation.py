"""Customer lifetime value: the choice of the published model, and its scores of each customer today.

Frequency comes from `ml.lifetime.purchase_models`, value from `ml.lifetime.gamma_gamma`, errors out of time from
`ml.lifetime.backtest`, scores from `ml.lifetime.scores`. This module chooses between the models.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ml.common.determinism import deterministic
from ml.common.model_runs import METRIC_COLUMNS, model_run_id
from ml.lifetime.backtest import (
    CURVE_COLUMNS,
    FittedModels,
    backtest_models,
    fit_models,
    group_summaries,
    order_amounts,
)
from ml.lifetime.gamma_gamma import MINIMUM_REPEATERS, GammaGamma, frequency_value_correlation
from ml.lifetime.parameters import parameter_rows
from ml.lifetime.purchase_histories import backtest_origins, summarise_backtest, summarise_purchases
from ml.lifetime.purchase_models import DropoutModel, NaiveRate, Nbd, PurchaseModel
from ml.lifetime.scores import (
    DROPOUT_NOT_IDENTIFIED,
    INSUFFICIENT_HISTORY,
    OK,
    ModelChoice,
    ScoringTerms,
    score_customers,
    scoring_inputs,
    scoring_terms,
)

MODEL = "lifetime_value"
VERSION = 3
MINIMUM_ORIGINS = 3
_DROPOUT_PARAMETERS = 2  # a and b, which NBD does without


@dataclass(frozen=True)
class LifetimeValueConfig:
    """Rates and limits. `margin_rate` and `discount_rate` (a year's) are shares; `churn_horizon_days` is H.

    `significance` is the level of the likelihood-ratio test for drop-out; `calibration_tolerance` the largest mean
    difference between the chance to order that p_alive implies and how often it came true.
    """

    churn_horizon_days: int
    margin_rate: float
    discount_rate: float = 0.10
    backtest_horizon_days: int = 91
    backtest_origins_count: int = 4
    backtest_step_days: int = 30
    minimum_training_days: int = 91
    significance: float = 0.05
    calibration_tolerance: float = 0.05

    def terms(self, as_of_date: dt.date, data_from: dt.date) -> ScoringTerms:
        """Terms of scoring as of a day, of a history observed since another."""
        return ScoringTerms(
            as_of_date=as_of_date,
            observed_days=(as_of_date - data_from).days + 1,
            churn_horizon_days=self.churn_horizon_days,
            margin_rate=self.margin_rate,
            discount_rate=self.discount_rate,
        )


@dataclass(frozen=True)
class LifetimeValueResult:
    """`scores` one row per customer, `metrics` [model, metric, slice, value, baseline], `curves` by decile, `run`.

    `inputs` and `terms` are what the scores come from, see `ml.lifetime.scores`; `parameters` has the columns of
    `ml.lifetime.parameters`.
    """

    scores: pd.DataFrame
    inputs: pd.DataFrame
    terms: pd.DataFrame
    metrics: pd.DataFrame
    curves: pd.DataFrame
    parameters: pd.DataFrame
    run: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """The run in JSON's own types, days as text."""
        return json.loads(json.dumps(self.run, default=str))

    def fitted_values(self) -> dict[str, dict[str, float]]:
        """The value of each parameter by model."""
        models = self.parameters.groupby("model")
        return {str(model): dict(zip(rows["parameter"], rows["value"], strict=True)) for model, rows in models}


def value_lifetimes(
    purchase_days: pd.DataFrame, as_of_date: dt.date, data_from: dt.date, config: LifetimeValueConfig
) -> LifetimeValueResult:
    """Backtest, choose, fit and score from purchase days (see `ml.lifetime.purchase_histories.summarise_purchases`).

    Rows after `as_of_date` are ignored. `data_from` is the first observed day. Without a purchase nobody
    has a score.

    Raises:
        ValueError: a column is missing.
    """
    origins = backtest_origins(
        data_from,
        as_of_date,
        horizon_days=config.backtest_horizon_days,
        step_days=config.backtest_step_days,
        minimum_training_days=config.minimum_training_days,
        at_most=config.backtest_origins_count,
    )
    windows = summarise_backtest(purchase_days, origins, config.backtest_horizon_days)
    summaries = summarise_purchases(purchase_days, as_of_date)
    return value_summaries(summaries, windows, as_of_date, data_from, config)


@deterministic()
def value_summaries(
    summaries: pd.DataFrame,
    windows: pd.DataFrame,
    as_of_date: dt.date,
    data_from: dt.date,
    config: LifetimeValueConfig,
) -> LifetimeValueResult:
    """Backtest, choose, fit and score from summaries as of today and as of each origin.

    `summaries` has the columns of `summarise_purchases`, `windows` those of `summarise_backtest`. Scores, sorted by
    customer_id: p_alive, expected_orders_3m/12m/24m (purchase days, cumulative), expected_order_amount,
    clv_3m/12m/24m_amount (discounted margin), expected_next_order_date, due_date, overdue_date, `model` that the orders
    come from, statuses (see `ml.lifetime.scores.score_customers`), model_run_id.

    Raises:
        ValueError: a history is impossible.
    """
    customers = summaries.sort_values("customer_id", ignore_index=True)
    histories = group_summaries(customers)
    amounts = order_amounts(customers)
    usable = _usable_windows(windows)
    fitted, choice = None, ModelChoice(NaiveRate(), NaiveRate(), INSUFFICIENT_HISTORY)
    metrics, curves = _no_backtest()
    if (customers["x"] > 0).sum() >= MINIMUM_REPEATERS and usable["origin_date"].nunique() >= MINIMUM_ORIGINS:
        fitted = fit_models(histories)
        metrics, curves = backtest_models(usable, config.backtest_horizon_days)
        choice = choose_models(fitted, metrics, config)
    parameters = {"version": VERSION, "as_of_date": as_of_date, "data_from": data_from, **asdict(config)}
    run = {
        "model_run_id": model_run_id(MODEL, parameters, customers, usable),
        "model": MODEL,
        "version": VERSION,
        "as_of_date": as_of_date,
        "origin_dates": sorted(usable["origin_date"].unique()),
        "rows": len(customers),
        "distinct_histories_count": len(histories.x),
        "published_model": choice.orders.name,
        "timing_model": choice.timing.name,
        "p_alive_status": choice.p_alive_status,
        "parameters": parameters,
    }
    terms = config.terms(as_of_date, data_from)
    scores = score_customers(customers, histories, amounts, choice, terms)
    scores["model_run_id"] = run["model_run_id"]
    fit_metrics = [*_dropout_metrics(fitted, config), *_value_metrics(customers, amounts.gamma_gamma)]
    fits = parameter_rows(fitted, amounts.gamma_gamma, choice.orders.name)
    return LifetimeValueResult(
        scores=scores,
        inputs=scoring_inputs(customers, amounts, scores),
        terms=scoring_terms(amounts, terms),
        metrics=_beside_baseline(metrics, fit_metrics, config),
        curves=curves,
        parameters=fits,
        run=run,
    )


def choose_models(fitted: FittedModels, metrics: pd.DataFrame, config: LifetimeValueConfig) -> ModelChoice:
    """The models to publish, from the fit as of today and the metrics of the backtest.

    Drop-out is identified where the likelihood ratio against NBD is significant (chi-square with two degrees of
    freedom: a lies on the edge of its range under NBD, which makes the test conservative). p_alive comes from the model
    with the least error out of time among those that identify drop-out and whose p_alive is calibrated. Orders come
    from the first model, those that identify drop-out before those without it, that over the origins is not worse than
    the naive rate in either the error of the total or the mean absolute error; else from the naive rate. A model whose
    likeliest number of stages is one is listed under its simple name.
    """
    means = metrics[metrics["slice"] == "mean"].pivot(index="model", columns="metric", values="value")
    candidates = _candidates(fitted, means["mae"], config.significance)
    errors = means["p_alive_calibration_error"]
    calibrated = [model for model in candidates if errors[model.name] <= config.calibration_tolerance]
    timing = calibrated[0] if calibrated else candidates[0]
    naive = means.loc[fitted.naive.name, ["total_ratio_error", "mae"]]
    beating = [model for model in candidates if (means.loc[model.name, ["total_ratio_error", "mae"]] <= naive).all()]
    orders: PurchaseModel = beating[0] if beating else fitted.naive
    return ModelChoice(orders, timing, OK if calibrated else DROPOUT_NOT_IDENTIFIED)


def _candidates(fitted: FittedModels, mae: pd.Series, significance: float) -> list[Nbd | DropoutModel]:
    """Models that identify drop-out, then those without it, each by their error out of time, least first."""
    candidates: list[Nbd | DropoutModel] = [*fitted.lasting_models]
    for model in fitted.dropout_models:
        if chi2.sf(fitted.likelihood_ratio(model), _DROPOUT_PARAMETERS) < significance:
            candidates.append(model)
    candidates.sort(key=lambda model: (isinstance(model, Nbd), mae[model.name], model.name))
    return [model for model in candidates if model.k > 1 or not model.k_is_chosen]


def _usable_windows(windows: pd.DataFrame) -> pd.DataFrame:
    """Origins with enough repeaters to fit on."""
    repeaters = (windows["x"] > 0).groupby(windows["origin_date"]).sum()
    enough = repeaters.index[repeaters >= MINIMUM_REPEATERS]
    return windows[windows["origin_date"].isin(enough)]


def _no_backtest() -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.DataFrame(columns=METRIC_COLUMNS[:-1]), pd.DataFrame(columns=CURVE_COLUMNS)


def _dropout_metrics(fitted: FittedModels | None, config: LifetimeValueConfig) -> list[tuple]:
    """Likelihood ratios against NBD beside the value that they have to exceed."""
    if fitted is None:
        return []
    critical = float(chi2.isf(config.significance, _DROPOUT_PARAMETERS))
    return [
        (model.name, "likelihood_ratio", "as_of", fitted.likelihood_ratio(model), critical)
        for model in fitted.dropout_models
    ]


def _value_metrics(customers: pd.DataFrame, gamma_gamma: GammaGamma | None) -> list[tuple]:
    """Gamma-Gamma beside the limits it has to keep, and its assumption that value and frequency are unrelated."""
    if customers.empty:
        return []
    x, mean = (customers[column].to_numpy(np.float64) for column in ("x", "mean_repeat_amount"))
    rows = [
        ("gamma_gamma", f"frequency_value_{name}", row.method, getattr(row, name), baseline)
        for row in frequency_value_correlation(x, mean).itertuples()
        for name, baseline in (("correlation", 0.0), ("p_value", np.nan))
    ]
    if gamma_gamma is not None:
        limits = (("p", 1000.0), ("q", 1.0), ("v", np.nan), ("repeaters_count", float(MINIMUM_REPEATERS)))
        rows += [("gamma_gamma", name, "as_of", float(getattr(gamma_gamma, name)), limit) for name, limit in limits]
    return rows


def _beside_baseline(backtest: pd.DataFrame, fit_metrics: list[tuple], config: LifetimeValueConfig) -> pd.DataFrame:
    """All metrics; those of the backtest beside the naive rate's, calibration of p_alive beside its tolerance."""
    naive = backtest[backtest["model"] == NaiveRate().name].drop(columns="model").rename(columns={"value": "baseline"})
    compared = backtest.merge(naive, on=["metric", "slice"], how="left")
    gated = compared["metric"] == "p_alive_calibration_error"
    compared["baseline"] = compared["baseline"].mask(gated, config.calibration_tolerance)
    rows = [tuple(row) for row in compared[METRIC_COLUMNS].itertuples(index=False)]
    metrics = pd.DataFrame([*rows, *fit_metrics], columns=METRIC_COLUMNS)
    return metrics.sort_values(["model", "metric", "slice"], ignore_index=True)
