"""One file of any format as rows that DuckDB can select, and the records of it that cannot be read as rows."""

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import duckdb
from defusedxml import DefusedXmlException, ElementTree

from warehouse.errors import UserError
from warehouse.ingest.columns import map_columns
from warehouse.ingest.extensions import load_extension
from warehouse.ingest.formats.csv import RECORD_LIMIT_BYTES, Splitter, Tally, read_chunks, split_json_lines
from warehouse.ingest.sources import TableConfig, format_of
from warehouse.sql import quote_identifier, quote_literal

EXCEL_ROWS = 1_048_576
EXCEL_HEADER_CELLS = "A1:ZZ1"
EXCEL_DATES = {"DATE", "TIMESTAMP", "TIME"}
_JSON_VERDICT = """case
    when not coalesce(json_valid(line) and json_type(try_cast(line as json)) = 'OBJECT', false)
        then 'not a JSON object on one line'
    when len(json_keys(line)) > len(list_distinct(json_keys(line))) then 'a key that comes twice'
end"""


@dataclass(frozen=True)
class Reading:
    """The rows of a file (or of one sheet of it).

    `rows` selects the file's columns under their own names and `_row_number`; `rejects`, if any, selects
    `row_number, reason, record`. `rows_read` is how many records the two must have together, counted apart from
    them. `part` is the sheet's name where a workbook has several.
    """

    columns: dict[str, str]
    rows: str
    rejects: str | None
    rows_read: int
    part: str | None = None


