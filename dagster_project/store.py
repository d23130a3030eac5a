"""Dagster's own store of runs and events: SQLite files that no number depends on, so a damaged one is set aside."""

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from warehouse.settings import Settings

FOLDERS = ("storage", "history", "schedules")
# Of a larger file only the first page is looked at: reading it whole would hold up every command.
MOST_BYTES = 64 * 2**20
WAIT_SECONDS = 1


def set_damaged_aside(settings: Settings) -> Path | None:
    """Move a damaged store aside, and report it on standard error. Returns the new place.

    If the log of one run is damaged, only that file is moved; if a file of all runs is, the whole store is moved and
    Dagster creates a new one.
    """
    damaged = [path for path in sorted(settings.dagster_home.rglob("*.db")) if is_damaged(path)]
    if not damaged:
        return None
    aside = settings.home / f"dagster-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    of_one_run = all(path.parent.name == "runs" and path.stem != "index" for path in damaged)
    moved = damaged if of_one_run else [settings.dagster_home / name for name in FOLDERS]
    for path in (path for path in moved if path.exists()):
        target = aside / path.relative_to(settings.dagster_home)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.rename(target)
    sys.stderr.write(
        f"loyalty: {damaged[0]} is damaged. It was set aside in {aside}, and Dagster's store is made anew: earlier runs"
        " are not listed any more; no number depends on them.\n"
    )
    return aside


def is_damaged(path: Path) -> bool:
    """Whether a SQLite file cannot be read; one that is busy, or not to be opened here, counts as sound."""
    try:
        if path.stat().st_size == 0:
            return False
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS)) as found:
            whole = path.stat().st_size <= MOST_BYTES
            answer = found.execute(
                "pragma quick_check(1)" if whole else "select count(*) from sqlite_master"
            ).fetchone()
            return whole and answer != ("ok",)
    except sqlite3.OperationalError:
        return False
    except (sqlite3.DatabaseError, OSError):
        return path.exists()
