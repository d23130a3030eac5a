"""Backtest of lifetime value: forecasts from past days, compared with actual orders.

Each origin fits every purchase model on the data known by then, and adds the naive rate for comparison. The result
decides which model is published (`ml.lifetime.valuation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ml.common.likelihood import FloatArray
from ml.common.rounding import varies
from ml.lifetime.gamma_gamma import GammaGamma, fit_gamma_gamma
from ml.lifetime.purchase_fits import choose_stages, fit_dropout_model, fit_nbd
from ml.lifetime.purchase_models import DropoutModel, Histories, NaiveRate, Nbd, PurchaseModel, group_histories

CURVE_COLUMNS = [
    "model",
    "origin_date",
    "ranked_by",
    "decile",
    "customers_count",
    "expected_orders",
    "actual_orders",
    "expected_amount",
    "actual_amount",
]


@dataclass(frozen=True)
class FittedModels:
    """Every model fitted to the same customers.

    `lasting_models` are NBD and CNBD-k, `dropout_models` BG/NBD, MBG/NBD, BG/CNBD-k and MBG/CNBD-k;
    `lasting_likelihoods` are the log-likelihoods without drop-out by k.
    """

    naive: NaiveRate
    lasting_models: tuple[Nbd, ...]
    dropout_models: tuple[DropoutModel, ...]
    lasting_likelihoods: dict[int, float]

    @property
    def fits(self) -> tuple[Nbd | DropoutModel, ...]:
        """All that have parameters, those without drop-out first."""
        return (*self.lasting_models, *self.dropout_models)

    @property
    def all(self) -> tuple[PurchaseModel, ...]:
        """Naive rate first."""
        return (self.naive, *self.fits)

    def likelihood_ratio(self, model: DropoutModel) -> float:
        """Twice the log-likelihood that drop-out adds to NBD of as many stages, which the model contains at a = 0."""
        return max(0.0, 2 * (model.log_likelihood - self.lasting_likelihoods[model.k]))


def fit_models(histories: Histories) -> FittedModels:
    """Fit NBD, BG/NBD and MBG/NBD, and each with as many stages as are likeliest."""
    lasting = cache(partial(fit_nbd, histories))

    @cache
    def dropout_model(first_may_be_last: bool, k: int) -> DropoutModel:
        return fit_dropout_model(histories, first_may_be_last=first_may_be_last, nbd=lasting(k))

    families = [partial(dropout_model, flag) for flag in (False, True)]
    dropout_models = (*(fit(1) for fit in families), *(choose_stages(fit) for fit in families))
    likelihoods = {model.k: lasting(model.k).log_likelihood for model in dropout_models}
    return FittedModels(NaiveRate(), (lasting(1), choose_stages(lasting)), dropout_models, likelihoods)


@dataclass(frozen=True)
class OrderAmounts:
    """Expected net amount of an order per customer, and where it comes from: own purchases, or the mean of all."""

    amount: FloatArray
    is_own: np.ndarray
    population_mean: float
    gamma_gamma: GammaGamma | None


def group_summaries(summaries: pd.DataFrame) -> Histories:
    """Distinct histories of customers summarised by `ml.lifetime.purchase_histories`."""
    return group_histories(summaries["x"], summaries["t_x"], summaries["T"], summaries["log_waits"])


def order_amounts(summaries: pd.DataFrame) -> OrderAmounts:
    """Gamma-Gamma on repeat purchase days times (1 - return rate); the population mean if Gamma-Gamma is not usable.

    `summaries`: x, mean_repeat_amount, return_rate. NaN throughout if nobody has bought twice.
    """
    x = summaries["x"].to_numpy(np.float64)
    mean = summaries["mean_repeat_amount"].to_numpy(np.float64)
    kept = 1 - summaries["return_rate"].to_numpy(np.float64)
    fitted = fit_gamma_gamma(x, mean)
    if fitted is not None and fitted.is_usable:
        is_own = (x > 0) & (mean > 0)
        return OrderAmounts(fitted.expected_amount(x, mean) * kept, is_own, fitted.population_mean, fitted)
    repeaters = np.sort(mean[x > 0])
    population_mean = float(repeaters.mean()) if len(repeaters) else np.nan
    return OrderAmounts(population_mean * kept, np.zeros(len(x), dtype=bool), population_mean, fitted)


def backtest_models(windows: pd.DataFrame, horizon_days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics [model, metric, slice, value] and curves by decile, for every origin in `windows`.

    `windows`: see `ml.lifetime.purchase_histories.summarise_backtest`. Metrics of orders: total_ratio,
    total_ratio_error, mae, spearman, normalised_gini, and decile_expected_orders beside decile_actual_orders
    (calibration, per customer); of amounts: value_total_ratio, value_spearman, value_normalised_gini; of
    drop-out models p_alive_calibration_error. Slices: the origin, origin/decile_NN, and 'mean' over origins.
    """
    metrics, curves = [], []
    for origin, window in windows.groupby("origin_date", sort=True):
        customers = window.sort_values("customer_id")
        histories = group_summaries(customers)
        amount = order_amounts(customers).amount
        for model in fit_models(histories).all:
            forecast = _forecast(model, histories, amount, customers, horizon_days / 7)
            curve = _curves(forecast)
            curves.append(curve.assign(model=model.name, origin_date=origin)[CURVE_COLUMNS])
            values = forecast_metrics(forecast)
            if isinstance(model, DropoutModel):
                has_ordered = forecast["actual_orders"].to_numpy() > 0
                values["p_alive_calibration_error"] = p_alive_calibration_error(
                    model, histories, has_ordered, horizon_days / 7
                )
            metrics.append(_long(values, model.name, str(origin)))
            metrics.append(_calibration(curve, model.name, str(origin)))
    return _with_means(pd.concat(metrics, ignore_index=True)), pd.concat(curves, ignore_index=True)


