"""Declared types, checked when loading: the format of one file's dates and numbers, and the rows that do not fit it.

A raw column with a declared type takes the values that convert to that type without loss. How text is read is decided
once for a file, from all of its values: whether day or month comes first, and which mark is the decimal one. If the
values leave it open, the source's YAML has to say it (`date_order`, `decimal_mark`); it is never guessed value by
value. Of text formats the raw column stays text, written one way: 2024-05-01 10:00:00 (with +00 where the text named an
offset) and 1234.5. A row that does not fit the file's format or the type is rejected with its value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import duckdb

from warehouse.errors import UserError
from warehouse.ingest.blanks import on_one_line
from warehouse.ingest.number_units import NO_CENTS, bare_number, bare_quantity, currencies, unit_beside
from warehouse.ingest.sources import SourceConfig, TableConfig
from warehouse.sql import quote_identifier, quote_literal

# Numbers are compared exactly; a float that a program printed with all its digits is off by less than this. Of a number
# so small that the type keeps little of it, no more than a thousandth may go; what is smaller still is a float's zero.
NOISE = "0.00000001"
ZERO = "0.000000000001"
EXACT = "decimal(38, 16)"
# Of what is written both ways, so few may be the other one's: mistakes of single rows, which are rejected.
STRAY_SHARE = 0.05
INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
MOMENTS = {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}

TIME = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?( ?[AaPp][Mm])?"
# A fraction of a second of which microseconds would lose something.
FINER = "[.][0-9]{6}[0-9]*[1-9]"
# no place is further from UTC than 14 hours
OFFSET = r"( ?(Z|z|UTC|GMT|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?))"
REST = rf"(,?[ T]+{TIME}{OFFSET}?)?"
ISO = rf"[0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}{REST}"
SHORT = rf"[0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.]([0-9]{{4}}|[0-9]{{2}}){REST}"
PLAIN_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?"
PLAIN_NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
GROUP = "[ '\u2019\u00a0\u202f\u2009\u2007]"


def grouped(mark: str) -> str:
    """A number with a mark between groups of three digits."""
    return rf"[+-]?[1-9][0-9]{{0,2}}({mark}[0-9]{{3}})+"


def written(decimal: str, thousands: str) -> str:
    """A number with this decimal mark, with or without marks between its thousands."""
    return rf"[+-]?([0-9]+|[1-9][0-9]{{0,2}}(({thousands}|{GROUP})[0-9]{{3}})+)?({decimal}[0-9]*)?([eE][+-]?[0-9]+)?"


@dataclass(frozen=True)
class TextReading:
    """How a column of one file is read: its value as SQL, and the condition (SQL) of values that are refused."""

    value: str
    refused: str


class FileColumns(Protocol):
    """Rows of one file or sheet, the original types of their columns, and the file's name for messages."""

    @property
    def relation(self) -> str:
        """The rows, as SQL."""

    @property
    def types(self) -> Mapping[str, str]:
        """The columns' types by raw name."""

    @property
    def place(self) -> str:
        """The file's name in messages."""

    @property
    def has_types(self) -> bool:
        """Whether the file itself distinguishes numbers from text."""


def typed_columns(table: TableConfig, columns: Mapping[str, str]) -> dict[str, str]:
    """The columns of a file, by raw name, whose declared type is one of numbers or days, with that type."""
    declared = {name: str(duckdb.sqltype(kind.type)) for name, kind in table.columns.items() if kind.type}
    return {name: declared[name] for name in columns if name in declared and _family(declared[name])}


def _family(kind: str) -> str | None:
    base = kind.partition("(")[0]
    if base in MOMENTS:
        return "moment"
    return "number" if base in INTEGERS or base in ("DECIMAL", "DOUBLE", "FLOAT") else None


def read_text_columns(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, file: FileColumns
) -> dict[str, TextReading]:
    """How each typed column of text is read in this file; columns with only plain values are left out.

    Raises UserError if the values leave their format open, or contradict the YAML.
    """
    table = source.tables[name]
    typed = {
        column: kind for column, kind in typed_columns(table, file.types).items() if file.types[column] == "VARCHAR"
    }
    readings: dict[str, TextReading] = {}
    for column in _not_plain(connection, file, typed):
        if _family(typed[column]) == "moment":
            order = _date_order(connection, source, name, file, column)
            readings[column] = _moment(column, typed[column], order)
        else:
            if not source.tells_currency(name):
                _expect_one_currency(connection, source, file, column)
            bare = (bare_quantity if source.is_quantity(name, column) else bare_number)(quote_identifier(column))
            mark = _decimal_mark(connection, source, name, file, column, bare)
            is_amount = source.is_amount(name, column)
            readings[column] = _number(column, typed[column], mark, bare, in_cells=file.has_types, is_amount=is_amount)
    return readings


