"""The exports that are known: a file of readers/ each, a source's YAML with the headers that it is recognised by."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from warehouse.errors import UserError, first_of
from warehouse.ingest.columns import letters
from warehouse.onboarding.file_format import Sample
from warehouse.yaml_files import read_yaml

FOLDER = Path(__file__).parent / "readers"
SHOWN = 12


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReaderTable(_Section):
    """A kind of file: the headers that it always has, and the columns with currency, country, time and zone.

    `side_by_side`: columns of several lines in one row, with `{n}` for their number.
    """

    headers: Annotated[tuple[str, ...], Field(min_length=2)]
    currency: str | None = None
    country: str | None = None
    moment: str | None = None
    zone: str | None = None
    side_by_side: tuple[str, ...] = ()


class Reader(_Section):
    """A system's export or database: its tables, notes on its figures, and the source that a company gets.

    `database` is the kind of its server; its tables are found by their names, with any prefix, and their columns.
    """

    system: str
    database: Literal["postgres", "mysql"] | None = None
    tables: Annotated[dict[str, ReaderTable], Field(min_length=1)]
    notes: tuple[str, ...] = ()
    source: dict[str, Any]

    def spellings(self, table: str) -> dict[str, set[str]]:
        """The letters of every spelling of a column that has more than one."""
        columns = self.source["tables"][table].get("columns") or {}
        return {
            name: {letters(one) for one in (name, *(column or {}).get("aliases", []))}
            for name, column in columns.items()
        }


@dataclass(frozen=True)
class Recognised:
    """Which reader's files were given: by table, in the reader's order."""

    name: str
    reader: Reader
    files: dict[str, list[Sample]]


@cache
def load_readers() -> dict[str, Reader]:
    """Every reader by name."""
    return {file.stem: Reader.model_validate(read_yaml(file).values) for file in sorted(FOLDER.glob("*.yml"))}


def recognise(samples: Sequence[Sample]) -> Recognised | None:
    """The system that exported the files, or None if it is unknown.

    Raises UserError if the files are from several systems, if two systems fit equally well, or if the file of orders is
    missing.
    """
    matches = {sample.path: _matches(sample) for sample in samples}
    if not any(matches.values()):
        return None
    strange = [sample for sample in samples if not matches[sample.path]]
    if strange:
        known = next(sample for sample in samples if matches[sample.path])
        name = matches[known.path][0][0]
        raise UserError(
            f"{strange[0].path}: no export of {load_readers()[name].system}, which {known.path.name} is one of. Its"
            f" headers: {listed(strange[0])}. Leave it out, or make a company of each."
        )
    chosen = {name for found in matches.values() for name, _ in found}
    chosen = {name for name in chosen if all(any(name == one for one, _ in found) for found in matches.values())}
    if len(chosen) != 1:
        told = "; ".join(
            f"{path.name}: {' or '.join(load_readers()[name].system for name, _ in found)}"
            for path, found in matches.items()
        )
        raise UserError(f"The files are not of one system: {told}. Give the files of one system at a time.")
    (name,) = chosen
    reader = load_readers()[name]
    files: dict[str, list[Sample]] = {table: [] for table in reader.tables}
    for sample in samples:
        files[next(table for one, table in matches[sample.path] if one == name)].append(sample)
    first = next(iter(reader.tables))
    if not files[first]:
        headers = ", ".join(reader.tables[first].headers)
        raise UserError(
            f"{samples[0].path}: this is {reader.system}, and the file of {first} is missing: the one with the columns"
            f" {headers}. Give both, or say --company with the company that has the other."
        )
    return Recognised(name, reader, files)


def _matches(sample: Sample) -> list[tuple[str, str]]:
    """The (reader, table) whose headers a file has, the most telling of them; several where they tell the same."""
    there = {letters(header) for header in sample.header}
    found: dict[tuple[str, str], int] = {}
    for name, reader in load_readers().items():
        for table, kind in reader.tables.items() if reader.database is None else ():
            spellings = reader.spellings(table)
            if all(spellings.get(header, {letters(header)}) & there for header in kind.headers):
                found[name, table] = len(kind.headers)
    most = max(found.values(), default=0)
    return [place for place, number in found.items() if number == most]


def tables_of(sample: Sample, reader: str) -> set[str]:
    """The tables of a reader whose headers a file has."""
    return {table for name, table in _matches(sample) if name == reader}


def listed(sample: Sample) -> str:
    """The headers of a file, not at any length."""
    return first_of(sample.header, SHOWN)
