"""What stands around a number in a file's text: the sign or letters of a currency, a percentage, brackets, blanks."""

from dataclasses import dataclass

import duckdb

from warehouse.errors import UserError
from warehouse.ingest.mappings import AMOUNTS, Constant, Taken
from warehouse.ingest.sources import SourceConfig
from warehouse.sql import quote_identifier, quote_literal

CODES = (
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|RMB"
    "|RON|RSD|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
SIGN = r"[A-Z]{0,2}\p{Sc}|[Kk]r[.]?|zł|元"
UNIT = rf"(?:{SIGN}|{CODES})"
# Blanks, also those that programs write so that a number and its unit stay on one line.
BLANK = r"[\s\p{Z}\x{200B}\x{FEFF}]"
# The currencies that a sign may mean, where it is not one of its own.
MEANT = {
    "€": "EUR", "£": "GBP", "US$": "USD", "A$": "AUD", "C$": "CAD", "CA$": "CAD", "R$": "BRL", "HK$": "HKD",
    "NZ$": "NZD", "S$": "SGD", "NT$": "TWD", "¥": "JPY CNY RMB", "元": "CNY RMB", "zł": "PLN", "CNY": "CNY RMB",
    "RMB": "CNY RMB", "kr": "SEK NOK DKK ISK", "Kr": "SEK NOK DKK ISK",
    "$": "USD AUD CAD HKD NZD SGD TWD MXN CLP COP ARS",
}  # fmt: skip


def without_blanks(value: str) -> str:
    """A text (SQL) without blanks around it."""
    return f"regexp_replace({value}, {quote_literal(f'^{BLANK}+|{BLANK}+$')}, '', 'g')"


def bare_number(value: str) -> str:
    """A number (SQL) without what says of what: $8.00, -$3.00, 1.234,56 €, EUR 5, 19 %, and (3.00) and 3.00-, which are
    -3.00."""
    brackets, behind = r"^[(]([^()+-]*)[)]$", r"^([^+-]*[0-9][^+-]*)-$"
    steps = [
        ("\u2212", "-"),
        (brackets, r"-\1"),
        (behind, r"-\1"),
        (rf"^([+-]?){BLANK}?{UNIT}{BLANK}?([+-]?)", r"\1\2"),
        (rf"{BLANK}?(?:{UNIT}|%)$", ""),
        (brackets, r"-\1"),
        (behind, r"-\1"),
    ]
    value = without_blanks(value)
    for pattern, kept in steps:
        value = f"regexp_replace({value}, {quote_literal(pattern)}, {quote_literal(kept)})"
    return value


@dataclass(frozen=True)
class Column:
    """A column of one file: its rows (SQL), its name, and the file's name for messages."""

    relation: str
    name: str
    place: str


def is_amount(source: SourceConfig, table: str, column: str) -> bool:
    """Whether a column is mapped as an amount of order lines just as it stands."""
    mapping = source.mapping.get("order_lines")
    if mapping is None or mapping.table != table:
        return False
    values = [mapping.columns.get(name) for name in AMOUNTS]
    return column in [value.column if isinstance(value, Taken) else value for value in values]


def expect_one_currency(
    connection: duckdb.DuckDBPyConnection, source: SourceConfig, table: str, column: Column
) -> None:
    """Raises UserError where amounts of one column name several currencies, and no column is mapped that tells each
    row's."""
    told = [one.columns.get("currency") for one in source.mapping.values() if one.table == table]
    if not told or any(currency is not None and not isinstance(currency, Constant) for currency in told):
        return
    rows = connection.execute(
        f"select unit, min(n) from (select rtrim(regexp_extract({quote_identifier(column.name)},"
        f" {quote_literal(UNIT)}), '.') as unit, _row_number as n from {column.relation})"
        " where unit <> '' group by unit order by min(n)"
    ).fetchall()
    for unit, number in rows[1:]:
        if not _meant(unit) & _meant(rows[0][0]):
            raise UserError(
                f'{column.place}: the column "{column.name}" holds several currencies: {rows[0][0]} in row'
                f" {rows[0][1]}, {unit} in row {number}. Export each row's currency as a column, and map it as"
                f" `currency` in {source.path}; or bring in one currency alone."
            )


def _meant(unit: str) -> set[str]:
    return {*MEANT.get(unit, unit).split()}
