"""Excel workbooks (.xlsx): a sheet of a workbook at a time."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

import duckdb
from defusedxml import DefusedXmlException, ElementTree

from warehouse.errors import UserError
from warehouse.files import DAMAGED
from warehouse.identity.shown_text import masked_sql
from warehouse.ingest.columns import letters, map_columns, wanted_columns
from warehouse.ingest.duckdb_extensions import load_extension
from warehouse.ingest.formats.reading import Reading, literal_path, named_columns
from warehouse.ingest.sources import TableConfig
from warehouse.settings import IngestSettings
from warehouse.sql import quote_identifier, quote_literal

EXCEL_ROWS = 1_048_576
# 31 December 9999, the last day that Excel knows; a number beyond it is no day, and stays as it stands.
EXCEL_DAYS = 2_958_466
# So many rows may stand above a header; then it is not looked for any more, and what is missing in it is told.
MOST_PREAMBLE = 100
EXCEL_DATES = {"DATE", "TIMESTAMP", "TIME"}
# What is said, beside that, of a workbook that is encrypted, or of a file that is none.
NO_WORKBOOK = (
    *DAMAGED, KeyError, RuntimeError, ValueError, OSError, ElementTree.ParseError, DefusedXmlException,
)  # fmt: skip
SCRATCH_PREFIX = "_sheet_"


def open_rows(
    connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, _: IngestSettings, __: Path
) -> list[Reading]:
    """The rows of each sheet that is read."""
    sheets = enumerate(_sheets(connection, path, table))
    return [_open_sheet(connection, path, table, sheet, position) for position, sheet in sheets]


def columns(connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig) -> list[dict[str, str]]:
    """The header of each sheet that is read, as columns of text."""
    sheets = _sheets(connection, path, table)
    return [dict.fromkeys(_sheet_header(connection, path, sheet, table).names, "VARCHAR") for sheet in sheets]


@dataclass(frozen=True)
class _Sheet:
    """A sheet of a workbook; `part` is its name where the workbook has several that are read."""

    name: str
    part: str | None
    epoch: str


@dataclass(frozen=True)
class Header:
    """The names of a sheet's columns, and the number of rows that the header and the lines above it take up."""

    names: list[str]
    rows: int


def first_rows(
    connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, most: int
) -> list[tuple[str, list[list[str]]]]:
    """The first rows of each sheet that is read, as text, each with the sheet's name."""
    return [(sheet.name, _cells(connection, path, sheet, most)) for sheet in _sheets(connection, path, table)]


def find_header(rows: Sequence[Sequence[str]], is_header: Callable[[Sequence[str]], bool]) -> Header | None:
    """The first row that is the header, or the first two that are it together, as where cells were merged."""
    for place, row in enumerate(rows[:MOST_PREAMBLE]):
        if is_header(row):
            return Header(_without_end(row), place + 1)
    for place, (upper, lower) in enumerate(pairwise(rows[:MOST_PREAMBLE])):
        if is_header(both := _together(upper, lower)):
            return Header(_without_end(both), place + 2)
    return None


