"""Publishing: people read a copy, which is replaced as a whole and which no writer ever locks.

    published/loyalty.duckdb       schemas marts and today, one publication; BI tools point here
    published/work.duckdb          the marts and what they are made of, for analysts' own builds
    published/manifest.json        the dbt manifest that work.duckdb was built from
    published/report.html          the report, one offline file
    published/dbt.html             dbt's page of the graph, one offline file
    published/parquet/<table>.parquet
    published/publications.json    which publication is live, since when, and the kept ones
    published/history/<id>/        the kept publications; the live files are hard links into it

A publication is built, checked and flushed to disk under history/ before any live name moves; then each live name is
replaced in one step. A crash before leaves the last publication live; a crash between is finished by the next start.
Published files are read-only, so that no tool that forgets to open them so can lock the others out.
"""

import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from serving.publication import database_file
from serving.publication.changes import find_changes, hold_back, release, store_changes, too_many_restated
from serving.publication.database_file import CHANGES, PUBLICATION, Base
from serving.publication.dbt_page import dbt_page
from serving.publication.declared_marts import DeclaredMarts, TodaysRows, declared_marts
from serving.publication.state import (
    DATABASE,
    STORAGE_VERSIONS,
    WORK,
    Publication,
    State,
    changed_files,
    digest,
    live_base,
    now,
    read_state,
    write_state,
)
from warehouse.builds import require_passed
from warehouse.errors import UserError
from warehouse.files import flush
from warehouse.memory import is_scarce
from warehouse.permissions import let_through, open_to_readers
from warehouse.relations import Relation
from warehouse.scratch import scratch_folder
from warehouse.settings import PROJECT_ROOT, Settings
from warehouse.sql import connect, limit_reader, quote_literal, wal_of

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
REPORT = "report.html"
DBT_PAGE = "dbt.html"
# Live names in the order they move: the one that says which publication is live comes last.
LIVE_FILES = (WORK, MANIFEST, DBT_PAGE, REPORT, DATABASE)
# Level 3, DuckDB's default, saves 2% of size and takes a quarter longer.
PARQUET = "format parquet, compression zstd, compression_level 1"
# Behind the name of a publication that was written anew, before the number of times.
REWRITTEN = "-rewritten-"

ReportWriter = Callable[[DuckDBPyConnection, Settings, Path], None]


def publish(
    settings: Settings,
    connection: DuckDBPyConnection,
    publication: Mapping[str, Any],
    *,
    work_tables: Sequence[Relation] = (),
    manifest: Path | None = None,
    report: ReportWriter | None = None,
    ahead: Mapping[str, Base] | None = None,
    accept: bool = False,
) -> Publication:
    """Publish schema marts of the open warehouse `connection`, and make it live.

    `publication` says `as_of_date` and `data_through` (dates), and may say `run_id`, `build_id`, `company` and
    `publication_id`; these default to the gate's and the settings'. `work_tables` go into work.duckdb beside the marts.
    `report` defaults to `serving.report.write_report`. `ahead`: tables copied before, by the name of the published
    file; only tables that are still the same are used. `accept`: however many rows of days published before change.
    Raises UserError when the last build has not passed its checks, when the copy fails its own, or when more rows of
    days published before change than the settings allow.
    """
    gate = require_passed(connection)
    if publication.get("build_id", gate.build_id) != gate.build_id:
        raise UserError(f"Build {publication['build_id']} is to be published, but the warehouse holds {gate.build_id}.")
    defaults = {"run_id": gate.run_id, "build_id": gate.build_id, "company": settings.company}
    with _publishing(settings) as published:
        _finish_interrupted(published)
        values, state = {**defaults, **publication}, read_state(published)
        build = _Build(settings, connection, published, values, state, ahead or {}, accept=accept)
        return build.whole(work_tables, manifest, report or _write_report)


def republish(
    settings: Settings,
    rewrite: Callable[[Path, Path], None],
    *,
    check: Callable[[Path], None] | None = None,
    report: ReportWriter | None = None,
) -> Publication | None:
    """Publish the live publication anew, as rewritten by `rewrite`, and keep no earlier publication. None before the
    first.

    `rewrite` is called with the live working copy, which holds every published table, and the file to write. Nothing is
    taken over from earlier files, whose unused blocks may hold values from before. Whether the warehouse passed its
    last checks does not matter, because nothing of it is published; `check` raises UserError if the rewritten file must
    not be published.
    """
    with _publishing(settings) as published:
        _finish_interrupted(published)
        state = read_state(published)
        live = state.live_publication
        if live is None:
            return None
        folder = published / "history" / live.publication_id
        if not (folder / WORK).exists():
            raise UserError(f"{folder / WORK}: the live publication is not whole. Publish again with `loyalty run`.")
        with scratch_folder(settings.home, "republish") as scratch:
            copy = scratch / "copy.duckdb"
            rewrite(folder / WORK, copy)
            if check:
                check(copy)
            with connect(copy) as connection:
                return _publish_copy(settings, connection, published, replace(state, kept=()), live, report)


