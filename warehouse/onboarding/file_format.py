"""How a file is written, found from the file itself: its encoding, delimiter and header, and the first of its rows."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from warehouse.errors import UserError, first_of, nearest, printable
from warehouse.files import DAMAGED
from warehouse.ingest.columns import letters
from warehouse.ingest.formats import excel
from warehouse.ingest.formats.csv import OTHERS, is_utf8, likely_encoding, open_text, refuse_other_formats
from warehouse.ingest.formats.dispatch import open_file, readable
from warehouse.ingest.sources import ColumnConfig, TableConfig, format_of
from warehouse.settings import IngestSettings
from warehouse.sql import connect

# As much of a file is looked at; what stands behind it is judged when it is loaded.
MOST_BYTES = 16 << 20
MOST_ROWS = 20_000
MOST_PREAMBLE = 50
MOST_LOOKED_AT = 500
MOST_SHEETS_TOLD = 12
DELIMITERS = (",", ";", "\t", "|")
JSON = "JSON. Name it .json"
MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Sample:
    """The format of a file: `options` are keys of its table in the source's YAML, `rows` its first rows."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    options: Mapping[str, Any]
    found: tuple[str, ...] = ()

    def column(self, name: str) -> list[str]:
        """The filled values of a column, by its header or one that differs from it in case and blanks alone."""
        place = self.place(name)
        return [row[place] for row in self.rows if row[place]] if place is not None else []

    def place(self, name: str) -> int | None:
        """The position of a column, or None."""
        wanted = letters(name)
        return next((place for place, header in enumerate(self.header) if letters(header) == wanted), None)


def _names_beside(path: Path) -> list[str]:
    return [file.name for file in path.parent.iterdir() if file.is_file()] if path.parent.is_dir() else []


def look_at(path: Path) -> Sample:
    """The format of a file. Raises UserError for a file without rows of data."""
    if path.is_dir():
        raise UserError(f"{path}: a folder. Name the files in it, as in {path}/orders.csv.")
    if not path.is_file():
        raise UserError(f"{path}: no such file{nearest(path.name, _names_beside(path))}. Looked for {path.absolute()}.")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty. Export it again.")
    kind = format_of(path.name)
    if kind is None:
        kinds = "CSV, TSV or TXT, Excel (.xlsx), JSON or Parquet, also packed (.gz, or .zip with one text file in it)"
        raise UserError(f"{path}: its ending tells no format that can be read. There are {kinds}.")
    sample = _look_at_text(path) if kind == "csv" else _look_at_cells(path, kind)
    if not sample.rows:
        raise UserError(f"{path}: there is a header and no row under it. Export it again.")
    return sample


def _look_at_cells(path: Path, kind: str) -> Sample:
    table = TableConfig(files=(path.name,), sheets=("*",) if kind == "excel" else None)
    options: dict[str, Any] = {}
    found: list[str] = []
    with TemporaryDirectory() as work, connect() as connection, readable(path, kind):
        if kind == "excel":
            sheets = dict(excel.first_rows(connection, path, table, MOST_LOOKED_AT))
            table, options, found = _fit_sheets(table, sheets)
        readings = open_file(connection, path, table, IngestSettings(), Path(work))
        if not readings:
            raise UserError(f"{path}: the list in it is empty, and shows no columns. Give a day with orders.")
        reading = readings[0]
        names = list(reading.columns)
        quoted = ", ".join('cast("' + name.replace('"', '""') + '" as varchar)' for name in names)
        rows = connection.execute(f"select {quoted} from ({reading.rows}) limit {MOST_ROWS}").fetchall()
    filled = tuple(tuple((value or "").strip() for value in row) for row in rows)
    return Sample(path, tuple(names), filled, options, tuple(found))


