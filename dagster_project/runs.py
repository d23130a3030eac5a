"""Dagster's instance of a company, and its runs whose process is gone.

Dagster keeps a run that was killed as "started" for ever, and with one run at a time the queue behind it never
moves. A run's process is known by its number and start mark, which the run carries as tags.
"""

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import asdict

import dagster as dg
import yaml

from dagster_project import compute_logs, event_log
from dagster_project.postgres_store import open_postgres_instance, storage_section
from dagster_project.store import set_damaged_aside
from dagster_project.watchdog import read_ending
from warehouse.files import write_atomically
from warehouse.lock import is_running, process_start
from warehouse.memory import GIB, LEAST_BYTES, MemoryGroup, kills_since, memory_group
from warehouse.settings import PROJECT_ROOT, Settings

# Sections of dagster.yaml that put the project's own in place of Dagster's, and what says whether it fits.
REPLACED = {"event_log_storage": event_log, "compute_logs": compute_logs}
PID_TAG = "loyalty/pid"
PROCESS_START_TAG = "loyalty/process_start"
MEMORY_TAG = "loyalty/memory"
# A run tags itself within seconds of its start; one that has not by then never got that far.
UNTAGGED_SECONDS = 300.0
log = logging.getLogger(__name__)
IN_PROGRESS = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def prepare_dagster_home(settings: Settings) -> None:
    """Make Dagster's home folder and point this process, and what it starts, at it; telemetry off.

    If the project's own event log or compute logs do not fit this Dagster, Dagster's own replace them, with a warning.
    PostgreSQL replaces the event log and everything else that is stored, if the settings name a database.
    """
    text = (PROJECT_ROOT / "dagster.yaml").read_text(encoding="utf-8")
    unfit = {section: found for section, module in REPLACED.items() if (found := module.differences())}
    for section, found in unfit.items():
        log.warning("Dagster's own %s is used: %s.", section.replace("_", " "), "; ".join(found))
    storage = storage_section(settings)
    left_out = {*unfit, *(["event_log_storage"] if storage else [])}
    if left_out:
        kept = {key: value for key, value in yaml.safe_load(text).items() if key not in left_out}
        text = yaml.safe_dump({**kept, **storage})
    settings.dagster_home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = settings.dagster_home / "dagster.yaml"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_atomically(file, text)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that the command line shares with the UI and the schedule. Raises UserError where a database that
    the settings name for it cannot be used."""
    set_damaged_aside(settings)
    prepare_dagster_home(settings)
    variable = settings.dagster.dsn_env
    return open_postgres_instance(settings, variable) if variable else dg.DagsterInstance.get()


def close_dead_runs(settings: Settings, instance: dg.DagsterInstance, except_run: str | None = None) -> list[str]:
    """Report every run in progress whose process is gone as failed, with the reason if it is known. Returns their
    ids."""
    closed = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS)):
        run = record.dagster_run
        if run.run_id != except_run and is_dead(record):
            ending = read_ending(settings, run.run_id)
            instance.report_run_failed(run, ending.told if ending else why_dead(run.tags))
            closed.append(run.run_id)
    return closed


def is_dead(record: dg.RunRecord) -> bool:
    """Whether the run is in progress by Dagster's log, and its process is gone."""
    run = record.dagster_run
    if run.status not in IN_PROGRESS:
        return False
    pid = run.tags.get(PID_TAG)
    if pid is None:
        began = record.start_time or record.create_timestamp.timestamp()
        return time.time() - began >= UNTAGGED_SECONDS
    return not is_running(int(pid), run.tags.get(PROCESS_START_TAG))


def why_dead(tags: Mapping[str, str]) -> str:
    """Why the process of a run with these tags is gone, as far as its cgroup shows, and what helps."""
    gone = "The process of this run is gone."
    group = MemoryGroup(**json.loads(tags[MEMORY_TAG])) if MEMORY_TAG in tags else None
    if group is None:
        return gone
    limit = f"a limit of {group.limit_bytes / GIB:.1f} GiB" if group.limit_bytes else "no limit of its own"
    kills = kills_since(group)
    if kills:
        told = f"the kernel has since killed {kills} for memory in its cgroup, which has {limit}"
    elif kills is None and group.limit_bytes and group.limit_bytes < LEAST_BYTES:
        told = f"its cgroup had {limit}, and a run needs {LEAST_BYTES / GIB:.0f} GiB"
    else:
        return gone
    return f"{gone} Most likely it was killed for memory: {told}. Give it more, or lower memory_limit in the settings."


def process_tags() -> dict[str, str]:
    """The tags that show others whether this process still runs and, once it does not, why."""
    tags = {PID_TAG: str(os.getpid()), PROCESS_START_TAG: process_start(os.getpid()) or ""}
    group = memory_group()
    return {**tags, MEMORY_TAG: json.dumps(asdict(group))} if group else tags