def _publish_copy(
    settings: Settings,
    connection: DuckDBPyConnection,
    published: Path,
    state: State,
    live: Publication,
    report: ReportWriter | None,
) -> Publication:
    """Publish the tables of a working copy under the live publication's own particulars."""
    connection.execute(f"drop table if exists {PUBLICATION.sql}")  # every publication names itself
    further = [relation for relation in database_file.published_columns(connection) if relation.schema != "marts"]
    values = {name: getattr(live, name) for name in database_file.PUBLICATION_COLUMNS}
    # a name of its own, never used before: one name stands for one state
    name, _, number = live.publication_id.partition(REWRITTEN)
    values["publication_id"] = f"{name}{REWRITTEN}{int(number or 0) + 1}"
    build = _Build(settings, connection, published, values, state, {})
    manifest = published / "history" / live.publication_id / MANIFEST
    return build.whole(further, manifest if manifest.exists() else None, report or _write_report)


def rollback(settings: Settings, to: str | None = None) -> Publication:
    """Make an earlier publication live again: `to`, or the one published before the live one. Returns it.

    Raises UserError with a list of the kept ones if there is no such publication, or if its file is damaged.
    """
    with _publishing(settings) as published:
        _finish_interrupted(published)
        state = read_state(published)
        target = _rollback_target(state, to)
        damaged = _damaged(published, target)
        if damaged:
            raise UserError(f"{damaged} changed since it was published. Roll back to another one, or publish again.")
        write_state(published, replace(state, live=target.publication_id, since=now()))
        _activate(published, target.publication_id)
        return replace(target, live_since=read_state(published).since)


