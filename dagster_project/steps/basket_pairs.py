"""Which products are bought together more often than chance puts them into one order."""

from dagster_project.steps.base import Step, StepInputs, StepResult, key_problems, range_problems, run_record


def learn(inputs: StepInputs) -> StepResult:
    """Test every pair of products, and of categories, that is in enough orders."""
    from ml.pairs import compare_pairs

    result = compare_pairs(inputs.rows("from intermediate.int_basket_pairs"), inputs.as_of_date)
    record = run_record(result.run, snapshot_to=inputs.as_of_date)
    problems = key_problems(result.pairs, ["group_kind", "first_value", "second_value"], "basket pairs")
    problems += range_problems(result.pairs, "holm_p_value", 0, 1)
    return StepResult([record], {"basket_pairs": result.pairs}, result.metrics, problems)


STEP = Step(
    name="basket_pairs",
    tables={"basket_pairs": "Which products are bought together, and whether more often than by chance."},
    reads=["intermediate.int_basket_pairs", "intermediate.int_run_dates"],
    settings=[],
    packages=["pairs"],
    learn=learn,
)
