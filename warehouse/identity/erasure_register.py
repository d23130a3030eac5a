"""The register of erased customers, which reveals nobody and keeps loads from bringing them back.

    <home>/privacy/register.sqlite   see warehouse.register; ops.erasures is its copy in the warehouse
    <home>/privacy/salt   the salt, for its owner alone; LOYALTY_HASH_SALT stands in its place where it is set

The hash proves that an id was erased to whoever has both the id and the salt, and recognises the id when a source
delivers it again. Without the salt the hash reveals nothing, so no copy of the warehouse contains the salt.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from warehouse.errors import UserError
from warehouse.files import write_private
from warehouse.identity.columns import Table
from warehouse.identity.masking import masked, plain, set_spellings, spelling
from warehouse.register import ErasureRecord, Register
from warehouse.settings import Settings
from warehouse.sql import connect

SALT_VARIABLE = "LOYALTY_HASH_SALT"
CREATE = """
create schema if not exists {place};
create table if not exists {place}.erasures (
    pseudonym varchar not null, customer_hash varchar not null, salt_hash varchar not null,
    erased_at timestamptz not null, finished_at timestamptz, row_counts varchar
);
"""
# An id in any case (SQL), told apart from ids as they stand.
LOOSE = "('any case: ' || lower({}))"
# Of a line that could not be split into its values: what may be one.
WORDS = "[^,;|\\t\"''\\s{}:]+"


@dataclass(frozen=True)
class Erased:
    """An erased customer: the id and its pseudonym, with those of other spellings of the id in rows.

    `others` are ids of other customers that differ only in case; they are not erased.
    """

    customer_id: str
    pseudonym: str
    spellings: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Salt:
    """The secret that erased ids are hashed with."""

    value: str

    def hash(self, text: str) -> str:
        """The salted hash of a text, in hexadecimal, as DuckDB's sha256 gives it too."""
        return hashlib.sha256((self.value + text).encode()).hexdigest()

    @property
    def mark(self) -> str:
        """The hash by which an erasure identifies its salt."""
        return self.hash("salt")


def salt_path(settings: Settings) -> Path:
    """The file of the salt."""
    return settings.home / "privacy" / "salt"


def find_salt(settings: Settings, environ: Mapping[str, str] = os.environ) -> Salt | None:
    """The salt of the environment, else of the home folder; None if there is none."""
    if value := environ.get(SALT_VARIABLE):
        return Salt(value)
    path = salt_path(settings)
    return Salt(path.read_text(encoding="utf-8").strip()) if path.exists() else None


def make_salt(settings: Settings) -> Salt:
    """The salt, drawn and kept at the first erasure."""
    found = find_salt(settings)
    if found:
        return found
    write_private(salt_path(settings), secrets.token_hex(32))
    return Salt(salt_path(settings).read_text(encoding="utf-8"))


def known_pseudonym(settings: Settings, salt: Salt, customer_id: str) -> str | None:
    """The pseudonym of a customer who was erased before; None for one who was not."""
    return Register(settings).spellings().get(salt.hash(customer_id))


def record_erasure(settings: Settings, salt: Salt, erased: Erased, rows: Mapping[str, int]) -> None:
    """Put the erasure of a customer on record in the register; rows by table."""
    names = {erased.customer_id: erased.pseudonym, **erased.spellings}
    with connect() as connection:  # the same function that looks ids up
        loose = dict(
            connection.execute(
                f"select text, {LOOSE.format(plain('text'))} from (select unnest($1) as text)", [[*names]]
            ).fetchall()
        )
    # what is told in any case only is the id itself before another spelling of it
    spellings: dict[str, str | None] = {salt.hash(loose[text]): name for text, name in names.items()}
    spellings |= {salt.hash(text): name for text, name in erased.spellings.items()}
    spellings[salt.hash(loose[erased.customer_id])] = erased.pseudonym
    spellings |= {salt.hash(text): None for text in erased.others}
    record = ErasureRecord(
        erased.pseudonym, salt.hash(erased.customer_id), salt.mark, datetime.now(UTC), None, json.dumps(rows)
    )
    Register(settings).add_erasures([record], {**spellings, salt.hash(erased.customer_id): erased.pseudonym})


def write_erasures(connection: DuckDBPyConnection, settings: Settings, place: str = "ops") -> None:
    """Copy the register into the table erasures of a schema, so that an erasure can be proven there."""
    connection.execute(CREATE.format(place=place))
    connection.execute(f"delete from {place}.erasures")
    for one in Register(settings).erasures():
        values = [one.pseudonym, one.customer_hash, one.salt_hash, one.erased_at, one.finished_at, one.row_counts]
        connection.execute(f"insert into {place}.erasures values ($1, $2, $3, $4, $5, $6)", values)


