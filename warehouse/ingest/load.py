"""Loads one source: every file once per content, each in a transaction of its own."""

import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import duckdb

from warehouse.errors import UserError, nearest
from warehouse.identity.columns import Column, source_table
from warehouse.identity.erasure_register import ErasureRegister
from warehouse.ingest.batches import (
    KnownFile,
    LoadReport,
    TableId,
    absorb_same_content,
    count,
    forget_table,
    known_files,
    live_batch,
    next_batch_id,
    prepare_operations,
    remember_file,
    supersede,
    write_batch,
)
from warehouse.ingest.columns import map_columns
from warehouse.ingest.databases import load_database_table
from warehouse.ingest.declared_types import typed_columns
from warehouse.ingest.formats.dispatch import drop_scratch, file_format, open_file, readable
from warehouse.ingest.formats.reading import Reading
from warehouse.ingest.hashed_ids import hashed_columns, set_salt
from warehouse.ingest.landing import (
    conflicts_of_order,
    content_hash,
    find_files,
    in_order,
    input_folder,
    no_files,
    size_and_time,
    unclaimed_files,
)
from warehouse.ingest.raw_tables import Incoming, declared_but_absent, ensure_table, fit_columns, raw_columns, raw_table
from warehouse.ingest.sources import SourceConfig
from warehouse.relations import Relation
from warehouse.scratch import scratch_folder
from warehouse.settings import Settings
from warehouse.sql import quote_identifier, transaction

# The rows of a text file, read once, where they are looked at before they are loaded.
ARRIVING = "temp._arriving"
UNCLAIMED_TOLD = 5


def load_source(
    connection: duckdb.DuckDBPyConnection,
    source: SourceConfig,
    settings: Settings,
    tables: Collection[str] | None = None,
    full_refresh: bool = False,
    most_rows: int | None = None,
) -> list[LoadReport]:
    """Loads the source's new content into its raw tables; one report per table, in the YAML's order.

    `connection` is to the warehouse, outside a transaction. `tables` limits the load. `full_refresh` drops the raw
    tables first and loads the present content; batch numbers go on. With `most_rows` only that many rows of each file
    are loaded, to try a source. Files are taken in the order of their changes (see landing.in_order), one transaction
    each, so a run that was killed is completed by the next one. Erased customers are loaded under their pseudonyms.
    Raises UserError at the first file that cannot be loaded; files before it stay loaded.
    """
    prepare_operations(connection)
    erasure_register = ErasureRegister(connection, settings)
    selected = _selected(source, tables)
    folder = None if source.database else input_folder(source, settings)
    reports = []
    with scratch_folder(settings.home, "ingest") as work:
        for name in selected:
            started = time.perf_counter()
            _make_ready(connection, source, name, full_refresh)
            if folder is None:
                report = load_database_table(connection, source, name, erasure_register)
            else:
                report = _FileLoad(connection, source, name, folder, work, erasure_register, settings, most_rows).run()
            reports.append(replace(report, seconds=time.perf_counter() - started))
    return _with_unclaimed(reports, source, folder)


def _with_unclaimed(reports: list[LoadReport], source: SourceConfig, folder: Path | None) -> list[LoadReport]:
    """Files that belong to no table are reported with the last table."""
    ignored = unclaimed_files(source, folder) if folder else []
    if not ignored or not reports:
        return reports
    shown = ", ".join(ignored[:UNCLAIMED_TOLD]) + (" and more" if len(ignored) > UNCLAIMED_TOLD else "")
    note = f"{len(ignored):,} other files of the folder are not used, since no table's `files:` names them: {shown}"
    return [*reports[:-1], replace(reports[-1], notes=(*reports[-1].notes, note))]


def _selected(source: SourceConfig, tables: Collection[str] | None) -> list[str]:
    for name in tables or ():
        if name not in source.tables:
            raise UserError(f'{source.path}: unknown table "{name}"{nearest(name, source.tables)}.')
    return [name for name in source.tables if tables is None or name in tables]


def _make_ready(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, full_refresh: bool) -> None:
    with transaction(connection):
        if full_refresh:
            connection.execute(f"drop table if exists {raw_table(source, name)}")
            forget_table(connection, TableId(source.name, name))
        ensure_table(connection, source, name)
        for column in declared_but_absent(connection, source, name):
            kind = source.tables[name].declared_type(column) or "VARCHAR"
            connection.execute(f"alter table {raw_table(source, name)} add column {quote_identifier(column)} {kind}")