def file_format(path: Path, table: TableConfig) -> str:
    """The declared format, else that of the file's ending. Raises UserError."""
    found = table.format or format_of(path.name)
    if found is None:
        raise UserError(f"{path}: the ending does not tell the format. Add `format` to the table in the source's YAML.")
    return found


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turns what DuckDB says about a damaged file into a UserError that names the file."""
    try:
        yield
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: cannot be read as {kind}: {reason} Was it copied to the end?") from error


def open_file(connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, work: Path) -> list[Reading]:
    """The file's readings: one, or one a sheet. Scratch files go to `work`. Raises UserError and DuckDB's errors."""
    kind = file_format(path, table)
    if kind == "excel":
        sheets = enumerate(_sheets(connection, path, table))
        return [_open_sheet(connection, path, table, sheet, position) for position, sheet in sheets]
    opener = {"csv": _open_csv, "json": _open_json, "parquet": _open_parquet}[kind]
    return [opener(connection, path, table, work)]


def peek_columns(connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig) -> list[dict[str, str]]:
    """The columns and types of the file, or of each sheet, without reading the rows (of JSON lines: of the first
    mebibyte). Raises UserError.
    """
    kind = file_format(path, table)
    with readable(path, kind):
        if kind == "csv":
            return [dict.fromkeys(_named(Splitter(table.delimiter, table.encoding).header(path)), "VARCHAR")]
        if kind == "parquet":
            return [_parquet_columns(connection, path)]
        if kind == "excel":
            return [
                dict.fromkeys(_sheet_header(connection, path, sheet), "VARCHAR")
                for sheet in _sheets(connection, path, table)
            ]
    return [dict.fromkeys(_first_keys(path), "VARCHAR")]


def _named(header: list[str]) -> list[str]:
    """The header with a name for every column: exports of data frames leave that of their index empty."""
    return [name or f"unnamed_{position}" for position, name in enumerate(header, 1)]


# --- CSV -------------------------------------------------------------------------------------------------------


def _open_csv(_: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, work: Path) -> Reading:
    splitter = Splitter(table.delimiter, table.encoding)
    tally, sound, rejects = _split(work, lambda good, bad: splitter.split(path, good, bad))
    header = _named(tally.header)
    columns = {f"c{position}": "varchar" for position in range(len(header))}
    scan = _scratch_scan(sound, {"n": "bigint", **columns}, table.delimiter, parallel=not tally.multiline)
    selected = [f"c{position} as {quote_identifier(name)}" for position, name in enumerate(header)]
    return Reading(
        columns=dict.fromkeys(header, "VARCHAR"),
        rows=f"select {', '.join(selected)}, n as _row_number from {scan}",
        rejects=rejects if tally.malformed else None,
        rows_read=tally.sound + tally.malformed,
    )


def _split(work: Path, split: Callable[..., Tally]) -> tuple[Tally, Path, str]:
    sound, malformed = work / "sound", work / "malformed"
    with sound.open("wb") as good, malformed.open("wb") as bad:
        tally = split(good, bad)
    columns = {"row_number": "bigint", "reason": "varchar", "record": "varchar"}
    return tally, sound, f"select * from {_scratch_scan(malformed, columns, ',', parallel=False)}"


def _scratch_scan(file: Path, columns: dict[str, str], delimiter: str, *, parallel: bool) -> str:
    """A scan of a file that this package wrote itself, so nothing about it is guessed or repaired."""
    shape = ", ".join(f"{quote_literal(name)}: {quote_literal(kind)}" for name, kind in columns.items())
    return (
        f"read_csv({quote_literal(str(file))}, columns = {{{shape}}}, auto_detect = false, header = false,"
        f" delim = {quote_literal(delimiter)}, quote = '\"', escape = '\"', new_line = '\\n', nullstr = '',"
        f" max_line_size = {4 * RECORD_LIMIT_BYTES}, parallel = {str(parallel).lower()})"
    )


# --- JSON lines ------------------------------------------------------------------------------------------------


def _open_json(connection: duckdb.DuckDBPyConnection, path: Path, _: TableConfig, work: Path) -> Reading:
    """Every key of any line becomes a column of text: strings and numbers bare, nested values as JSON."""
    tally, sound, rejects = _split(work, lambda good, bad: split_json_lines(path, good, bad))
    scan = _scratch_scan(sound, {"n": "bigint", "line": "varchar"}, ",", parallel=False)
    connection.execute(
        f"create or replace temp table _json_lines as select n, line, {_JSON_VERDICT} as reason from {scan}"
    )
    found = connection.execute(
        "select distinct unnest(json_keys(line)) as key from _json_lines where reason is null order by key"
    ).fetchall()
    keys = [key for (key,) in found]
    shape = json.dumps(dict.fromkeys(keys, "VARCHAR"), ensure_ascii=False)
    parsed = f"from_json(line, {quote_literal(shape)})" if keys else "null"
    fields = [f"fields[{quote_literal(key)}] as {quote_identifier(key or 'unnamed')}" for key in keys]
    broken = "select n, reason, line from _json_lines where reason is not null"
    return Reading(
        columns=dict.fromkeys([key or "unnamed" for key in keys], "VARCHAR"),
        rows=f"select {', '.join([*fields, 'n as _row_number'])}"
        f" from (select n, {parsed} as fields from _json_lines where reason is null)",
        rejects=f"{rejects} union all {broken}" if tally.malformed else broken,
        rows_read=tally.sound + tally.malformed,
    )


def _first_keys(path: Path) -> list[str]:
    keys: dict[str, None] = {}
    for _, chunk in read_chunks(path):
        for line in chunk.splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            keys.update(dict.fromkeys(record if isinstance(record, dict) else ()))
        break
    return [key or "unnamed" for key in keys]


# --- Parquet ---------------------------------------------------------------------------------------------------


def _parquet_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    described = connection.execute(f"describe select * from {_parquet_scan(path)}").fetchall()
    return {row[0]: row[1] for row in described}


def _parquet_scan(path: Path, options: str = "") -> str:
    return f"read_parquet({quote_literal(str(path))}, hive_partitioning = false{options})"


def _open_parquet(connection: duckdb.DuckDBPyConnection, path: Path, _: TableConfig, __: Path) -> Reading:
    scan = _parquet_scan(path, ", file_row_number = true")
    counted = connection.execute("select num_rows from parquet_file_metadata(?)", [str(path)]).fetchone()
    assert counted is not None
    return Reading(
        columns=_parquet_columns(connection, path),
        rows=f"select * exclude (file_row_number), file_row_number + 1 as _row_number from {scan}",
        rejects=None,
        rows_read=counted[0],
    )


# --- Excel -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sheet:
    """A sheet of a workbook; `part` is its name where the workbook has several that are read."""

    name: str
    part: str | None
    epoch: str


def _sheets(connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig) -> list[_Sheet]:
    load_extension(connection, "excel")
    try:
        with zipfile.ZipFile(path) as archive:
            workbook = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, DefusedXmlException) as error:
        raise UserError(f"{path}: no Excel workbook (.xlsx): {error}. Save it again as .xlsx.") from error
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
        f"read_xlsx({quote_literal(str(path))}, sheet = {quote_literal(sheet.name)}, range = '{cells}',"
        f" header = false, all_varchar = {str(text).lower()}, stop_at_empty = false)"
    )


def _sheet_header(connection: duckdb.DuckDBPyConnection, path: Path, sheet: _Sheet) -> list[str]:
    cells = connection.execute(f"select * from {_sheet_scan(path, sheet, EXCEL_HEADER_CELLS)}").fetchone() or ()
    header = [(cell or "").strip() for cell in cells]
    while header and not header[-1]:
        header.pop()
    if not header:
        raise UserError(f'{path}: the first row of the sheet "{sheet.name}" is empty; it must hold the column names.')
    return _named(header)


def _open_sheet(
    connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, sheet: _Sheet, position: int
) -> Reading:
    """Cells as text; `_row_number` is the sheet's row. Rows without any value are no records.

    Excel keeps dates as day numbers. A column is read as dates if the YAML declares it so, or if the first data row
    formats it so; then day numbers become text like 2011-12-08 12:50:00.
    """
    header = _sheet_header(connection, path, sheet)
    width = len(header)
    names = [f"c{i}" for i in range(width)] + ["overflow"]
    cells = f"A2:{_column_letters(width + 1)}{EXCEL_ROWS}"
    scratch = f"_sheet_{position}"
    connection.execute(
        f"create or replace temp table {scratch} as select * from ("
        f"select row_number() over () + 1 as n, t.* from {_sheet_scan(path, sheet, cells)} as t({', '.join(names)})"
        f") where coalesce({', '.join(names)}) is not null"
    )
    counted = connection.execute(f"select count(*) from {scratch}").fetchone()
    assert counted is not None
    kinds = _sheet_kinds(connection, path, sheet, header, table)
    values = [
        f"{_excel_value(f'c{i}', kinds[name], sheet.epoch)} as {quote_identifier(name)}"
        for i, name in enumerate(header)
    ]
    return Reading(
        columns=dict.fromkeys(header, "VARCHAR"),
        rows=f"select {', '.join(values)}, n as _row_number from {scratch} where overflow is null",
        rejects=f"select n, 'values to the right of the header', cast(to_json(s) as varchar) from {scratch} as s"
        " where overflow is not null",
        rows_read=counted[0],
        part=sheet.part,
    )


def _sheet_kinds(
    connection: duckdb.DuckDBPyConnection, path: Path, sheet: _Sheet, header: list[str], table: TableConfig
) -> dict[str, str]:
    """What each column's cells are: the declared type if it is one of dates, else that of the first data row."""
    first_row = _sheet_scan(path, sheet, f"A2:{_column_letters(len(header))}2", text=False)
    described = connection.execute(f"describe select * from {first_row}").fetchall()
    kinds = {name: row[1] for name, row in zip(header, described, strict=True)}
    for found, raw in map_columns(header, table, str(path)).names.items():
        declared = table.columns[raw].type if raw in table.columns else None
        if declared:
            kinds[found] = declared.upper()
    return kinds


def _excel_value(column: str, kind: str, epoch: str) -> str:
    if kind not in EXCEL_DATES:
        return column
    days = f"try_cast({column} as double)"
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


def drop_scratch(connection: duckdb.DuckDBPyConnection) -> None:
    """Removes the temporary tables that readings were made of."""
    names = connection.execute(
        "select table_name from duckdb_tables() where temporary and (table_name = '_json_lines' or"
        " starts_with(table_name, '_sheet_'))"
    ).fetchall()
    for (name,) in names:
        connection.execute(f"drop table temp.{quote_identifier(name)}")
