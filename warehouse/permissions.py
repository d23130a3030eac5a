"""Permissions of files: everything that the project writes is readable by its owner alone, whatever the umask, except
publications.

One group of the settings (`publish.group`) may read publications, and nobody may change them.
"""

import grp
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import UserError
from warehouse.settings import Settings

# Of others, what an earlier version let the umask decide is taken back.
OTHERS = 0o077
PRIVATE = ("cache", "dagster", "dbt", "models", "outbox", "privacy", "tmp")
PRIVATE_FILES = ("warehouse.*", "dev.duckdb*", "ended_run.json")
_earlier: list[int] = []


@contextmanager
def private_files() -> Iterator[None]:
    """All files that this process creates within the block, by whatever library, are for its owner alone."""
    earlier = os.umask(OTHERS)
    _earlier.append(earlier)
    try:
        yield
    finally:
        _earlier.pop()
        os.umask(earlier)


def shared_mode() -> int:
    """The mode, by the user's own umask, of a file that somebody asked for and that holds no personal data."""
    if _earlier:
        return 0o666 & ~_earlier[0]
    current = os.umask(OTHERS)
    os.umask(current)
    return 0o666 & ~current


def close_home(settings: Settings) -> None:
    """Remove others' permissions on files of a home folder that earlier versions made. Files of sources are left
    alone."""
    home = settings.home
    found = [path for pattern in PRIVATE_FILES for path in home.glob(pattern)]
    for folder in (home / name for name in PRIVATE):
        if folder.is_dir() and not folder.is_symlink():
            found.append(folder)
            found += folder.rglob("*")
    for path in found:
        status = path.lstat()
        if status.st_mode & OTHERS and not stat.S_ISLNK(status.st_mode) and status.st_uid == os.geteuid():
            path.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)


def open_to_readers(settings: Settings, path: Path) -> None:
    """Let the readers of the settings read a published file, or look into a folder; nobody may write the file."""
    group = settings.publish.group
    own, others = (0o700, 0o2050) if path.is_dir() else (0o400, 0o040)  # what is made in the folder is the group's too
    if group is not None:
        _give(path, group)
    path.chmod(own | (others if group is not None else 0))


def let_through(settings: Settings) -> None:
    """Let the readers of the settings pass through the home folder to the publications, and see nothing else of it."""
    group = settings.publish.group
    if group is not None and not settings.home.stat().st_mode & 0o001:
        _give(settings.home, group)
        settings.home.chmod(stat.S_IMODE(settings.home.stat().st_mode) | 0o010)


def _give(path: Path, group: str) -> None:
    try:
        number = grp.getgrnam(group).gr_gid
        if path.stat().st_gid != number:
            os.chown(path, -1, number)
    except KeyError as error:
        raise UserError(f"publish.group: there is no group {group} on this machine.") from error
    except PermissionError as error:
        raise UserError(
            f"{path}: cannot be given to the group {group} of publish.group. Who publishes has to be a member of it."
        ) from error