class _Build:
    """One publication on its way: its parts are made one after another in published/next, then made live."""

    def __init__(
        self,
        settings: Settings,
        connection: DuckDBPyConnection,
        published: Path,
        values: Mapping[str, Any],
        state: State,
        ahead: Mapping[str, Base],
        accept: bool = False,
    ) -> None:
        self.ahead = ahead
        self.accept = accept
        self.settings = settings
        self.connection = connection
        self.published = published
        self.state = state
        wanted = values.get("publication_id") or f"{values['build_id']:06d}-{values['run_id'][:8]}"
        self.name = _free_name(published, wanted)
        self.values = {**values, "publication_id": self.name}
        self.staging = published / "next"
        self.parquet_folder = published / f"parquet-{self.name}"
        self.marts = database_file.relations(connection, "marts")
        if not self.marts:
            raise UserError("The warehouse has no marts to publish: start `loyalty run`.")
        self.staging.mkdir()
        self.checksums: dict[Relation, str] = {}
        self.row_counts: dict[str, int] = {}
        self.seconds: dict[str, float] = {}

    def whole(self, work_tables: Sequence[Relation], manifest: Path | None, report: ReportWriter) -> Publication:
        """Every part, and then the live names."""
        declared = declared_marts(manifest) if manifest else DeclaredMarts()
        self.database(declared.today)
        self.changes(declared)
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self.work, work_tables, manifest)
            if is_scarce():
                work.result()
            self.report(report)
            self.parquet()
            work.result()
        return self.make_live()

    def database(self, today: Sequence[TodaysRows]) -> None:
        """The marts, copied onto the live file as far as they are unchanged, and the views of today's rows."""
        with self._timed("fingerprint"):
            self.checksums = database_file.fingerprints(self.connection, self.marts)
        with self._timed("copy"):
            self._assemble(self.connection, DATABASE, self.marts, today)
        with self._timed("check"):
            self._check(DATABASE, self.marts)

    def changes(self, declared: DeclaredMarts) -> None:
        """What changes beside the live publication, kept in the warehouse and in the copy.

        Raises UserError, and leaves a note for `loyalty diff`, if the publication is held back.
        """
        live, base = self.state.live_publication, live_base(self.published, self.state, DATABASE)
        if CHANGES not in self.marts or live is None or base is None:
            return
        with self._timed("changes"):
            others = {relation for relation in self.marts if relation != CHANGES}
            gone = {mart for mart in map(Relation.parse, live.checksums) if mart.schema == "marts"} - {*self.marts}
            apart = (others - self._unchanged(self.marts)) | gone
            found = find_changes(self.settings, self.staging / DATABASE, base.path, live, apart, declared)
            told = too_many_restated(self.settings, found)
            if told and not self.accept:
                hold_back(self.settings, told, found)
                raise UserError(told)
            store_changes(self.connection, self.settings, self.values, live, found)
            database_file.refresh(self.connection, self.staging / DATABASE, CHANGES, STORAGE_VERSIONS[DATABASE])
            self.checksums |= database_file.fingerprints(self.connection, [CHANGES])
            self._check(DATABASE, [CHANGES])

    def work(self, work_tables: Sequence[Relation], manifest: Path | None) -> None:
        """The marts again, with the tables they are built from and the manifest that describes both.

        It uses a cursor of its own and runs beside the report and the Parquet files, which read the finished copy.
        """
        with self._timed("work"), self.connection.cursor() as cursor:
            further = self._further(cursor, work_tables)
            self.checksums |= database_file.fingerprints(cursor, further)
            self._assemble(cursor, WORK, [*self.marts, *further])
            self._check(WORK, further)
            if manifest:
                shutil.copyfile(manifest, self.staging / MANIFEST)
                self._dbt_page(manifest)

    def _dbt_page(self, manifest: Path) -> None:
        """dbt's page of the manifest; none, with a warning, where the installed dbt brings no page that fits."""
        folders = [PROJECT_ROOT, self.settings.home, self.settings.folder, Path.home()]
        try:
            page = dbt_page(json.loads(manifest.read_bytes()), folders)
        except UserError as error:
            log.warning("%s It is left out.", error)
        else:
            (self.staging / DBT_PAGE).write_text(page, encoding="utf-8")

    def report(self, writer: ReportWriter) -> None:
        """The report, from the copy that is going to be live."""
        with self._timed("report"), self._opened(DATABASE) as copy:
            writer(copy, self.settings, self.staging / REPORT)

    def parquet(self) -> None:
        """One file per table; files of unchanged tables are links to those of the live publication."""
        with self._timed("parquet"), self._opened(DATABASE) as copy:
            self.parquet_folder.mkdir()
            unchanged = self._unchanged(self.marts)
            self.row_counts = database_file.row_counts(copy, self.marts)
            for relation in [*self.marts, PUBLICATION]:
                target = self.parquet_folder / f"{relation.name}.parquet"
                earlier = self.published / f"parquet-{self.state.live}" / target.name
                if relation in unchanged and earlier.exists():
                    os.link(earlier, target)
                else:
                    path = quote_literal(str(target))
                    copy.execute(f"copy {relation.sql} to {path} ({PARQUET})")

    def make_live(self) -> Publication:
        """Flush everything to disk, keep it under history/, and move the live names."""
        with self._timed("replace"):
            files = {file.name: file for file in self.staging.iterdir()}
            files |= {f"{self.parquet_folder.name}/{file.name}": file for file in self.parquet_folder.iterdir()}
            digests = {name: digest(file) for name, file in files.items()}
            for folder in (self.staging, self.parquet_folder):
                _make_durable(self.settings, folder)
            history = self.published / "history"
            history.mkdir(exist_ok=True)
            open_to_readers(self.settings, history)
            self.staging.rename(history / self.name)
            flush(history)
            done = self._publication(digests)
            kept = (*self.state.kept, done)[-self.settings.publish.keep :]
            write_state(self.published, State(self.name, done.published_at, kept))
            _activate(self.published, self.name)
            _remove_leftovers(self.published)
            release(self.settings)
        return replace(done, seconds=self.seconds, live_since=done.published_at)

    def _publication(self, digests: dict[str, str]) -> Publication:
        known = {name: self.values.get(name) for name in database_file.PUBLICATION_COLUMNS}
        return Publication(
            **known,  # type: ignore[arg-type]
            published_at=now(),
            row_counts=self.row_counts,
            checksums={str(relation): value for relation, value in self.checksums.items()},
            digests=digests,
        )

    def _assemble(
        self,
        connection: DuckDBPyConnection,
        file: str,
        wanted: Sequence[Relation],
        today: Sequence[TodaysRows] = (),
    ) -> None:
        """Make staging/`file` hold `wanted`, starting from what was copied ahead, else from the live file."""
        bases = [self.ahead.get(file) or live_base(self.published, self.state, file)]
        if file == WORK:
            marts = {str(relation): self.checksums[relation] for relation in self.marts}
            bases.append(Base(self.staging / DATABASE, marts))
        database_file.assemble(
            connection,
            self.staging / file,
            {relation: self.checksums[relation] for relation in wanted},
            [base for base in bases if base],
            storage_version=STORAGE_VERSIONS[file],
            publication=self.values,
            today=today,
        )

    def _check(self, file: str, wanted: Sequence[Relation]) -> None:
        with self._opened(file) as copy:
            database_file.check(copy, {relation: self.checksums[relation] for relation in wanted})

    def _unchanged(self, wanted: Sequence[Relation]) -> set[Relation]:
        """The relations of `wanted` that the live publication holds row for row."""
        earlier = self.state.live_publication
        known = earlier.checksums if earlier else {}
        return {relation for relation in wanted if known.get(str(relation)) == self.checksums[relation]}

    def _further(self, connection: DuckDBPyConnection, work_tables: Sequence[Relation]) -> Sequence[Relation]:
        known = database_file.published_columns(connection)
        for relation in work_tables:
            if relation not in known:
                raise UserError(f"work.duckdb is to hold {relation}, which the warehouse does not have.")
        return work_tables

    @contextmanager
    def _opened(self, file: str) -> Iterator[DuckDBPyConnection]:
        with connect(self.staging / file, read_only=True) as copy:
            limit_reader(copy, self.settings)
            yield copy

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[stage] = round(time.perf_counter() - began, 3)