class _FileLoad:
    """The load of one raw table from the files of a folder."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        source: SourceConfig,
        name: str,
        folder: Path,
        work: Path,
        erasure_register: ErasureRegister,
        settings: Settings,
        most_rows: int | None = None,
    ):
        self.connection = connection
        self.source = source
        self.name = name
        self.table = source.tables[name]
        self.id = TableId(source.name, name)
        self.folder = folder
        self.work = work
        self.erasure_register = erasure_register
        self.settings = settings
        self.limits = settings.ingest
        self.most_rows = most_rows
        self.report = LoadReport(source.name, name)
        self.known: dict[str, KnownFile] = {}
        self.present: list[str] = []

    def run(self) -> LoadReport:
        """Loads the new content. Raises UserError."""
        self.known = known_files(self.connection, self.id)
        found = in_order(find_files(self.table.files or (), self.folder, is_ours=self.source.package is None))
        self.present = list(found)
        if not found and not self.known and not self.table.optional:
            raise no_files(self.source, self.name, self.folder)
        for file, path in found.items():
            self._take(file, path, self.known.get(file))
        fresh = {*self.report.files_new, *self.report.files_changed}
        if self.table.key and not self.table.version:
            self._note(notes=tuple(conflicts_of_order([file for file in found if file in fresh])))
        return self.report

    def _take(self, file: str, path: Path, known: KnownFile | None) -> None:
        size, modified = size_and_time(path)
        if known and known.is_live and known.size_bytes == size and modified and known.modified_ns == modified:
            return self._note(files_unchanged=(file,))
        digest = content_hash(path)
        seen = KnownFile(size, modified, digest, batch_id=0, is_live=True)
        if known and known.is_live and known.content_hash == digest:
            with transaction(self.connection):
                remember_file(self.connection, self.id, file, replace(seen, batch_id=known.batch_id))
            return self._note(files_unchanged=(file,))
        holder = None if known and known.is_live else live_batch(self.connection, self.id, digest)
        if holder is not None:
            with transaction(self.connection):
                remember_file(self.connection, self.id, file, replace(seen, batch_id=holder))
            return self._note(files_duplicate=(file,))
        self._load(file, path, known, seen)
        return self._note(**{"files_changed" if known else "files_new": (file,)})

    def _load(self, file: str, path: Path, known: KnownFile | None, seen: KnownFile) -> None:
        try:
            with transaction(self.connection), readable(path, file_format(path, self.table)):
                batch_id = next_batch_id(self.connection)
                self._write(file, path, batch_id, seen.content_hash)
                remember_file(self.connection, self.id, file, replace(seen, batch_id=batch_id))
                if known and self.table.replaces_files:
                    supersede(self.connection, self.id, file, known, batch_id, self.present)
                    absorb_same_content(self.connection, self.id, seen.content_hash, batch_id)
                elif known and not self.table.replaces:
                    self._tell_vanished(file, known.batch_id, batch_id)
                if content_hash(path) != seen.content_hash:
                    raise UserError(f"{path}: the file changed while it was read. Run again when it is complete.")
        finally:
            self.connection.execute(f"drop table if exists {ARRIVING}")
            drop_scratch(self.connection)
        if known and self.table.replaces_files:  # other names may point to the new batch now
            self.known = known_files(self.connection, self.id)
        self._note(batch_ids=(batch_id,))

    def _tell_vanished(self, file: str, earlier_batch: int, batch_id: int) -> None:
        """Report the rows of the file's earlier version whose keys are not in this one, because they stay."""
        raw, keys = raw_table(self.source, self.name), ", ".join(map(quote_identifier, self.table.key))
        row = self.connection.execute(
            f"select count(*) from (select {keys} from {raw} where _batch_id = $earlier"
            f" except select {keys} from {raw} where _batch_id = $batch)",
            {"earlier": earlier_batch, "batch": batch_id},
        ).fetchone()
        if row and row[0]:
            told = f"{file}: keys of its earlier version that are not in the new one, and stay: {row[0]:,}."
            told += " `on_change: replace` lets a file's new version replace the earlier one"
            if self.table.entity == "order_lines":
                told += ", `replaces: order_id` an order that comes again all its lines"
            self._note(notes=(f"{told}.",))

    def _write(self, file: str, path: Path, batch_id: int, digest: str) -> None:
        read = loaded = rejected = 0
        for reading in open_file(self.connection, path, self.table, self.limits, self.work):
            shown = f"{file}#{reading.part}" if reading.part else file
            inserted, refused = self._insert_rows(reading, f"{self.folder / shown}", shown, batch_id)
            refused += self._insert_rejects(reading.rejects, shown, batch_id)
            if inserted + refused != reading.rows_read and self.most_rows is None:
                raise RuntimeError(
                    f"{path}: {reading.rows_read} records counted, but {inserted} loaded and {refused} rejected"
                )
            read, loaded, rejected = read + reading.rows_read, loaded + inserted, rejected + refused
        write_batch(self.connection, self.id, file, batch_id, digest, (read, loaded, rejected))
        self._note(rows_read=read, rows_loaded=loaded, rows_malformed=rejected)

    def _insert_rows(self, reading: Reading, place: str, shown: str, batch_id: int) -> tuple[int, int]:
        """Loads the rows that the raw table takes, and logs the others. Returns the number of each."""
        existing = raw_columns(self.connection, self.source, self.name)
        self._refuse_width(reading, place)
        mapped = map_columns(reading.columns, self.table, place, existing)
        renamed = [f"{quote_identifier(name)} as {quote_identifier(raw)}" for name, raw in mapped.names.items()]
        types = {raw: reading.columns[name] for name, raw in mapped.names.items()}
        hashed = hashed_columns(self.source, self.table, types)
        first = f" limit {self.most_rows}" if self.most_rows else ""
        relation = f"(select {', '.join([*renamed, '_row_number'])} from ({reading.rows}){first})"
        if hashed:
            set_salt(self.connection, self.settings)
            added = [f"{value} as {quote_identifier(raw)}" for raw, value in hashed.items()]
            relation = f"(select *, {', '.join(added)} from {relation})"
            types |= dict.fromkeys(hashed, "VARCHAR")
        if reading.is_slow and typed_columns(self.table, types):  # its text is looked at more than once
            self.connection.execute(f"create or replace temp table {ARRIVING} as from {relation}")
            relation = ARRIVING
        columns = tuple(Column(*column) for column in types.items())
        table = source_table(self.source, Relation(self.source.raw_schema, self.name), columns)
        relation = self.erasure_register.mask(relation, table)
        incoming = Incoming(relation, types, place, reading.has_types)
        fitted = fit_columns(self.connection, self.source, self.name, incoming)
        self._note(new_columns=tuple(fitted.added), widened_columns=tuple(fitted.widened))
        selected = [f"{value} as {quote_identifier(raw)}" for raw, value in fitted.values.items()]
        inserted = count(
            self.connection,
            f"insert into {raw_table(self.source, self.name)} by name select {', '.join([*selected, '_row_number'])},"
            f" cast($batch as bigint) as _batch_id, $file as _file from {relation}"
            + (f" where not ({fitted.is_refused})" if fitted.refusals else ""),
            {"batch": batch_id, "file": shown},
        )
        refused = self._insert_rejects(fitted.rejects(relation), shown, batch_id) if fitted.refusals else 0
        return inserted, refused

    def _refuse_width(self, reading: Reading, place: str) -> None:
        if len(reading.columns) > self.limits.columns:
            raise UserError(
                f"{place}: {len(reading.columns):,} columns, and a table may have {self.limits.columns:,}. Is it the"
                " right file? If so, raise ingest.columns in the settings."
            )

    def _insert_rejects(self, rejects: str | None, shown: str, batch_id: int) -> int:
        """Logs rejected rows, given as SQL of row_number, reason, record and its part that may be shown."""
        if rejects is None:
            return 0
        return count(
            self.connection,
            "insert into ops.rejected_lines select $batch, $source, $table, $file, r.row_number, r.reason,"
            f" {self.erasure_register.mask_record('r.record', self.source.customer_prefix)}, r.shown"
            f" from ({rejects}) as r(row_number, reason, record, shown)",
            {**self.id.parameters, "batch": batch_id, "file": shown},
        )

    def _note(self, **more: int | tuple[str, ...] | tuple[int, ...]) -> None:
        """Adds to the report."""
        self.report = replace(self.report, **{key: getattr(self.report, key) + value for key, value in more.items()})
