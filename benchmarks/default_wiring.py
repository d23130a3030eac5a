"""The same graph wired the way dagster-dbt's documentation has it, to be measured against.

dbt runs as a subprocess for each step, and each step in a process of its own (Dagster's default executor). Sources,
models and learning are the product's own; only the wiring differs. Loaded by `dagster asset materialize`.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from dagster_project.assets.activate import CANDIDATES_KEY, MESSAGES_KEY
from dagster_project.assets.transform import SUITE_TAG, Translator
from dagster_project.dbt_runner.command import profile_environment
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.variables import DBT_DIR, run_variables
from dagster_project.prepare import prepare_warehouse
from dagster_project.publication import work_tables
from dagster_project.steps.base import Step
from dagster_project.steps.registry import STEPS
from serving.outbox import enqueue_messages
from serving.publication.publish import publish
from warehouse import builds
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import load_sources_config
from warehouse.model_store.results import RUN_TABLES, post
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect


def build_definitions(settings: Settings) -> dg.Definitions:
    """Ingest, dbt, models and publication with the default wiring."""
    os.environ.update(profile_environment(settings))
    manifest = DbtProject(settings).manifest()

    @dbt_assets(manifest=manifest, dagster_dbt_translator=Translator(manifest), name="dbt")
    def dbt(context: dg.AssetExecutionContext, dbt_cli: DbtCliResource) -> Iterator[Any]:
        arguments = ["build", "--exclude", f"tag:{SUITE_TAG}", "--vars", json.dumps(run_variables(settings))]
        yield from dbt_cli.cli(arguments, context=context).stream()

    models = [_model(settings, step) for step in STEPS]
    learned = [key for model in models for key in model.keys]
    records = [dg.AssetSpec(["ml", table], deps=learned) for table in RUN_TABLES]

    @dg.multi_asset(specs=records, name="model_records")
    def model_records() -> Iterator[Any]:
        for spec in records:
            yield dg.MaterializeResult(asset_key=spec.key)

    @dg.asset(key=MESSAGES_KEY, deps=[CANDIDATES_KEY])
    def messages() -> None:
        with connect(settings.warehouse_path) as connection:
            enqueue_messages(connection, builds.open_build(connection, "benchmark"))

    marts = [key for key in dbt.keys if key.path[0] == "marts"]

    @dg.asset(key=["published", "loyalty"], deps=marts)
    def published() -> None:
        _publish(settings, manifest)

    executable = str(Path(sys.executable).with_name("dbt"))
    dbt_cli = DbtCliResource(project_dir=str(DBT_DIR), profiles_dir=str(DBT_DIR), dbt_executable=executable)
    resources = {"dbt_cli": dbt_cli}
    return dg.Definitions(
        assets=[_ingest(settings, manifest), dbt, *models, model_records, messages, published], resources=resources
    )


def _ingest(settings: Settings, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    sources = load_sources_config(settings)
    specs = [dg.AssetSpec([f"raw_{name}", table]) for name, source in sources.items() for table in source.tables]
    specs += [dg.AssetSpec(["ops", table]) for table in ("batches", "rejected_lines")]

    @dg.multi_asset(specs=specs, name="ingest")
    def ingest() -> Iterator[Any]:
        connection = connect(settings.warehouse_path)
        prepare_warehouse(connection, manifest)
        for source in sources.values():
            load_source(connection, source, settings)
        connection.close()
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key)

    return ingest


def _model(settings: Settings, step: Step) -> dg.AssetsDefinition:
    reads = [dg.AssetKey(name.split(".")) for name in step.reads]
    specs = [dg.AssetSpec(["ml", table], deps=reads) for table in step.tables]

    # the pool keeps two steps from opening the one DuckDB file at once
    @dg.multi_asset(specs=specs, name=step.name, pool="warehouse")
    def model() -> Iterator[Any]:
        connection = connect(settings.warehouse_path)
        result = step.run(settings, connection)
        day = step.learned_as_of(connection)
        post(connection, step.name, day, result.runs, result.frames, result.metrics, input_key="benchmark")
        connection.close()
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key)

    return model


def _publish(settings: Settings, manifest: Mapping[str, Any]) -> None:
    connection = connect(settings.warehouse_path)
    last = builds.last_build(connection)
    assert last is not None
    # dbt's tests have stopped the run where one failed
    builds.pass_build(connection, last.build_id, {"dbt"}, {"dbt"})
    row = connection.execute("select as_of_date, data_through from intermediate.int_run_dates").fetchone()
    assert row is not None
    dates = {"as_of_date": row[0], "data_through": row[1]}
    manifest_path = DbtProject(settings).manifest_path()
    publish(settings, connection, dates, work_tables=work_tables(manifest), manifest=manifest_path)
    connection.close()


@dg.definitions
def defs() -> dg.Definitions:
    """The company of LOYALTY_COMPANY, in LOYALTY_HOME."""
    return build_definitions(load_settings())
