"""Products to offer each customer: new ones, and ones to buy again."""

from dagster_project.steps.base import Step, StepInputs, StepResult, key_problems, run_record


def learn(inputs: StepInputs) -> StepResult:
    """Rank products for each customer with the candidate that predicted later purchases best."""
    from ml.recommend import OK, RecommendConfig, recommend

    as_of_date = inputs.as_of_date
    orders = inputs.coded_rows(
        ["customer_id", "product_id"],
        """
        select distinct customer_id, product_id, order_date
        from intermediate.int_sale_lines
        where not is_return and customer_id is not null and product_id is not null
        """,
    )
    products = inputs.rows(
        "select product_id, category from intermediate.int_product_versions where row_status = 'accepted'"
    )
    config = RecommendConfig(judged_days=inputs.settings.churn_horizon_days)
    result = recommend(orders, products, as_of_date, config)
    record = run_record(
        result.run, model="recommendations", snapshot_to=as_of_date, is_champion=result.run["status"] == OK
    )
    problems = key_problems(result.recommendations, ["customer_id", "list", "rank"], "recommendations")
    shown = {f"published for {name}": str(model) for name, model in result.run["published_models"].items()}
    return StepResult([record], {"recommendations": result.recommendations}, result.metrics, problems, shown)


STEP = Step(
    name="recommendations",
    tables={"recommendations": "Products to offer each customer: new ones, and ones to buy again."},
    reads=["intermediate.int_sale_lines", "intermediate.int_product_versions", "intermediate.int_run_dates"],
    settings=["churn_horizon_days"],
    packages=["recommend"],
    learn=learn,
)
