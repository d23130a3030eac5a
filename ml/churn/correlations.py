"""Correlations of behaviours with customers' next orders: Pearson and Spearman, with intervals.

Correlations describe and do not explain: a behaviour that correlates with orders need not cause them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from ml.common.model_runs import METRIC_COLUMNS, model_run_id
from ml.common.rounding import varies

MODEL = "behaviour_correlations"
VERSION = 1
MINIMUM_CUSTOMERS = 30
OK = "ok"
TOO_FEW_CUSTOMERS = "too_few_customers"
NO_VARIATION = "no_variation"
COLUMNS = [
    "behaviour",
    "method",
    "customers_count",
    "correlation",
    "correlation_low",
    "correlation_high",
    "p_value",
    "status",
    "model_run_id",
]


@dataclass(frozen=True)
class CorrelationResult:
    """`correlations` one row per behaviour and method, `metrics` [model, metric, slice, value, baseline], `run`."""

    correlations: pd.DataFrame
    metrics: pd.DataFrame
    run: dict[str, Any]


def correlate_behaviours(
    features: pd.DataFrame,
    behaviours: Sequence[str],
    next_orders: str,
    as_of_date: dt.date,
    confidence: float = 0.95,
) -> CorrelationResult:
    """Correlate each behaviour with the orders of the period after it.

    `features`: one row per customer of a single snapshot, so that rows are independent: the `behaviours` columns as
    of the snapshot and `next_orders`, the orders in the period after it; customers without one of the two are left
    out of that pair. Fewer than 30 customers, or all alike: NaN and a status. `p_value` is two-sided, against none.

    Raises:
        ValueError: a column is missing.
    """
    missing = [column for column in (*behaviours, next_orders) if column not in features]
    if missing:
        raise ValueError(f"features lack the columns {missing}")
    numbers = features[[*behaviours, next_orders]].astype(np.float64)
    parameters = {
        "version": VERSION,
        "behaviours": list(behaviours),
        "next_orders": next_orders,
        "as_of_date": as_of_date,
        "confidence": confidence,
    }
    run_id = model_run_id(MODEL, parameters, numbers)
    rows = [
        {"behaviour": behaviour, "method": method, **correlation(pair[:, 0], pair[:, 1], method, confidence)}
        for behaviour in behaviours
        for pair in [_sorted_pairs(numbers, behaviour, next_orders)]
        for method in ("pearson", "spearman")
    ]
    correlations = pd.DataFrame(rows, columns=COLUMNS[:-1]).assign(model_run_id=run_id)
    run = {
        "model_run_id": run_id,
        "model": MODEL,
        "version": VERSION,
        "as_of_date": as_of_date,
        "rows": len(features),
        "status": OK,
        "parameters": parameters,
    }
    return CorrelationResult(correlations, _metrics(correlations), run)


def correlation(x: np.ndarray, y: np.ndarray, method: str, confidence: float = 0.95) -> dict[str, Any]:
    """Correlation of two columns of shape (n,), its interval, p_value and status.

    Interval by Fisher's z with standard error 1 / sqrt(n - 3) for Pearson and sqrt((1 + r^2 / 2) / (n - 3)) for
    Spearman (Bonett and Wright, 2000).
    """
    count = len(x)
    row = {"customers_count": count}
    unknown = dict.fromkeys(("correlation", "correlation_low", "correlation_high", "p_value"), np.nan)
    if count < MINIMUM_CUSTOMERS:
        return row | unknown | {"status": TOO_FEW_CUSTOMERS}
    if not varies(x) or not varies(y):
        return row | unknown | {"status": NO_VARIATION}
    if method == "spearman":
        x, y = rankdata(x), rankdata(y)
    r = float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))
    spread = np.sqrt((1 + r**2 / 2 if method == "spearman" else 1.0) / (count - 3))
    z = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    half = norm.ppf(0.5 + confidence / 2) * spread
    return row | {
        "correlation": r,
        "correlation_low": min(r, float(np.tanh(z - half))),
        "correlation_high": max(r, float(np.tanh(z + half))),
        "p_value": float(2 * norm.sf(abs(z) * np.sqrt(count - 3))),
        "status": OK,
    }


def _sorted_pairs(numbers: pd.DataFrame, behaviour: str, next_orders: str) -> np.ndarray:
    """Complete pairs, shape (n, 2), in an order that does not depend on that of the customers."""
    return numbers[[behaviour, next_orders]].dropna().sort_values([behaviour, next_orders]).to_numpy()


def _metrics(correlations: pd.DataFrame) -> pd.DataFrame:
    """The correlations beside none at all."""
    known = correlations[correlations["status"] == OK]
    values = {
        "model": MODEL,
        "metric": known["method"] + "_correlation",
        "slice": known["behaviour"],
        "value": known["correlation"],
        "baseline": 0.0,
    }
    return pd.DataFrame(values, columns=METRIC_COLUMNS).reset_index(drop=True)
