"""Deletions before a run's first step: Dagster's old runs, and leftovers of killed processes.

Results and models of earlier days have a retention of their own: `warehouse.model_store.retention`.
"""

import logging
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from warehouse.settings import Settings

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
# Deleted at most by one run, so that the first run of an old home is not held up for long.
MOST_DELETED_RUNS = 100
# A SQLite file is written anew when this much of it is free; less is soon filled again.
FREE_BYTES, FREE_SHARE = 8 * 2**20, 0.25
VACUUM_WAIT_SECONDS = 5
LEFT_SECONDS = 24 * 3600
TEMPORARY_FOLDERS = ("loyalty-simulate-*", "loyalty-dbt-parse-*")
DELETE_CHECKS = text("delete from asset_check_executions where run_id = :run_id")
log = logging.getLogger(__name__)


def delete_old_runs(settings: Settings, instance: dg.DagsterInstance, now: datetime | None = None) -> list[str]:
    """Delete finished runs that began more than `retention.run_days` ago, with events and logs. Returns their ids.

    The oldest go first. Where another program holds Dagster's storage, the rest is left to the next run.
    """
    before = (now or datetime.now(UTC)) - timedelta(days=settings.retention.run_days)
    old = dg.RunsFilter(statuses=FINISHED, created_before=before)
    deleted = []
    try:
        for record in instance.get_run_records(old, limit=MOST_DELETED_RUNS, ascending=True):
            run_id = record.dagster_run.run_id
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            instance.delete_run(run_id)
            _delete_checks(instance, run_id)
            deleted.append(run_id)
    except OperationalError as error:
        log.warning("Dagster's storage is in use (%s); the next run deletes the old runs.", error.orig)
    if deleted:
        for path in sorted(settings.dagster_home.rglob("*.db")):
            shrink(path)
    return deleted


def _delete_checks(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete the results of a run's checks, which Dagster keeps of a deleted run."""
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        connection.execute(DELETE_CHECKS, {"run_id": run_id})


def shrink(path: Path) -> bool:
    """Write a SQLite file anew when much of it is free. Whether it was; not while another program holds it."""
    with closing(sqlite3.connect(path, timeout=VACUUM_WAIT_SECONDS)) as connection:
        try:
            if not _is_worth_it(connection):
                return False
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
        except sqlite3.OperationalError as error:
            log.warning("%s is in use (%s); the next run makes it smaller.", path, error)
            return False
    return True


def _is_worth_it(connection: sqlite3.Connection) -> bool:
    """Whether enough of a SQLite file is free."""
    pages, free, size = (
        connection.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return free * size >= FREE_BYTES and free >= FREE_SHARE * pages


def delete_leftovers(settings: Settings, now: float | None = None) -> list[Path]:
    """Delete leftovers of killed processes that are at least a day old. Returns the files and folders.

    These are scratch folders of the home, which the caller must hold, and this user's folders among the system's
    temporary ones. now: seconds since 1970, for tests.
    """
    before = (now or time.time()) - LEFT_SECONDS
    home, temporary = settings.home, Path(tempfile.gettempdir())
    found = [
        *(home / "tmp").glob("*"),
        *home.glob("*.tmp"),
        *settings.published_dir.glob("*.tmp"),
        *(path for pattern in TEMPORARY_FOLDERS for path in temporary.glob(pattern)),
    ]
    left = sorted(path for path in found if _is_left(path, before))
    for path in left:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return left


def _is_left(path: Path, before: float) -> bool:
    """Whether this user's file or folder, and all in it, was last changed earlier than `before`; no symbolic links."""
    try:
        state = path.lstat()
        is_own = state.st_uid == os.getuid() and not path.is_symlink()
        return is_own and max(_changes(path, state.st_mtime)) < before
    except FileNotFoundError:  # another process is deleting it
        return False


def _changes(path: Path, own: float) -> Iterator[float]:
    yield own
    files: Iterable[Path] = path.rglob("*") if path.is_dir() else ()
    yield from (file.lstat().st_mtime for file in files)
