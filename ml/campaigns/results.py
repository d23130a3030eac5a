"""The frame that every estimate of a campaign's effect is written in, whichever way it was reached.

Only the shape is here. How an effect is estimated is in `experiments` (randomized) and `observational` (not);
costs, attribution and return on investment are SQL's, in the marts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

RANDOMIZED = "randomized"
OBSERVATIONAL = "observational"

TREATMENT = "treatment"
CONTROL = "control"
HOLDOUT = "holdout"

# The estimate passed every gate. Any other status says why effect, interval and p-value are NULL.
OK = "ok"
WINDOW_OPEN = "window_open"

COLUMN_TYPES: dict[str, str] = {
    "campaign_id": "object",
    "metric": "str",
    "method": "str",
    "status": "str",
    "treated_count": "Int64",
    "control_count": "Int64",
    # The estimate: difference per customer over the window, in the metric's unit, with its 95% interval.
    "effect_per_member": "float64",
    "effect_low": "float64",
    "effect_high": "float64",
    "p_value": "float64",
    "holm_p_value": "float64",
    # The same with large values cut off, and with the value before the assignment taken into account.
    "winsorised_effect_per_member": "float64",
    "winsorised_effect_low": "float64",
    "winsorised_effect_high": "float64",
    "winsorised_cutoff": "float64",
    "cuped_effect_per_member": "float64",
    "cuped_effect_low": "float64",
    "cuped_effect_high": "float64",
    "planned_mde": "float64",
    "reached_mde": "float64",
    # Gates of a randomized campaign.
    "srm_p_value": "float64",
    # Gates of a campaign that was not randomized.
    "assigned_count": "Int64",
    "history_days": "Int64",
    "largest_standardised_difference": "float64",
    "pretrend_z": "float64",
    "placebo_28_z": "float64",
    "placebo_56_z": "float64",
    "placebo_z": "float64",
}


def results_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per campaign and metric with every column of `COLUMN_TYPES`, NULL where a row has none, sorted by key."""
    frame = pd.DataFrame(list(rows)).reindex(columns=list(COLUMN_TYPES))
    keys = frame["campaign_id"].infer_objects()
    frame = frame.astype(COLUMN_TYPES)
    if len(frame):
        frame["campaign_id"] = keys
    return frame.sort_values(["campaign_id", "metric"], ignore_index=True)


def require_columns(frame: pd.DataFrame, columns: Iterable[str], name: str) -> None:
    """Raise `ValueError`, naming the missing and the present columns, unless `frame` has all `columns`."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"{name} lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}")
