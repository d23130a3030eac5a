"""Erasing a customer: in the warehouse, in the publication, in the analysts' file, and in logs.

    <home>/privacy/unfinished.json   who is being erased, for the owner of the home folder alone; gone at the end

The warehouse comes first: one replacement of its file puts the pseudonym into every row and the erasure on record, so
that no run can publish the customer again. Then every copy follows. Each part may be repeated, so the next command, for
any customer, finishes one that was killed.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import randbits, token_hex
from typing import Any, Protocol

import duckdb
from duckdb import DuckDBPyConnection

from warehouse.errors import UserError
from warehouse.files import read_note, write_private
from warehouse.identity.columns import Table, database_tables
from warehouse.identity.erasure_register import (
    Erased,
    ErasureRegister,
    find_salt,
    known_pseudonym,
    make_salt,
    record_erasure,
    unknown_erasures,
    write_erasures,
)
from warehouse.identity.masking import is_distinctive
from warehouse.ingest.sources import SourceConfig, known_sources, read_source
from warehouse.lock import hold_warehouse
from warehouse.node_states import forget_states
from warehouse.privacy.contents import contents
from warehouse.privacy.dagster_database import clean_database, left_in_database
from warehouse.privacy.data_subject import DataSubject, count_rows, find_contacts, find_other_ids, find_spellings
from warehouse.privacy.residual_files import clean, home_files, is_duckdb, tells_of
from warehouse.privacy.rewriting import count_records, find_digests, mentions, put_in_place, rewrite
from warehouse.privacy.source_files import delivered_in, exported_with
from warehouse.register import Register
from warehouse.settings import Settings
from warehouse.sql import connect, memory_limit, wal_of

# Pseudonyms for ids that are numbers are negative ones, which no source gives, as wide as the narrowest column allows.
NUMBER_BITS = {"INTEGER": 30, "BIGINT": 62, "HUGEINT": 62, "DOUBLE": 52}
PSEUDONYM_BYTES = 8

Tell = Callable[[str], None]


class Copies(Protocol):
    """The published copies of the marts, which an erasure reaches as well."""

    def names(self) -> list[str]:
        """The kept copies, oldest first."""

    def rewrite(self, rewrite: Callable[[Path, Path], None]) -> str | None:
        """Replace the live copy by the one that `rewrite(live, new)` writes, and remove the others. Returns the new
        copy's name."""


@dataclass(frozen=True)
class Erasure:
    """The result of an erasure. `row_counts` are those of the warehouse's tables; `source_files` belong to the sources,
    not to us.

    `others` are customers whose ids differ only in upper and lower case; they were not erased. `other_ids_count` is the
    number of the person's other ids, which were erased. `unseen` are files that the proof could not look into.
    `audiences` are those whose last export had the customer; other systems hold it.
    """

    pseudonym: str
    row_counts: dict[str, int] = field(default_factory=dict)
    source_files: tuple[str, ...] = ()
    publication: str | None = None
    removed_publications: tuple[str, ...] = ()
    rewritten_files: tuple[str, ...] = ()
    is_searched: bool = True
    others: tuple[str, ...] = ()
    other_ids_count: int = 0
    unseen: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Unfinished:
    """The facts that are needed until the end, because the first step removes them from the warehouse."""

    customer_id: str
    pseudonym: str
    contacts: tuple[str, ...]
    digests: tuple[str, ...]
    source_files: tuple[str, ...]
    row_counts: dict[str, int]
    variants: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    other_ids: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()


def erase(settings: Settings, customer_id: str, copies: Copies, tell: Tell) -> Erasure:
    """Erase a customer from everything under the home folder, holding the warehouse. Returns what was done.

    `copies` are the published copies. `tell` is called with a sentence for a wait and for each part. Raises UserError
    for an unknown customer, for a file that another program holds, and when a trace of the customer is left at the
    end; WarehouseBusyError when a run holds the warehouse.
    """
    if not settings.warehouse_path.exists():
        raise UserError(f"{settings.warehouse_path}: there is no warehouse yet, so nobody to erase from it.")
    with hold_warehouse(settings, "privacy erase", on_wait=tell):
        earlier = _read_unfinished(settings)
        if earlier and earlier.customer_id != customer_id:
            tell("Finishing an earlier erasure, which was cut off.")
            _Work(settings, earlier, copies, tell).run()
            earlier = None
        return _Work(settings, earlier or _begin(settings, customer_id), copies, tell).run()


