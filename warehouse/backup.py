"""Backups: everything of a home folder that cannot be made again, in a folder that says what it holds.

    <folder>/<company>-<time>/backup.json   company, time, and each file with its size and SHA-256
    <folder>/<company>-<time>/...           the files, under their names in the home folder

What the next run makes again (publications, caches, parsed projects, Dagster's store) is left out, and so is the
analysts' own file. A folder without backup.json was cut off, and nothing reads it.
"""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from warehouse.errors import UserError
from warehouse.files import flush, read_note, require_outside, write_private
from warehouse.identity.erasure_register import salt_path
from warehouse.lock import hold_warehouse
from warehouse.permissions import private_files
from warehouse.register import Register, register_path
from warehouse.settings import Settings
from warehouse.sql import connect

CONTENTS = "backup.json"
TIME = "%Y%m%dT%H%M%SZ"
PART = ".part"
STAGED = ".restored"
PRIVACY = "privacy"
WAREHOUSE = "warehouse.duckdb"
MADE_AGAIN = {
    "cache", "dagster", "dbt", "dev.duckdb", "ended_run.json", "postgres.json", "published", "published_inputs.json",
    "spark", "tmp",
}  # fmt: skip
BLOCK = 1 << 20
Tell = Callable[[str], None]


@dataclass(frozen=True)
class BackupFile:
    """A file of a backup: its path in the home folder, its size in bytes and its SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Backup:
    """A whole backup and what it holds; the time is in UTC, the version that of the product."""

    folder: Path
    company: str
    created_at: datetime
    version: str
    files: tuple[BackupFile, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


def back_up(settings: Settings, folder: Path, tell: Tell, *, keep: int | None = None) -> Backup:
    """Copy the home folder's lasting parts into a new folder below `folder`, and return what was made.

    Holds the warehouse meanwhile. keep: how many backups of this company stay, the new one among them; None: all. A
    backup is there as a whole or not at all. Raises UserError without a warehouse, for a folder inside the home, and
    where files cannot be written; WarehouseBusyError while a run holds the warehouse.
    """
    if not settings.warehouse_path.exists():
        raise UserError(f"{settings.warehouse_path}: there is no warehouse yet, so nothing to back up.")
    require_outside(folder, settings.home)
    try:
        with private_files(), hold_warehouse(settings, "backup", on_wait=tell):
            made = _copy_home(settings, folder)
            for old in _backups(folder, settings.company)[: -keep if keep else 0]:
                shutil.rmtree(old)
    except OSError as error:
        raise UserError(f"{error.filename or folder}: the backup cannot be written: {error.strerror}.") from error
    return made


def restore(settings: Settings, folder: Path, tell: Tell, *, force: bool = False) -> Backup:
    """Put a backup in the place of the home folder's files, after every file of it was checked.

    A register of erased customers and sent messages that is there is newer than the backup: it stays, and takes in what
    the backup's own has more. Without `force` nothing else may be in the way; with it, what is there is moved to
    `before-restore-<time>` in the home folder. Raises UserError for a damaged backup, one of another company, files in
    the way, and a register of another salt; WarehouseBusyError while a run holds the warehouse.
    """
    found = read_backup(folder)
    if found.company != settings.company:
        raise UserError(f"{folder}: a backup of {found.company}, not of {settings.company}. Choose --company.")
    _require_whole(found)
    try:
        with private_files(), hold_warehouse(settings, "restore", on_wait=tell):
            _require_room(settings, found, force=force)
            staged = _staged(settings, found)
            _require_same_salt(settings, staged)
            _set_aside(settings, found, tell)
            _put_in_place(settings, staged)
    except OSError as error:
        raise UserError(f"{error.filename or settings.home}: cannot be restored: {error.strerror}.") from error
    return found


def read_backup(folder: Path) -> Backup:
    """The backup in a folder. Raises UserError if there is none, or if its list of contents is damaged."""
    path = folder / CONTENTS
    if not path.is_file():
        raise UserError(f"{folder}: no backup, as it has no {CONTENTS}. A backup that was cut off has none.")
    note = read_note(path)
    try:
        files = tuple(BackupFile(**file) for file in note["files"])
        return Backup(folder, note["company"], datetime.fromisoformat(note["created_at"]), note["version"], files)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: damaged, so that nobody can tell what the backup holds. Take another one.") from error


def _copy_home(settings: Settings, folder: Path) -> Backup:
    with closing(connect(settings.warehouse_path)) as connection:
        connection.execute("checkpoint")
    now = datetime.now(UTC)
    target = folder / f"{settings.company}-{now:{TIME}}"
    part = target.with_name(f"{target.name}{PART}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    files = tuple(_copied(settings.home, path, part) for path in _lasting(settings.home))
    made = Backup(target, settings.company, now, version("loyalty-warehouse"), files)
    note = {"company": made.company, "created_at": now.isoformat(), "version": made.version}
    write_private(part / CONTENTS, json.dumps({**note, "files": [asdict(file) for file in files]}, indent=1))
    part.rename(target)
    flush(folder)
    return made


def _lasting(home: Path) -> Iterator[Path]:
    """The files to copy: none of a run's own locks, logs and leftovers."""
    for path in sorted(home.rglob("*")):
        top = path.relative_to(home).parts[0]
        is_left_out = top in MADE_AGAIN or top.startswith((".", "before-restore-", "dagster-damaged-"))
        if path.is_file() and not (is_left_out or path.name.endswith((".lock", ".wal")) or path.name.startswith(".")):
            yield path


