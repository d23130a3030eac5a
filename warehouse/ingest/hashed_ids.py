"""Customer ids for files that identify customers only by e-mail or phone: a hash with a secret, made when rows are
loaded.

The secret is the salt of the home folder (LOYALTY_HASH_SALT where it is set), which is in no copy of the warehouse: the
id does not reveal the address, and stays the same for an address as long as the salt stays the same.
"""

from collections.abc import Mapping, Set

from duckdb import DuckDBPyConnection

from warehouse.identity.erasure_register import make_salt
from warehouse.ingest.blanks import BLANK
from warehouse.ingest.sources import SourceConfig, TableConfig
from warehouse.settings import Settings
from warehouse.sql import quote_identifier, quote_literal

# Enough of the hash that no two of a billion customers get the same.
DIGITS = 24
# How spreadsheets and Java write long numbers, as in dbt/macros/ids.sql.
SCIENTIFIC = "-?[0-9]+([.,][0-9]+)?[eE][+][0-9]+|-?[0-9][.][0-9]+E[0-9]{1,2}"


def set_salt(connection: DuckDBPyConnection, settings: Settings) -> None:
    """Make the expressions of `hashed_columns` use the home's secret, which is drawn if there is none."""
    connection.execute("set variable id_salt = $1", [make_salt(settings).value])


def hashed_columns(source: SourceConfig, table: TableConfig, columns: Mapping[str, str]) -> dict[str, str]:
    """The ids that rows with these raw columns get, by raw column, as SQL; NULL where nothing is filled, or only a word
    that means nothing in the source."""
    found = {}
    for name, column in table.columns.items():
        parts = [_plain(part, {*source.no_id, *source.guest_ids}) for part in column.hash_of if part in columns]
        if parts:
            text = f"coalesce({', '.join(parts)})"
            found[name] = f"'h' || left(sha256(getvariable('id_salt') || 'customer ' || {text}), {DIGITS})"
    return found


def _plain(column: str, nothing: Set[str]) -> str:
    """An address as it is compared: lower case, without blanks; NULL where only one of the words `nothing` is left, or
    a number that has lost its digits, which would make one customer of many."""
    written = f"regexp_replace(cast({quote_identifier(column)} as varchar), {quote_literal(BLANK)}, '', 'g')"
    address = f"lower({written})"
    words = ", ".join(quote_literal(word.lower()) for word in sorted({"", *nothing}))
    is_whole = f"not regexp_full_match({written}, {quote_literal(SCIENTIFIC)})"
    return f"case when {address} not in ({words}) and {is_whole} then {address} end"