def reapply(settings: Settings, copies: Copies, tell: Tell) -> int:
    """Erase again whom the register knows and a warehouse from a backup has as they were. Returns how many."""
    with hold_warehouse(settings, "privacy reapply", on_wait=tell):
        with connect(settings.warehouse_path) as connection:
            found = returned_customers(connection, ErasureRegister(connection, settings), settings)
        for customer_id in found:
            _Work(settings, _begin(settings, customer_id, is_current=False), copies, tell).run()
        with connect(settings.warehouse_path) as connection:
            write_erasures(connection, settings)
    return len(found)


def require_current(connection: DuckDBPyConnection, settings: Settings) -> None:
    """Raises UserError for a warehouse from a backup that still has customers who were erased since.

    A new warehouse takes over the register's erasures.
    """
    register = ErasureRegister(connection, settings)
    unknown = unknown_erasures(connection, settings)
    if not unknown:
        return
    if returned_customers(connection, register, settings):
        since = min(one.erased_at for one in unknown)
        raise UserError(
            f"{settings.warehouse_path}: older than the erasure of a customer on {since:%Y-%m-%d}, and still has who"
            " was erased. `loyalty privacy reapply` erases them again."
        )
    write_erasures(connection, settings)


def returned_customers(connection: DuckDBPyConnection, register: ErasureRegister, settings: Settings) -> list[str]:
    """The ids of erased customers that are still unmasked in a warehouse."""
    tables = database_tables(connection, every_source(settings))
    return sorted({table.prefix + text for table in tables for text in register.found(table.relation.sql, table)})


def unfinished_path(settings: Settings) -> Path:
    """The file that is there while an erasure has begun and not ended."""
    return settings.home / "privacy" / "unfinished.json"


def _read_unfinished(settings: Settings) -> _Unfinished | None:
    path = unfinished_path(settings)
    if not path.exists():
        return None
    values = read_note(path)
    known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        return _Unfinished(**known)
    except TypeError as error:
        raise UserError(
            f"{path}: damaged, so that nobody can tell who was being erased. Remove it, and start that erasure again."
        ) from error


def _begin(settings: Settings, customer_id: str, *, is_current: bool = True) -> _Unfinished:
    """Find the customer, draw the pseudonym, and keep both until the end. Raises UserError for an unknown id."""
    sources = every_source(settings)
    with connect(settings.warehouse_path) as connection:
        tables = database_tables(connection, sources)
        if is_current:
            require_current(connection, settings)
        data_subject = DataSubject(customer_id, "", prefixes_of(sources))
        other_ids = find_other_ids(connection, settings, customer_id)
        variants, others = _every_spelling(connection, tables, [customer_id, *other_ids])
        data_subject = replace(data_subject, variants=dict.fromkeys(variants, ""))
        counts = count_rows(connection, tables, data_subject) | count_records(connection, tables, data_subject)
        require_declared(connection, sources, data_subject, counts)
        salt = find_salt(settings)
        known = known_pseudonym(settings, salt, customer_id) if salt else None
        if not counts and known is None:
            raise unknown_customer(settings, customer_id)

        is_upper = any(source.id_case == "upper" for source in sources.values())

        def known_or_drawn(text: str) -> str:
            earlier = known_pseudonym(settings, salt, text) if salt else None
            return earlier or _draw(tables, replace(data_subject, customer_id=text), is_upper=is_upper)

        name = known_or_drawn(customer_id)
        contacts = find_contacts(connection, tables, data_subject)
        digests = find_digests(connection, tables, data_subject)
        source_files = delivered_in(connection, settings, sources, tables, data_subject)
        audiences = exported_with(connection, tables, data_subject)
        names = {text: known_or_drawn(text) for text in variants}
    found = (contacts, tuple(digests), tuple(source_files), counts)
    begun = _Unfinished(customer_id, name, *found, names, tuple(others), tuple(other_ids), tuple(audiences))
    make_salt(settings)
    write_private(unfinished_path(settings), json.dumps(asdict(begun)))
    return begun


def _every_spelling(connection: DuckDBPyConnection, tables: list[Table], ids: list[str]) -> tuple[list[str], list[str]]:
    """The other ids of a person and other spellings of each; and ids of others that differ in case alone."""
    found = [find_spellings(connection, tables, one) for one in ids]
    same = {text for spelled, _ in found for text in spelled} | set(ids[1:])
    others = {text for _, differing in found for text in differing}
    return sorted(same - {ids[0]}), sorted(others - same - {ids[0]})


