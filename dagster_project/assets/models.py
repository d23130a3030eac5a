"""What Python learns, as assets: each step reads dbt's tables, posts its results for dbt to read, and passes a gate.

What is learned and from what stands in `learning.py`, how in `ml`; here results are checked, posted and shown. A step
whose input is what its latest results came from learns nothing again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib.metadata import version
from typing import Any

import dagster as dg
import duckdb

from dagster_project.assets.learning import STEPS, ModelStep, StepResult
from dagster_project.assets.records import record_assets
from dagster_project.dbt_runner.variables import hash_files
from dagster_project.pictures import churn_curves_svg, inline_picture
from dagster_project.resources import WarehouseRun
from dagster_project.tables import table_metadata
from serving.publication.database_file import fingerprints
from warehouse.model_store.results import post, valid_run
from warehouse.relations import Relation
from warehouse.settings import PROJECT_ROOT, Settings

CHECK_NAME = "results_are_sound"
OWNER = "data-science@example.com"
RECORDS = {
    "model_runs": "One row per model run.",
    "model_metrics": "One row per model run, metric and slice.",
    "result_versions": "One row per version of a result and day; the latest is the one that marts read.",
}
LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "statsmodels", "optuna")
# Settings that results do not depend on: where a company's files lie, what a run may use, who is told.
NOT_LEARNED_FROM = {
    "home", "sources", "path", "lock_wait_seconds", "limits", "publish", "schedule", "threads", "memory_limit",
    "messages",
}  # fmt: skip


def check_of(step: ModelStep) -> str:
    """The name of a step's own check among the checks that a build has to pass."""
    return f"model.{step.name}.{CHECK_NAME}"


MODEL_CHECKS = frozenset(check_of(step) for step in STEPS)


def build_model_assets() -> list[dg.AssetsDefinition]:
    """One step a model, and the record of all model runs behind them."""
    steps = [_model_assets(step) for step in STEPS]
    learned = [key for step in steps for key in step.keys]
    return [*steps, record_assets("model_records", "ml", "models", RECORDS, learned)]


def input_key(step: ModelStep, settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> str:
    """A hash of everything a step's results depend on: its tables' rows, the settings, the code, the model before."""
    relations = [Relation(*name.split(".")) for name in step.reads]
    relevant = settings.model_dump(mode="json", exclude=NOT_LEARNED_FROM)
    about = [
        {str(relation): value for relation, value in fingerprints(connection, relations).items()},
        relevant,
        as_of_date.isoformat(),
        step.previous(settings, as_of_date),
        _code_key(),
    ]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]


@cache
def _code_key() -> str:
    digest = hashlib.sha256(json.dumps({name: version(name) for name in LIBRARIES}).encode())
    hash_files(digest, PROJECT_ROOT / "ml")
    digest.update((PROJECT_ROOT / "dagster_project" / "assets" / "learning.py").read_bytes())
    return digest.hexdigest()


def _model_assets(step: ModelStep) -> dg.AssetsDefinition:
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
        shown = _shown(result)
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


def _learn_and_post(step: ModelStep, run: WarehouseRun, connection: duckdb.DuckDBPyConnection) -> StepResult | None:
    """What was learned; None where the latest results came from this very input."""
    as_of_date = run.as_of_date(connection)
    key = input_key(step, run.settings, connection, as_of_date)
    if valid_run(connection, step.name, as_of_date, key):
        return None
    result = step.learn(run.settings, connection, as_of_date)
    if not result.problems:
        post(connection, step.name, as_of_date, result.runs, result.frames, result.metrics, key)
    return result


def _shown(result: StepResult | None) -> Mapping[str, Any]:
    if result is None:
        return {"learned": "nothing: the latest results came from this very input"}
    pictures = {}
    if result.curves is not None and len(result.curves):
        pictures["calibration and gain"] = inline_picture(churn_curves_svg(result.curves))
    return {"model run": str(result.runs[0]["model_run_id"]), **result.shown, **pictures}