def _fit_sheets(
    table: TableConfig, sheets: Mapping[str, list[list[str]]]
) -> tuple[TableConfig, dict[str, Any], list[str]]:
    """The table that reads the workbook's sheets of one layout, what the YAML says of them, and what is told."""
    headers = {sheet: _header_of_sheet(rows) for sheet, rows in sheets.items()}
    names, chosen = _main_layout(headers, sheets)
    options: dict[str, Any] = {}
    found: list[str] = []
    if last := next((headers[sheet].rows for sheet in chosen if headers[sheet].rows > 1), None):
        columns = {name: ColumnConfig(required=True) for name in names}
        table = table.model_copy(update={"preamble": True, "columns": columns})
        options["preamble"] = True
        found.append(f"its header ends in row {last}")
    left = [sheet for sheet in sheets if sheet not in chosen]
    if left:
        table = table.model_copy(update={"sheets": tuple(chosen)})
        options["sheets"] = _patterns_of_sheets(chosen, left)
        found.append(f"sheets {_quoted(chosen)}; not read, as the columns are others: {_quoted(left)}")
    elif len(chosen) > 1:
        options["sheets"] = "*"
        found.append(f"{len(chosen)} sheets, all of them read")
    return table, options, found


def _main_layout(
    headers: Mapping[str, excel.Header], sheets: Mapping[str, list[list[str]]]
) -> tuple[list[str], list[str]]:
    """The names under which most values stand, and the sheets that have all of them; every sheet if none has names."""
    there = {sheet: _letters_of(header.names) for sheet, header in headers.items()}
    lines = {sheet: [there[sheet], *map(_letters_of, rows[:MOST_PREAMBLE])] for sheet, rows in sheets.items()}
    alike = {
        sheet: [one for one, found in lines.items() if any(names <= line for line in found)]
        for sheet, names in there.items()
        if names
    }
    if not alike:
        return [], list(sheets)
    sizes = {sheet: sum(map(any, rows)) for sheet, rows in sheets.items()}
    main = max(alike, key=lambda sheet: len(there[sheet]) * sum(sizes[one] for one in alike[sheet]))
    return list({name.lower(): name for name in headers[main].names if name}.values()), alike[main]


def _letters_of(row: Sequence[str]) -> set[str]:
    return {letters(cell) for cell in row if cell}


def _patterns_of_sheets(chosen: Sequence[str], left: Sequence[str]) -> list[str]:
    """The sheets' names, in which digits are replaced where that takes in none of those that are left out."""
    loose = {sheet: re.sub(r"\d+", "*", sheet) for sheet in chosen}
    return list(
        dict.fromkeys(
            name if any(fnmatchcase(other, pattern) for other in left) else pattern for name, pattern in loose.items()
        )
    )


def _quoted(names: Sequence[str]) -> str:
    return first_of([f'"{shown(name)}"' for name in names], MOST_SHEETS_TOLD)


def _header_of_sheet(rows: Sequence[Sequence[str]]) -> excel.Header:
    """The header of a sheet: its first row, or one below other lines, or two merged ones."""
    widths = Counter(len(trimmed) for row in rows if (trimmed := _trimmed(row)))
    width = max(widths, key=lambda size: (widths[size], size), default=0)

    def is_header(row: Sequence[str]) -> bool:
        names = _trimmed(row)
        return len(names) >= width and all(names) and not any(_is_number(name) for name in names)

    found = excel.find_header(rows, is_header) if width > 1 else None
    return found or excel.Header(_trimmed(rows[0]) if rows else [], 1)


def _trimmed(row: Sequence[str]) -> list[str]:
    names = list(row)
    while names and not names[-1]:
        names.pop()
    return names


def _look_at_text(path: Path) -> Sample:
    content = _content(path)
    refuse_other_formats(content, path, {**OTHERS, b"{": JSON, b"[{": JSON})
    encoding, text = _decoded(path, content)
    delimiter = _delimiter(text)
    lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))[: MOST_ROWS + MOST_PREAMBLE]
    start = _header_row(lines)
    header = tuple(name.strip() for name in lines[start])
    body, is_ended = _without_ending(len(header), lines[start + 1 :])
    rows = tuple(tuple(value.strip() for value in line) for line in body if len(line) == len(header))
    if body and not rows:
        usual = Counter(map(len, body)).most_common(1)[0][0]
        raise UserError(f"{path}: the header has {len(header)} values, the rows {usual}. Export it again.")
    options: dict[str, Any] = {}
    found = []
    if encoding not in ("utf-8", "utf-16"):
        options["encoding"] = encoding
        found.append(f"encoding {encoding}")
    if delimiter != ",":
        options["delimiter"] = delimiter
        found.append("values separated by tabs" if delimiter == "\t" else f'values separated by "{delimiter}"')
    if is_ended:
        found.append("a delimiter behind the last value of each row, which is skipped")
    if start:
        options["preamble"] = True
        found.append(f"{start} lines above the header, which are skipped")
    return Sample(path, header, rows, options, tuple(found))


