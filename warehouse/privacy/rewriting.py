"""A DuckDB file written anew without a customer.

DuckDB leaves deleted and updated values in a file's unused blocks and in its log. So nothing is changed in place: every
row goes through the masking into a new file, which never holds the old values, and which replaces the old file.
"""

import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection

from warehouse.files import flush
from warehouse.identity.columns import OF_OTHER_THINGS, Column, Table, database_tables
from warehouse.identity.masking import emptied, is_erased, masked, pseudonym, replaced, set_erased
from warehouse.privacy.data_subject import DataSubject
from warehouse.sql import STORAGE_VERSION, connect, quote_identifier, quote_literal, wal_of

if TYPE_CHECKING:
    from warehouse.ingest.sources import SourceConfig

NEW = "rewritten"
# Patterns, as variables: of contacts, of these and distinctive ids, and of these and every spelling of the id.
CONTACTS, WORDS, SPELLINGS = "erased_contacts", "erased_words", "erased_spellings"
DIGESTS = "cast(getvariable('erased_digests') as varchar[])"
DIGEST = "regexp_full_match({0}, '[0-9a-fA-F-]{{16,128}}') and regexp_matches({0}, '[a-fA-F]')"
# Distinctive ids as any source spells them, and what stands in their place.
NAMED = "cast(getvariable('erased_named') as varchar[])"
INSTEAD = "cast(getvariable('erased_instead') as varchar[])"
NOTHING = r"[^\s\S]"
# Lines and rows as they were delivered, of which nobody knows which word is whose id.
RECORDS = {"record", "line"}
SHORTEST_IN_RECORDS = 4

Finish = Callable[[DuckDBPyConnection, str], None]


def rewrite(
    source: Path,
    target: Path,
    data_subject: DataSubject,
    sources: "Mapping[str, SourceConfig]",
    *,
    beside: Mapping[str, Path] | None = None,
    finish: Finish | None = None,
    memory_limit: str,
) -> None:
    """Write `target`, a copy of `source` without the customer: same tables, views, comments and order of rows.

    The copy is its owner's alone, to read and to write, whatever `source` is.
    `beside` are databases that views of `source` read, by the name they are attached under. `finish` may add to the
    new database, attached under the name it is given, before it is closed. Leaves no log beside either file. Raises
    DuckDB's errors, as when another process writes `source`.
    """
    for leftover in (target, wal_of(target)):
        leftover.unlink(missing_ok=True)
    if wal_of(source).exists():
        connect(source).close()  # takes the log of a process that was killed into the file
    with connect(beside=target) as connection:
        connection.execute(f"set memory_limit = {quote_literal(memory_limit)}")
        # for reading alone, so that nobody who reads a published file is shut out
        for name, path in {source.stem: source, **(beside or {})}.items():
            connection.execute(f"attach {quote_literal(str(path))} as {quote_identifier(name)} (read_only)")
        connection.execute(f"use {quote_identifier(source.stem)}")
        connection.execute(
            f"attach {quote_literal(str(target))} as {NEW} (storage_version {quote_literal(STORAGE_VERSION)})"
        )
        target.chmod(0o600)
        _copy(connection, source.stem, database_tables(connection, sources), data_subject)
        if finish:
            finish(connection, NEW)
        connection.execute(f"checkpoint {NEW}")
        connection.execute(f"detach {NEW}")
    if wal_of(target).exists() or wal_of(source).exists():
        raise OSError(f"{source}: DuckDB left a write-ahead log, so the file is not whole. Start the command again.")


def put_in_place(new: Path, old: Path) -> None:
    """Let a finished file take the place of another, and its permissions, in one step, for good."""
    shutil.copymode(old, new)
    flush(new)
    new.replace(old)
    flush(old.parent)


def mentions(connection: DuckDBPyConnection, tables: Sequence[Table], data_subject: DataSubject) -> list[str]:
    """The columns, as schema.table.column, that still hold the customer: the id, or a contact."""
    _set_patterns(connection, data_subject)
    found = []
    for table in tables:
        set_erased(connection, table, data_subject.within(table.prefix))
        conditions = {column.name: _tells(table, column) for column in table.columns}
        telling = ", ".join(f"count(*) filter (where {condition})" for condition in conditions.values())
        counts = connection.execute(f"select {telling} from {table.relation.sql}").fetchone() or ()
        found += [f"{table.relation}.{name}" for name, count in zip(conditions, counts, strict=True) if count]
    return found


def speaks_of(connection: DuckDBPyConnection, table: Table, data_subject: DataSubject) -> str:
    """The condition of rows of a table without owners that speak of the customer, for this connection."""
    _set_patterns(connection, data_subject)
    conditions = [
        _mentions(column.sql, SPELLINGS if column.name.lower() in RECORDS else WORDS)
        for column in table.columns
        if column.is_text and column.name.lower() not in OF_OTHER_THINGS
    ]
    return " or ".join(conditions) or "false"


def count_records(connection: DuckDBPyConnection, tables: Sequence[Table], data_subject: DataSubject) -> dict[str, int]:
    """How many lines and rows rejected at loading name the customer, by table; tables without any are left out.

    Such lines may be the only trace of a customer. A short id occurs in many lines by chance, and so does not count
    here.
    """
    if len(data_subject.customer_id.strip()) < SHORTEST_IN_RECORDS:
        return {}
    counts = {}
    for table in tables:
        records = [column for column in table.columns if column.is_text and column.name.lower() in RECORDS]
        if records and not table.owner_columns:
            row = connection.execute(
                f"select count(*) from {table.relation.sql} where {speaks_of(connection, table, data_subject)}"
            ).fetchone()
            if row and row[0]:
                counts[str(table.relation)] = int(row[0])
    return counts


