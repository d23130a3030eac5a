"""The register: records that have to outlive the warehouse, in a file of its own beside it.

    <home>/privacy/register.sqlite   who was erased, by salted hashes, and what became of each message, by its id

A lost warehouse can be built anew from the sources. Without this file, that would bring erased customers back and write
to everybody again. The register holds no customer's id and no address, and is never older than the warehouse, because
every record is written here first.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from warehouse.errors import UserError
from warehouse.settings import Settings

SENT = "sent"
TIMEOUT_SECONDS = 60
CREATE = """
create table if not exists erasures (
    pseudonym text primary key, customer_hash text not null, salt_hash text not null, erased_at text not null,
    finished_at text, row_counts text not null
);
-- how an erased customer's id may be spelled, hashed; without a pseudonym, another customer who is spelled alike
create table if not exists spellings (spelling_hash text primary key, pseudonym text);
create table if not exists deliveries (
    message_id text not null, attempted_at text not null, outcome text not null, reason text,
    primary key (message_id, attempted_at, outcome)
);
"""


@dataclass(frozen=True)
class ErasureRecord:
    """The record of one erasure: times in UTC, rows by table as JSON."""

    pseudonym: str
    customer_hash: str
    salt_hash: str
    erased_at: datetime
    finished_at: datetime | None
    row_counts: str


@dataclass(frozen=True)
class DeliveryRecord:
    """One attempt to deliver a message, with its time in UTC and its outcome."""

    message_id: str
    attempted_at: datetime
    outcome: str
    reason: str | None


class Register:
    """The register of one home folder; without its file, an empty one."""

    def __init__(self, settings: Settings) -> None:
        self.path = register_path(settings)

    def erasures(self) -> list[ErasureRecord]:
        """The erasures on record, oldest first."""
        with self._opened() as connection:
            rows = connection.execute("select * from erasures order by erased_at, pseudonym").fetchall()
        return [
            ErasureRecord(name, who, salt, _moment(began), _moment(ended) if ended else None, counts)
            for name, who, salt, began, ended, counts in rows
        ]

    def spellings(self) -> dict[str, str | None]:
        """The pseudonym by the hash of every spelling; None where it is another customer's."""
        with self._opened() as connection:
            return dict(connection.execute("select spelling_hash, pseudonym from spellings").fetchall())

    def add_erasures(self, records: Iterable[ErasureRecord], spellings: dict[str, str | None]) -> None:
        """Record erasures, with the hashes of possible spellings of their ids. Known erasures stay as they are."""
        rows = [
            (one.pseudonym, one.customer_hash, one.salt_hash, _text(one.erased_at), _end(one), one.row_counts)
            for one in records
        ]
        with self._opened(to_write=True) as connection:
            connection.executemany("insert or ignore into erasures values (?, ?, ?, ?, ?, ?)", rows)
            connection.executemany(
                "insert into spellings values (?, ?) on conflict do update"
                " set pseudonym = coalesce(spellings.pseudonym, excluded.pseudonym)",
                [*spellings.items()],
            )

    def finish_erasure(self, pseudonym: str, at: datetime) -> None:
        """Note when an erasure came to its end."""
        with self._opened(to_write=True) as connection:
            connection.execute("update erasures set finished_at = ? where pseudonym = ?", [_text(at), pseudonym])

    def add_deliveries(self, records: Iterable[DeliveryRecord]) -> None:
        """Record the outcomes of attempts to deliver messages; they are on disk when this returns."""
        rows = [(one.message_id, _text(one.attempted_at), one.outcome, one.reason) for one in records]
        with self._opened(to_write=True) as connection:
            connection.executemany("insert or replace into deliveries values (?, ?, ?, ?)", rows)

    def sent(self) -> list[str]:
        """The ids of the messages that were delivered."""
        return [one.message_id for one in self.deliveries() if one.outcome == SENT]

    def deliveries(self) -> list[DeliveryRecord]:
        """The recorded deliveries, oldest first: those of messages sent, and those that the warehouse does not have
        yet."""
        with self._opened() as connection:
            rows = connection.execute("select * from deliveries order by attempted_at, message_id").fetchall()
        return [DeliveryRecord(message, _moment(at), outcome, reason) for message, at, outcome, reason in rows]

    def extent(self) -> tuple[int, str | None]:
        """How many attempts to deliver are noted, and the moment of the last; every change of them shows in it."""
        with self._opened() as connection:
            count, last = connection.execute("select count(*), max(attempted_at) from deliveries").fetchone()
        return count, last

    def keep_sent(self) -> None:
        """Forget attempts that the warehouse has taken over; messages that were sent stay, for a warehouse to come."""
        with self._opened(to_write=True) as connection:
            connection.execute("delete from deliveries where outcome <> ?", [SENT])

    def forget_messages(self, message_ids: Iterable[str]) -> None:
        """Delete the records of messages whose ids may be made of a customer's id."""
        with self._opened(to_write=True) as connection:
            connection.executemany("delete from deliveries where message_id = ?", [(one,) for one in message_ids])

    @contextmanager
    def _opened(self, *, to_write: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction; the file and its folder are made for the owner alone."""
        if to_write:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        target = str(self.path) if self.path.exists() else ":memory:"
        try:
            connection = sqlite3.connect(target, timeout=TIMEOUT_SECONDS)
            try:
                # what is deleted is gone from the file, and what is noted is on disk
                connection.executescript(f"pragma secure_delete = on; pragma synchronous = full; {CREATE}")
                with connection:
                    yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise UserError(
                f"{self.path}: the register of erasures and deliveries cannot be used: {error}. Close the program that"
                " holds it, or restore it from a backup; without it, erased customers would come back."
            ) from error


def register_path(settings: Settings) -> Path:
    """The file of the register."""
    return settings.home / "privacy" / "register.sqlite"


def _end(record: ErasureRecord) -> str | None:
    return _text(record.finished_at) if record.finished_at else None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
