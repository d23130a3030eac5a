"""What stands around a number in a file's text: the sign or letters of a currency, a percentage, brackets, blanks."""

from warehouse.ingest.blanks import BLANK, without_blanks
from warehouse.sql import quote_literal

CODES = (
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|RMB"
    "|RON|RSD|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
UNIT = rf"(?:[A-Z]{{0,2}}\p{{Sc}}|[Kk]r[.]?|zł|元|{CODES})"
# Signs of currencies that stand in headers and texts, for the inside of brackets of a pattern.
SIGNS = "$€£¥￥₹"
# What pieces, weights and lengths are counted in, each of which is one. What is a part of another, as g is of kg, is
# none of them, since a column may hold both.
COUNTED_IN = (
    "stk|stck|stück|st|pcs?|pieces?|pz|pce|szt|ks|db|x|ea|each|kg|kilo|l|m|un|ud|uds|unid|paar|pair|个|件|只|瓶|盒|份"
)
# The currencies that a sign may mean, the likeliest first; any other means itself.
MEANT = {
    "€": "EUR", "£": "GBP", "₹": "INR", "zł": "PLN", "US$": "USD", "A$": "AUD", "C$": "CAD", "CA$": "CAD", "R$": "BRL",
    "HK$": "HKD", "NZ$": "NZD", "S$": "SGD", "NT$": "TWD", "¥": "CNY JPY RMB", "￥": "CNY JPY RMB", "元": "CNY RMB",
    "CNY": "CNY RMB", "RMB": "CNY RMB", "kr": "SEK NOK DKK ISK", "Kr": "SEK NOK DKK ISK",
    "$": "USD AUD CAD HKD NZD SGD TWD MXN CLP COP ARS",
}  # fmt: skip
# What may stand in the place of cents, as in 12,-
NO_CENTS = "[-\u2013\u2014]+"


def bare_quantity(value: str) -> str:
    """A quantity (SQL) without what it is counted in: 3 Stk, 1,5 kg, 2x."""
    unit = rf"(?i)([0-9]){BLANK}?(?:{COUNTED_IN})[.]?$"
    return f"regexp_replace({bare_number(value)}, {quote_literal(unit)}, {quote_literal(chr(92) + '1')})"


def bare_number(value: str) -> str:
    """A number (SQL) without what says of what: $8.00, -$3.00, 1.234,56 €, EUR 5, 19 %, and (3.00) and 3.00-, which are
    -3.00. A dash in the place of cents is none: 12,- and 12.– are 12."""
    brackets, behind = r"^[(]([^()+-]*)[)]$", r"^([^+-]*[0-9][^+-]*)-$"
    steps = [
        ("\u2212", "-"),
        (rf"([0-9])[.,]{NO_CENTS}({BLANK}?{UNIT})?$", r"\1\2"),
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


def unit_beside(value: str) -> str:
    """The currency's sign or letters beside a number (SQL); empty where there are none."""
    return f"rtrim(regexp_extract({value}, {quote_literal(UNIT)}), '.')"


def currencies(unit: str) -> list[str]:
    """The currencies that a sign or code may mean, the likeliest first."""
    return MEANT.get(unit, unit).split()
