"""Which column of a file is which column of the raw table: exactly, by alias, or by the same letters."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from warehouse.errors import UserError, first_of, nearest, on_one_line
from warehouse.identity.shown_text import masked_text
from warehouse.ingest.sources import META_COLUMNS, TableConfig

_LISTED = 50


@dataclass(frozen=True)
class ColumnMap:
    """`names`: found name -> raw name, in the file's order. `undeclared`: raw names that the YAML does not know."""

    names: dict[str, str]
    undeclared: tuple[str, ...]


def map_columns(found: Iterable[str], table: TableConfig, place: str, existing: Iterable[str] = ()) -> ColumnMap:
    """Maps the columns of one file or database table, called `place` in messages, onto raw columns.

    A declared column is found under its own name, else under an alias, else under a spelling that differs only in case,
    spaces, underscores and hyphens. Other columns keep their name, or take that of an existing raw column that differs
    only in case, or are left out where the YAML says `other_columns: ignore`. Raises UserError for a missing required
    column and for ambiguous columns.
    """
    found = list(found)
    _refuse_unusable(found, place)
    _refuse_repeated(found, place)
    declared = _match_declared(found, table, place)
    _refuse_missing(found, declared, table, place)
    if table.columns and table.other_columns == "ignore":
        found = [name for name in found if name in declared]
    known = {name.lower(): name for name in existing}
    names = {name: declared.get(name) or known.get(name.lower(), name) for name in found}
    undeclared = tuple(raw for name, raw in names.items() if name not in declared)
    _refuse_clashes(names, place)
    return ColumnMap(names, undeclared)


def letters(name: str) -> str:
    """The name without differences of spelling, also of how an umlaut or a blank is coded."""
    coded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in coded if character not in " _-")


def wanted_columns(table: TableConfig) -> list[frozenset[str]]:
    """For a table whose files have lines above their header: the letters of all spellings of each required column."""
    required = [(name, column) for name, column in table.columns.items() if column.required and not column.hash_of]
    found = [frozenset(letters(one) for one in (name, *column.aliases)) for name, column in required]
    return found if table.preamble else []


def _refuse_unusable(found: list[str], place: str) -> None:
    for position, name in enumerate(found, 1):
        if not name.strip() or "\0" in name:
            what = "has no name" if not name.strip() else "has a NUL byte in its name"
            raise UserError(f"{place}: column {position} {what}. Name it in the file, and load it again.")


def _refuse_repeated(found: list[str], place: str) -> None:
    seen: dict[str, str] = {}
    for name in found:
        if name.lower() in META_COLUMNS:
            raise UserError(f'{place}: the column name "{name}" is reserved. Rename it in the file.')
        if name.lower() in seen:
            raise UserError(f'{place}: two columns are called "{name}". Rename one of them in the file.')
        seen[name.lower()] = name


def _match_declared(found: list[str], table: TableConfig, place: str) -> dict[str, str]:
    matched: dict[str, str] = {}
    for raw, column in table.columns.items():
        spellings = (raw, *column.aliases)
        exact = [name for name in spellings if name in found]
        loose = {letters(name) for name in spellings}
        similar = [name for name in found if letters(name) in loose]
        chosen = exact[:1] or similar
        if len(chosen) > 1 or len(exact) > 1:
            either = " and ".join(f'"{name}"' for name in (exact if len(exact) > 1 else similar))
            raise UserError(f"{place}: {either} could each be the column {raw}. Rename or remove one in the file.")
        if chosen:
            if chosen[0] in matched:
                raise UserError(f'{place}: "{chosen[0]}" could be {matched[chosen[0]]} or {raw}. Add an exact alias.')
            matched[chosen[0]] = raw
    return matched


def _refuse_missing(found: list[str], declared: Mapping[str, str], table: TableConfig, place: str) -> None:
    present = set(declared.values())
    missing = [raw for raw, column in table.columns.items() if column.required and raw not in present]
    none_known = bool(table.columns) and not present
    if not missing and not none_known:
        return
    left = [name for name in found if name not in declared]
    wanted = missing or list(table.columns)
    text = ", ".join(f'"{raw}"{nearest(raw, left) if present else ""}' for raw in wanted)
    what = "the required column" if missing else "none of the declared columns was found:"
    # without one column that is known, the first line may be a person's: its shape alone is told
    shown = found if present else [masked_text(name) for name in found]
    listed = first_of([f'"{on_one_line(name)}"' for name in shown], _LISTED) or "no columns"
    masked = "" if present else ", with x for letters and # for digits, as the line may be a person's"
    headless = "" if present or len(found) < 2 else " Does the first line hold the column names?"
    raise UserError(
        f"{place}: {what} {text}{' is missing' if missing else ''}. Found{masked}: {listed}."
        f"{_delimiter_hint(found)}{headless} Mend the file, or add the header as an alias in the source's YAML."
    )


def _delimiter_hint(found: list[str]) -> str:
    if len(found) != 1:
        return ""
    for delimiter, shown in ((";", ";"), ("\t", "\\t"), ("|", "|"), (",", ",")):
        if delimiter in found[0]:
            return f' The header looks as if its values were separated by another character: `delimiter: "{shown}"`.'
    return ""


def _refuse_clashes(names: Mapping[str, str], place: str) -> None:
    owner: dict[str, str] = {}
    for name, raw in names.items():
        other = owner.setdefault(raw.lower(), name)
        if other != name:
            raise UserError(f'{place}: "{other}" and "{name}" would both become the column {raw}. Rename one of them.')
