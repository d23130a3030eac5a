"""The sensors: one starts a run for new files, one keeps the queue moving, one tells of sources that have stopped."""

import hashlib
import json
from pathlib import Path

import dagster as dg

from dagster_project.assets.publish import SOURCES_DELIVER
from dagster_project.freshness import late_sources
from dagster_project.jobs import DAILY_JOB, post_failure
from dagster_project.publication import PUBLICATION_KEY
from dagster_project.runs import close_dead_runs
from dagster_project.unchanged import nothing_new, unchanged_since
from warehouse.settings import Settings

LANDING_SECONDS = 60
DEAD_RUN_SECONDS = 60
LATE_SECONDS = 3600


def landing_fingerprint(settings: Settings) -> str | None:
    """A hash of the names, sizes and times of all files in the landing folders; None when there are none."""
    folders = [source.input_path for source in settings.sources.values() if source.input_path]
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        state = file.stat()
        digest.update(f"{file}|{state.st_size}|{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def build_landing_sensor(settings: Settings) -> dg.SensorDefinition:
    """Starts a run when files were added or changed, once they are unchanged from one check to the next."""

    @dg.sensor(
        name="landing_folder",
        job_name=DAILY_JOB,
        minimum_interval_seconds=LANDING_SECONDS,
        default_status=_status(settings),
        description="Starts the daily job when files in the landing folders came or changed.",
    )
    def landing_folder(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        found = landing_fingerprint(settings)
        if found is None:
            return dg.SkipReason(f"No files in {_folders(settings)}.")
        seen, _, launched = (context.cursor or "").partition("|")
        if found == launched:
            return dg.SkipReason("No new or changed files.")
        if found != seen:
            return dg.SensorResult(skip_reason="Files are still arriving.", cursor=f"{found}|{launched}")
        live = unchanged_since(settings)
        if live:
            return dg.SensorResult(skip_reason=nothing_new(settings, live), cursor=f"{found}|{found}")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=found)], cursor=f"{found}|{found}")

    return landing_folder


def build_dead_run_sensor(settings: Settings) -> dg.SensorDefinition:
    """Closes runs whose process was killed, so that the queue behind them moves."""

    @dg.sensor(
        name="dead_runs",
        minimum_interval_seconds=DEAD_RUN_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        job_name=DAILY_JOB,
        description="Reports runs whose process is gone as failed.",
    )
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        closed = close_dead_runs(settings, context.instance)
        return dg.SkipReason(f"Closed {', '.join(closed)}." if closed else "Every run in progress has its process.")

    return dead_runs


def build_late_source_sensor(settings: Settings) -> dg.SensorDefinition:
    """Evaluates the publication's check of its sources by the clock, as no run starts where nothing comes."""

    @dg.sensor(
        name="late_sources",
        minimum_interval_seconds=LATE_SECONDS,
        default_status=_status(settings),
        job_name=DAILY_JOB,
        description="Tells, also the webhook for failures, when a source's orders grow older than is usual for it.",
    )
    def late_sources_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        late, told = late_sources(settings), json.loads(context.cursor or "{}")
        if late == told:
            return dg.SkipReason("\n".join(late.values()) or "Every source delivers.")
        new = [sentence for source, sentence in late.items() if source not in told]
        if new:
            post_failure(settings, {"text": f"{settings.company}: {' '.join(new)}", "run_id": "", "step": ""})
        evaluation = dg.AssetCheckEvaluation(
            asset_key=PUBLICATION_KEY,
            check_name=SOURCES_DELIVER,
            passed=not late,
            severity=dg.AssetCheckSeverity.WARN,
            description="\n".join(late.values()) or None,
            metadata={},
        )
        return dg.SensorResult(asset_events=[evaluation], cursor=json.dumps(late))

    return late_sources_sensor


def _status(settings: Settings) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if settings.automation else dg.DefaultSensorStatus.STOPPED


def _folders(settings: Settings) -> str:
    folders: list[Path] = [source.input_path for source in settings.sources.values() if source.input_path]
    return ", ".join(map(str, folders)) or "any landing folder (the sources are packages or databases)"
