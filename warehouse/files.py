"""Files on disk: the atomic write, files that people ask for with --out, and hashes of contents."""

import gzip
import hashlib
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

from warehouse.errors import UserError, printable
from warehouse.permissions import shared_mode

OWNER_ONLY = 0o600
# What Python says of a packed file that is damaged or cut short.
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
# What a spreadsheet takes for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Folders that Python, and dbt and MetricFlow started by hand, write beside the sources.
LEFT_BY_TOOLS = frozenset(("__pycache__", "target", "logs"))


def write_atomically(path: Path, content: bytes | str, mode: int | None = None) -> None:
    """Replace a file by new content, which is on disk before the name points to it; text is written as UTF-8.

    The folder is made if it is missing. mode: the file's permissions; without it, the process's umask decides. A reader
    sees the old content or the new, also after a crash. The temporary file beside it is removed if writing fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.next")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush(path.parent)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, atomically; a folder that is missing is made for the owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, text, mode=0o600)


def read_note(path: Path) -> dict[str, Any]:
    """A note that a run left for later commands, as JSON; empty if there is none, or if the file is damaged.

    Only for notes that are not essential: the next run writes them anew.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def require_free(path: Path, *, force: bool) -> None:
    """Raises UserError if `write_out` would refuse to write, so that long work is not begun for nothing."""
    if not path.parent.is_dir():
        raise UserError(f"--out {path}: no such folder. Create it, or name another file.")
    if path.is_symlink():
        raise UserError(f"--out {path}: a symbolic link, which is not followed. Name the file itself.")
    if link := _linked_folder(path):
        raise UserError(f"--out {path}: {link} is a symbolic link, which is not followed. Name the folder itself.")
    if path.exists() and not path.is_file():
        raise UserError(f"--out {path}: not a file. Name another one.")
    if path.exists() and not force:
        raise UserError(f"--out {path}: there is such a file already. Name another one, or replace it with --force.")


def require_outside(path: Path, home: Path) -> None:
    """Raises UserError for a file of people's inside a home folder, where it would be one more copy to erase."""
    if path.resolve().is_relative_to(home.resolve()):
        raise UserError(f"{path}: inside the home folder {home}, which an erasure has to clear. Write elsewhere.")


def _linked_folder(path: Path) -> Path | None:
    """A link on the way to a file. Links directly below / are the system's, as macOS makes them of /tmp and /var."""
    folders = reversed((Path.cwd() / path).parents)
    return next((folder for folder in folders if folder.is_symlink() and len(folder.parts) > 2), None)


def write_out(path: Path, content: bytes | str, *, force: bool, is_private: bool = False) -> None:
    """Write the file that somebody asked for. It follows no link and, without `force`, replaces nothing.

    is_private: it holds people, so that its owner alone may read it. Raises UserError.
    """
    require_free(path, force=force)
    mode = OWNER_ONLY if is_private else shared_mode()
    try:
        if force:
            write_atomically(path, content, mode)
        else:
            _write_new(path, content, mode)
    except FileExistsError as error:
        raise UserError(f"--out {path}: another program has just made that file. Name another one.") from error
    except OSError as error:
        raise UserError(f"--out {path}: cannot be written: {error.strerror}.") from error


def _write_new(path: Path, content: bytes | str, mode: int) -> None:
    # with O_EXCL a name that stands for anything, a link among it, is refused by the kernel
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def csv_cell(value: object) -> object:
    """A value as a cell of CSV: a text that a spreadsheet would compute is quoted, an escape sequence is shown."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if value.lstrip(" \n").startswith(FORMULA) else text


def flush(path: Path) -> None:
    """Put a file, or a folder's list of names, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_files(digest: "hashlib._Hash", path: Path) -> None:
    """Add a file, or every file below a folder, to the digest, by name and content, in name order.

    Files that tools leave beside the sources (LEFT_BY_TOOLS) are left out.
    """
    found = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    for file in sorted(file for file in found if LEFT_BY_TOOLS.isdisjoint(file.relative_to(path).parts)):
        digest.update(str(file.relative_to(path.parent)).encode())
        digest.update(file.read_bytes())
