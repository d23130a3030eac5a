"""The gate, which requires every check to pass, and the published copy of the marts."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from dagster_project.assets.transform import is_run_check
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.freshness import late_sources
from dagster_project.publication import PUBLICATION_KEY, work_tables
from dagster_project.resources import WarehouseRun
from dagster_project.tables import DEFAULT_OWNER, inline_picture
from dagster_project.unchanged import record_inputs
from serving.publication.publish import publish
from serving.report import cohort_svg, write_report
from warehouse import builds
from warehouse.settings import Settings

# Under this name a publication's metadata says that the data goes on after it.
BEYOND = "data goes on"
# And under this one, what of the company's own sections the report cannot show.
NOT_SHOWN = "not shown in the report"
# The publication's check that its sources have not stopped; a sensor evaluates it by the clock, too.
SOURCES_DELIVER = "sources_deliver"
BUILD_STATUS_KEY = dg.AssetKey(["ops", "build_status"])


def expected_checks(manifest: Mapping[str, Any], model_checks: Collection[str]) -> set[str]:
    """Every check that a build has to pass: the runs' dbt data tests, all unit tests, and the models' own checks."""
    nodes = manifest["nodes"].items()
    tests = {name for name, node in nodes if node["resource_type"] == "test" and is_run_check(node)}
    return tests | set(manifest["unit_tests"]) | set(model_checks)


def is_part(run: dg.DagsterRun) -> bool:
    """Whether a run builds some assets of the graph and goes as far as the gate: `fct_orders+`."""
    return BUILD_STATUS_KEY in (run.asset_selection or ())


def _days_beyond(run: WarehouseRun, connection: duckdb.DuckDBPyConnection) -> str | None:
    """The note for data that goes on after the last day of the settings."""
    last = connection.execute("select max(order_date) from intermediate.int_order_days").fetchone()
    end = run.settings.data_through
    if not end or not last or not last[0] or last[0] <= end:
        return None
    return (
        f"Orders go on to {last[0]}, but the settings end the data on {end} (data_through): what came later is not"
        " counted. A live shop leaves data_through out."
    )


def _has_passed(run: WarehouseRun) -> bool:
    with run.connect() as connection:
        last = builds.last_build(connection)
    return last is not None and last.status == "passed"


def _cohort_picture(cohorts: pd.DataFrame) -> dict[str, dg.MetadataValue]:
    try:
        return {"cohorts": inline_picture(cohort_svg(cohorts))}
    except ValueError:  # a history so young that no period of a cohort is over
        return {}


def build_publish_assets(
    project: DbtProject, models: Collection[dg.AssetKey], model_checks: Collection[str]
) -> list[dg.AssetsDefinition]:
    """The gate behind `models`, the marts and what no model reads, and the publication behind the gate."""
    manifest = project.manifest()
    expected = expected_checks(manifest, model_checks)

    @dg.asset(
        key=BUILD_STATUS_KEY,
        deps=list(models),
        group_name="operations",
        kinds={"duckdb"},
        owners=[DEFAULT_OWNER],
        required_resource_keys={"warehouse"},
        description="The build's status: passed when every expected check, unit test and model check has passed.",
    )
    def build_status(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        run: WarehouseRun = context.resources.warehouse
        number = run.open_build()
        checked = len(expected & run.passed_checks)
        if not is_part(context.run) or checked == len(expected):
            with run.connect() as connection:
                builds.pass_build(connection, number, expected, run.passed_checks)
        return dg.MaterializeResult(metadata={"build_id": number, "checks": len(expected), "passed": checked})

    @dg.asset(
        key=PUBLICATION_KEY,
        deps=[BUILD_STATUS_KEY],
        group_name="published",
        kinds={"duckdb", "parquet"},
        owners=[DEFAULT_OWNER],
        required_resource_keys={"warehouse"},
        output_required=False,  # a run of a part that did not check everything ends here
        description="published/: loyalty.duckdb for BI tools, Parquet, the report, and the analysts' working copy.",
    )
    def loyalty(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        run: WarehouseRun = context.resources.warehouse
        if is_part(context.run) and not _has_passed(run):
            context.log.info("Nothing is published: this run built and checked a part of the graph.")
            return
        not_shown: list[str] = []

        def report(copy: duckdb.DuckDBPyConnection, settings: Settings, target: Path) -> None:
            not_shown.extend(write_report(copy, settings, target))

        with run.stage("publish"), run.connect() as connection:
            row = connection.execute("select as_of_date, data_through from intermediate.int_run_dates").fetchone()
            assert row is not None
            publication = publish(
                run.settings,
                connection,
                {"as_of_date": row[0], "data_through": row[1]},
                work_tables=work_tables(manifest),
                manifest=run.dbt.manifest_path(),
                report=report,
                ahead=run.precopy.bases(),
                accept=run.accepts,
            )
            record_inputs(run.settings, publication, None if is_part(context.run) else run.input_state)
            cohorts = connection.execute("select * from marts.fct_cohort_retention").df()
            beyond = _days_beyond(run, connection)
        for sentence in [*([beyond] if beyond else []), *not_shown]:
            run.progress(sentence, "waiting", None)
        yield dg.MaterializeResult(
            metadata={
                **_cohort_picture(cohorts),
                **({BEYOND: beyond} if beyond else {}),
                **({NOT_SHOWN: "\n".join(not_shown)} if not_shown else {}),
                "publication": publication.publication_id,
                "as_of_date": str(publication.as_of_date),
                "tables": len(publication.row_counts),
                "rows": sum(publication.row_counts.values()),
                "folder": dg.MetadataValue.path(str(run.settings.published_dir)),
                "report": dg.MetadataValue.path(str(run.settings.published_dir / "report.html")),
            }
        )

    return [build_status, loyalty]


@dg.asset_check(
    asset=PUBLICATION_KEY,
    name=SOURCES_DELIVER,
    required_resource_keys={"warehouse"},
    description="No source's last order is older than is usual before a delivery, or than the source's file allows.",
)
def sources_deliver(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """A warning where a source has stopped, as what is published stays right."""
    run: WarehouseRun = context.resources.warehouse
    late = late_sources(run.settings)
    for sentence in late.values():
        run.progress(sentence, "waiting", None)
    return dg.AssetCheckResult(
        passed=not late, severity=dg.AssetCheckSeverity.WARN, description="\n".join(late.values()) or None
    )
