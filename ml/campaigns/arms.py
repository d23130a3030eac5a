"""Several treatments of one randomized campaign, each compared with the one control: intention to treat.

`experiments` judges a campaign as a whole, all treatments together. Here each arm has its own differences, with an
interval for the day the window is over and one that may be looked at before (`sequential`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from ml.campaigns.arm_metrics import METRICS, Difference, Figure, Outcomes, difference
from ml.campaigns.experiments import (
    FEW_CUSTOMERS,
    NO_VARIATION,
    SAMPLE_RATIO_MISMATCH,
    TOO_FEW_CUSTOMERS,
    ExperimentConfig,
    sample_ratio_p_value,
)
from ml.campaigns.results import CONTROL, OK, WINDOW_OPEN, require_columns
from ml.campaigns.sequential import half_width
from ml.common.multiple_tests import holm

BROKEN_ASSIGNMENT = "broken_assignment"
NO_SINGLE_CONTROL = "no_single_control"
TOO_FEW_BUYERS = "too_few_buyers"
PROVISIONAL = "provisional"
_ROUNDING = 1e-9

ARM_COLUMNS = [
    "campaign_id", "arm", "is_control", "planned_share", "members_count", "buyers_count", "observed_share",
    "srm_p_value",
]  # fmt: skip
METRIC_COLUMNS = [
    "campaign_id", "arm", "metric", "value", "control_value", "difference", "difference_low", "difference_high",
    "sequential_low", "sequential_high", "p_value", "arms_holm_p_value", "holm_p_value", "status",
]  # fmt: skip
MEASURES = list(Outcomes._fields)
NOTHING = Figure(np.nan, np.nan)


@dataclass(frozen=True)
class ArmResult:
    """`arms`: ARM_COLUMNS, one row per campaign and arm. `metrics`: METRIC_COLUMNS, one row per arm and metric."""

    arms: pd.DataFrame
    metrics: pd.DataFrame


class _Campaign(NamedTuple):
    """One campaign: its arms as planned, what the customers of each did, and how far it has come."""

    plan: list[dict[str, Any]]
    outcomes: dict[str, Outcomes]
    is_over: bool
    is_final: bool
    is_assignment_broken: bool
    observed_share: float


def arm_ratio_p_value(counts: Iterable[int], shares: Iterable[float]) -> float:
    """P-value of the sizes of all arms against their planned shares (which sum to 1): chi-square.

    Of two arms as in `sample_ratio_p_value`, exact where they are small.
    """
    observed, planned = np.asarray(list(counts), float), np.asarray(list(shares), float)
    if len(observed) == 2:
        return float(sample_ratio_p_value(observed[0], observed[1], planned[0]))
    if not observed.sum():
        return 1.0
    return float(stats.chisquare(observed, observed.sum() * planned).pvalue)


def _status_of_campaign(campaign: _Campaign, sample_ratio_p: float, config: ExperimentConfig) -> str:
    """OK, or the first reason why no arm can be compared."""
    if campaign.is_assignment_broken:
        return BROKEN_ASSIGNMENT
    if sum(bool(arm["is_control"]) for arm in campaign.plan) != 1 or len(campaign.plan) < 2:
        return NO_SINGLE_CONTROL
    return SAMPLE_RATIO_MISMATCH if sample_ratio_p < config.sample_ratio_alpha else OK


def _status_of_difference(campaign: _Campaign, found: Difference, parts: tuple[Figure, Figure]) -> str:
    if np.isnan(found.error):
        return TOO_FEW_BUYERS
    # Equal amounts have the error that rounding makes of 0.
    if not found.error > _ROUNDING * max(abs(parts[0].value), abs(parts[1].value)):
        return NO_VARIATION
    if not campaign.is_over:
        return WINDOW_OPEN
    return OK if campaign.is_final else PROVISIONAL


def _sequential(campaign: _Campaign, sizes: tuple[int, int], found: Difference, alpha: float) -> dict[str, float]:
    """The interval of every look; none for so few customers that an estimated variance says little."""
    if min(sizes) < FEW_CUSTOMERS:
        return {}
    reach = half_width(campaign.observed_share, alpha) * found.error
    return {"sequential_low": found.value - reach, "sequential_high": found.value + reach}


def _compared(
    campaign: _Campaign, arm: Outcomes, control: Outcomes, metric: str, config: ExperimentConfig
) -> dict[str, Any]:
    sizes = len(arm.orders_count), len(control.orders_count)
    if min(sizes) < 2:
        return {"status": TOO_FEW_CUSTOMERS}
    parts = METRICS[metric](arm), METRICS[metric](control)
    found = difference(*parts, config.alpha)
    status = _status_of_difference(campaign, found, parts)
    row: dict[str, Any] = {"control_value": parts[1].value, "difference": found.value, "status": status}
    if status in (OK, PROVISIONAL, WINDOW_OPEN):
        row |= _sequential(campaign, sizes, found, config.alpha)
    if status in (OK, PROVISIONAL):
        row |= {"difference_low": found.low, "difference_high": found.high, "p_value": found.p_value}
    return row


def _value(outcomes: Outcomes, metric: str) -> float:
    """The arm's own number; it needs two customers, as its variance does."""
    return float((METRICS[metric](outcomes) if len(outcomes.orders_count) > 1 else NOTHING).value)