def _not_plain(connection: duckdb.DuckDBPyConnection, file: FileColumns, typed: Mapping[str, str]) -> list[str]:
    """The columns with a value that is not written in the type's own form, found by one query over all columns."""
    if not typed:
        return []
    tests = [
        f"coalesce(bool_and({_plain(column, kind)}), true) and not {_open(column, kind)}"
        for column, kind in typed.items()
    ]
    row = connection.execute(f"select {', '.join(tests)} from {file.relation}").fetchone() or ()
    return [column for column, is_plain in zip(typed, row, strict=True) if not is_plain]


def _plain(column: str, kind: str) -> str:
    """Whether a value is NULL or written as its type is; one comparison with a pattern where that is enough."""
    name = quote_identifier(column)
    if short := _short_number(kind):
        return f"{name} is null or regexp_full_match({name}, '{short}')"
    if _family(kind) == "moment":
        pattern = PLAIN_ISO if kind != "DATE" else "[0-9]{4}-[0-9]{2}-[0-9]{2}"
        return f"{name} is null or (regexp_full_match({name}, '{pattern}') and try_cast({name} as {kind}) is not null)"
    return f"{name} is null or (regexp_full_match({name}, '{PLAIN_NUMBER}') and {_fits(name, kind)})"


def _short_number(kind: str) -> str | None:
    """The pattern of numbers with so few digits that they always fit a decimal or an integer."""
    if match := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        whole, decimals = int(match[1]) - int(match[2]), int(match[2])
        return f"[+-]?[0-9]{{1,{whole}}}" + (f"([.][0-9]{{0,{decimals}}})?" if decimals else "")
    return "[+-]?[0-9]{1,9}" if kind in ("INTEGER", "BIGINT", "HUGEINT") else None


def _open(column: str, kind: str) -> str:
    """Whether all points of a column may stand between thousands: 1.500 may be one and a half."""
    if _family(kind) == "moment":
        return "false"
    name = quote_identifier(column)
    return (
        f"(coalesce(bool_or(contains({name}, '.')), false)"
        f" and coalesce(bool_and(not contains({name}, '.') or {name} like '%.___'), true))"
    )


def _fits(value: str, kind: str) -> str:
    """Whether a number, as text with a decimal point, becomes the type and comes back the same."""
    if kind in ("DOUBLE", "FLOAT"):
        return f"coalesce(isfinite(try_cast({value} as double)), false)"
    exact = f"try_cast({value} as {EXACT})"
    return f"coalesce(abs(cast(try_cast({value} as {kind}) as {EXACT}) - {exact}) <= {may_go(exact)}, false)"


def may_go(number: str) -> str:
    """How much of a number (SQL) may go when it becomes a decimal."""
    return f"least({NOISE}, greatest({ZERO}, abs({number}) / 1000))"


# --- Days ------------------------------------------------------------------------------------------------------


def _date_order(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, file: FileColumns, column: str
) -> str:
    """`dmy` or `mdy`: as the values prove, else as the YAML says; without short dates it does not matter."""
    said = source.tables[name].date_order
    value = on_one_line(quote_identifier(column))
    first, second = (f"cast(regexp_extract({value}, '^([0-9]+)[-/.]([0-9]+)', {i}) as integer)" for i in (1, 2))
    row = connection.execute(
        f"select count(*), count(*) filter (first > 12 and second <= 12), count(*) filter (second > 12 and"
        f" first <= 12),"
        f" min(n) filter (first > 12 and second <= 12), min(n) filter (second > 12 and first <= 12), min(n)"
        f" from (select {first} as first, {second} as second, _row_number as n from {file.relation}"
        f" where regexp_full_match({value}, {quote_literal(SHORT)}))"
    ).fetchone()
    assert row is not None
    short, day_first, month_first, day_row, month_row, any_row = row
    if not short:
        return said or "dmy"
    proven = _proven({"dmy": day_first, "mdy": month_first})
    place = f'{file.place}: the column "{column}"'
    if day_first and month_first and proven is None:
        raise UserError(
            f"{place} holds days written both ways: row {day_row} can only begin with the day, row {month_row}"
            f" only with"
            " the month. Export the file with one format, best YYYY-MM-DD."
        )
    if proven and said and proven != said:
        row_number, what = (day_row, "the day") if proven == "dmy" else (month_row, "the month")
        raise UserError(
            f"{place} begins its dates with {what}, as row {row_number} can be read in no other way, but {source.path}"
            f" says `date_order: {said}`. Mend the file, or the `date_order` of tables.{name}."
        )
    if not (proven or said):
        raise UserError(
            f"{place} does not tell whether its dates begin with the day or the month: each can be read both"
            f" ways, as in"
            f" row {any_row}. Say `date_order: dmy` or `date_order: mdy` at tables.{name} in {source.path}."
        )
    return proven or said or ""


