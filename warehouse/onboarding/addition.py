"""A file that comes to a company later than its orders: a table that the company's source still waits for takes it.

Only the table's placeholder is replaced in the source's YAML, so whatever was changed there by hand stays.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from warehouse.errors import UserError
from warehouse.files import write_atomically
from warehouse.ingest.landing import find_files, input_folder
from warehouse.ingest.sources import SourceConfig, load_sources_config
from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.proposal import patterns, placeholder
from warehouse.onboarding.readers import load_readers, tables_of
from warehouse.settings import SETTINGS_FILE, Settings, load_settings


def add_files(folder: Path, samples: Sequence[Sample]) -> list[str] | None:
    """Let a company's source take these files as well. Returns a line for each file.

    None where there is no such company, or no table of its source waits for the files. Raises UserError for a file that
    is not below the source's folder.
    """
    for settings, source in _sources(folder):
        waiting = _waiting(source)
        found = {sample.path: tables_of(sample, source.name) & waiting.keys() for sample in samples}
        if not found or not all(len(tables) == 1 for tables in found.values()):
            continue
        text, told = source.path.read_text(encoding="utf-8"), []
        for table in sorted({one for tables in found.values() for one in tables}):
            files = [sample for sample in samples if table in found[sample.path]]
            text = _filled(text, waiting[table], _lines(files, input_folder(source, settings)))
            told += [f"{one.path.name}: {load_readers()[source.name].system}, {table}; {source.path}" for one in files]
        write_atomically(source.path, text, mode=0o644)
        return told
    return None


def files_of(folder: Path) -> list[Path]:
    """The files that a company's sources load now; none where there is no company."""
    return [
        path
        for settings, source in _sources(folder)
        for table in source.tables.values()
        for path in find_files(table.files or (), input_folder(source, settings)).values()
    ]


def _sources(folder: Path) -> list[tuple[Settings, SourceConfig]]:
    if not (folder / SETTINGS_FILE).is_file():
        return []
    try:
        settings = load_settings(folder)
        sources = load_sources_config(settings).values()
    except UserError:  # a company that cannot be read waits for nothing
        return []
    return [(settings, source) for source in sources if not source.database and not source.package]


def _waiting(source: SourceConfig) -> Mapping[str, str]:
    """The placeholder of each table that no file was given for, if the source is a known system's."""
    if source.name not in load_readers():
        return {}
    return {name: placeholder(name) for name, table in source.tables.items() if table.files == (placeholder(name),)}


def _lines(samples: Sequence[Sample], folder: Path) -> tuple[list[str], dict[str, Any]]:
    """The patterns of the files, and what else their format asks for. Raises UserError for a file elsewhere."""
    for sample in samples:
        if not sample.path.resolve().is_relative_to(folder):
            raise UserError(f"{sample.path}: it has to lie in {folder}, where the company's other files are. Move it.")
    return patterns(samples, folder), {key: value for sample in samples for key, value in sample.options.items()}


def _filled(text: str, waiting: str, lines: tuple[list[str], dict[str, Any]]) -> str:
    """The YAML with the patterns in the placeholder's place and the options below."""
    found, options = lines

    def instead(match: re.Match[str]) -> str:
        listed = "".join(f"{match[1]}- {yaml.safe_dump(pattern).splitlines()[0]}\n" for pattern in found)
        said = yaml.safe_dump(options, sort_keys=False).splitlines() if options else []
        return listed + "".join(f"{match[1]}{line}\n" for line in said)

    return re.sub(rf"^( *)- {re.escape(waiting)}\n", instead, text, flags=re.MULTILINE)