def _write_report(connection: DuckDBPyConnection, settings: Settings, target: Path) -> None:
    from serving.report import write_report  # here, as charts take a second to import and rollback needs none

    write_report(connection, settings, target)


@contextmanager
def _publishing(settings: Settings) -> Iterator[Path]:
    """The folder of published files, held against another publication or rollback."""
    published = settings.published_dir
    published.mkdir(mode=0o700, parents=True, exist_ok=True)
    let_through(settings)
    open_to_readers(settings, published)
    descriptor = os.open(published / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # whoever may read a file may hold its lock
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield published
    finally:
        os.close(descriptor)


def _finish_interrupted(published: Path) -> None:
    """Finish a replacement that a crash interrupted, and remove half-made publications."""
    live = read_state(published).live_publication
    if live and (published / "history" / live.publication_id / DATABASE).exists():
        _activate(published, live.publication_id)
    _remove_leftovers(published)


def _activate(published: Path, name: str) -> None:
    """Let every live name stand for publication `name`. May be repeated; each name moves in one step."""
    _replace_pointer(published / "parquet", f"parquet-{name}")
    for file in LIVE_FILES:
        source = published / "history" / name / file
        if source.exists():
            _replace_file(source, published / file)
        else:
            (published / file).unlink(missing_ok=True)
    flush(published)


def _replace_file(source: Path, live: Path) -> None:
    """Replace `live` by `source`. A log beside the live name is removed, because it would be replayed onto the new
    file."""
    step = live.with_name(f".{live.name}.next")
    step.unlink(missing_ok=True)
    os.link(source, step)
    wal_of(live).unlink(missing_ok=True)
    step.replace(live)
    step.unlink(missing_ok=True)  # a rename onto another link of the same file does nothing


def _replace_pointer(live: Path, target: str) -> None:
    step = live.with_name(f".{live.name}.next")
    step.unlink(missing_ok=True)
    step.symlink_to(target, target_is_directory=True)
    if live.is_dir() and not live.is_symlink():
        shutil.rmtree(live)  # a restored backup that followed the pointer
    step.replace(live)


def _remove_leftovers(published: Path) -> None:
    """Remove all files of publications that are not kept, except those that the Parquet pointer names."""
    names = {publication.publication_id for publication in read_state(published).kept}
    pointer = published / "parquet"
    shown = pointer.readlink().name if pointer.is_symlink() else None
    folders = [folder for folder in published.glob("parquet-*") if folder.name != shown]
    unknown = [folder for folder in folders if folder.name.removeprefix("parquet-") not in names]
    unknown += [folder for folder in published.glob("history/*") if folder.name not in names]
    for folder in [*unknown, published / "next"]:
        if folder.exists():
            shutil.rmtree(folder)
    for step in published.glob(".*.next"):
        step.unlink()


def _rollback_target(state: State, to: str | None) -> Publication:
    by_name = {publication.publication_id: publication for publication in state.kept}
    names = list(by_name)
    position = names.index(state.live) if state.live in names else 0
    name = to or (names[position - 1] if position else None)
    if name not in by_name:
        wanted = f'The publication "{to}" is not kept' if to else "There is no publication before the live one"
        listed = ", ".join(names) or "none"
        raise UserError(f"{wanted}. Kept, oldest first: {listed}; live: {state.live or 'none'}.")
    return by_name[name]


def _damaged(published: Path, publication: Publication) -> Path | None:
    """The first file of a kept publication that has changed since it was published."""
    return next(iter(changed_files(published, publication)), None)


def _free_name(published: Path, wanted: str) -> str:
    """`wanted`, or with a number behind it when a publication of that name is kept or still pointed to."""
    name, number = wanted, 1
    while (published / "history" / name).exists() or (published / f"parquet-{name}").exists():
        number += 1
        name = f"{wanted}-{number}"
    return name


def _make_durable(settings: Settings, folder: Path) -> None:
    """Flush the files of a folder, and the folder, to disk; nobody may write them from here on."""
    for file in folder.iterdir():
        open_to_readers(settings, file)
        flush(file)
    open_to_readers(settings, folder)
    flush(folder)
    flush(folder.parent)