def _proven(counts: Mapping[str, int]) -> str | None:
    """The format for which nearly all of the evidence speaks; None if there is no evidence, or evidence for both."""
    best = max(counts, key=lambda way: counts[way])
    others = sum(counts.values()) - counts[best]
    return best if counts[best] and others <= STRAY_SHARE * counts[best] else None


def _moment(column: str, kind: str, order: str) -> TextReading:
    """A day or moment: ISO, or short in the file's order; two digits of a year are 1969 to 2068."""
    name = on_one_line(quote_identifier(column))
    value = f"regexp_replace({name}, '(Z|z|UTC|GMT)$', '+00')"
    parts = r"^([0-9]+)[-/.]([0-9]+)[-/.]([0-9]+)(.*)$"
    day, month = (r"\1", r"\2") if order == "dmy" else (r"\2", r"\1")
    short_year = rf"case when length(regexp_extract({value}, {quote_literal(parts)}, 3)) < 4 then"
    year = f"regexp_extract({value}, {quote_literal(parts)}, 3)"
    full_year = (
        f"({short_year} (case when cast({year} as integer) < 69 then '20' else '19' end) || {year} else {year} end)"
    )
    date = (
        f"case when regexp_full_match({name}, {quote_literal(ISO)})"
        rf" then regexp_replace({value}, {quote_literal(parts)}, '\1-\2-\3')"
        f" when regexp_full_match({name}, {quote_literal(SHORT)})"
        f" then {full_year} || '-' || regexp_replace({value}, {quote_literal(parts)}, '{month}-{day}') end"
    )
    clock = rf"replace(trim(regexp_extract({value}, {quote_literal(parts)}, 4), ' ,T'), ',', '.')"
    clock = rf"regexp_replace({clock}, ' +([+-][0-9]{{2}})', '\1')"
    # a time with an offset is read only with its seconds
    time = rf"regexp_replace({_day_time(clock)}, '^([0-9]+:[0-9]{{2}})([+-].*)$', '\1:00\2')"
    stamp = f"(({date}) || ' ' || {time})"
    has_offset = f"regexp_matches({clock}, '[+-][0-9]{{2}}(:?[0-9]{{2}})?$')"
    moment = (
        f"case when {has_offset} then cast(try_cast({stamp} as timestamptz) as varchar)"
        f" else cast(try_cast({stamp} as timestamp) as varchar) end"
    )
    if kind == "DATE":
        midnight = f"{clock} in ('', '0:00', '00:00', '0:00:00', '00:00:00')"
        moment = f"case when {midnight} then cast(try_cast({date} as date) as varchar) end"
    is_finer = f"regexp_matches({clock}, '{FINER}')"
    return TextReading(moment, f"{name} is not null and {name} <> '' and (({moment}) is null or {is_finer})")


def _day_time(clock: str) -> str:
    """The time of day in 24 hours; midnight where the text names none."""
    hour = rf"cast(regexp_extract({clock}, '^([0-9]+)', 1) as integer)"
    twelve = rf"({hour} % 12 + case when regexp_matches({clock}, '[Pp][Mm]') then 12 else 0 end)"
    rest = rf"regexp_extract({clock}, '^[0-9]+(:[0-9:.]+)', 1)"
    offset = rf"regexp_extract({clock}, '([+-][0-9]{{2}}(:?[0-9]{{2}})?)$', 1)"
    return (
        f"(case when {clock} = '' then '00:00' when regexp_matches({clock}, '[AaPp][Mm]')"
        f" then case when {hour} between 1 and 12 then {twelve} || {rest} || {offset} end else {clock} end)"
    )


# --- Numbers ---------------------------------------------------------------------------------------------------


def _expect_one_currency(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, file: FileColumns, column: str
) -> None:
    """Raises UserError where the numbers of a column have the signs of several currencies."""
    rows = connection.execute(
        f"select unit, min(n) from (select {unit_beside(quote_identifier(column))} as unit, _row_number as n"
        f" from {file.relation}) where unit <> '' group by unit order by min(n)"
    ).fetchall()
    first, first_row = rows[0] if rows else ("", 0)
    for unit, row_number in rows[1:]:
        if not {*currencies(unit)} & {*currencies(first)}:
            raise UserError(
                f'{file.place}: the column "{column}" holds several currencies: {first} in row {first_row}, {unit}'
                f" in row {row_number}. Export each row's currency as a column, and map it as `currency` in"
                f" {source.path}; or bring in one currency alone."
            )


