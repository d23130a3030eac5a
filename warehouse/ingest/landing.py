"""A source's input folder: where it is, which files belong to a table, and whether one has changed."""

import hashlib
import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from warehouse.errors import UserError
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import Settings

# A file younger than this may change again within the same tick of its clock: its time is not trusted yet.
SETTLED_AFTER_NS = 2_000_000_000


def input_folder(source: SourceConfig, settings: Settings) -> Path:
    """The folder that the source's patterns are relative to. Raises UserError if it is not there."""
    if source.package:
        return _package_folder(source)
    chosen = settings.sources[source.name].input_path if source.name in settings.sources else None
    variable = f"LOYALTY_INPUT_PATH_{source.name.upper()}"
    if chosen is None:
        raise UserError(
            f"{settings.path}: the source {source.name} has no folder."
            f" Set sources.{source.name}.input_path, or {variable}."
        )
    if not chosen.is_dir():
        raise UserError(
            f"{chosen}: no such folder (input_path of the source {source.name} in {settings.path}, or {variable})."
            " Create it and put the files there, or name another."
        )
    return chosen


def _package_folder(source: SourceConfig) -> Path:
    name = source.package or ""
    spec = find_spec(name) if name.isidentifier() else None
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places:
        raise UserError(
            f"{source.path}: the package {name} is not installed. Run `make run` or `uv sync`, or install"
            f" {name.replace('_', '-')}."
        )
    folder = Path(places[0]) / (source.folder or "")
    if not folder.is_dir():
        raise UserError(f'{source.path}: the package {name} has no folder "{source.folder}".')
    return folder


def find_files(patterns: Iterable[str], folder: Path) -> dict[str, Path]:
    """The files that match, by their path relative to the folder, sorted by it; hidden and lock files are none."""
    found: dict[str, Path] = {}
    for pattern in patterns:
        for path in folder.glob(pattern):
            relative = path.relative_to(folder)
            hidden = any(part.startswith((".", "~$")) for part in relative.parts)
            if path.is_file() and not hidden:
                found[relative.as_posix()] = path
    return dict(sorted(found.items()))


def no_files(source: SourceConfig, name: str, folder: Path) -> UserError:
    """The error for a table that needs a file and has none."""
    patterns = ", ".join(f'"{pattern}"' for pattern in source.tables[name].files or ())
    there = sorted(path.name for path in folder.iterdir())[:10]
    listed = ", ".join(there) or "nothing"
    return UserError(
        f"{folder}: no file matches {patterns} for the table {name} of the source {source.name}. Found: {listed}."
        f" Put the files there, or declare the table `optional: true` in {source.path}."
    )


def content_hash(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def size_and_time(path: Path) -> tuple[int, int | None]:
    """The file's size and the nanosecond of its last change, or None where that is too recent to be trusted."""
    status = path.stat()
    settled = time.time_ns() - status.st_mtime_ns > SETTLED_AFTER_NS
    return status.st_size, status.st_mtime_ns if settled else None
