"""The asset graph. One function builds it, so that UI, schedule, command line and tests run the same."""

import dagster as dg

from dagster_project.assets.activate import build_audience_assets, build_digest_assets, build_message_assets
from dagster_project.assets.ingest import build_ingest_assets
from dagster_project.assets.models import MODEL_CHECKS, build_model_assets
from dagster_project.assets.postgres import build_postgres_assets
from dagster_project.assets.publish import build_publish_assets, sources_deliver
from dagster_project.assets.transform import build_dbt_assets
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.jobs import build_daily_job
from dagster_project.resources import Progress, warehouse_resource
from dagster_project.schedules import build_schedules
from dagster_project.sensors import build_dead_run_sensor, build_landing_sensor, build_late_source_sensor
from serving.report.company_files import read_section, section_files
from warehouse.ingest.sources import load_sources_config
from warehouse.settings import Settings, load_settings


def build_definitions(settings: Settings | None = None, progress: Progress | None = None) -> dg.Definitions:
    """Everything Dagster knows about one company.

    `settings` default to those the environment names; `progress` is called as stages start and end. Raises UserError if
    settings, sources or the dbt project cannot be read; an empty graph is never returned.
    """
    settings = settings or load_settings()
    for file in section_files(settings):
        read_section(file)
    project = DbtProject(settings)
    dbt = build_dbt_assets(project)
    # what no model reads, as the candidates of audiences, is checked as well before anything is published
    read = {parent for parents in dbt.asset_deps.values() for parent in parents}
    ends = [key for key in dbt.keys if key.path[0] == "marts" or key not in read]
    return dg.Definitions(
        assets=[
            *build_ingest_assets(settings, load_sources_config(settings)),
            dbt,
            *build_model_assets(),
            *build_publish_assets(project, ends, MODEL_CHECKS),
            *build_postgres_assets(settings),
            *build_message_assets(),
            *build_audience_assets(),
            *build_digest_assets(),
        ],
        asset_checks=[sources_deliver],
        jobs=[build_daily_job(settings)],
        schedules=build_schedules(settings),
        sensors=[build_landing_sensor(settings), build_dead_run_sensor(settings), build_late_source_sensor(settings)],
        resources={"warehouse": warehouse_resource(settings, progress)},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions that `dagster` loads: the company of LOYALTY_COMPANY."""
    return build_definitions()