def _decimal_mark(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, file: FileColumns, column: str, bare: str
) -> str:
    """`.` or `,`: as the values prove (`bare`: without what stands around numbers), else as the YAML says, else the
    point if nothing speaks against it."""
    said = source.tables[name].decimal_mark
    kinds = {
        # a mark before anything but a group of three digits, or behind the other mark, is the decimal one
        ".": f"regexp_full_match(v, {quote_literal(written('[.]', ','))}) and contains(v, '.')"
        f" and not regexp_full_match(v, {quote_literal(grouped('[.]'))})"
        f" or regexp_full_match(v, '[+-]?[1-9][0-9]{{0,2}}(,[0-9]{{3}}){{2,}}')"
        f" or regexp_matches(told, '[0-9][.]{NO_CENTS}')",
        ",": f"regexp_full_match(v, {quote_literal(written(',', '[.]'))}) and contains(v, ',')"
        f" and not regexp_full_match(v, {quote_literal(grouped(','))})"
        f" or regexp_full_match(v, '[+-]?[1-9][0-9]{{0,2}}([.][0-9]{{3}}){{2,}}')"
        f" or regexp_matches(told, '[0-9],{NO_CENTS}')",
    }
    single = "[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}"
    if file.has_types:  # what may be a number, and no text, is written with a point, and proves nothing
        kinds = {way: f"({proof}) and not regexp_full_match(v, '{PLAIN_NUMBER}')" for way, proof in kinds.items()}
        single = "[+-]?[1-9][0-9]{0,2},[0-9]{3}"
    row = connection.execute(
        f"select count(*) filter ({kinds['.']}), count(*) filter ({kinds[',']}),"
        f" min(n) filter ({kinds['.']}), min(n) filter ({kinds[',']}), min(n) filter (regexp_full_match(v, '{single}'))"
        f" from (select {bare} as v, {quote_identifier(column)} as told, _row_number as n from {file.relation})"
    ).fetchone()
    assert row is not None
    points, commas, point_row, comma_row, open_row = row
    proven = _proven({".": points, ",": commas})
    place = f'{file.place}: the column "{column}"'
    if points and commas and proven is None:
        raise UserError(
            f"{place} holds numbers written both ways: in row {point_row} the point is the decimal mark, in row"
            f" {comma_row} the comma. Export the file with one format."
        )
    if proven and said and proven != said:
        raise UserError(
            f'{place} has "{proven}" as its decimal mark, as row {point_row if proven == "." else comma_row} can'
            f" be read in"
            f' no other way, but {source.path} says `decimal_mark: "{said}"`. Mend the file, or tables.{name}.'
        )
    if not (proven or said) and open_row is not None:
        raise UserError(
            f"{place} does not tell its decimal mark: in row {open_row} the mark may stand between thousands as well as"
            f' before decimals. Say `decimal_mark: "."` or `decimal_mark: ","` at tables.{name} in {source.path}.'
        )
    return proven or said or "."


def _number(column: str, kind: str, mark: str, number_text: str, *, in_cells: bool, is_amount: bool) -> TextReading:
    """A number with the decimal mark `mark`. Of a file whose cells may be numbers these have a point, whatever the mark
    of texts is; what may be both, such as 1.500, is refused. A percentage is no amount."""
    name = quote_identifier(column)
    decimal, thousands = ("[.]", ",") if mark == "." else (",", "[.]")
    bare = f"regexp_replace({number_text}, {quote_literal(f'{thousands}|{GROUP}')}, '', 'g')"
    value = bare if mark == "." else f"replace({bare}, ',', '.')"
    is_number = (
        f"regexp_full_match({number_text}, {quote_literal(written(decimal, thousands))}) and {_fits(value, kind)}"
    )
    cases = [f"when {is_number} then {value}"]
    if in_cells and mark == ",":
        is_cell = f"regexp_full_match({name}, '{PLAIN_NUMBER}') and {_fits(name, kind)}"
        cases = [f"when {_matches(name, grouped('[.]'))} then null", f"when {is_cell} then {name}", *cases]
    if is_amount:
        cases = [f"when contains({name}, '%') then null", *cases]
    number = f"case {' '.join(cases)} end"
    return TextReading(number, f"{name} is not null and trim({name}) <> '' and ({number}) is null")


def _matches(value: str, pattern: str) -> str:
    return f"regexp_full_match({value}, {quote_literal(pattern)})"
