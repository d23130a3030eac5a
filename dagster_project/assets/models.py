"""The learning steps as assets: each step reads dbt's tables and posts its results if they are sound.

`steps/` says what is learned from which tables, `ml/` how; here results are checked, posted and shown. A step whose
input has not changed since its latest results does not learn again. Unsound results are held back: the tables keep the
last sound ones, the record of the run says why, and everything else is published.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

from dagster_project.resources import WarehouseRun
from dagster_project.steps.base import Step, StepResult, UnnamedSettingError
from dagster_project.steps.input_key import input_key
from dagster_project.steps.registry import STEPS
from dagster_project.tables import inline_picture, record_assets, table_metadata
from warehouse.errors import UserError
from warehouse.model_store.results import hold_back, post, valid_run
from warehouse.model_store.retention import expire_models, expire_results

CHECK_NAME = "results_are_sound"
OWNER = "data-science@example.com"
# What is wrong with the machine, the settings or a step's declaration fails the run; all else is the model's.
NOT_THE_MODELS = (UserError, UnnamedSettingError, duckdb.Error, OSError, MemoryError)
RECORDS = {
    "model_runs": "One row per model run.",
    "model_metrics": "One row per model run, metric and slice.",
    "result_versions": "One row per version of a result and day; the latest is the one that marts read.",
}


def check_of(step: Step) -> str:
    """The name of a step's own check among the checks that a build has to pass."""
    return f"model.{step.name}.{CHECK_NAME}"


MODEL_CHECKS = frozenset(check_of(step) for step in STEPS)


def build_model_assets() -> list[dg.AssetsDefinition]:
    """One step a model, and the record of all model runs behind them."""
    steps = [_model_assets(step) for step in STEPS]
    learned = [key for step in steps for key in step.keys]
    return [*steps, record_assets("model_records", "ml", "models", RECORDS, learned, _expire)]


def _expire(run: WarehouseRun, connection: duckdb.DuckDBPyConnection) -> None:
    """Delete the results and models that are kept no longer: after every step, and before marts read the results."""
    as_of_date, score_days = run.as_of_date(connection), run.settings.retention.score_days
    expire_results(connection, as_of_date, score_days)
    expire_models(run.settings.models_dir, as_of_date, score_days)


def _model_assets(step: Step) -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            ["ml", table],
            deps=[dg.AssetKey(name.split(".")) for name in step.reads],
            group_name="models",
            kinds={"python", "scikitlearn"},
            owners=[OWNER],
            description=description,
        )
        for table, description in step.tables.items()
    ]
    check = dg.AssetCheckSpec(
        CHECK_NAME, asset=specs[0].key, description="Keys are whole and unique, and values in range; else held back."
    )

    @dg.multi_asset(name=step.name, specs=specs, check_specs=[check], required_resource_keys={"warehouse"})
    def model(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run: WarehouseRun = context.resources.warehouse
        run.open_build()
        with run.stage(f"model {step.name}"), run.connect() as connection:
            result, problems = _learn_and_post(step, run, connection, context.log)
            tables = table_metadata(connection, [spec.key for spec in specs])
        if step.is_parallel:
            run.precopy.start()
        run.passed_checks.add(check_of(step))
        told = f"model {step.name}: {'; '.join(problems)}"
        if problems:
            run.progress(told, "held back", None)
        shown = _shown(step, result, problems)
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata={**tables[spec.key], **shown})
        yield dg.AssetCheckResult(
            asset_key=specs[0].key,
            check_name=CHECK_NAME,
            passed=not problems,
            severity=dg.AssetCheckSeverity.WARN,
            description=told if problems else None,
            metadata={"problems": "; ".join(problems) or "none"},
        )

    return model


def _learn_and_post(
    step: Step, run: WarehouseRun, connection: duckdb.DuckDBPyConnection, log: dg.DagsterLogManager
) -> tuple[StepResult | None, Sequence[str]]:
    """The result, None if the latest results came from the same input; and the reason if the result is held back."""
    as_of_date = step.learned_as_of(connection)
    key = input_key(step, run.settings, connection, as_of_date)
    if valid_run(connection, step.name, as_of_date, key):
        return None, ()
    result, problems = _learn(step, run, connection, log)
    if result and not problems:
        post(connection, step.name, as_of_date, result.runs, result.frames, result.metrics, key)
    else:
        hold_back(connection, step.name, as_of_date, "; ".join(problems), key)
    return result, problems


def _learn(
    step: Step, run: WarehouseRun, connection: duckdb.DuckDBPyConnection, log: dg.DagsterLogManager
) -> tuple[StepResult | None, Sequence[str]]:
    try:
        result = step.run(run.settings, connection)
    except Exception as error:
        # of DuckDB's errors a number too large for the query is the model's
        if isinstance(error, NOT_THE_MODELS) and not isinstance(error, duckdb.DataError):
            raise
        log.exception(f"model {step.name} could not be computed")
        told = str(error) if isinstance(error, ValueError) else "Dagster's log of this run has the details"
        return None, [f"it could not be computed: {told}"]
    return result, result.problems


def _shown(step: Step, result: StepResult | None, problems: Sequence[str]) -> Mapping[str, Any]:
    if problems:
        return {"held back": "; ".join(problems)}
    if result is None:
        return {"learned": "nothing: the latest results came from this very input"}
    pictures = {title: inline_picture(svg) for title, svg in step.pictures(result.frames).items()}
    return {"model run": str(result.runs[0]["model_run_id"]), **result.shown, **pictures}
