"""How behaviours go together with the next period's orders."""

from dagster_project.steps.base import Step, StepInputs, StepResult, key_problems, range_problems, run_record

NOT_BEHAVIOURS = ("snapshot_date", "customer_id", "is_active", "churned", "next_orders_count")
# The latest snapshot whose next period is over: one row a customer, so that rows are independent.
FEATURES_AND_OUTCOME = """
select features.*, labels.next_orders_count
from intermediate.int_churn_features as features
inner join intermediate.int_churn_labels as labels
    on features.snapshot_date = labels.snapshot_date and features.customer_id = labels.customer_id
where features.snapshot_date = (select max(snapshot_date) from intermediate.int_churn_labels)
"""


def learn(inputs: StepInputs) -> StepResult:
    """Correlate each behaviour of the latest closed snapshot with the orders of the period after it."""
    from ml.churn import correlate_behaviours

    frame = inputs.rows(FEATURES_AND_OUTCOME)
    behaviours = [name for name in frame.columns if name not in NOT_BEHAVIOURS]
    result = correlate_behaviours(frame, behaviours, "next_orders_count", inputs.as_of_date)
    record = run_record(
        result.run,
        model="behaviour_correlations",
        rows=len(frame),
        snapshot_to=inputs.as_of_date,
        status="ok" if len(frame) else "insufficient_history",
    )
    problems = key_problems(result.correlations, ["behaviour", "method"], "correlations")
    problems += range_problems(result.correlations, "correlation", -1.0000001, 1.0000001)
    return StepResult([record], {"behaviour_correlations": result.correlations}, result.metrics, problems)


STEP = Step(
    name="behaviour_correlations",
    tables={"behaviour_correlations": "How behaviours go together with the next period's orders."},
    reads=["intermediate.int_churn_features", "intermediate.int_churn_labels", "intermediate.int_run_dates"],
    settings=[],
    packages=["churn"],
    learn=learn,
)
