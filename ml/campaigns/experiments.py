"""Effects of randomized campaigns: intention to treat, with the checks that allow an effect to be believed.

Campaigns without a randomized control group belong in `observational`, the drawing of arms in `assignment`. The tests
themselves are scipy's and statsmodels'; this module combines them. The functions on arrays work along the first axis,
so a study over thousands of simulated campaigns runs the same code as a real analysis.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from ml.campaigns.results import CONTROL, OK, RANDOMIZED, TREATMENT, WINDOW_OPEN, require_columns, results_frame
from ml.common.multiple_tests import holm
from ml.common.rounding import varies

SAMPLE_RATIO_MISMATCH = "sample_ratio_mismatch"
TOO_FEW_CUSTOMERS = "too_few_customers"
NO_VARIATION = "no_variation"
FEW_CUSTOMERS = 50

OUTCOME_COLUMNS = ("campaign_id", "customer_id", "arm", "metric", "value", "pre_value", "planned_share")

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class ExperimentConfig:
    """Limits for a significant result, a detectable effect and a broken split."""

    alpha: float = 0.05
    power: float = 0.8
    sample_ratio_alpha: float = 0.001
    winsorise_quantile: float = 0.99


class Estimate(NamedTuple):
    """A difference per customer with its interval; scalars, or one entry per simulated campaign."""

    effect: Any
    low: Any
    high: Any
    p_value: Any


NO_ESTIMATE = Estimate(np.nan, np.nan, np.nan, np.nan)


def welch(treatment: Array, control: Array, alpha: float = 0.05) -> Estimate:
    """Difference in means, treatment minus control, with Welch's interval (unequal variances) at 1 - alpha.

    Arrays of shape (customers, ...); everything after the first axis is kept. NaN where neither arm varies. As
    `scipy.stats.ttest_ind`, which also warns of an arm in which all are alike but for rounding; the other arm's
    variance decides then.
    """
    sizes = len(treatment), len(control)
    effect = treatment.mean(axis=0) - control.mean(axis=0)
    variances = [arm.var(axis=0, ddof=1) / size for arm, size in zip((treatment, control), sizes, strict=True)]
    error = np.sqrt(variances[0] + variances[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = error**4 / sum(one**2 / (size - 1) for one, size in zip(variances, sizes, strict=True))
        reach = stats.t.ppf(1 - alpha / 2, freedom) * error
        p_value = 2 * stats.t.sf(np.abs(effect / error), freedom)
    return Estimate(effect, effect - reach, effect + reach, p_value)


def winsorise(treatment: Array, control: Array, quantile: float) -> tuple[Array, Array, Any]:
    """Both arms cut at plus and minus one cut-off: the quantile of the absolute values of the arms together.

    One cut-off for both arms, since a cut-off per arm would itself be moved by the effect.
    """
    cutoff = np.quantile(np.abs(np.concatenate([treatment, control])), quantile, axis=0)
    return np.clip(treatment, -cutoff, cutoff), np.clip(control, -cutoff, cutoff), cutoff


def cuped(treatment: Array, control: Array, treatment_pre: Array, control_pre: Array) -> tuple[Array, Array]:
    """Both arms less the part that the value before the assignment explains: y - theta * (x - mean x).

    theta = cov(x, y) / var(x) over both arms (Deng, Xu, Kohavi, Walker 2013). NaN where x does not vary.
    """
    pre = np.concatenate([treatment_pre, control_pre])
    centre = pre.mean(axis=0)
    centred = pre - centre
    value = np.concatenate([treatment, control])
    spread = (centred**2).sum(axis=0)
    theta = (centred * (value - value.mean(axis=0))).sum(axis=0) / np.where(spread > 0, spread, np.nan)
    return treatment - theta * (treatment_pre - centre), control - theta * (control_pre - centre)


def sample_ratio_p_value(treated_count: Any, control_count: Any, treatment_share: float) -> Any:
    """P-value of the arms' sizes against the planned share; small means that the split is broken.

    Chi-square; of one campaign with fewer than 50 expected in an arm, where that is no approximation, the exact
    binomial test.
    """
    observed = np.stack([np.asarray(treated_count, float), np.asarray(control_count, float)])
    expected = np.stack([observed.sum(axis=0) * treatment_share, observed.sum(axis=0) * (1 - treatment_share)])
    if observed.ndim == 1 and expected.min() < FEW_CUSTOMERS:
        return stats.binomtest(int(observed[0]), int(observed.sum()), treatment_share).pvalue if observed.sum() else 1.0
    return stats.chisquare(observed, expected, axis=0).pvalue


@lru_cache(maxsize=1024)
def detectable_in_deviations(treated_count: float, control_count: float, alpha: float, power: float) -> float:
    """Smallest difference, in standard deviations, that a two-sided t-test finds with this power."""
    solved = TTestIndPower().solve_power(
        nobs1=treated_count, ratio=control_count / treated_count, alpha=alpha, power=power, alternative="two-sided"
    )
    # A number, or for some sizes an array of one.
    return float(np.asarray(solved).item())


def _check_outcomes(outcomes: pd.DataFrame) -> None:
    require_columns(outcomes, OUTCOME_COLUMNS, "outcomes")
    unknown = set(outcomes["arm"].unique()) - {TREATMENT, CONTROL}
    if unknown:
        raise ValueError(f'arm must be "{TREATMENT}" or "{CONTROL}"; found {sorted(map(str, unknown))}')
    repeated = outcomes.duplicated(["campaign_id", "customer_id", "metric"])
    if repeated.any():
        row = outcomes.loc[repeated, ["campaign_id", "customer_id", "metric"]].iloc[0].tolist()
        raise ValueError(f"outcomes has more than one row for campaign, customer, metric {row}")
    per_campaign = outcomes.groupby("campaign_id")
    if (per_campaign["planned_share"].nunique(dropna=False) != 1).any():
        raise ValueError("planned_share, the share of the treatment arm, must be one value per campaign")
    if not outcomes["planned_share"].between(0, 1, inclusive="neither").all():
        raise ValueError("planned_share, the share of the treatment arm, must lie between 0 and 1")
    rows, customers = per_campaign.size(), per_campaign["customer_id"].nunique()
    if (rows != customers * per_campaign["metric"].nunique()).any():
        raise ValueError("every customer assigned to a campaign needs a row for each of its metrics, zeros included")
    if (outcomes.groupby(["campaign_id", "customer_id"])["arm"].nunique() > 1).any():
        raise ValueError("a customer is in both arms of one campaign")


class _Arms(NamedTuple):
    """One metric of one campaign: values after and before the assignment, by arm."""

    treatment: Array
    control: Array
    treatment_pre: Array
    control_pre: Array


def _arms(rows: pd.DataFrame) -> _Arms:
    """No value means no order, and counts as zero: everyone assigned is in the comparison."""
    values = rows[["value", "pre_value"]].astype(float).fillna(0.0).to_numpy()
    treated = (rows["arm"] == TREATMENT).to_numpy()
    return _Arms(values[treated, 0], values[~treated, 0], values[treated, 1], values[~treated, 1])


def _planned_mde(arms: _Arms, share: float, config: ExperimentConfig) -> float:
    """From the spread before the assignment and the planned sizes: what the campaign could be expected to see."""
    pre = np.concatenate([arms.treatment_pre, arms.control_pre])
    treated, control = pre.size * share, pre.size * (1 - share)
    if not varies(pre) or min(treated, control) < 2:
        return np.nan
    return detectable_in_deviations(treated, control, config.alpha, config.power) * float(pre.std(ddof=1))


def _reached_mde(arms: _Arms, config: ExperimentConfig) -> float:
    """From the spread and the sizes that came about, with the standard error of Welch's test."""
    treated, control = arms.treatment.size, arms.control.size
    error = np.sqrt(arms.treatment.var(ddof=1) / treated + arms.control.var(ddof=1) / control)
    deviation = error / np.sqrt(1 / treated + 1 / control)
    return detectable_in_deviations(treated, control, config.alpha, config.power) * float(deviation)