def every_source(settings: Settings | None = None) -> dict[str, SourceConfig]:
    """All sources of the company, including those switched off, because the warehouse may hold their earlier rows."""
    return {name: read_source(name, asked_by=settings) for name in sorted(known_sources(settings))}


def require_declared(
    connection: DuckDBPyConnection, sources: dict[str, SourceConfig], data_subject: DataSubject, counts: dict[str, int]
) -> None:
    """Raises UserError if a source's staging has the customer but no column of its raw tables is declared to have
    customers."""
    for table in database_tables(connection, {}, with_views_of="staging"):
        name = table.relation.name.removeprefix("stg_").partition("__")[0]
        if table.relation.schema != "staging" or name not in sources:
            continue
        staged = count_rows(connection, [replace(table, prefix=sources[name].customer_prefix)], data_subject)
        if staged and not any(raw.startswith(f"{sources[name].raw_schema}.") for raw in counts):
            raise UserError(
                f"{sources[name].path}: {table.relation} knows the customer, but no raw table does. Name the columns"
                " that hold customers' ids there, `customer_columns: [...]`, and start the command again. Where staging"
                " makes the ids, of an address for example, let the load make them, which knows them again: a column"
                " with `hash_of: [...]`, named in `customer_columns`, then `loyalty run --full-refresh`."
            )


def unknown_customer(settings: Settings, customer_id: str) -> UserError:
    """The error for an id that no row of the warehouse has."""
    return UserError(
        f'{settings.warehouse_path}: no row is of a customer "{customer_id}". Ids are those of marts.dim_customers,'
        " upper and lower case as there."
    )


def prefixes_of(sources: dict[str, SourceConfig]) -> tuple[str, ...]:
    """The prefixes of the sources' own customer numbers."""
    return tuple(sorted({source.customer_prefix for source in sources.values()}))


def _draw(tables: list[Table], data_subject: DataSubject, *, is_upper: bool) -> str:
    """A pseudonym that every column of ids can hold, behind the longest prefix that the id itself has.

    is_upper: a source writes its ids in upper case, so that its pseudonyms stay as they are.
    """
    types = {
        column.data_type
        for table in tables
        if data_subject.within(table.prefix)
        for column in table.columns
        if table.is_customer(column) and not column.is_text
    }
    if unfit := types - set(NUMBER_BITS):
        raise UserError(
            f"Customer ids are {', '.join(sorted(unfit))} in the warehouse, which holds no pseudonym. Declare their"
            f" `type: bigint` in the sources' YAML and load them anew: `loyalty run --full-refresh`."
        )
    prefix = max(
        (found for found in data_subject.prefixes if data_subject.customer_id.startswith(found)), key=len, default=""
    )
    if types:
        return f"{prefix}-{1 + randbits(min(NUMBER_BITS[kind] for kind in types))}"
    name = f"erased-{token_hex(PSEUDONYM_BYTES)}"
    return prefix + (name.upper() if is_upper else name)


