"""The fitted parameters of every model with their standard errors, one row per parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.lifetime.backtest import FittedModels
from ml.lifetime.gamma_gamma import GammaGamma
from ml.lifetime.purchase_models import DropoutModel, Nbd

PARAMETER_COLUMNS = ["model", "parameter", "value", "standard_error", "log_likelihood", "is_champion"]


def parameter_rows(fitted: FittedModels | None, gamma_gamma: GammaGamma | None, published_model: str) -> pd.DataFrame:
    """PARAMETER_COLUMNS, sorted by model and parameter: k, r, alpha, a, b of purchases and p, q, v of amounts.

    standard_error is the square root of the inverse Hessian's diagonal at the optimum, with k as chosen; NaN for k and
    for a parameter on a bound of its search. is_champion: the model that expected orders come from, and Gamma-Gamma
    where amounts come from it.
    """
    purchases = () if fitted is None else fitted.fits
    rows = [row for model in purchases for row in _rows(_of_purchases(model), model.name == published_model)]
    if gamma_gamma is not None:
        rows += _rows(_of_amounts(gamma_gamma), gamma_gamma.is_usable)
    table = pd.DataFrame(rows, columns=PARAMETER_COLUMNS)
    return table.sort_values(["model", "parameter"], ignore_index=True)


@dataclass(frozen=True)
class _Estimates:
    model: str
    log_likelihood: float
    values: dict[str, tuple[float, float]]


def _of_purchases(model: Nbd | DropoutModel) -> _Estimates:
    names = ("r", "alpha", "a", "b") if isinstance(model, DropoutModel) else ("r", "alpha")
    pairs = zip(names, model.standard_errors, strict=True)
    values = {name: (getattr(model, name), error) for name, error in pairs}
    return _Estimates(model.name, model.log_likelihood, {"k": (float(model.k), np.nan)} | values)


def _of_amounts(model: GammaGamma) -> _Estimates:
    pairs = zip(("p", "q", "v"), model.standard_errors, strict=True)
    return _Estimates(
        "gamma_gamma", model.log_likelihood, {name: (getattr(model, name), error) for name, error in pairs}
    )


def _rows(estimates: _Estimates, is_champion: bool) -> Iterator[tuple]:
    for name, (value, error) in estimates.values.items():
        yield (estimates.model, name, value, error, estimates.log_likelihood, is_champion)
