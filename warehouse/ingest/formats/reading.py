"""The result of every format: rows that DuckDB can select, and the records that cannot be read as rows."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from warehouse.identity.shown_text import masked_sql
from warehouse.sql import quote_literal

# Behind its number and in quotes, a record of a mebibyte may be some times as long.
SCRATCH_LINE_BYTES = 1 << 22


@dataclass(frozen=True)
class Reading:
    """The rows of a file (or of one sheet of it).

    `rows` selects the file's columns under their own names and `_row_number`; `rejects`, if any, selects `row_number,
    reason, record, shown` (`shown` is the part that may be published). `has_types`: the file itself tells numbers from
    text. `is_slow`: selecting twice parses twice. `rows_read` is the number of records that the two must have together,
    counted separately. `part` is the sheet's name if a workbook has several.
    """

    columns: dict[str, str]
    rows: str
    rejects: str | None
    rows_read: int
    part: str | None = None
    has_types: bool = True
    is_slow: bool = False


@dataclass
class Tally:
    """The content of one text file: the header's values, the numbers of sound and malformed records, and whether some
    values may be written as formulas."""

    header: list[str] = field(default_factory=list)
    sound: int = 0
    malformed: int = 0
    multiline: int = 0
    has_formulas: bool = False


def literal_path(path: Path) -> str:
    """A path that DuckDB's readers take literally: they read * ? [ as a pattern, but not between brackets."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))


def named_columns(header: list[str]) -> list[str]:
    """The header with a name for every column, because exports of data frames have no name for their index."""
    return [name or f"unnamed_{position}" for position, name in enumerate(header, 1)]


def split_to_scratch(work: Path, split: Callable[[BinaryIO, BinaryIO], Tally]) -> tuple[Tally, Path, str]:
    """Make `split` write its sound and malformed records. Returns the tally, the sound file, and SQL of the rejects."""
    sound, malformed = work / "sound", work / "malformed"
    with sound.open("wb") as good, malformed.open("wb") as bad:
        tally = split(good, bad)
    columns = {"row_number": "bigint", "reason": "varchar", "record": "varchar"}
    scan = scratch_scan(malformed, columns, ",", parallel=False)
    return tally, sound, f"select *, {masked_sql('record')} as shown from {scan}"


def scratch_scan(file: Path, columns: dict[str, str], delimiter: str, *, parallel: bool) -> str:
    """A scan of a file that this package wrote itself, so nothing about it is guessed or repaired."""
    shape = ", ".join(f"{quote_literal(name)}: {quote_literal(kind)}" for name, kind in columns.items())
    return (
        f"read_csv({quote_literal(str(file))}, columns = {{{shape}}}, auto_detect = false, header = false,"
        f" delim = {quote_literal(delimiter)}, quote = '\"', escape = '\"', new_line = '\\n', nullstr = '',"
        f" max_line_size = {SCRATCH_LINE_BYTES}, parallel = {str(parallel).lower()})"
    )
