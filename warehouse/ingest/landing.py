"""A source's input folder: where it is, which files belong to a table, and whether one has changed."""

import hashlib
import itertools
import os
import re
import time
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from warehouse.errors import UserError, on_one_line
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import Settings

# A file younger than this may change again within the same tick of its clock: its time is not trusted yet.
SETTLED_AFTER_NS = 2_000_000_000
SAME_MOMENT_NS = 60_000_000_000
# Categories of Unicode: controls, bytes that are no UTF-8, separators of lines.
NOT_IN_NAMES = {"Cc", "Cs", "Zl", "Zp"}
_SERIES = re.compile(r"[\s()_-]*[0-9]+[()]*")


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


def find_files(patterns: Iterable[str], folder: Path, *, is_ours: bool = True) -> dict[str, Path]:
    """The files that match, by their path relative to the folder, in natural order; hidden and lock files are left out.

    Upper and lower case are the same. Links inside the folder are followed; one that leads out of it is refused by
    name, unless the folder is an installed package's (not `is_ours`). Raises UserError.
    """
    patterns = list(patterns)
    wanted = [_pattern(pattern) for pattern in patterns]
    reaches_below = any("/" in pattern for pattern in patterns)
    found = {}
    for path in _files_below(folder):
        relative = path.relative_to(folder)
        hidden = any(part.startswith((".", "~$")) for part in relative.parts)
        is_asked_for = any(pattern.fullmatch(relative.as_posix()) for pattern in wanted)
        if hidden or not (is_asked_for or (reaches_below and path.is_dir())):
            continue
        if is_ours:
            _refuse_name(relative.as_posix(), folder)
            _refuse_leaving(path, folder)
        if path.is_file():
            found[relative.as_posix()] = path
    return dict(sorted(found.items(), key=lambda item: natural_order(item[0])))


def _files_below(folder: Path) -> Iterator[Path]:
    """Everything below the folder but the folders themselves; links to folders are told, and not entered."""
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent) / name for name in files)
        yield from (path for name in folders if (path := Path(parent) / name).is_symlink())


def _pattern(pattern: str) -> re.Pattern[str]:
    """A pattern of paths, in which ** stands for any folders, as a regular expression of whole paths."""
    parts = ["(?:.*/)?" if part == "**" else _part(part) + "/" for part in pattern.split("/")]
    text = "".join(parts).removesuffix("/") + ("[^/]*" if pattern.endswith("**") else "")
    return re.compile(text, re.IGNORECASE | re.DOTALL)


def _part(part: str) -> str:
    """A name of a pattern: * and ? stand for letters, [ab] for one of them."""
    pieces = re.split(r"(\*+|\?|\[!?[^]]+\])", part)
    return "".join(
        "[^/]*"
        if piece.startswith("*")
        else "[^/]"
        if piece == "?"
        else "[" + piece[1:-1].replace("!", "^", 1 if piece[1] == "!" else 0).replace("\\", r"\\") + "]"
        if piece.startswith("[") and len(piece) > 2
        else re.escape(piece)
        for piece in pieces
    )


def _refuse_name(name: str, folder: Path) -> None:
    """A line break in a name could pass for a sentence of ours, and what is no UTF-8 can be stored nowhere."""
    if any(unicodedata.category(character) in NOT_IN_NAMES for character in name):
        raise UserError(
            f"{folder}: {on_one_line(name)}: the name holds a control character or is not UTF-8. Rename the file."
        )


def _refuse_leaving(path: Path, folder: Path) -> None:
    try:
        place = path.resolve()
    except (RuntimeError, OSError) as error:
        raise UserError(f"{path}: a link that leads to itself. Remove it, or put the file itself there.") from error
    if not place.is_relative_to(folder.resolve()):
        raise UserError(
            f"{path}: a link that leads out of the input folder, to {place}. Put the file itself there, or name its"
            " folder as the source's input_path."
        )


def natural_order(name: str) -> tuple[object, ...]:
    """Names as people count them: part-2 before part-10, sales.csv before sales (1).csv."""
    folder, _, file = name.rpartition("/")
    stem, dot, ending = file.partition(".")
    return (_counted(folder), _counted(stem), dot + ending, name)


def _counted(text: str) -> tuple[tuple[int, int, str], ...]:
    pieces = re.split("([0-9]+)", text.casefold())
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces if piece)


def in_order(found: Mapping[str, Path]) -> dict[str, Path]:
    """Files in order of their last change; files of the same moment are in natural order.

    Times of files that were copied together have no meaning: times within SAME_MOMENT_NS of each other count as the
    same moment.
    """
    by_time = sorted(found.items(), key=lambda item: (item[1].stat().st_mtime_ns, natural_order(item[0])))
    moments: list[list[tuple[str, Path]]] = []
    last = None
    for name, path in by_time:
        changed = path.stat().st_mtime_ns
        if last is None or changed - last > SAME_MOMENT_NS:
            moments.append([])
        moments[-1].append((name, path))
        last = changed
    return {name: path for moment in moments for name, path in sorted(moment, key=lambda item: natural_order(item[0]))}


def conflicts_of_order(ordered: Collection[str]) -> list[str]:
    """Sentences about neighbouring files whose times and names contradict each other, if the names differ only in
    numbers."""
    told = []
    for earlier, later in itertools.pairwise(ordered):
        same_series = _SERIES.sub("", earlier.casefold()) == _SERIES.sub("", later.casefold())
        if same_series and natural_order(earlier) > natural_order(later):
            told.append(f"{later} was changed after {earlier}, although its name comes before; the later change wins")
    return told


def unclaimed_files(source: SourceConfig, folder: Path) -> list[str]:
    """Files of the input folder that belong to no table; for an installed package they are not reported."""
    if source.package:
        return []
    claimed = find_files([pattern for table in source.tables.values() for pattern in table.files or ()], folder)
    return [file for file in find_files(["**/*"], folder) if file not in claimed]


def no_files(source: SourceConfig, name: str, folder: Path) -> UserError:
    """The error for a table that needs a file and has none."""
    patterns = ", ".join(f'"{pattern}"' for pattern in source.tables[name].files or ())
    there = sorted(path.name for path in folder.iterdir())[:10]
    listed = ", ".join(map(on_one_line, there)) or "nothing"
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
