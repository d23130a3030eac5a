"""Which first orders good customers began with: each value of an attribute compared with all others."""

from dagster_project.steps.base import Step, StepInputs, StepResult, key_problems, range_problems, run_record

# Sums by attribute, value and age, and of everybody whose value is known. They are of exact decimals, so that their
# order decides no digit, and of distances from the mean amount at the age, so that squares of them keep their digits;
# these are wider than 18 digits, which alone makes DuckDB multiply in 128 bits.
GROUPS = """
with ages as (
    select customer_id, 90 as age_days, days_to_second <= 90 as has_repurchased, margin_amount_90d as margin_amount
    from intermediate.int_customer_ages where age_days >= 90
    union all
    select customer_id, 180, days_to_second <= 180, margin_amount_180d
    from intermediate.int_customer_ages where age_days >= 180
),
shifted as (
    select
        customer_id, age_days, has_repurchased,
        cast(avg(margin_amount) over (partition by age_days) as decimal(18, 4)) as margin_shift,
        cast(margin_amount as decimal(20, 4)) - margin_shift as distance
    from ages
),
known as (
    select distinct customer_id, attribute, attribute_value
    from intermediate.int_first_order_attributes where attribute_value <> 'unknown'
),
members as (
    select * from known where attribute_value <> 'other'
    union all
    select distinct customer_id, attribute, null from known
)
select
    attribute, attribute_value, age_days, cast(min(margin_shift) as double) as margin_shift,
    count(*) as customers_count,
    count(*) filter (where has_repurchased) as repurchased_customers_count,
    cast(sum(distance) as double) as margin_sum,
    cast(sum(distance * distance) as double) as margin_squares_sum
from members inner join shifted using (customer_id)
group by attribute, attribute_value, age_days
"""


def learn(inputs: StepInputs) -> StepResult:
    """Compare repurchase and margin at 90 and 180 days."""
    from ml.drivers import compare_first_orders

    result = compare_first_orders(inputs.rows(GROUPS), inputs.as_of_date)
    drivers = result.drivers
    told = "ok" if (drivers["status"] == "ok").any() else "insufficient_history"
    record = run_record(result.run, status=told, snapshot_to=inputs.as_of_date)
    problems = key_problems(drivers, ["attribute", "attribute_value", "age_days", "metric"], "first order drivers")
    problems += range_problems(drivers, "holm_p_value", 0, 1)
    return StepResult([record], {"first_order_drivers": drivers}, result.metrics, problems)


STEP = Step(
    name="first_order_drivers",
    tables={"first_order_drivers": "What first orders good customers began with, beside all others."},
    reads=[
        "intermediate.int_customer_ages",
        "intermediate.int_first_order_attributes",
        "intermediate.int_run_dates",
    ],
    settings=[],
    packages=["drivers"],
    learn=learn,
)
