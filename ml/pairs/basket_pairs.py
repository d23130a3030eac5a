"""Which products are in one order more often than chance puts them there.

If two products lay in orders independently of each other, the orders with both would be a draw without replacement:
their number is hypergeometric. The p-values of all pairs are adjusted together, so that of many pairs the luckiest is
not taken for a finding. A pair above chance says neither why nor that one product sells the other: large orders hold
more of everything, and a customer who always buys both counts with each order.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from ml.common.model_runs import METRIC_COLUMNS, model_run_id
from ml.common.multiple_tests import holm

MODEL = "basket_pairs"
VERSION = 1
OK = "ok"
NO_PAIRS = "insufficient_history"


@dataclass(frozen=True)
class PairResult:
    """`pairs`: those given with p_value, holm_p_value and model_run_id; `metrics` by METRIC_COLUMNS; `run`."""

    pairs: pd.DataFrame
    metrics: pd.DataFrame
    run: dict[str, Any]


def compare_pairs(pairs: pd.DataFrame, as_of_date: dt.date) -> PairResult:
    """Test each pair against chance.

    pairs: a row per group_kind, first_value and second_value, with orders_count (all), first_orders_count,
    second_orders_count and joint_orders_count, and comparisons_count, the pairs of the kind that could have been given.

    p_value is the chance of so many joint orders or more; holm_p_value is adjusted over all comparisons of the kind
    (Holm, 1979). Pairs that are not given count as compared and less sure, so that it is never too small.
    """
    parameters = {"version": VERSION, "as_of_date": as_of_date}
    run_id = model_run_id(MODEL, parameters, pairs)
    tested = pairs.assign(
        p_value=hypergeom.sf(
            pairs["joint_orders_count"] - 1,
            pairs["orders_count"],
            pairs["first_orders_count"],
            pairs["second_orders_count"],
        ),
        holm_p_value=np.nan,
    )
    for _, kind in tested.groupby("group_kind"):
        tested.loc[kind.index, "holm_p_value"] = holm(kind["p_value"], int(kind["comparisons_count"].iloc[0]))
    run = {
        "model_run_id": run_id,
        "model": MODEL,
        "version": VERSION,
        "rows": len(tested),
        "status": OK if len(tested) else NO_PAIRS,
    }
    return PairResult(tested.assign(model_run_id=run_id), _metrics(tested), run)


def _metrics(tested: pd.DataFrame) -> pd.DataFrame:
    """How many pairs are above chance after adjustment, by kind."""
    found = (tested["holm_p_value"] < 0.05).groupby(tested["group_kind"]).sum()
    rows = [(MODEL, "pairs_above_chance", kind, float(count), np.nan) for kind, count in found.items()]
    return pd.DataFrame(rows, columns=METRIC_COLUMNS)