def _together(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """Names of two rows: the lower one, with the merged cell above it where it stands below several."""
    named = []
    above = ""
    for top, bottom in zip(upper, lower, strict=True):
        above = top or (above if bottom else "")
        named.append(f"{above} {bottom}" if bottom and list(lower).count(bottom) > 1 and above else bottom or top)
    return named


def _without_end(row: Sequence[str]) -> list[str]:
    header = [cell.strip() for cell in row]
    while header and not header[-1]:
        header.pop()
    return header


def _sheets(connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig) -> list[_Sheet]:
    load_extension(connection, "excel")
    try:
        with zipfile.ZipFile(path) as archive:
            workbook = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        names = [node.attrib["name"] for node in workbook.iterfind("{*}sheets/{*}sheet")]
    except NO_WORKBOOK as error:
        reason = str(error) or "it is damaged"
        raise UserError(f"{path}: no Excel workbook (.xlsx): {reason}. Save it again as .xlsx.") from error
    sheets = [node for node in workbook.iterfind("{*}sheets/{*}sheet") if node.get("state", "visible") == "visible"]
    names = [node.attrib["name"] for node in sheets]
    chosen = [name for name in names if table.sheets is None or any(fnmatchcase(name, p) for p in table.sheets)]
    listed = ", ".join(f'"{name}"' for name in names)
    if not chosen:
        raise UserError(f"{path}: no sheet matches {list(table.sheets or [])}. Its sheets: {listed}.")
    if table.sheets is None and len(chosen) > 1:
        raise UserError(f'{path}: which of its sheets? {listed}. Say so in the source\'s YAML, all: `sheets: "*"`.')
    settings = workbook.find("{*}workbookPr")
    since_1904 = settings is not None and settings.get("date1904") in ("1", "true")
    epoch = "1904-01-01" if since_1904 else "1899-12-30"
    return [_Sheet(name, name if len(names) > 1 else None, epoch) for name in chosen]


def _sheet_scan(path: Path, sheet: _Sheet, cells: str, *, text: bool = True) -> str:
    return (
        f"read_xlsx({quote_literal(literal_path(path))}, sheet = {quote_literal(sheet.name)}, range = '{cells}',"
        f" header = false, all_varchar = {str(text).lower()}, stop_at_empty = false)"
    )


def _cells(connection: duckdb.DuckDBPyConnection, path: Path, sheet: _Sheet, most: int) -> list[list[str]]:
    rows = connection.execute(f"select * from {_sheet_scan(path, sheet, f'A1:ZZ{most}')}").fetchall()
    return [[(cell or "").strip() for cell in row] for row in rows]


def _sheet_header(connection: duckdb.DuckDBPyConnection, path: Path, sheet: _Sheet, table: TableConfig) -> Header:
    """The first row or, where the table has a preamble, the first one or two that hold every required column."""
    if table.preamble:
        wanted = wanted_columns(table)

        def is_header(row: Sequence[str]) -> bool:
            there = {letters(name) for name in row}
            return all(spellings & there for spellings in wanted)

        found = find_header(_cells(connection, path, sheet, MOST_PREAMBLE + 1), is_header)
        if found and found.names:
            return Header(named_columns(found.names), found.rows)
    header = _without_end(next(iter(_cells(connection, path, sheet, 1)), []))
    if not header:
        raise UserError(
            f'{path}: the first row of the sheet "{sheet.name}" is empty; it must hold the column names. If they stand'
            " further down, say `preamble: true` at the table in the source's YAML."
        )
    return Header(named_columns(header), 1)


def _open_sheet(
    connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, sheet: _Sheet, position: int
) -> Reading:
    """Cells as text; `_row_number` is the sheet's row. Rows without any value are no records.

    Excel keeps dates as day numbers. A column is read as dates if the YAML declares it so, or if the first data row
    formats it so; then day numbers become text like 2011-12-08 12:50:00.
    """
    found = _sheet_header(connection, path, sheet, table)
    header, width = found.names, len(found.names)
    names = [f"c{i}" for i in range(width)] + ["overflow"]
    cells = f"A{found.rows + 1}:{_column_letters(width + 1)}{EXCEL_ROWS}"
    scratch = f"{SCRATCH_PREFIX}{position}"
    connection.execute(
        f"create or replace temp table {scratch} as select * from ("
        f"select row_number() over () + {found.rows} as n, t.* from {_sheet_scan(path, sheet, cells)}"
        f" as t({', '.join(names)})) where coalesce({', '.join(names)}) is not null"
    )
    counted = connection.execute(f"select count(*) from {scratch}").fetchone()
    assert counted is not None
    kinds = _sheet_kinds(connection, path, sheet, found, table)
    values = [
        f"{_excel_value(f'c{i}', kinds[name], sheet.epoch)} as {quote_identifier(name)}"
        for i, name in enumerate(header)
    ]
    return Reading(
        columns=dict.fromkeys(header, "VARCHAR"),
        rows=f"select {', '.join(values)}, n as _row_number from {scratch} where overflow is null",
        rejects=f"select n, 'values to the right of the header', cast(to_json(s) as varchar), {masked_sql('overflow')}"
        f" from {scratch} as s"
        " where overflow is not null",
        rows_read=counted[0],
        part=sheet.part,
    )


def _sheet_kinds(
    connection: duckdb.DuckDBPyConnection, path: Path, sheet: _Sheet, found: Header, table: TableConfig
) -> dict[str, str]:
    """What each column's cells are: the declared type if it is one of dates, else that of the first data row."""
    header, first = found.names, found.rows + 1
    first_row = _sheet_scan(path, sheet, f"A{first}:{_column_letters(len(header))}{first}", text=False)
    described = connection.execute(f"describe select * from {first_row}").fetchall()
    kinds = {name: row[1] for name, row in zip(header, described, strict=True)}
    for name, raw in map_columns(header, table, str(path)).names.items():
        declared = table.columns[raw].type if raw in table.columns else None
        if declared:
            kinds[name] = declared.upper()
    return kinds


def _excel_value(column: str, kind: str, epoch: str) -> str:
    if kind not in EXCEL_DATES:
        return column
    number = f"try_cast({column} as double)"
    days = f"(case when {number} between 0 and {EXCEL_DAYS} then {number} end)"
    moment = f"timestamp '{epoch}' + to_milliseconds(cast(round({days} * 86400000) as bigint))"
    shown = {"DATE": f"cast({moment} as date)", "TIME": f"cast({moment} as time)"}.get(kind, moment)
    if kind == "DATE":  # a date format shows no time of day; a cell that has one keeps it
        return (
            f"case when {days} = floor({days}) then cast({shown} as varchar) when {days} is not null"
            f" then cast({moment} as varchar) else {column} end"
        )
    return f"case when {days} is not null then cast({shown} as varchar) else {column} end"


def _column_letters(number: int) -> str:
    """The letters of a spreadsheet's column, 1 being A."""
    text = ""
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("A") + digit) + text
    return text
