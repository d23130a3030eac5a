"""The masking of an erased customer: expressions of SQL over a table's columns.

The same for a file that is rewritten and for rows that are loaded.

The ids, as a table spells them, and their pseudonyms are DuckDB variables, lists of the same length, so that no value
is part of a statement. In rows of an erased customer the ids become pseudonyms and personal columns empty.
"""

from collections.abc import Mapping
from unicodedata import normalize

from duckdb import DuckDBPyConnection

from warehouse.errors import BLANK_LETTERS
from warehouse.identity.columns import OF_OTHER_THINGS, Column, Table

IDS = "cast(getvariable('erased_ids') as varchar[])"
PSEUDONYMS = "cast(getvariable('erased_pseudonyms') as varchar[])"
# Ids that are told from other words and numbers wherever they stand.
DISTINCTIVE = "cast(getvariable('erased_distinctive_ids') as varchar[])"
# Keys that sources put together from a customer's and other ids, in that order; those of documents are none.
MADE_KEYS = {"redemption_id", "event_id", "feedback_id", "adjustment_id", "message_id", "journal_id", "source_id"}
SHORTEST_DISTINCTIVE = 4
# What nobody sees in an id: controls, characters of no width, letters that show nothing; blanks around it.
_BLANKS = "".join(rf"\x{{{ord(letter):04X}}}" for letter in BLANK_LETTERS)
UNSEEN = r"[\p{Cc}\p{Cf}\x{034F}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}" f"{_BLANKS}]"
AROUND = r"^[\s\p{Z}]+|[\s\p{Z}]+$"


def is_distinctive(customer_id: str) -> bool:
    """Whether an id within a text cannot be mistaken for a number, an amount or a common word."""
    has_letter = any(character.isalpha() for character in customer_id)
    has_other = any(not character.isalpha() for character in customer_id)
    return has_letter and has_other and len(customer_id) >= SHORTEST_DISTINCTIVE


def set_erased(
    connection: DuckDBPyConnection, table: Table, pseudonyms: Mapping[str, str], rows: str | None = None
) -> None:
    """Set the erased customers of a table, or of `rows` of its kind (SQL): pseudonym by id, as this table spells ids.

    An id is found as it is or, if that fails, without differences that a person does not see: blanks around it,
    characters of no width, the .0 of a number.
    """
    found: dict[str, str] = {}
    pseudonyms = {normalize("NFC", key): name for key, name in pseudonyms.items()} | dict(pseudonyms)
    folded = {key.lower(): name for key, name in pseudonyms.items()} if table.is_any_case else {}
    if pseudonyms:
        for column in (column for column in table.columns if table.is_customer(column)):
            spelled = f"(select distinct {spelling(column)} as text from {rows or table.relation.sql})"
            texts = connection.execute(
                f"select text, {plain('text')} from {spelled} where text in (select unnest($1)) or {plain('text')} in"
                f" (select unnest($1)) or lower({plain('text')}) in (select unnest($2))",
                [[*pseudonyms], [*folded]],
            ).fetchall()
            for text, bare in texts:
                found[text] = pseudonyms.get(text, pseudonyms.get(bare, folded.get(bare.lower(), "")))
    set_spellings(connection, found)


def set_spellings(connection: DuckDBPyConnection, pseudonyms: Mapping[str, str]) -> None:
    """Set the erased customers: pseudonym by id, exactly as the rows spell it."""
    distinctive = [customer_id for customer_id in pseudonyms if is_distinctive(customer_id)]
    connection.execute("set variable erased_ids = $ids", {"ids": [*pseudonyms]})
    connection.execute("set variable erased_pseudonyms = $names", {"names": [*pseudonyms.values()]})
    connection.execute("set variable erased_distinctive_ids = $ids", {"ids": distinctive})


def spelling(column: Column) -> str:
    """A customer's id as text, exactly as it is in a column."""
    return f"cast({column.sql} as varchar)"


def plain(text: str) -> str:
    """An id (SQL) without invisible differences: a letter and its accent are one, and 7.0, as numbers with gaps are
    exported, is 7."""
    visible = f"regexp_replace(nfc_normalize({text}), '{UNSEEN}', '', 'g')"
    return f"regexp_replace(regexp_replace({visible}, '{AROUND}', '', 'g'), '\\.0+$', '')"


def pseudonym(column: Column) -> str:
    """The pseudonym of the customer whose id a column holds; NULL if that customer is not erased."""
    return f"{PSEUDONYMS}[list_position({IDS}, {spelling(column)})]"


def is_erased(table: Table) -> str:
    """The condition of rows of an erased customer; false in a table that is not about customers."""
    conditions = [f"coalesce(list_contains({IDS}, {spelling(column)}), false)" for column in table.owner_columns]
    return f"({' or '.join(conditions)})" if conditions else "false"


def masked(table: Table, column: Column) -> str:
    """The value of a column without anything that identifies an erased customer."""
    if table.is_customer(column):
        return f"coalesce(cast({pseudonym(column)} as {column.data_type}), {column.sql})"
    if not table.owner_columns:
        return column.sql
    if table.is_personal(column):
        return f"case when {is_erased(table)} then {emptied(column)} else {column.sql} end"
    if not column.is_text or column.name.lower() in OF_OTHER_THINGS:
        return column.sql
    owner = table.owner_columns[0]
    renamed = _renamed(column, owner)
    return f"case when {is_erased(table)} then {renamed} else {column.sql} end"


def _renamed(column: Column, owner: Column) -> str:
    """A text of a row with the owner's pseudonym where it had the id."""
    name = spelling(owner)
    anywhere = replaced(column.sql, name, pseudonym(owner))
    in_front = column.sql
    if column.name.lower() in MADE_KEYS:
        pattern = f"'^((?:[a-z-]+:)*)' || regexp_escape({name}) || '([-:|_])'"
        in_front = f"regexp_replace({column.sql}, {pattern}, '\\1' || {pseudonym(owner)} || '\\2')"
    return f"case when list_contains({DISTINCTIVE}, {name}) then {anywhere} else {in_front} end"


def replaced(text: str, word: str, by: str) -> str:
    """A text (SQL) in which a separate word (SQL) is replaced by another (SQL)."""
    pattern = f"'(^|[^0-9A-Za-z])' || regexp_escape({word}) || '($|[^0-9A-Za-z])'"
    # twice, as two words that share the sign between them are not both found at once
    once = f"regexp_replace({text}, {pattern}, '\\1' || {by} || '\\2', 'g')"
    twice = f"regexp_replace({once}, {pattern}, '\\1' || {by} || '\\2', 'g')"
    return f"case when contains({text}, {word}) then {twice} else {text} end"


def emptied(column: Column) -> str:
    """Nothing, as the column can hold it."""
    if column.is_nullable:
        return f"cast(null as {column.data_type})"
    return f"cast('' as {column.data_type})"
