"""The effect of rewards: the expected incremental margin for a cost of rewards, with its uncertainty.

History alone does not show this effect, because customers bought under the rules of that time. Randomized campaigns
measure it; without them it is assumed and marked as assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from ml.campaigns import OK, RANDOMIZED

MEASURED, ASSUMED = "measured", "assumed"
# Of fewer campaigns the spread between them, which is what a new reward may meet, cannot be told.
FEWEST_CAMPAIGNS = 4
Z_95 = float(stats.norm.ppf(0.975))

Draws = np.ndarray


@dataclass(frozen=True)
class RewardResponse:
    """Draws of how margin answers to rewards, the same for every scenario, so that differences are paired.

    `returns`: margin per unit of cost, at today's cost. `elasticities`: percent more margin for one percent more cost.
    """

    returns: Draws
    elasticities: Draws
    source: str
    campaigns_count: int = 0

    def incremental_margin(self, today: Mapping[str, float], costs: Mapping[str, float]) -> Draws:
        """The margin caused by rewards of these costs by group, one value per draw.

        sum over groups of r * c0 * (c / c0)^e, with c0 today's cost of the group, c its cost, r the return and e the
        elasticity: constant elasticity, the usual form of diminishing response to marketing effort (Hanssens, Parsons
        and Schultz, Market Response Models, 2nd ed., ch. 3). At today's costs it is r * c0. To first order only the
        total matters, because no measurement shows whose rewards work better; each group's own returns diminish. A
        group without cost today has no response, because there is nothing to measure it from.
        """
        groups = [group for group, cost in today.items() if cost > 0]
        now = np.array([today[group] for group in groups])
        ratio = np.array([max(costs.get(group, 0.0), 0.0) for group in groups]) / now
        return self.returns * (now * ratio ** self.elasticities[:, np.newaxis]).sum(axis=1)


def interval(draws: Draws) -> tuple[float, float, float]:
    """Mean, 2.5% and 97.5% quantile."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(draws.mean()), float(low), float(high)


def measured_returns(campaigns: pd.DataFrame) -> tuple[float, float, int] | None:
    """Margin that a new reward returns per unit of its cost, from randomized campaigns: mean, scale, campaigns.

    campaigns: rows of fct_campaign_results, with metric, method, status, effect_per_member and its 95% interval
    effect_low, effect_high, treated_count and cost_amount. Each campaign's return is effect * treated / cost. They are
    combined by random effects (DerSimonian and Laird 1986); the scale is that of the prediction for one more campaign,
    sqrt(tau2 + se^2), to be read with t of k - 2 degrees of freedom (Higgins, Thompson and Spiegelhalter 2009, JRSS A
    172, 137-159). None with fewer than four campaigns of a cost and an effect.
    """
    usable = campaigns[
        (campaigns["metric"] == "margin_amount")
        & (campaigns["method"] == RANDOMIZED)
        & (campaigns["status"] == OK)
        & (campaigns["cost_amount"] > 0)
        & (campaigns["effect_high"] > campaigns["effect_low"])
    ]
    if len(usable) < FEWEST_CAMPAIGNS:
        return None
    scale = usable["treated_count"].astype(float) / usable["cost_amount"].astype(float)
    effects = usable["effect_per_member"] * scale
    errors = (usable["effect_high"] - usable["effect_low"]) * scale / (2 * Z_95)
    with np.errstate(divide="ignore", invalid="ignore"):  # of effects that agree too well, looked at below
        combined = combine_effects(effects.to_numpy(), errors.to_numpy() ** 2, method_re="dl")
    if combined.tau2 <= 0:  # they differ no more than by chance: a spread of 0, which statsmodels does not stop at
        return float(combined.mean_effect_fe), float(combined.sd_eff_w_fe), len(usable)
    spread = np.sqrt(combined.tau2 + combined.sd_eff_w_re**2)
    return float(combined.mean_effect_re), float(spread), len(usable)


def reward_response(
    campaigns: pd.DataFrame,
    assumed_return: tuple[float, float],
    elasticity: tuple[float, float],
    seed: int,
    draws: int = 4_000,
) -> RewardResponse:
    """The response as far as campaigns measure it, else as assumed.

    `assumed_return` is a 95% interval of the return (normal), `elasticity` the ends of an even spread. Quantiles are
    drawn evenly and shuffled, so that a mean is exact and the same seed gives the same draws.
    """
    even = (np.arange(draws) + 0.5) / draws
    random = np.random.default_rng(seed)
    elasticities = random.permutation(elasticity[0] + (elasticity[1] - elasticity[0]) * even)
    measured = measured_returns(campaigns)
    if measured:
        mean, scale, count = measured
        return RewardResponse(mean + scale * stats.t.ppf(even, df=count - 2), elasticities, MEASURED, count)
    low, high = assumed_return
    returns = (low + high) / 2 + (high - low) / (2 * Z_95) * stats.norm.ppf(even)
    return RewardResponse(returns, elasticities, ASSUMED)
