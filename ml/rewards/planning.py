"""The next reward of each customer: the expected margin of each reward, and the rewards that a month's budget pays for.

SQL decides which rewards a customer may have, `uplift` learns an effect from a randomized campaign, and `allocate`
spends a budget; this module combines them. Effects that no campaign has shown are not assumed: if the interval contains
zero and the ranking is no better than random, no offer is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ml.campaigns.experiments import ExperimentConfig, sample_ratio_p_value, welch
from ml.campaigns.results import CONTROL, TREATMENT, require_columns
from ml.campaigns.uplift import AVERAGE_EFFECT, UPLIFT_MODEL, UpliftConfig, learn_uplift
from ml.common.model_runs import METRIC_COLUMNS, model_run_id
from ml.common.rounding import varies
from ml.rewards.allocation import CAP_COLUMNS, OFFER_COLUMNS, allocate

MODEL = "next_best_rewards"
VERSION = 1

ASSUMED = "assumed"
EFFECT_NOT_SHOWN = "effect_not_shown"
OFFERED = "offered"
BUDGET_SPENT = "budget_spent"
NOT_WORTHWHILE = "not_worthwhile"

CANDIDATE_COLUMNS = (
    "plan_month",
    "customer_id",
    "reward_id",
    "reward_name",
    "campaign_type",
    "trial_campaign_id",
    "trial_campaign_name",
    "cost_amount",
    "tier",
    "is_active",
    "margin_per_order",
)
TRIAL_COLUMNS = ("campaign_id", "customer_id", "arm", "value", "planned_share")
PLAN_COLUMNS = (
    "plan_month",
    "customer_id",
    "reward_id",
    "reward_name",
    "campaign_type",
    "expected_incremental_margin_amount",
    "cost_amount",
    "margin_per_order",
    "basis",
    "status",
    "reason",
)

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class RewardConfig:
    """`response_rate`: assumed share of customers who answer an untried reward with one more order.

    `budget_amount` for a month, None for no limit; `caps` by campaign type, for a month too. The ranking of customers
    is learned from at most `most_trial_rows` of a campaign's customers, the average effect from all.
    """

    response_rate: float
    budget_amount: Decimal | None = None
    caps: Mapping[str, Decimal] | None = None
    most_trial_rows: int = 100_000
    alpha: float = 0.05
    seed: int = 0


@dataclass(frozen=True)
class RewardPlan:
    """`offers` one row per customer who may have any reward; `metrics` of the uplift models; `run`."""

    offers: pd.DataFrame
    metrics: pd.DataFrame
    run: dict[str, Any]


class _Trial(NamedTuple):
    """The result of a campaign: `basis` says how it was estimated, `expected` gives it for the candidates in their
    order."""

    basis: str
    expected: Array
    low: float
    high: float
    metrics: pd.DataFrame


def _learn(trial: pd.DataFrame, candidates: pd.DataFrame, features: Sequence[str], config: RewardConfig) -> _Trial:
    """The effect on margin of one finished randomized campaign, for each candidate."""
    is_treated = trial["arm"] == TREATMENT
    treated, control = (trial.loc[arm, "value"].to_numpy(float) for arm in (is_treated, trial["arm"] == CONTROL))
    unknown = np.full(len(candidates), np.nan)
    unseen = _Trial(EFFECT_NOT_SHOWN, unknown, np.nan, np.nan, pd.DataFrame(columns=METRIC_COLUMNS))
    if min(treated.size, control.size) < 2 or not (varies(treated) or varies(control)):
        return unseen
    ratio_p = sample_ratio_p_value(treated.size, control.size, float(trial["planned_share"].iloc[0]))
    effect = welch(treated, control, config.alpha)
    drawn = trial.sort_values("customer_id").sample(min(len(trial), config.most_trial_rows), random_state=config.seed)
    learned = learn_uplift(
        drawn.rename(columns={"value": "outcome"}), features, UpliftConfig(alpha=config.alpha, seed=config.seed)
    )
    metrics = learned.metrics.assign(slice=str(trial["campaign_id"].iloc[0]) + " " + learned.metrics["slice"])
    basis = learned.run["status"]
    is_shown = basis == UPLIFT_MODEL or (basis == AVERAGE_EFFECT and effect.low > 0)
    if ratio_p < ExperimentConfig().sample_ratio_alpha or learned.models is None or not is_shown:
        return unseen._replace(metrics=metrics)
    models = learned.models._replace(average_effect=float(effect.effect))
    return _Trial(basis, models.predict(candidates), float(effect.low), float(effect.high), metrics)


def _expected(
    candidates: pd.DataFrame, trials: pd.DataFrame, features: Sequence[str], config: RewardConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Candidates with expected margin, basis and reason; and the metrics of the uplift models."""
    valued = candidates.assign(
        expected_incremental_margin_amount=(config.response_rate * candidates["margin_per_order"].astype(float)).round(
            4
        ),
        basis=ASSUMED,
        reason=f"assumed: {config.response_rate:.0%} answer with one order more",
    )
    metrics = [pd.DataFrame(columns=METRIC_COLUMNS)]
    for campaign_id, trial in trials.groupby("campaign_id", sort=True):
        rows = candidates["trial_campaign_id"] == campaign_id
        learned = _learn(trial, candidates[rows], features, config)
        metrics.append(learned.metrics)
        valued.loc[rows, "expected_incremental_margin_amount"] = learned.expected.round(4)
        valued.loc[rows, "basis"] = learned.basis
        valued.loc[rows, "reason"] = _measured(candidates[rows], learned)
    filled = [frame for frame in metrics if len(frame)]
    return valued, pd.concat(filled, ignore_index=True) if filled else metrics[0]