def _tells(table: Table, column: Column) -> str:
    """The condition of rows in which a column tells of the customer."""
    text = f"cast({column.sql} as varchar)"
    if table.is_customer(column):
        return f"{pseudonym(column)} is not null"
    if table.owner_columns and table.is_personal(column):
        return _mentions(text, CONTACTS)
    if column.name.lower() in OF_OTHER_THINGS or not (column.is_text or column.is_nested):
        return "false"
    return _mentions(text, WORDS)


def _copy(connection: DuckDBPyConnection, database: str, tables: Sequence[Table], data_subject: DataSubject) -> None:
    connection.execute(f"copy from database {quote_identifier(database)} to {NEW} (schema)")
    _set_patterns(connection, data_subject)
    connection.execute("set variable erased_redraw = $1", [secrets.token_hex(16)])
    digests = find_digests(connection, tables, data_subject)
    connection.execute("set variable erased_digests = $digests", {"digests": digests})
    for table in tables:
        set_erased(connection, table, data_subject.within(table.prefix))
        values = ", ".join(_value(table, column, data_subject, bool(digests)) for column in table.columns)
        connection.execute(f"insert into {NEW}.{table.relation.sql} select {values} from {table.relation.sql}")


def _set_patterns(connection: DuckDBPyConnection, data_subject: DataSubject) -> None:
    names = data_subject.distinctive_names()
    connection.execute("set variable erased_named = $1", [[*names]])
    connection.execute("set variable erased_instead = $1", [[*names.values()]])
    for variable, words in ((CONTACTS, []), (WORDS, [*names]), (SPELLINGS, data_subject.spellings)):
        connection.execute(f"set variable {variable} = $1", [_pattern(words, data_subject.contacts)])


def _pattern(words: Sequence[str], contacts: Sequence[str]) -> str:
    """A regular expression of DuckDB for words that stand by themselves and contacts that stand anywhere."""
    listed = "|".join(map(re.escape, words))
    parts = [f"(^|[^0-9A-Za-z])({listed})($|[^0-9A-Za-z])"] if words else []
    parts += [f"(?i:{re.escape(contact)})" for contact in contacts]
    return "|".join(parts) or NOTHING


def find_digests(connection: DuckDBPyConnection, tables: Sequence[Table], data_subject: DataSubject) -> list[str]:
    """Values that look like a hash and occur only in the customer's rows, because a hash of the id could be guessed.

    Only records of runs, such as messages, are searched; values from sources are not, because they are delivered again
    unchanged.
    """
    found: dict[str, set[str]] = {"raw": set(), "ops": set(), "made": set()}
    for table in (table for table in tables if table.owner_columns):
        set_erased(connection, table, data_subject.within(table.prefix))
        schema = table.relation.schema.partition("_")[0]
        for column in table.columns:
            if column.is_text and not table.is_customer(column) and not table.is_personal(column):
                found[schema if schema in found else "made"] |= _digests_of(connection, table, column)
    return sorted(found["ops"] | (found["made"] - found["raw"]))


def _digests_of(connection: DuckDBPyConnection, table: Table, column: Column) -> set[str]:
    own, is_digest = is_erased(table), DIGEST.format(column.sql)
    rows = connection.execute(
        f"select {column.sql} from {table.relation.sql} where {own} and {is_digest}"
        f" except select {column.sql} from {table.relation.sql} where not {own}"
    ).fetchall()
    return {value for (value,) in rows}


def _value(table: Table, column: Column, data_subject: DataSubject, has_digests: bool) -> str:
    """The value in the new file for a column's value."""
    value = masked(table, column)
    is_veiled = table.is_customer(column) or (bool(table.owner_columns) and table.is_personal(column))
    if is_veiled or column.name.lower() in OF_OTHER_THINGS:
        return value
    if column.is_nested:
        return f"case when {_mentions(f'cast({column.sql} as varchar)', WORDS)} then null else {value} end"
    if not column.is_text:
        return value
    if has_digests:
        drawn = f"md5(getvariable('erased_redraw') || {column.sql})"
        value = f"case when list_contains({DIGESTS}, {column.sql}) then {drawn} else {value} end"
    return f"case when {_gives_away(column)} then {emptied(column)} else {_renamed_anywhere(value, data_subject)} end"


def _gives_away(column: Column) -> str:
    """The condition of texts that are removed whole: with a contact, and records of which nobody knows the columns."""
    return _mentions(column.sql, SPELLINGS if column.name.lower() in RECORDS else CONTACTS)


def _renamed_anywhere(value: str, data_subject: DataSubject) -> str:
    """A text of anybody's row that calls the customer by a distinctive id."""
    for position in range(1, len(data_subject.distinctive_names()) + 1):
        value = replaced(value, f"{NAMED}[{position}]", f"{INSTEAD}[{position}]")
    return value


def _mentions(text: str, pattern: str) -> str:
    """The condition of a text (SQL) that one of the patterns is found in."""
    return f"coalesce(regexp_matches({text}, cast(getvariable('{pattern}') as varchar)), false)"