def _without_ending(width: int, lines: Sequence[list[str]]) -> tuple[list[list[str]], bool]:
    """The rows, and whether they end in one delimiter more than the header, which is told as in loading."""
    rows = [line for line in lines if line]
    is_ended = bool(rows) and len(rows[0]) == width + 1 and not rows[0][-1]
    return [row if row[-1] or not is_ended else row[:-1] for row in rows], is_ended


def _content(path: Path) -> bytes:
    try:
        with open_text(path) as stream:
            return stream.read(MOST_BYTES)
    except (OSError, *DAMAGED) as error:
        raise UserError(f"{path}: cannot be read: {error}. Was it copied to the end?") from error


def _decoded(path: Path, content: bytes) -> tuple[str, str]:
    """The encoding and the text: what a mark says, else UTF-8 where it is that, else what the bytes most likely are."""
    for mark, name in MARKS.items():
        if content.startswith(mark):
            return name, content.decode(name, "replace").removeprefix("\ufeff")
    if b"\0" in content[:4096]:
        for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            if content[place:4096:2].count(0) > 500 or content[place:200:2].count(0) > 20:
                return name, content.decode(name, "replace")
        raise UserError(f"{path}: this is no text file, it holds NUL bytes. Export it as CSV or Excel (.xlsx).")
    whole = content if len(content) < MOST_BYTES else content[: content.rfind(b"\n")]
    if is_utf8(whole):
        return "utf-8", whole.decode("utf-8")
    votes = Counter(likely_encoding(line) for line in whole.split(b"\n") if not line.isascii())
    votes.pop(None, None)
    if not votes:
        raise UserError(f"{path}: its letters are of no encoding that can be told. Save it as UTF-8.")
    likely = str(votes.most_common(1)[0][0])
    return likely, whole.decode(likely, "replace")


def _delimiter(text: str) -> str:
    """The delimiter by which most lines have the same number of values, and more than one."""
    head = text[:200_000]
    if head.lower().startswith("sep=") and len(head) > 4:
        return head[4] if head[4] in DELIMITERS else ","
    best, chosen = (0.0, 0), ","
    for delimiter in DELIMITERS:
        widths = Counter(len(line) for line in list(csv.reader(io.StringIO(head), delimiter=delimiter))[:200] if line)
        width, lines = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]), default=(1, 0))
        score = (lines / max(sum(widths.values()), 1) if width > 1 else 0.0, width)
        if score > best:
            best, chosen = score, delimiter
    return chosen


def _header_row(lines: Sequence[Sequence[str]]) -> int:
    """The first row of as many values as most have, most of them filled and none a number.

    Rows may end in one delimiter more.
    """
    widths = Counter(len(line) for line in lines[:500] if any(line))
    width = max(widths, key=lambda size: (widths[size], size), default=0)
    is_ended = not any(line[-1] for line in lines[:500] if len(line) == width > 0)
    for number, line in enumerate(lines[:MOST_PREAMBLE]):
        names = [value.strip() for value in line]
        is_wide = len(line) == width or (is_ended and len(line) == width - 1)
        if is_wide and sum(map(bool, names)) > width / 2 and not any(_is_number(name) for name in names):
            return number
    return 0


def _is_number(text: str) -> bool:
    bare = text.strip("$€£%+- ").replace(",", "").replace(".", "")
    return bare.isdigit()


def shown(text: str) -> str:
    """A header in the form that is printed."""
    return printable(text)