class _Work:
    """The parts of one erasure, in their order."""

    def __init__(self, settings: Settings, begun: _Unfinished, copies: Copies, tell: Tell) -> None:
        self.settings = settings
        self.begun = begun
        self.copies = copies
        self.tell = tell
        self.sources = every_source(settings)
        prefixes = prefixes_of(self.sources)
        self.data_subject = DataSubject(
            begun.customer_id, begun.pseudonym, prefixes, begun.contacts, begun.digests, begun.variants
        )
        self.inputs = {
            source.input_path.resolve() for source in settings.sources.values() if source.input_path is not None
        }
        self.rewritten: list[str] = []
        self.unseen: list[str] = []

    def run(self) -> Erasure:
        """Everything, and the proof. Raises UserError where something is left."""
        self._forget_scratch()
        self.tell("The warehouse")
        self._warehouse()
        self.tell("What is published")
        before = self.copies.names()
        published = self.copies.rewrite(self._rewrite)
        self.tell("Other files of the home folder")
        self._other_files()
        self._require_gone()
        self._finish()
        return Erasure(
            pseudonym=self.begun.pseudonym,
            row_counts=self.begun.row_counts,
            source_files=self.begun.source_files,
            publication=published,
            removed_publications=tuple(before),
            rewritten_files=tuple(self.rewritten),
            is_searched=all(map(is_distinctive, [self.begun.customer_id, *self.begun.other_ids])),
            others=self.begun.others,
            other_ids_count=len(self.begun.other_ids),
            unseen=tuple(self.unseen),
            audiences=self.begun.audiences,
        )

    def _forget_scratch(self) -> None:
        """Delete leftovers of killed loads and publications, and what Spark has, which a run makes again; no other
        process works while the warehouse is held."""
        shutil.rmtree(self.settings.home / "tmp", ignore_errors=True)
        shutil.rmtree(self.settings.spark_path, ignore_errors=True)
        for folder in (self.settings.home, self.settings.published_dir):
            for leftover in folder.glob("*.tmp"):
                shutil.rmtree(leftover, ignore_errors=True)
        for path in self._files():
            if path.name.startswith(".") and path.name.endswith((".next", ".next.wal")):
                path.unlink()

    def _warehouse(self) -> None:
        path = self.settings.warehouse_path
        new = path.with_name(".warehouse.duckdb.next")
        begun = self.begun
        erased = Erased(begun.customer_id, begun.pseudonym, begun.variants, begun.others)
        record_erasure(self.settings, make_salt(self.settings), erased, begun.row_counts)
        Register(self.settings).forget_messages(begun.digests)
        with connect(path) as connection:  # rows of all tables change, so the next run builds all of them
            forget_states(connection)

        def copy_record(connection: DuckDBPyConnection, database: str) -> None:
            write_erasures(connection, self.settings, f"{database}.ops")

        self._rewrite(path, new, finish=copy_record)
        put_in_place(new, path)

    def _rewrite(self, source: Path, target: Path, **options: Any) -> None:
        limit = memory_limit(self.settings)
        rewrite(source, target, self.data_subject, self.sources, memory_limit=limit, **options)

    def _other_files(self) -> None:
        for path in self._files():
            if not path.exists():  # SQLite takes the log of a file away when that is closed
                continue
            if is_duckdb(path):
                self._other_database(path)
            elif clean(path, self.data_subject):
                self.rewritten.append(str(path))
        self.rewritten += clean_database(self.settings, self.data_subject)

    def _other_database(self, path: Path) -> None:
        """The analysts' file, or whatever DuckDB file lies here; its views may read the working copy."""
        work = self.settings.published_dir / "work.duckdb"
        new = path.with_name(f".{path.name}.next")
        try:
            beside = {"warehouse": work} if work.exists() and path.stem != "warehouse" else {}
            self._rewrite(path, new, beside=beside)
        except duckdb.Error as error:
            raise UserError(
                f"{path}: cannot be written anew ({str(error).splitlines()[0]}). Close the program that has it open, or"
                " remove the file, and start the command again: it goes on from here."
            ) from error
        put_in_place(new, path)
        self.rewritten.append(str(path))

    def _files(self) -> list[Path]:
        """The files of the home folder that are neither the warehouse, nor published, nor a source's, nor ours."""
        home = self.settings.home
        others = {self.settings.published_dir.resolve(), (home / "privacy").resolve(), *self.inputs}
        own = {self.settings.warehouse_path, wal_of(self.settings.warehouse_path)}
        return [path for path in home_files(home, others) if path not in own]

    def _require_gone(self) -> None:
        """The proof: every table of every database and every other file is looked at again."""
        published = home_files(self.settings.published_dir, ())
        found = [
            place for path in [self.settings.warehouse_path, *published, *self._files()] for place in self._left(path)
        ] + left_in_database(self.settings, self.data_subject)
        if found:
            raise UserError(
                "The customer is erased from the warehouse and from what is published, but still stands in:\n"
                + "\n".join(f"  {place}" for place in found)
                + "\nRemove these, and start the command again."
            )

    def _left(self, path: Path) -> list[str]:
        if not path.exists():
            return []
        if not is_duckdb(path):
            return self._left_in(path)
        with connect(path, read_only=True) as connection:
            tables = database_tables(connection, self.sources)
            return [f"{path}: {column}" for column in mentions(connection, tables, self.data_subject)]

    def _left_in(self, path: Path) -> list[str]:
        left = []
        for part in contents(path):
            if part.data is None:
                self.unseen.append(f"{part.place}: {part.why}")
            elif tells_of(part.data, self.data_subject):
                left.append(part.place)
        return left

    def _finish(self) -> None:
        Register(self.settings).finish_erasure(self.begun.pseudonym, datetime.now(UTC))
        with connect(self.settings.warehouse_path) as connection:
            write_erasures(connection, self.settings)
        unfinished_path(self.settings).unlink()