def _measured(candidates: pd.DataFrame, learned: _Trial) -> pd.Series:
    name = candidates["trial_campaign_name"]
    if learned.basis == EFFECT_NOT_SHOWN:
        return name + " did not show an effect"
    if learned.basis == AVERAGE_EFFECT:
        return name + f" brought {learned.expected[0]:.2f} a customer ({learned.low:.2f} to {learned.high:.2f})"
    return name + " brought " + pd.Series(learned.expected, candidates.index).map("{:.2f}".format) + " from the like"


def _chosen(valued: pd.DataFrame, config: RewardConfig) -> pd.DataFrame:
    """The rewards that the budget pays for: customer_id and reward_id."""
    offers = valued.rename(columns={"campaign_type": "campaign_id", "plan_month": "month"})[list(OFFER_COLUMNS)]
    months = offers["month"].unique()
    caps = [(kind, month, cap) for kind, cap in (config.caps or {}).items() for month in months]
    needed = sum(Decimal(str(cost)) for cost in offers["cost_amount"])
    budget = needed if config.budget_amount is None else config.budget_amount
    return allocate(offers, budget, pd.DataFrame(caps, columns=list(CAP_COLUMNS)))[["customer_id", "reward_id"]]


def _best(valued: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """One row per customer: the reward chosen, else the best one there is, with the reason why it is not offered."""
    keys = pd.MultiIndex.from_frame(valued[["customer_id", "reward_id"]])
    is_chosen = keys.isin(pd.MultiIndex.from_frame(chosen))
    gain = valued["expected_incremental_margin_amount"] - valued["cost_amount"].astype(float)
    unchosen = np.where(gain > 0, BUDGET_SPENT, np.where(gain.notna(), NOT_WORTHWHILE, EFFECT_NOT_SHOWN))
    ranked = valued.assign(status=np.where(is_chosen, OFFERED, unchosen), is_chosen=is_chosen, gain=gain).sort_values(
        ["customer_id", "is_chosen", "gain", "reward_id"], ascending=[True, False, False, True], na_position="last"
    )
    return ranked.drop_duplicates("customer_id").reset_index(drop=True)


def _with_situation(offers: pd.DataFrame) -> pd.Series:
    activity = np.where(offers["is_active"].astype(bool), "active", "at risk")
    return offers["tier"].fillna("no tier") + ", " + activity + "; " + offers["reason"]


def plan_rewards(
    candidates: pd.DataFrame, trials: pd.DataFrame, features: Sequence[str], config: RewardConfig
) -> RewardPlan:
    """The next best reward of each customer for one month.

    `candidates`: a row per customer and reward that the customer may have, with `CANDIDATE_COLUMNS` and numeric
    `features`; `trials`: a row per customer of each campaign that a reward was tried in, with `TRIAL_COLUMNS` and the
    same features before it. For a tried reward the effect of its campaign is expected (per customer if the uplift
    ranking beats a random one, else the average), for an untried one `response_rate` orders.

    `offers`: `PLAN_COLUMNS`, status offered, budget_spent (worth its cost, but the budget is used up), not_worthwhile
    or effect_not_shown; basis uplift_model, average_effect, assumed or effect_not_shown. Raises `ValueError` for a
    missing column.
    """
    require_columns(candidates, (*CANDIDATE_COLUMNS, *features), "candidates")
    require_columns(trials, (*TRIAL_COLUMNS, *features), "trials")
    ordered = candidates.sort_values(["customer_id", "reward_id"], ignore_index=True)
    parameters = {"version": VERSION, "features": list(features), **asdict(config)}
    run = {
        "model_run_id": model_run_id(MODEL, parameters, ordered, trials),
        "model": MODEL,
        "version": VERSION,
        "rows": len(ordered),
        "status": "ok" if len(ordered) else "no_candidates",
    }
    valued, metrics = _expected(ordered, trials, features, config)
    valued = valued.drop(columns=list(features))  # millions of rows by dozens of columns, of no use from here on
    best = _best(valued, _chosen(valued, config))
    offers = best.assign(reason=_with_situation(best))[list(PLAN_COLUMNS)]
    return RewardPlan(offers, metrics, run)