def forecast_metrics(forecast: pd.DataFrame) -> dict[str, float]:
    """Totals, errors and ranking of expected_orders and expected_amount against the actual ones.

    NaN where nothing was bought, or all customers are alike.
    """
    orders, actual = forecast["expected_orders"].to_numpy(), forecast["actual_orders"].to_numpy(np.float64)
    amount, actual_amount = forecast["expected_amount"].to_numpy(), forecast["actual_amount"].to_numpy()
    ratio = orders.sum() / actual.sum() if actual.sum() else np.nan
    return {
        "total_ratio": ratio,
        "total_ratio_error": abs(ratio - 1),
        "mae": float(np.abs(orders - actual).mean()),
        "spearman": _spearman(orders, actual),
        "normalised_gini": normalised_gini(orders, actual),
        "value_total_ratio": amount.sum() / actual_amount.sum() if actual_amount.sum() else np.nan,
        "value_spearman": _spearman(amount, actual_amount),
        "value_normalised_gini": normalised_gini(amount, actual_amount),
    }


def p_alive_calibration_error(
    model: DropoutModel, histories: Histories, has_ordered: np.ndarray, weeks: float
) -> float:
    """The calibration of p_alive: by decile of p_alive, the predicted probability of any order against its frequency.

    Being alive cannot be observed, ordering can: the probability is p_alive times that of an alive customer ordering
    within `weeks`. Returns the mean absolute difference over customers' deciles. `has_ordered`: shape (n,).
    """
    h = histories
    chance = model.probability_of_order(h.x, h.t_x, h.age, weeks)[h.index]
    decile = tie_safe_deciles(model.p_alive(h.x, h.t_x, h.age)[h.index])
    means = pd.DataFrame({"chance": chance, "ordered": has_ordered}).groupby(decile).agg(["sum", "size"])
    gap = (means["chance", "sum"] - means["ordered", "sum"]).abs()
    return float(gap.sum() / len(chance))


def tie_safe_deciles(score: FloatArray) -> np.ndarray:
    """Decile 1 (lowest) to 10 of each score, shape (n,); equal scores share one, so a decile can be empty."""
    return (10 * (rankdata(score, method="min") - 1) // len(score)).astype(np.int64) + 1


def normalised_gini(expected: FloatArray, actual: FloatArray) -> float:
    """Gini of `actual` ranked by `expected` over that ranked by itself: 1 perfect order, 0 none, ties averaged.

    NaN where all actual values are equal.
    """
    if not varies(actual):
        return np.nan
    centred = actual - actual.mean()
    return float(np.sum(centred * rankdata(expected)) / np.sum(centred * rankdata(actual)))


def _spearman(expected: FloatArray, actual: FloatArray) -> float:
    if not varies(expected) or not varies(actual):
        return np.nan
    return float(np.corrcoef(rankdata(expected), rankdata(actual))[0, 1])


def _forecast(
    model: PurchaseModel, histories: Histories, amount: FloatArray, customers: pd.DataFrame, weeks: float
) -> pd.DataFrame:
    """One row per customer: expected and actual orders and amount."""
    h = histories
    orders = model.expected_orders(h.x, h.t_x, h.age, np.array([weeks]))[h.index, 0]
    return pd.DataFrame(
        {
            "expected_orders": orders,
            "actual_orders": customers["actual_orders"].to_numpy(),
            "expected_amount": orders * amount,
            "actual_amount": customers["actual_amount"].to_numpy(),
        }
    )


def _curves(forecast: pd.DataFrame) -> pd.DataFrame:
    """Sums by decile, once ranked by expected orders and once by expected amount."""
    rankings = []
    for ranked_by in ("orders", "amount"):
        decile = tie_safe_deciles(forecast[f"expected_{ranked_by}"].to_numpy())
        sums = forecast.assign(decile=decile, customers_count=1).groupby("decile", as_index=False).sum()
        rankings.append(sums.assign(ranked_by=ranked_by))
    return pd.concat(rankings, ignore_index=True)


def _calibration(curve: pd.DataFrame, model: str, origin: str) -> pd.DataFrame:
    by_orders = curve[curve["ranked_by"] == "orders"]
    slices = origin + "/decile_" + by_orders["decile"].astype(str).str.zfill(2)
    metrics = [
        pd.DataFrame(
            {
                "model": model,
                "metric": f"decile_{kind}_orders",
                "slice": slices,
                "value": by_orders[f"{kind}_orders"] / by_orders["customers_count"],
            }
        )
        for kind in ("expected", "actual")
    ]
    return pd.concat(metrics, ignore_index=True)


def _long(values: dict[str, float], model: str, slice_name: str) -> pd.DataFrame:
    return pd.DataFrame({"model": model, "metric": list(values), "slice": slice_name, "value": list(values.values())})


def _with_means(metrics: pd.DataFrame) -> pd.DataFrame:
    """Add the mean over origins; NaN if one of them is."""
    per_origin = metrics[~metrics["slice"].str.contains("/")]
    means = per_origin.groupby(["model", "metric"], sort=True)["value"].apply(lambda v: v.mean(skipna=False))
    return pd.concat([metrics, means.reset_index().assign(slice="mean")[metrics.columns]], ignore_index=True)
