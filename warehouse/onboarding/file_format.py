"""How a file is written, found from the file itself: its encoding, delimiter and header, and the first of its rows."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from warehouse.errors import UserError, nearest, printable
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
DELIMITERS = (",", ";", "\t", "|")
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
        sheets = excel.first_rows(connection, path, table, MOST_LOOKED_AT) if kind == "excel" else []
        if header := _header_of_sheet(sheets):
            wanted = {name.lower(): name for name in header.names if name}.values()
            columns = {name: ColumnConfig(required=True) for name in wanted}
            table = table.model_copy(update={"preamble": True, "columns": columns})
            options["preamble"] = True
            found.append(f"its header ends in row {header.rows}")
        reading, *others = open_file(connection, path, table, IngestSettings(), Path(work))
        names = list(reading.columns)
        quoted = ", ".join('cast("' + name.replace('"', '""') + '" as varchar)' for name in names)
        rows = connection.execute(f"select {quoted} from ({reading.rows}) limit {MOST_ROWS}").fetchall()
    if others:
        options["sheets"] = "*"
        found.append(f"{len(others) + 1} sheets, all of them read")
    filled = tuple(tuple((value or "").strip() for value in row) for row in rows)
    return Sample(path, tuple(names), filled, options, tuple(found))


def _header_of_sheet(sheets: Sequence[tuple[str, list[list[str]]]]) -> excel.Header | None:
    """The header of the first sheet where it is not its first row alone: below other lines, or of two merged rows."""
    rows = sheets[0][1] if sheets else []
    widths = Counter(len(trimmed) for row in rows if (trimmed := _trimmed(row)))
    width = max(widths, key=lambda size: (widths[size], size), default=0)

    def is_header(row: Sequence[str]) -> bool:
        names = _trimmed(row)
        return len(names) >= width and all(names) and not any(_is_number(name) for name in names)

    found = excel.find_header(rows, is_header) if width > 1 else None
    return found if found and found.rows > 1 else None


def _trimmed(row: Sequence[str]) -> list[str]:
    names = list(row)
    while names and not names[-1]:
        names.pop()
    return names


def _look_at_text(path: Path) -> Sample:
    content = _content(path)
    refuse_other_formats(content, path, {**OTHERS, b"{": "JSON. Name it .json"})
    encoding, text = _decoded(path, content)
    delimiter = _delimiter(text)
    lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))[: MOST_ROWS + MOST_PREAMBLE]
    start = _header_row(lines)
    header = tuple(name.strip() for name in lines[start])
    rows = tuple(tuple(value.strip() for value in line) for line in lines[start + 1 :] if len(line) == len(header))
    options: dict[str, Any] = {}
    found = []
    if encoding not in ("utf-8", "utf-16"):
        options["encoding"] = encoding
        found.append(f"encoding {encoding}")
    if delimiter != ",":
        options["delimiter"] = delimiter
        found.append("values separated by tabs" if delimiter == "\t" else f'values separated by "{delimiter}"')
    if start:
        options["preamble"] = True
        found.append(f"{start} lines above the header, which are skipped")
    return Sample(path, header, rows, options, tuple(found))


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
    """The first row of as many values as most have, all of them filled and none a number."""
    widths = Counter(len(line) for line in lines[:500] if any(line))
    width = max(widths, key=lambda size: (widths[size], size), default=0)
    for number, line in enumerate(lines[:MOST_PREAMBLE]):
        names = [value.strip() for value in line]
        if len(line) == width and sum(map(bool, names)) > width / 2 and not any(_is_number(name) for name in names):
            return number
    return 0


def _is_number(text: str) -> bool:
    bare = text.strip("$€£%+- ").replace(",", "").replace(".", "")
    return bare.isdigit()


def shown(text: str) -> str:
    """A header in the form that is printed."""
    return printable(text)
