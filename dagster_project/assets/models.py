"""What Python learns, as assets: each step reads dbt's features, posts its results for dbt to read, and passes a gate.

What is learned and from what stands in `learning.py`, how in `ml`; here results are checked, posted and shown.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.assets.learning import STEPS, ModelStep
from dagster_project.assets.transform import DEFAULT_OWNER
from dagster_project.metadata import table_metadata
from dagster_project.resources import WarehouseRun
from warehouse.model_results import RUN_TABLES, post

GATE_NAME = "results_are_sound"
OWNER = "data-science@example.com"
RECORDS = {
    "model_runs": "One row per model run.",
    "model_metrics": "One row per model run, metric and slice.",
    "postings": "One row per posting; the latest of a result and day stands.",
}


def gate_of(step: ModelStep) -> str:
    """The name of a step's gate among the checks that a generation has to pass."""
    return f"model.{step.name}.{GATE_NAME}"


MODEL_GATES = frozenset(gate_of(step) for step in STEPS)


def build_model_assets() -> list[dg.AssetsDefinition]:
    """One step a model, and the record of all model runs behind them."""
    steps = [_model_assets(step) for step in STEPS]
    return [*steps, _record_assets([key for step in steps for key in step.keys])]


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
        GATE_NAME, asset=specs[0].key, blocking=True, description="Keys are whole and unique, and values in range."
    )

    @dg.multi_asset(name=step.name, specs=specs, check_specs=[gate], required_resource_keys={"warehouse"})
    def model(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run: WarehouseRun = context.resources.warehouse
        run.open_generation()
        with run.stage(f"model {step.name}"), run.connect() as connection:
            as_of_date = run.as_of_date(connection)
            posting = step.learn(run, connection, as_of_date)
            problems = list(posting.problems)
            if not problems:
                post(connection, step.name, as_of_date, dict(posting.run), dict(posting.frames), posting.metrics)
            tables = table_metadata(connection, [spec.key for spec in specs])
        if not problems:
            run.passed_checks.add(gate_of(step))
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata={**tables[spec.key], **posting.metadata})
        yield dg.AssetCheckResult(
            asset_key=specs[0].key,
            check_name=GATE_NAME,
            passed=not problems,
            metadata={"problems": "; ".join(problems) or "none", "status": str(posting.run["status"])},
        )
        if problems:
            raise dg.Failure(description=f"model {step.name}: {'; '.join(problems)}", allow_retries=False)

    return model


def _record_assets(results: list[dg.AssetKey]) -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            ["ml", table],
            deps=results,
            group_name="models",
            kinds={"duckdb"},
            owners=[DEFAULT_OWNER],
            description=RECORDS[table],
        )
        for table in RUN_TABLES
    ]

    @dg.multi_asset(name="model_records", specs=specs, required_resource_keys={"warehouse"})
    def model_records(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run: WarehouseRun = context.resources.warehouse
        with run.connect() as connection:
            tables = table_metadata(connection, [spec.key for spec in specs])
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=tables[spec.key])

    return model_records
