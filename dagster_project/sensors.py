"""The sensors: one starts a run for new files in a landing folder, one keeps the queue moving."""

import hashlib
from pathlib import Path

import dagster as dg

from dagster_project.jobs import DAILY_JOB
from dagster_project.runs import close_dead_runs
from dagster_project.unchanged import nothing_new, unchanged_since
from warehouse.settings import Settings

LANDING_SECONDS = 60
DEAD_RUN_SECONDS = 60


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
        default_status=dg.DefaultSensorStatus.RUNNING if settings.automation else dg.DefaultSensorStatus.STOPPED,
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


def _folders(settings: Settings) -> str:
    folders: list[Path] = [source.input_path for source in settings.sources.values() if source.input_path]
    return ", ".join(map(str, folders)) or "any landing folder (the sources are packages or databases)"
