"""What Python learns, as assets: each step reads dbt's tables, posts its results for dbt to read, and passes a gate.

What is learned and from what stands in `steps/`, how in `ml/`; here results are checked, posted and shown. A step
whose input is what its latest results came from learns nothing again.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import duckdb

from dagster_project.resources import WarehouseRun
from dagster_project.steps.base import Step, StepResult
from dagster_project.steps.input_key import input_key
from dagster_project.steps.registry import STEPS
from dagster_project.tables import inline_picture, record_assets, table_metadata
from warehouse.model_store.results import post, valid_run
from warehouse.model_store.retention import expire_models, expire_results

CHECK_NAME = "results_are_sound"
OWNER = "data-science@example.com"
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
    gate = dg.AssetCheckSpec(
        CHECK_NAME, asset=specs[0].key, blocking=True, description="Keys are whole and unique, and values in range."
    )

    @dg.multi_asset(name=step.name, specs=specs, check_specs=[gate], required_resource_keys={"warehouse"})
    def model(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run: WarehouseRun = context.resources.warehouse
        run.open_build()
        with run.stage(f"model {step.name}"), run.connect() as connection:
            result = _learn_and_post(step, run, connection)
            tables = table_metadata(connection, [spec.key for spec in specs])
        if step.is_parallel:
            run.precopy.start()
        problems = list(result.problems) if result else []
        if not problems:
            run.passed_checks.add(check_of(step))
        shown = _shown(step, result)
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata={**tables[spec.key], **shown})
        yield dg.AssetCheckResult(
            asset_key=specs[0].key,
            check_name=CHECK_NAME,
            passed=not problems,
            metadata={"problems": "; ".join(problems) or "none"},
        )
        if problems:
            raise dg.Failure(description=f"model {step.name}: {'; '.join(problems)}", allow_retries=False)

    return model


def _learn_and_post(step: Step, run: WarehouseRun, connection: duckdb.DuckDBPyConnection) -> StepResult | None:
    """What was learned; None where the latest results came from this very input."""
    as_of_date = run.as_of_date(connection)
    key = input_key(step, run.settings, connection, as_of_date)
    if valid_run(connection, step.name, as_of_date, key):
        return None
    result = step.run(run.settings, connection, as_of_date)
    if not result.problems:
        post(connection, step.name, as_of_date, result.runs, result.frames, result.metrics, key)
    return result


def _shown(step: Step, result: StepResult | None) -> Mapping[str, Any]:
    if result is None:
        return {"learned": "nothing: the latest results came from this very input"}
    pictures = {title: inline_picture(svg) for title, svg in step.pictures(result.frames).items()}
    return {"model run": str(result.runs[0]["model_run_id"]), **result.shown, **pictures}