def _status(arms: _Arms, sample_ratio_p: float, window_over: bool, config: ExperimentConfig) -> str:
    if sample_ratio_p < config.sample_ratio_alpha:
        return SAMPLE_RATIO_MISMATCH
    if not window_over:
        return WINDOW_OPEN
    if min(arms.treatment.size, arms.control.size) < 2:
        return TOO_FEW_CUSTOMERS
    if not varies(arms.treatment) and not varies(arms.control):
        return NO_VARIATION
    return OK


def _estimate(treatment: Array, control: Array, config: ExperimentConfig) -> Estimate:
    """None where neither arm varies, for then the error is what rounding makes of 0."""
    varied = varies(treatment) or varies(control)
    return welch(treatment, control, config.alpha) if varied else NO_ESTIMATE


def _estimates(arms: _Arms, config: ExperimentConfig) -> dict[str, float]:
    plain = welch(arms.treatment, arms.control, config.alpha)
    cut_treatment, cut_control, cutoff = winsorise(arms.treatment, arms.control, config.winsorise_quantile)
    winsorised = _estimate(cut_treatment, cut_control, config)
    adjusted = NO_ESTIMATE
    if varies(np.concatenate([arms.treatment_pre, arms.control_pre])):
        adjusted = _estimate(*cuped(*arms), config)
    return {
        "effect_per_member": plain.effect,
        "effect_low": plain.low,
        "effect_high": plain.high,
        "p_value": plain.p_value,
        "winsorised_effect_per_member": winsorised.effect,
        "winsorised_effect_low": winsorised.low,
        "winsorised_effect_high": winsorised.high,
        "winsorised_cutoff": cutoff,
        "cuped_effect_per_member": adjusted.effect,
        "cuped_effect_low": adjusted.low,
        "cuped_effect_high": adjusted.high,
        "reached_mde": _reached_mde(arms, config),
    }