def adopt_erasures(connection: DuckDBPyConnection, settings: Settings) -> None:
    """Copy into the register the erasures that only the warehouse has, because they are older than the register."""
    known = {one.pseudonym for one in Register(settings).erasures()}
    rows = [ErasureRecord(*row) for row in _recorded(connection) if row[0] not in known]
    if rows:
        Register(settings).add_erasures(rows, {one.customer_hash: one.pseudonym for one in rows})


def unknown_erasures(connection: DuckDBPyConnection, settings: Settings) -> list[ErasureRecord]:
    """The erasures that this warehouse does not know: it is new, or older than they are."""
    known = {row[0] for row in _recorded(connection)}
    return [one for one in Register(settings).erasures() if one.pseudonym not in known]


def _recorded(connection: DuckDBPyConnection) -> list[tuple[Any, ...]]:
    is_there = connection.execute(
        """
        select count(*) from duckdb_tables()
        where database_name = current_database() and schema_name = 'ops' and table_name = 'erasures'
        """
    ).fetchone()
    return [] if is_there == (0,) else connection.execute("select * from ops.erasures order by erased_at").fetchall()


class ErasureRegister:
    """The erased customers of a warehouse, as a load needs them; without any, everything passes unchanged."""

    def __init__(self, connection: DuckDBPyConnection, settings: Settings) -> None:
        """Raises UserError when customers were erased under a salt that is not at hand."""
        self._connection = connection
        self._salt: Salt | None = None
        adopt_erasures(connection, settings)
        self._pseudonyms = Register(settings).spellings()
        if self._pseudonyms:
            self._salt = find_salt(settings)
            self._require_salt(settings)

    def _require_salt(self, settings: Settings) -> None:
        marks = {one.salt_hash for one in Register(settings).erasures()}
        if self._salt is None or marks != {self._salt.mark}:
            raise UserError(
                f"{salt_path(settings)}: not the salt that customers were erased under, so that nobody could tell"
                f" whether a load brings them back. Restore that file, or set {SALT_VARIABLE} to what it was."
            )

    def mask(self, relation: str, table: Table) -> str:
        """The rows of `relation` (SQL, with the table's columns and _row_number) with erased customers masked, as
        SQL."""
        found = self.found(relation, table)
        if not found:
            return relation
        _require_room(table, found.values())
        set_spellings(self._connection, found)
        chosen = ", ".join(f"{masked(table, column)} as {column.sql}" for column in table.columns)
        return f"(select {chosen}, _row_number from {relation})"

    def found(self, relation: str, table: Table) -> dict[str, str]:
        """The pseudonym of each erased customer who is in `relation`, by id as this source spells both.

        An id is looked up as it is, then without invisible characters, then in any case. So an erased customer does not
        come back under another spelling, unless that was another customer's id at the time of the erasure.
        """
        if self._salt is None:
            return {}
        found: dict[str, str] = {}
        for column in (column for column in table.columns if table.is_customer(column)):
            for text, *hashes in self._connection.execute(
                f"select text, sha256($salt || $prefix || text), sha256($salt || $prefix || {plain('text')}),"
                f" sha256($salt || {LOOSE.format(plain('$prefix || text'))})"
                f" from (select distinct {spelling(column)} as text from {relation}) where text is not null",
                {"salt": self._salt.value, "prefix": table.prefix},
            ).fetchall():
                known = next((one for one in hashes if one in self._pseudonyms), None)
                name = self._pseudonyms[known] if known else None
                if name is not None:
                    found[text] = name.removeprefix(table.prefix)
        return dict(sorted(found.items()))

    def mask_record(self, record: str, prefix: str) -> str:
        """A line that is no row (SQL): nothing of it where one of its words is an erased customer's id."""
        if self._salt is None:
            return record
        self._connection.execute("set variable erasure_salt = $1", [self._salt.value])
        self._connection.execute("set variable erasure_prefix = $1", [prefix])
        known = [one for one, name in self._pseudonyms.items() if name is not None]
        self._connection.execute("set variable erasure_hashes = $1", [known])
        words = f"regexp_extract_all({record}, '{WORDS}')"
        exact = "sha256(getvariable('erasure_salt') || getvariable('erasure_prefix') || word)"
        loose_word = LOOSE.format(plain("getvariable('erasure_prefix') || word"))
        loose = f"sha256(getvariable('erasure_salt') || {loose_word})"
        hashes = f"list_transform({words}, lambda word: {exact}) || list_transform({words}, lambda word: {loose})"
        held = "cast(getvariable('erasure_hashes') as varchar[])"
        return f"case when list_has_any({hashes}, {held}) then null else {record} end"


def _require_room(table: Table, names: Iterable[str]) -> None:
    """Raises UserError for a column of numbers that is to hold a pseudonym of letters."""
    for column in table.columns:
        if table.is_customer(column) and not column.is_text and not all(name.lstrip("-").isdigit() for name in names):
            raise UserError(
                f"{table.relation}: an erased customer comes again, but {column.name} is {column.data_type} and cannot"
                " hold the pseudonym. Declare its `type: varchar` in the source's YAML."
            )
