"""The customer to be found: the id as each source spells it, and the contacts by which a text could name the
customer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5, sha1, sha256

from duckdb import DuckDBPyConnection

from warehouse.identity.columns import Table, is_postal_code
from warehouse.identity.masking import is_distinctive, is_erased, plain, set_erased
from warehouse.relations import Relation
from warehouse.settings import Settings

# Which ids are one person's, where the company joins them.
IDENTITIES = Relation("intermediate", "int_customer_identities")
# Shorter ones are no addresses and no telephone numbers, and stand in many a text by chance.
SHORTEST_CONTACT = 6


@dataclass(frozen=True)
class DataSubject:
    """A customer to be found, and the new name: the id itself if nothing is to change.

    `prefixes` are the prefixes of sources' customer numbers after their raw tables. `contacts` are e-mail addresses and
    telephone numbers in lower case, that nobody else has, and their hashes. `digests` are keys of this customer's rows
    that may be made of the id. `variants` are other spellings of the id in rows of their own, and the person's other
    ids; each has a pseudonym of its own, so that two keys of a table never become one.
    """

    customer_id: str
    pseudonym: str
    prefixes: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    variants: Mapping[str, str] = field(default_factory=dict)

    def within(self, prefix: str) -> dict[str, str]:
        """The ids and their pseudonyms as rows under this prefix spell them, without those that cannot be such."""
        names = {self.customer_id: self.pseudonym, **self.variants}
        return {
            key.removeprefix(prefix): name.removeprefix(prefix) for key, name in names.items() if key.startswith(prefix)
        }

    @property
    def spellings(self) -> list[str]:
        """Every way to write the id."""
        return sorted({spelling for prefix in ("", *self.prefixes) for spelling in self.within(prefix)})

    def distinctive_names(self) -> dict[str, str]:
        """The pseudonym by every spelling of the id that differs from other words; longer ones first."""
        names = {key: name for prefix in ("", *self.prefixes) for key, name in self.within(prefix).items()}
        return {key: names[key] for key in sorted(names, key=len, reverse=True) if is_distinctive(key)}

    @property
    def words(self) -> list[str]:
        """The words that identify this customer anywhere: distinctive ids, contacts and digests."""
        return [*self.distinctive_names(), *self.contacts, *self.digests]


def count_rows(connection: DuckDBPyConnection, tables: Sequence[Table], data_subject: DataSubject) -> dict[str, int]:
    """How many rows of each table are this customer's, without those tables that have none."""
    counts = {}
    for table in tables:
        if table.owner_columns:
            set_erased(connection, table, data_subject.within(table.prefix))
            row = connection.execute(f"select count(*) from {table.relation.sql} where {is_erased(table)}").fetchone()
            if row and row[0]:
                counts[str(table.relation)] = int(row[0])
    return counts


def find_spellings(
    connection: DuckDBPyConnection, tables: Sequence[Table], customer_id: str
) -> tuple[list[str], list[str]]:
    """Other spellings of an id in the tables: those that look the same, and those in another case.

    The first belong to the same customer, although tables after the raw ones keep them apart. The second may not.
    """
    same: set[str] = set()
    others: set[str] = set()
    for table in tables:
        for column in (column for column in table.columns if table.is_customer(column) and column.is_text):
            rows = connection.execute(
                f"select text, {plain('text')} = {plain('$id')}"
                f" from (select distinct $prefix || {column.sql} as text from {table.relation.sql})"
                f" where lower({plain('text')}) = lower({plain('$id')}) and text <> $id",
                {"id": customer_id, "prefix": table.prefix},
            ).fetchall()
            is_raw = table.relation.schema.startswith("raw_")
            same |= {text for text, is_same in rows if is_same and not is_raw}
            others |= {text for text, is_same in rows if not is_same and not table.is_any_case}
    return sorted(same), sorted(others)


def find_other_ids(connection: DuckDBPyConnection, settings: Settings, customer_id: str) -> list[str]:
    """The other ids of this id's person, as the last run joined them; none if the company does not join ids."""
    is_there = connection.execute(
        "select 1 from duckdb_tables()"
        " where database_name = current_database() and schema_name = $1 and table_name = $2",
        [IDENTITIES.schema, IDENTITIES.name],
    ).fetchone()
    if not settings.identity.resolve or not is_there:
        return []
    rows = connection.execute(
        f"select source_customer_id from {IDENTITIES.sql} where source_customer_id <> $1 and customer_id in"
        f" (select customer_id from {IDENTITIES.sql} where source_customer_id = $1) order by 1",
        [customer_id],
    ).fetchall()
    return [other for (other,) in rows]


def find_contacts(
    connection: DuckDBPyConnection, tables: Sequence[Table], data_subject: DataSubject
) -> tuple[str, ...]:
    """The customer's addresses and telephone numbers, with their hashes; none that another customer has as well."""
    own: set[str] = set()
    others: set[str] = set()
    for table in tables:
        if not table.owner_columns:
            continue
        set_erased(connection, table, data_subject.within(table.prefix))
        for column in table.columns:
            if table.is_personal(column) and not column.is_nested and not is_postal_code(column.name):
                own |= _values(connection, table, column.sql, is_erased(table))
                found = f"lower(trim(cast({column.sql} as varchar))) in (select unnest($own))"
                others |= _values(connection, table, column.sql, f"not {is_erased(table)} and {found}", own=[*own])
    return tuple(sorted({form for value in own - others if _is_contact(value) for form in _forms(value)}))


def _values(connection: DuckDBPyConnection, table: Table, column: str, condition: str, **bound: object) -> set[str]:
    rows = connection.execute(
        f"select distinct lower(trim(cast({column} as varchar))) from {table.relation.sql}"
        f" where {column} is not null and {condition}",
        bound or None,
    ).fetchall()
    return {value for (value,) in rows}


def _is_contact(value: str) -> bool:
    has_digits = len(re.sub(r"\D", "", value)) >= SHORTEST_CONTACT and not re.search(r"[^\d\s()+./-]", value)
    return len(value) >= SHORTEST_CONTACT and ("@" in value or has_digits)


def _forms(value: str) -> set[str]:
    """A contact as it is written, bare, and as the hashes by which it could be recognised."""
    bare = value if "@" in value else re.sub(r"\D", "", value)
    hashes = {kind(bare.encode(), usedforsecurity=False).hexdigest() for kind in (md5, sha1, sha256)}
    return {value, bare} | hashes
