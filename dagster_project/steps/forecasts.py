"""Sales and customers of the six months ahead, and what had been forecast of those that came."""

from dagster_project.steps.base import Step, StepInputs, StepResult, key_problems, range_problems, run_record

MONTHS = """
select series, tier, cast(month as timestamp) as month, cast(value as double) as value
from intermediate.int_forecast_months
"""
PURCHASE_DAYS = """
select customer_id, hash_share, cast(order_date as timestamp) as order_date
from intermediate.int_forecast_purchase_days
"""


def learn(inputs: StepInputs) -> StepResult:
    """Forecast each series, and compare what earlier month ends would have said with what came."""
    from ml.forecasts import forecast_months

    result = forecast_months(inputs.rows(MONTHS), inputs.rows(PURCHASE_DAYS), inputs.as_of_date)
    record = run_record(result.run, snapshot_to=inputs.as_of_date)
    problems = key_problems(result.forecasts, ["series", "tier", "month"], "forecasts")
    problems += key_problems(result.hits, ["series", "tier", "origin_month", "month"], "forecast hits")
    problems += range_problems(result.forecasts, "coverage_95", 0, 1)
    frames = {"forecasts": result.forecasts, "forecast_hits": result.hits}
    return StepResult([record], frames, result.metrics, problems)


STEP = Step(
    name="forecasts",
    tables={
        "forecasts": "Sales and customers expected of the six months ahead, with intervals.",
        "forecast_hits": "What earlier month ends would have said of months that have come.",
    },
    reads=["intermediate.int_forecast_months", "intermediate.int_forecast_purchase_days"],
    settings=[],
    packages=["forecasts", "lifetime"],
    learn=learn,
    is_monthly=True,
)
