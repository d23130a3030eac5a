"""The types of result columns, the same with many rows, without rows, and with only unknown values.

A database that takes over a frame reads the types from it: it would have to guess the type of an empty or all-unknown
column of objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

_TEXT, _NUMBER, _COUNT, _FLAG, _DAY = "str", "float64", "int64", "bool", "datetime64[us]"
_TYPES = {
    **dict.fromkeys(("customer_id", "model_run_id", "churn_band", "cluster_name", "feature"), _TEXT),
    **dict.fromkeys(("reason_1", "reason_2", "reason_3", "theme", "sentence"), _TEXT),
    **dict.fromkeys(("model", "metric", "slice", "curve"), _TEXT),
    **dict.fromkeys(("churn_probability", "distance", "value", "baseline", "x", "y", "mean", "median"), _NUMBER),
    **dict.fromkeys(("population_median", "centre_shift", "share_rate", "previous_share_rate"), _NUMBER),
    **dict.fromkeys(("silhouette", "stability", "contribution", "base_log_odds", "base_probability"), _NUMBER),
    **dict.fromkeys(("cluster_id", "customers_count", "k", "contribution_rank", "active_customers_count"), _COUNT),
    **dict.fromkeys(("is_outlier", "is_matched", "is_chosen"), _FLAG),
    "as_of_date": _DAY,
}


def typed(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The columns in the order given, each of its declared type; KeyError for one that is not declared."""
    return frame[list(columns)].astype({column: _TYPES[column] for column in columns}).reset_index(drop=True)


def empty(columns: Sequence[str]) -> pd.DataFrame:
    """No rows, with the columns' declared types."""
    return typed(pd.DataFrame(columns=list(columns)), columns)
