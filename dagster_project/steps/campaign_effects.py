"""The effect of each campaign per customer, when the data can show it."""

import pandas as pd

from dagster_project.steps.base import Step, StepInputs, StepResult, key_problems, run_record

TREATED_OUTSIDE_EXPERIMENTS = """
select campaign_id, customer_id
from intermediate.int_campaign_members
where not is_control and not is_in_both_arms
    and campaign_id in (select campaign_id from intermediate.int_campaigns where not is_randomized)
"""
# All treatments together: `campaign_arms` tells them apart.
OUTCOMES = """
select
    campaign_id, customer_id, case when is_control then 'control' else 'treatment' end as arm,
    metric, value, pre_value, planned_share
from intermediate.int_campaign_outcomes
"""
MARGIN_BY_DAY = """
select customer_id, order_date, cast(margin_amount as double) as value
from intermediate.int_customer_daily
"""


def learn(inputs: StepInputs) -> StepResult:
    """Analyse randomized campaigns as experiments, and the others by comparison with matched customers."""
    from ml.campaigns import analyse_experiments, analyse_observational
    from ml.common import METRIC_COLUMNS, model_run_id

    data_from, data_through = inputs.data_range()
    outcomes = inputs.rows(OUTCOMES)
    campaigns = inputs.rows("select campaign_id, start_date, end_date, is_randomized from intermediate.int_campaigns")
    members = inputs.rows(TREATED_OUTSIDE_EXPERIMENTS)
    days = inputs.rows(MARGIN_BY_DAY)
    chosen = campaigns[~campaigns["is_randomized"].astype(bool)]
    frames = [analyse_experiments(outcomes, campaigns, data_through)] if len(outcomes) else []
    if len(chosen):
        frames.append(analyse_observational(days, members, chosen, data_from, data_through))
    nothing = pd.DataFrame(columns=["campaign_id", "metric", "status"])
    effects = pd.concat(frames, ignore_index=True) if frames else nothing
    span = {"data_from": data_from, "data_through": data_through}
    record = run_record(
        {"model_run_id": model_run_id("campaign_effects", span, outcomes, members, days, campaigns)},
        model="campaign_effects",
        rows=len(outcomes) + len(days),
        snapshot_from=data_from,
        snapshot_to=data_through,
        status="ok" if frames else "no_campaigns",
    )
    problems = key_problems(effects, ["campaign_id", "metric"], "campaign effects")
    shown = {f"campaigns {status}": int(count) for status, count in effects["status"].value_counts().items()}
    return StepResult([record], {"campaign_effects": effects}, pd.DataFrame(columns=METRIC_COLUMNS), problems, shown)


STEP = Step(
    name="campaign_effects",
    tables={"campaign_effects": "The effect of each campaign per customer, when the data can show it."},
    reads=[
        "intermediate.int_campaign_outcomes",
        "intermediate.int_campaign_members",
        "intermediate.int_campaigns",
        "intermediate.int_customer_daily",
        "intermediate.int_run_dates",
    ],
    settings=[],
    packages=["campaigns"],
    learn=learn,
)
