"""Brings a PostgreSQL database to the live publication: the difference per mart, all in one transaction.

Readers see the publication before until the moment they see the next. Swapping tables or views instead would drop
users' own views, or wait for readers that wait for each other. A load that is interrupted leaves everything as it was.
"""

import json
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg

from serving.postgres import server
from serving.postgres.difference import Difference, MartFiles
from serving.postgres.relations import Mart, marts_of
from serving.publication.declared_marts import declared_marts
from serving.publication.publish import MANIFEST
from serving.publication.state import DATABASE, Publication, live_publication, now, publications
from warehouse.errors import UserError
from warehouse.files import read_note, write_atomically
from warehouse.relations import Relation
from warehouse.scratch import scratch_folder
from warehouse.settings import PostgresSettings, Settings

PUBLICATION_TABLE = "publication"


@dataclass
class Loaded:
    """What a load did: rows removed and added, in marts of which only the difference was loaded, and in whole ones."""

    publication_id: str
    removed: int = 0
    added: int = 0
    changed: list[str] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)

    def in_words(self) -> str:
        """One sentence."""
        marts = f"{len(self.changed)} marts changed, {len(self.whole)} loaded whole"
        return f"publication {self.publication_id}; {marts}: {self.removed:,} rows removed, {self.added:,} added."

    def count(self, mart: Mart, change: Difference) -> None:
        """Add what was done to one mart."""
        self.removed += change.removed_count
        self.added += change.added_count
        (self.whole if change.is_whole else self.changed).append(mart.relation.name)


def loaded_note(settings: Settings) -> tuple[str, datetime] | None:
    """The publication that the database holds, and since when, as far as this home knows; None before the first."""
    note = read_note(_note_path(settings))
    return (note["publication_id"], datetime.fromisoformat(note["loaded_at"])) if note else None


def is_behind(settings: Settings) -> bool:
    """Whether the database holds, as far as this home knows, another publication than the live one."""
    live, note = live_publication(settings), loaded_note(settings)
    return live is not None and (note is None or note[0] != live.publication_id)


def load_live(settings: Settings) -> Loaded:
    """Make the database of `publish.postgres` hold the live publication. Does nothing to marts that it already holds.

    Raises UserError if nothing is published, or if the server refuses; the database then stays as it was.
    """
    target = settings.publish.postgres
    assert target is not None
    with server.connected(target) as connection, scratch_folder(settings.home, "postgres") as folder:
        live = live_publication(settings)
        if live is None:
            raise UserError(f"Nothing is published yet: start `{settings.command} run`.")
        history = settings.published_dir / "history"
        with closing(MartFiles(settings, history / live.publication_id / DATABASE, folder)) as files:
            loaded = _load(connection, target, settings, live, files)
    write_atomically(
        _note_path(settings), json.dumps({"publication_id": live.publication_id, "loaded_at": now().isoformat()})
    )
    return loaded


def _note_path(settings: Settings) -> Path:
    return settings.home / "postgres.json"


def _load(
    connection: psycopg.Connection,
    target: PostgresSettings,
    settings: Settings,
    live: Publication,
    files: MartFiles,
) -> Loaded:
    declared = declared_marts(settings.published_dir / "history" / live.publication_id / MANIFEST)
    marts = marts_of(files.columns(), declared.keys)
    server.prepare(connection)
    standing = server.standing(connection)
    server.drop_others(connection, standing, {mart.relation.name for mart in marts})
    loaded, reshaped = Loaded(live.publication_id), set[Relation]()
    for mart in marts:
        before = standing.get(mart.relation.name)
        checksum = live.checksums.get(str(mart.relation), live.publication_id)
        has_shape = before is not None and before.has_shape_of(mart)
        if before and has_shape and before.checksum == checksum:
            continue
        if not has_shape:
            server.shape(connection, mart, before)
            reshaped.add(mart.relation)
        earlier = _file_with(settings, mart, before) if before and has_shape else None
        _change(connection, mart, files, earlier, _expected(live, mart), loaded)
        server.record(connection, mart, checksum)
    server.describe(connection, marts, files.comments())
    server.show_today(connection, declared.today, reshaped)
    if target.reader_role:
        server.let_read(connection, target.reader_role)
    return loaded


def _change(
    connection: psycopg.Connection,
    mart: Mart,
    files: MartFiles,
    earlier: Path | None,
    expected: int,
    loaded: Loaded,
) -> None:
    change = files.difference(mart, earlier)
    if not server.apply(connection, mart, change, expected):
        change = files.difference(mart, None)
        if not server.apply(connection, mart, change, expected):
            raise UserError(f"PostgreSQL: {mart.relation} took other rows than were copied. What was there stays.")
    loaded.count(mart, change)


def _expected(live: Publication, mart: Mart) -> int:
    return 1 if mart.relation.name == PUBLICATION_TABLE else live.row_counts[mart.relation.name]


def _file_with(settings: Settings, mart: Mart, before: server.Standing) -> Path | None:
    """A kept published file in which the mart has the rows that the database holds."""
    for publication in reversed(publications(settings)):
        file = settings.published_dir / "history" / publication.publication_id / DATABASE
        if publication.checksums.get(str(mart.relation)) == before.checksum and file.exists():
            return file
    return None
