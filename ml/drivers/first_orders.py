"""First orders of customers with high repurchase and margin: each value of an attribute against all others.

Differences are between customers of equal age, with intervals. The p-values of an attribute are adjusted together, so
that the luckiest of many products does not count as a finding. Differences describe and do not explain: a value that
good customers share need not be the cause.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from ml.common.model_runs import METRIC_COLUMNS, model_run_id
from ml.common.multiple_tests import holm

MODEL = "first_order_drivers"
VERSION = 1
MINIMUM_CUSTOMERS = 30
REPURCHASE_RATE = "repurchase_rate"
MARGIN = "cumulative_margin_amount_per_customer"
OK = "ok"
TOO_FEW_CUSTOMERS = "too_few_customers"
NO_VARIATION = "no_variation"
KEY = ["attribute", "attribute_value", "age_days", "metric"]
ESTIMATES = ["difference", "difference_low", "difference_high", "p_value"]
COLUMNS = [*KEY, "customers_count", "others_count", "value", "others_value", *ESTIMATES, "holm_p_value", "status"]


@dataclass(frozen=True)
class DriverResult:
    """`drivers`: COLUMNS and model_run_id, a row per KEY; `metrics` [model, metric, slice, value, baseline]; `run`."""

    drivers: pd.DataFrame
    metrics: pd.DataFrame
    run: dict[str, Any]


@dataclass(frozen=True)
class _Group:
    """Customers of one age: how many, who of them came back, and mean and squared deviations of their margin."""

    count: int
    repurchased: int
    margin: float
    squares: float

    @property
    def variance_of_mean(self) -> float:
        return self.squares / (self.count - 1) / self.count


def compare_first_orders(groups: pd.DataFrame, as_of_date: dt.date, confidence: float = 0.95) -> DriverResult:
    """Compare each value of an attribute with all other customers whose value is known.

    groups: a row per attribute, attribute_value and age_days, and one with attribute_value None for everybody of the
    attribute, with customers_count, repurchased_customers_count, margin_sum and margin_squares_sum; the last two are of
    distances from margin_shift, one amount per age. With fewer than 30 customers on a side, or if all are alike: NaN
    and a status.

    Repurchase: Newcombe's hybrid score interval, p from the score test. Margin: Welch's interval and test. holm_p_value
    is adjusted over all comparisons of an attribute (Holm, 1979).
    """
    parameters = {"version": VERSION, "as_of_date": as_of_date, "confidence": confidence}
    run_id = model_run_id(MODEL, parameters, groups)
    rows = [row for _, part in groups.groupby(["attribute", "age_days"]) for row in _compared(part, confidence)]
    drivers = _adjusted(pd.DataFrame(rows, columns=COLUMNS)).sort_values(KEY, ignore_index=True)
    run = {
        "model_run_id": run_id,
        "model": MODEL,
        "version": VERSION,
        "as_of_date": as_of_date,
        "rows": int(groups.loc[groups["attribute_value"].isna(), "customers_count"].max()) if len(groups) else 0,
        "status": OK,
        "parameters": parameters,
    }
    return DriverResult(drivers.assign(model_run_id=run_id), _metrics(drivers), run)


def _compared(groups: pd.DataFrame, confidence: float) -> Iterator[dict[str, Any]]:
    """The rows of one attribute and age."""
    whole = groups[groups["attribute_value"].isna()].iloc[0]
    for part in groups[groups["attribute_value"].notna()].to_dict("records"):
        others = {name: whole[name] - part[name] for name in groups.columns if name.endswith(("_count", "_sum"))}
        if min(part["customers_count"], others["customers_count"]) < 1:
            continue
        one, rest = _group(part), _group(others)
        key = {name: part[name] for name in ("attribute", "attribute_value", "age_days")}
        counts = {"customers_count": one.count, "others_count": rest.count}
        for metric, values, compare in (
            (REPURCHASE_RATE, (one.repurchased / one.count, rest.repurchased / rest.count), _repurchase),
            (MARGIN, (part["margin_shift"] + one.margin, part["margin_shift"] + rest.margin), _margin),
        ):
            found = compare(one, rest, confidence)
            estimates = dict(zip(ESTIMATES, found[:-1], strict=True))
            yield {**key, "metric": metric, **counts, "value": values[0], "others_value": values[1], **estimates,
                   "status": found[-1]}  # fmt: skip


def _group(sums: dict[str, Any]) -> _Group:
    count, total = int(sums["customers_count"]), float(sums["margin_sum"])
    squares = max(0.0, float(sums["margin_squares_sum"]) - total**2 / count)
    return _Group(count, int(sums["repurchased_customers_count"]), total / count, squares)


def _unknown(difference: float, status: str) -> tuple[float, float, float, float, str]:
    return difference, np.nan, np.nan, np.nan, status


def _repurchase(one: _Group, rest: _Group, confidence: float) -> tuple[float, float, float, float, str]:
    difference = one.repurchased / one.count - rest.repurchased / rest.count
    if min(one.count, rest.count) < MINIMUM_CUSTOMERS:
        return _unknown(difference, TOO_FEW_CUSTOMERS)
    if one.repurchased + rest.repurchased in (0, one.count + rest.count):
        return _unknown(difference, NO_VARIATION)
    counts = (one.repurchased, one.count, rest.repurchased, rest.count)
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - confidence)
    _, p_value = proportions_ztest([one.repurchased, rest.repurchased], [one.count, rest.count])
    return difference, float(low), float(high), float(p_value), OK


def _margin(one: _Group, rest: _Group, confidence: float) -> tuple[float, float, float, float, str]:
    difference = one.margin - rest.margin
    if min(one.count, rest.count) < MINIMUM_CUSTOMERS:
        return _unknown(difference, TOO_FEW_CUSTOMERS)
    variances = np.array([one.variance_of_mean, rest.variance_of_mean])
    if not variances.sum() > 0:
        return _unknown(difference, NO_VARIATION)
    error = float(np.sqrt(variances.sum()))
    freedom = variances.sum() ** 2 / (variances**2 / np.array([one.count - 1, rest.count - 1])).sum()
    half = float(t.ppf(0.5 + confidence / 2, freedom)) * error
    p_value = float(2 * t.sf(abs(difference) / error, freedom))
    return difference, difference - half, difference + half, p_value, OK


def _adjusted(drivers: pd.DataFrame) -> pd.DataFrame:
    """With holm_p_value, over all that was compared of an attribute."""
    drivers["holm_p_value"] = np.nan
    for _, known in drivers[drivers["status"] == OK].groupby("attribute"):
        drivers.loc[known.index, "holm_p_value"] = holm(known["p_value"])
    return drivers


def _metrics(drivers: pd.DataFrame) -> pd.DataFrame:
    """How many comparisons were made, and how many differences are left after adjustment, by attribute."""
    known = drivers[drivers["status"] == OK]
    found = known.groupby("attribute")["holm_p_value"].agg(["size", lambda values: int((values < 0.05).sum())])
    rows = [(MODEL, "differences_found", attribute, float(count), np.nan) for attribute, _, count in found.itertuples()]
    return pd.DataFrame(rows, columns=METRIC_COLUMNS)
