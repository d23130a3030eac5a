"""The reward that next month's budget gives each customer."""

from dagster_project.steps.base import Step, StepInputs, StepResult, key_problems, run_record


def learn(inputs: StepInputs) -> StepResult:
    """Estimate the margin of each reward with each customer, and spend the budget on the best ones."""
    from ml.rewards import CANDIDATE_COLUMNS, OFFERED, TRIAL_COLUMNS, RewardConfig, plan_rewards

    settings = inputs.settings
    trials = inputs.rows("select * from intermediate.int_reward_trials")
    features = [name for name in trials.columns if name not in (*TRIAL_COLUMNS, "pre_value")]
    # a row for each customer and reward: seven digits are enough to look a customer's effect up
    columns = [*CANDIDATE_COLUMNS, *(f"cast({name} as float) as {name}" for name in features)]
    candidates = inputs.rows(f"select {', '.join(columns)} from intermediate.int_reward_candidates")
    config = RewardConfig(
        response_rate=settings.assumed.reward_response_rate,
        budget_amount=settings.rewards.budget_amount,
        caps=settings.rewards.caps,
        seed=settings.seed,
    )
    plan = plan_rewards(candidates, trials, features, config)
    problems = key_problems(plan.offers, ["customer_id"], "next best rewards")
    offered = plan.offers[plan.offers["status"] == OFFERED]
    shown = {
        "rewards offered": len(offered),
        "their cost": round(float(offered["cost_amount"].sum()), 2),
        "their expected margin": round(float(offered["expected_incremental_margin_amount"].sum()), 2),
    }
    record = run_record(plan.run, snapshot_to=inputs.as_of_date)
    return StepResult([record], {"next_best_rewards": plan.offers}, plan.metrics, problems, shown)


STEP = Step(
    name="next_best_rewards",
    tables={"next_best_rewards": "The reward that next month's budget gives each customer, or why none."},
    reads=["intermediate.int_reward_candidates", "intermediate.int_reward_trials", "intermediate.int_run_dates"],
    settings=["assumed.reward_response_rate", "rewards.budget_amount", "rewards.caps", "seed"],
    packages=["rewards", "campaigns"],
    learn=learn,
)
