"""Who was erased, so that nobody can tell, and so that no load brings them back.

    ops.erasures   one row per erased customer: the pseudonym, a salted hash of the id, when, and how many rows
    <home>/privacy/salt   the salt, for its owner alone; LOYALTY_HASH_SALT stands in its place where it is set

The hash proves that an id was erased to whoever has both the id and the salt, and recognises the id when a source
delivers it again. Without the salt it tells nothing, and so the salt is in no copy of the warehouse.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from warehouse.errors import UserError
from warehouse.files import write_private
from warehouse.identity.columns import Table
from warehouse.identity.masking import masked, plain_id, set_erased
from warehouse.settings import Settings

SALT_VARIABLE = "LOYALTY_HASH_SALT"
CREATE = """
create schema if not exists {database}.ops;
create table if not exists {database}.ops.erasures (
    pseudonym varchar not null, customer_hash varchar not null, salt_hash varchar not null,
    erased_at timestamptz not null, finished_at timestamptz, row_counts varchar
);
"""
# Of a line that could not be split into its values: what may be one.
WORDS = "[^,;|\\t\"''\\s{}:]+"


@dataclass(frozen=True)
class Salt:
    """The secret that erased ids are hashed with."""

    value: str

    def hash(self, text: str) -> str:
        """The salted hash of a text, in hexadecimal, as DuckDB's sha256 gives it too."""
        return hashlib.sha256((self.value + text).encode()).hexdigest()

    @property
    def mark(self) -> str:
        """By which an erasure says under which salt it stands."""
        return self.hash("salt")


def salt_path(settings: Settings) -> Path:
    """The file of the salt."""
    return settings.home / "privacy" / "salt"


def find_salt(settings: Settings, environ: Mapping[str, str] = os.environ) -> Salt | None:
    """The salt of the environment, else of the home folder; None where there is none."""
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


def has_erasures(connection: DuckDBPyConnection) -> bool:
    """Whether anybody was ever erased from the connection's database."""
    known = connection.execute(
        """
        select count(*) from duckdb_tables()
        where database_name = current_database() and schema_name = 'ops' and table_name = 'erasures'
        """
    ).fetchone()
    return known != (0,) and connection.execute("select count(*) from ops.erasures").fetchone() != (0,)


def known_pseudonym(connection: DuckDBPyConnection, salt: Salt, customer_id: str) -> str | None:
    """The pseudonym of a customer who was erased before; None for one who was not."""
    if not has_erasures(connection):
        return None
    row = connection.execute(
        "select pseudonym from ops.erasures where customer_hash = $1", [salt.hash(customer_id)]
    ).fetchone()
    return row[0] if row else None


def record_erasure(
    connection: DuckDBPyConnection, database: str, salt: Salt, customer_id: str, name: str, rows: Mapping[str, int]
) -> None:
    """Write the erasure of a customer; rows by table."""
    connection.execute(CREATE.format(database=database))
    connection.execute(
        f"insert into {database}.ops.erasures values ($1, $2, $3, now(), null, $4)",
        [name, salt.hash(customer_id), salt.mark, json.dumps(rows)],
    )


class ErasureRegister:
    """The erased customers of a warehouse, as a load needs them; without any, everything passes unchanged."""

    def __init__(self, connection: DuckDBPyConnection, settings: Settings) -> None:
        """Raises UserError when customers were erased under a salt that is not at hand."""
        self._connection = connection
        self._salt: Salt | None = None
        if has_erasures(connection):
            self._salt = find_salt(settings)
            self._require_salt(settings)

    def _require_salt(self, settings: Settings) -> None:
        marks = self._connection.execute("select distinct salt_hash from ops.erasures").fetchall()
        if self._salt is None or marks != [(self._salt.mark,)]:
            raise UserError(
                f"{salt_path(settings)}: not the salt that customers were erased under, so that nobody could tell"
                f" whether a load brings them back. Restore that file, or set {SALT_VARIABLE} to what it was."
            )

    def mask(self, relation: str, table: Table) -> str:
        """The rows of `relation` (SQL, with the table's columns and _row_number) without who was erased, as SQL."""
        found = self._found(relation, table)
        if not found:
            return relation
        _require_room(table, found.values())
        set_erased(self._connection, found)
        chosen = ", ".join(f"{masked(table, column)} as {column.sql}" for column in table.columns)
        return f"(select {chosen}, _row_number from {relation})"

    def _found(self, relation: str, table: Table) -> dict[str, str]:
        """The pseudonym of each erased customer who is in `relation`, by id as this source spells both."""
        if self._salt is None:
            return {}
        found: dict[str, str] = {}
        for column in (column for column in table.columns if table.is_customer(column)):
            rows = self._connection.execute(
                f"select known.id, erasures.pseudonym from (select distinct {plain_id(column)} as id from {relation})"
                " as known inner join ops.erasures on erasures.customer_hash = sha256($salt || $prefix || known.id)",
                {"salt": self._salt.value, "prefix": table.prefix},
            ).fetchall()
            found |= {key: name.removeprefix(table.prefix) for key, name in rows}
        return dict(sorted(found.items()))

    def mask_record(self, record: str, prefix: str) -> str:
        """A line that is no row (SQL): nothing of it where one of its words is an erased customer's id."""
        if self._salt is None:
            return record
        self._connection.execute("set variable erasure_salt = $1", [self._salt.value + prefix])
        words = f"regexp_extract_all({record}, '{WORDS}')"
        hashes = f"list_transform({words}, lambda word: sha256(getvariable('erasure_salt') || word))"
        known = "(select list(customer_hash) from ops.erasures)"
        return f"case when list_has_any({hashes}, {known}) then null else {record} end"


def _require_room(table: Table, names: Iterable[str]) -> None:
    """Raises UserError for a column of numbers that is to hold a pseudonym of letters."""
    for column in table.columns:
        if table.is_customer(column) and not column.is_text and not all(name.lstrip("-").isdigit() for name in names):
            raise UserError(
                f"{table.relation}: an erased customer comes again, but {column.name} is {column.data_type} and cannot"
                " hold the pseudonym. Declare its `type: varchar` in the source's YAML."
            )
