"""Each arm of each randomized campaign beside its control, from the campaign's first day on."""

import pandas as pd

from dagster_project.steps.base import Step, StepInputs, StepResult, key_problems, range_problems, run_record

OUTCOMES = "select campaign_id, customer_id, arm, metric, value from intermediate.int_campaign_outcomes"
ARMS = """
select campaign_id, arm, is_control, planned_share
from intermediate.int_campaign_arms
where campaign_id in (select campaign_id from intermediate.int_campaign_progress)
"""
CAMPAIGNS = """
select
    campaigns.campaign_id, progress.is_over, campaigns.is_final, campaigns.is_assignment_broken, progress.observed_share
from intermediate.int_campaigns as campaigns
inner join intermediate.int_campaign_progress as progress on campaigns.campaign_id = progress.campaign_id
"""


def learn(inputs: StepInputs) -> StepResult:
    """Compare every arm with the control of its campaign; of a campaign that is not over, so far."""
    from ml.campaigns import analyse_arms
    from ml.common import METRIC_COLUMNS, model_run_id

    frames = [inputs.rows(query) for query in (OUTCOMES, ARMS, CAMPAIGNS)]
    result = analyse_arms(*frames)
    record = run_record(
        {"model_run_id": model_run_id("campaign_arms", {"as_of_date": inputs.as_of_date}, *frames)},
        model="campaign_arms",
        rows=len(frames[0]),
        snapshot_to=inputs.as_of_date,
        status="ok" if len(result.arms) else "no_campaigns",
    )
    problems = key_problems(result.arms, ["campaign_id", "arm"], "campaign arms")
    problems += key_problems(result.metrics, ["campaign_id", "arm", "metric"], "campaign metrics")
    problems += range_problems(result.metrics, "holm_p_value", 0, 1)
    tables = {"campaign_arms": result.arms, "campaign_metrics": result.metrics}
    return StepResult([record], tables, pd.DataFrame(columns=METRIC_COLUMNS), problems)


STEP = Step(
    name="campaign_arms",
    tables={
        "campaign_arms": "The arms of each randomized campaign, with who is in them.",
        "campaign_metrics": "What the customers of each arm did, beside those of the control.",
    },
    reads=[
        "intermediate.int_campaign_outcomes",
        "intermediate.int_campaign_arms",
        "intermediate.int_campaign_progress",
        "intermediate.int_campaigns",
        "intermediate.int_run_dates",
    ],
    settings=[],
    packages=["campaigns"],
    learn=learn,
)