def _copied(home: Path, path: Path, target_home: Path) -> BackupFile:
    name = path.relative_to(home)
    target = target_home / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".sqlite":  # another process may write to it: its own copy is one state of it
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        return BackupFile(str(name), target.stat().st_size, _hash(target))
    digest = hashlib.sha256()
    with path.open("rb") as source_file, target.open("wb") as file:
        while block := source_file.read(BLOCK):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return BackupFile(str(name), target.stat().st_size, digest.hexdigest())


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _backups(folder: Path, company: str) -> list[Path]:
    """The whole backups of a company, oldest first."""
    length = len(datetime.now(UTC).strftime(TIME))
    found = [path.parent for path in folder.glob(f"*/{CONTENTS}") if path.parent.name[:-length] == f"{company}-"]
    return sorted(path for path in found if not path.name.endswith(PART))


def _require_whole(backup: Backup) -> None:
    for file in backup.files:
        path = backup.folder / file.path
        if not path.resolve().is_relative_to(backup.folder.resolve()):
            raise UserError(f"{backup.folder / CONTENTS}: names a file outside the backup, {file.path}.")
        if not path.is_file() or path.stat().st_size != file.size or _hash(path) != file.sha256:
            raise UserError(f"{path}: missing or not as it was written, so nothing was restored. Take another backup.")


def _require_room(settings: Settings, backup: Backup, *, force: bool) -> None:
    there = [name for name in _tops(backup) if name != PRIVACY and (settings.home / name).exists()]
    if there and not force:
        raise UserError(
            f"{settings.home}: has {', '.join(there)} already. Restore into another home folder, or say --force: what"
            " is there is moved aside then, and not deleted."
        )


def _tops(backup: Backup) -> list[str]:
    return sorted({Path(file.path).parts[0] for file in backup.files})


def _staged(settings: Settings, backup: Backup) -> Settings:
    """The backup's files in the home folder, beside those that they are to replace."""
    staged = settings.home / STAGED
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(mode=0o700, parents=True)
    for file in backup.files:
        _copied(backup.folder, backup.folder / file.path, staged)
    return settings.model_copy(update={"home": staged})


def _require_same_salt(settings: Settings, staged: Settings) -> None:
    ours, theirs = salt_path(settings), salt_path(staged)
    if ours.exists() and theirs.exists() and ours.read_text().strip() != theirs.read_text().strip():
        raise UserError(
            f"{ours}: not the salt of the backup, so the customers erased in one would not be known in the other."
            " Restore into an empty home folder."
        )


def _set_aside(settings: Settings, backup: Backup, tell: Tell) -> None:
    aside = settings.home / f"before-restore-{datetime.now(UTC):{TIME}}"
    for name in _tops(backup):
        path = settings.home / name
        if name != PRIVACY and path.exists():
            aside.mkdir(exist_ok=True)
            path.rename(aside / name)
    for log in settings.home.glob(f"{WAREHOUSE}.wal"):
        aside.mkdir(exist_ok=True)
        log.rename(aside / log.name)
    if aside.exists():
        tell(f"What was there is in {aside}. Delete it when it is needed no more.")


def _put_in_place(settings: Settings, staged: Settings) -> None:
    """The warehouse comes last: without it no run starts, so one that was cut off is restored again."""
    _merge_register(settings, staged)
    shutil.rmtree(settings.spark_path, ignore_errors=True)  # it may know later batches
    for path in sorted(staged.home.iterdir(), key=lambda path: (path.name == WAREHOUSE, path.name)):
        if path.name == PRIVACY and (settings.home / PRIVACY).exists():
            _add_missing(path, settings.home / PRIVACY)
        else:
            path.rename(settings.home / path.name)
    shutil.rmtree(staged.home)
    flush(settings.home)


def _merge_register(settings: Settings, staged: Settings) -> None:
    if register_path(settings).exists() and register_path(staged).exists():
        ours, theirs = Register(settings), Register(staged)
        ours.add_erasures(theirs.erasures(), theirs.spellings())
        known = {(one.message_id, one.attempted_at, one.outcome) for one in ours.deliveries()}
        more = [one for one in theirs.deliveries() if (one.message_id, one.attempted_at, one.outcome) not in known]
        ours.add_deliveries(more)


def _add_missing(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        if not (target / path.name).exists():
            path.rename(target / path.name)
