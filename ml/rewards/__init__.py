"""Which reward each customer gets within a budget."""

from ml.rewards.allocation import allocate
from ml.rewards.planning import CANDIDATE_COLUMNS, OFFERED, TRIAL_COLUMNS, RewardConfig, RewardPlan, plan_rewards

__all__ = [
    "CANDIDATE_COLUMNS",
    "OFFERED",
    "TRIAL_COLUMNS",
    "RewardConfig",
    "RewardPlan",
    "allocate",
    "plan_rewards",
]