def _metric_rows(
    campaign_id: Any, outcomes: pd.DataFrame, window_over: bool, config: ExperimentConfig
) -> Iterator[dict[str, Any]]:
    share = float(outcomes["planned_share"].iloc[0])
    for metric, rows in outcomes.groupby("metric"):
        arms = _arms(rows)
        sample_ratio_p = float(sample_ratio_p_value(arms.treatment.size, arms.control.size, share))
        status = _status(arms, sample_ratio_p, window_over, config)
        row = {
            "campaign_id": campaign_id,
            "metric": metric,
            "method": RANDOMIZED,
            "status": status,
            "treated_count": arms.treatment.size,
            "control_count": arms.control.size,
            "assigned_count": len(rows),
            "srm_p_value": sample_ratio_p,
            "planned_mde": _planned_mde(arms, share, config),
        }
        yield row | (_estimates(arms, config) if status == OK else {})


def _with_holm(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Holm's correction over the metrics of one campaign that have a p-value."""
    tested = [row for row in rows if "p_value" in row]
    if tested:
        corrected = holm([row["p_value"] for row in tested])
        for row, p_value in zip(tested, corrected, strict=True):
            row["holm_p_value"] = float(p_value)
    return rows


def analyse_experiments(
    outcomes: pd.DataFrame,
    campaigns: pd.DataFrame,
    data_through: date,
    config: ExperimentConfig | None = None,
) -> pd.DataFrame:
    """The effect of each randomized campaign on each metric: one row per campaign and metric.

    `outcomes`: one row per campaign, customer assigned and metric, with `arm` (treatment, control), `value` over the
    campaign's window, `pre_value` over a window as long that ended before the assignment, and `planned_share`, the
    planned share of the treatment arm. No value counts as zero. `campaigns`: campaign_id, end_date (last day).

    Returns the columns of `campaign_results.COLUMN_TYPES`. Effects, intervals and p-values are NULL unless `status` is
    `ok`: `sample_ratio_mismatch` (the split is not the planned one), `window_open` (end_date after data_through),
    `too_few_customers` (an arm under two), `no_variation` (the same value in everyone).

    Raises `ValueError` where `outcomes` is no complete split: a customer in both arms or without one of the metrics,
    a repeated row, an unknown arm, or a campaign that `campaigns` does not hold.
    """
    config = config or ExperimentConfig()
    require_columns(campaigns, ("campaign_id", "end_date"), "campaigns")
    _check_outcomes(outcomes)
    ends = pd.to_datetime(campaigns.set_index("campaign_id")["end_date"])
    unknown = set(outcomes["campaign_id"].unique()) - set(ends.index)
    if unknown:
        raise ValueError(f"outcomes has campaigns that campaigns lacks: {sorted(map(str, unknown))}")
    rows: list[dict[str, Any]] = []
    for campaign_id, campaign_outcomes in outcomes.groupby("campaign_id"):
        window_over = bool(ends.loc[campaign_id] <= pd.Timestamp(data_through))
        rows += _with_holm(list(_metric_rows(campaign_id, campaign_outcomes, window_over, config)))
    return results_frame(rows)
