"""Expected orders and discounted margin of each customer."""

from dagster_project.steps.base import (
    Step,
    StepInputs,
    StepResult,
    figures,
    key_problems,
    range_problems,
    run_record,
)

MODEL_NAME = "lifetime_values"
PURCHASE_DAYS = """
select customer_id, order_date, cast(sales_net_amount as double) as net_amount,
    cast(return_amount as double) as return_amount
from intermediate.int_customer_daily
where has_valid_order or return_amount <> 0
"""


def learn(inputs: StepInputs) -> StepResult:
    """Fit the purchase models to the customers' order days, and value each customer with the best one."""
    from ml.lifetime import LifetimeValueConfig, NaiveRate, lifetime_card, value_lifetimes
    from warehouse.model_store.artifacts import save_model, set_champion

    settings, as_of_date = inputs.settings, inputs.as_of_date
    data_from, _ = inputs.data_range()
    days = inputs.rows(PURCHASE_DAYS)
    config = LifetimeValueConfig(
        churn_horizon_days=settings.churn_horizon_days, margin_rate=settings.assumed.margin_rate
    )
    result = value_lifetimes(days, as_of_date, data_from, config)
    model, status = result.run["published_model"], result.run["p_alive_status"]
    record = run_record(
        result.run,
        model=model,
        snapshot_from=data_from,
        snapshot_to=as_of_date,
        is_champion=model != NaiveRate().name,
        status=status,
    )
    problems = key_problems(result.scores, ["customer_id"], "lifetime values")
    problems += range_problems(result.scores, "p_alive", 0, 1)
    frames = {
        "lifetime_values": result.scores,
        "lifetime_value_inputs": result.inputs,
        "lifetime_value_terms": result.terms,
        "lifetime_value_curves": result.curves,
        "lifetime_value_parameters": result.parameters,
    }
    save_model(inputs.models_dir, MODEL_NAME, result.record(), result.fitted_values(), lifetime_card(result))
    set_champion(inputs.models_dir, MODEL_NAME, as_of_date, result.run["model_run_id"])
    shown = {**figures(result.metrics, model, "mean"), "model": model, "status": status}
    return StepResult([record], frames, result.metrics, problems, shown)


STEP = Step(
    name=MODEL_NAME,
    tables={
        "lifetime_values": "Expected orders and discounted margin of each customer.",
        "lifetime_value_inputs": "What each customer's value comes from.",
        "lifetime_value_terms": "Margin and discount rate, and the mean amount of an order.",
        "lifetime_value_curves": "Expected beside actual orders by decile, out of time.",
        "lifetime_value_parameters": "What was fitted, with standard errors.",
    },
    reads=["intermediate.int_customer_daily", "intermediate.int_run_dates"],
    settings=["churn_horizon_days", "assumed.margin_rate"],
    packages=["lifetime"],
    learn=learn,
)