def _metric_rows(campaign: _Campaign, status: str, config: ExperimentConfig) -> list[dict[str, Any]]:
    rows = []
    controls = [arm["arm"] for arm in campaign.plan if arm["is_control"]]
    for arm in campaign.plan:
        mine = campaign.outcomes[arm["arm"]]
        for metric in METRICS:
            row = {"arm": arm["arm"], "metric": metric, "value": _value(mine, metric), "status": status}
            if status == OK and arm["is_control"]:
                row["status"] = CONTROL
            elif status == OK:
                row |= _compared(campaign, mine, campaign.outcomes[controls[0]], metric, config)
            rows.append(row)
    return _with_holm(rows)


def _with_holm(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Holm's correction over the arms that one metric compares, and over all arms and metrics of the campaign."""
    tested = [row for row in rows if "p_value" in row]
    families = [("holm_p_value", tested)]
    families += [("arms_holm_p_value", [row for row in tested if row["metric"] == metric]) for metric in METRICS]
    for name, family in families:
        for row, p_value in zip(family, holm([row["p_value"] for row in family]), strict=True):
            row[name] = float(p_value)
    return rows


def _outcomes(rows: pd.DataFrame, plan: list[dict[str, Any]]) -> dict[str, Outcomes]:
    """What the customers of each arm did, by arm; arms without a customer too."""
    if (rows.groupby("customer_id")["arm"].nunique() > 1).any():
        raise ValueError("a customer is in two arms of one campaign")
    wide = rows.pivot(index=["arm", "customer_id"], columns="metric", values="value").reindex(columns=MEASURES)
    wide = wide.astype(float).fillna(0.0)
    by_arm = {arm: group.to_numpy() for arm, group in wide.groupby(level="arm")}
    unknown = set(by_arm) - {arm["arm"] for arm in plan}
    if unknown:
        raise ValueError(f"outcomes has arms that are not planned: {sorted(map(str, unknown))}")
    nobody = np.empty((0, len(MEASURES)))
    return {arm["arm"]: Outcomes(*by_arm.get(arm["arm"], nobody).T) for arm in plan}


def _campaign(rows: pd.DataFrame, plan: list[dict[str, Any]], state: pd.Series) -> _Campaign:
    return _Campaign(
        plan,
        _outcomes(rows, plan),
        bool(state["is_over"]),
        bool(state["is_final"]),
        bool(state["is_assignment_broken"]),
        float(state["observed_share"]),
    )


def _sorted(rows: list[dict[str, Any]], columns: list[str], key: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns).sort_values(key, ignore_index=True)


def _analysed(campaign: _Campaign, config: ExperimentConfig) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    counts = [len(campaign.outcomes[arm["arm"]].orders_count) for arm in campaign.plan]
    sample_ratio_p = arm_ratio_p_value(counts, [arm["planned_share"] for arm in campaign.plan])
    arms = [
        {key: arm[key] for key in ("arm", "is_control", "planned_share")}
        | {
            "members_count": count,
            "buyers_count": int((campaign.outcomes[arm["arm"]].orders_count > 0).sum()),
            "observed_share": campaign.observed_share,
            "srm_p_value": sample_ratio_p,
        }
        for arm, count in zip(campaign.plan, counts, strict=True)
    ]
    return arms, _metric_rows(campaign, _status_of_campaign(campaign, sample_ratio_p, config), config)


def analyse_arms(
    outcomes: pd.DataFrame, arms: pd.DataFrame, campaigns: pd.DataFrame, config: ExperimentConfig | None = None
) -> ArmResult:
    """Compare each treatment of each randomized campaign with its control, on every metric of `arm_metrics.METRICS`.

    `outcomes`: one row per campaign, customer assigned and measure (`metric`: orders_count, net_amount, margin_amount)
    with `arm` and `value` over the window so far; no value counts as zero. `arms`: campaign_id, arm, is_control and
    planned_share, which sums to 1 over a campaign. `campaigns`: campaign_id, is_over (the window), is_final (its
    returns too), is_assignment_broken, and observed_share, the share of the planned customer-days that has come in.

    Status of a metric: `control`; `broken_assignment`, `no_single_control` or `sample_ratio_mismatch` of the campaign,
    without a difference; `too_few_customers`, `too_few_buyers` or `no_variation`, which a metric's error shows;
    `window_open`, with a difference and its sequential interval alone; `provisional` and `ok` with both intervals. The
    sequential one takes 50 customers in both arms.

    Raises `ValueError` for an arm or a campaign that is not planned, and for a customer with a measure twice.
    """
    config = config or ExperimentConfig()
    require_columns(outcomes, ("campaign_id", "customer_id", "arm", "metric", "value"), "outcomes")
    require_columns(arms, ("campaign_id", "arm", "is_control", "planned_share"), "arms")
    unknown = set(outcomes["campaign_id"]) - (set(arms["campaign_id"]) & set(campaigns["campaign_id"]))
    if unknown:
        raise ValueError(f"outcomes has campaigns that are not planned: {sorted(map(str, unknown))}")
    states = campaigns.set_index("campaign_id")
    arm_rows: list[dict[str, Any]] = []
    metric_rows: list[dict[str, Any]] = []
    for campaign_id, rows in outcomes.groupby("campaign_id"):
        plan = arms[arms["campaign_id"] == campaign_id].sort_values("arm").to_dict("records")
        found = _analysed(_campaign(rows, plan, states.loc[campaign_id]), config)
        arm_rows += [{"campaign_id": campaign_id, **row} for row in found[0]]
        metric_rows += [{"campaign_id": campaign_id, **row} for row in found[1]]
    return ArmResult(
        _sorted(arm_rows, ARM_COLUMNS, ["campaign_id", "arm"]),
        _sorted(metric_rows, METRIC_COLUMNS, ["campaign_id", "arm", "metric"]),
    )
