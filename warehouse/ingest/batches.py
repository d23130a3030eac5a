"""The bookkeeping of loads: schema `ops` of the warehouse.

ops.batches         one row per load that brought a file's (or a database table's) rows
ops.files           one row per file name ever seen: what it held when it was last looked at, and in which batch
ops.rejected_lines  one row per record that could not be read as a row, or did not keep to a declared type; `record` is
                    what was delivered, `shown` what of it may be published (warehouse/identity/shown_text.py)
ops.deleted_rows    one row per row of a raw table that its database no longer has, and the batch that found that out
ops.batch_counter   one row: the last batch number given, so that a number never comes twice
"""

from dataclasses import dataclass

import duckdb

TABLES = """
create schema if not exists ops;
create table if not exists ops.batches (
    batch_id bigint not null, source varchar not null, table_name varchar not null, file varchar not null,
    content_hash varchar, rows_read bigint not null, rows_loaded bigint not null, rows_malformed bigint not null,
    loaded_at timestamptz not null, superseded_by bigint
);
create table if not exists ops.files (
    source varchar not null, table_name varchar not null, file varchar not null, size_bytes bigint not null,
    modified_ns bigint, content_hash varchar not null, batch_id bigint not null
);
create table if not exists ops.rejected_lines (
    batch_id bigint not null, source varchar not null, table_name varchar not null, file varchar not null,
    row_number bigint not null, reason varchar not null, record varchar, shown varchar
);
alter table ops.rejected_lines add column if not exists shown varchar;
create table if not exists ops.deleted_rows (
    source varchar not null, table_name varchar not null, batch_id bigint not null, row_number bigint not null,
    deleted_by bigint not null
);
create table if not exists ops.batch_counter (last_batch_id bigint not null);
"""


@dataclass(frozen=True)
class LoadReport:
    """The effect of one load on one raw table. Row counts are those of this load; `rows_read` is the sum of the next
    two.

    Files are named relative to the input folder: `files_unchanged` were known, `files_duplicate` hold under a new
    name what another file brought, both load nothing. Of a database table, `rows_unchanged` came again with the same
    content, and `rows_deleted` are versions of rows that it no longer has. `new_columns` are raw columns that the YAML
    does not declare and that this load added; `widened_columns` are those whose type had to grow ("quantity: BIGINT ->
    DOUBLE"). `notes` are sentences that people should read.
    """

    source: str
    table: str
    rows_read: int = 0
    rows_loaded: int = 0
    rows_malformed: int = 0
    rows_unchanged: int = 0
    rows_deleted: int = 0
    files_new: tuple[str, ...] = ()
    files_changed: tuple[str, ...] = ()
    files_unchanged: tuple[str, ...] = ()
    files_duplicate: tuple[str, ...] = ()
    new_columns: tuple[str, ...] = ()
    widened_columns: tuple[str, ...] = ()
    batch_ids: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class TableId:
    """Which raw table a statement is about."""

    source: str
    table: str

    @property
    def parameters(self) -> dict[str, str]:
        """The bound values of statements on schema ops."""
        return {"source": self.source, "table": self.table}


@dataclass(frozen=True)
class KnownFile:
    """The record of a file name in ops.files. `is_live`: its batch still counts, nothing has superseded it."""

    size_bytes: int
    modified_ns: int | None
    content_hash: str
    batch_id: int
    is_live: bool


def prepare_operations(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates schema ops and its tables where they are missing."""
    connection.execute(TABLES)


def count(connection: duckdb.DuckDBPyConnection, query: str, parameters: object = None) -> int:
    """The single number that `query` yields."""
    row = connection.execute(query, parameters).fetchone()
    if row is None:
        raise RuntimeError(f"no row from {query}")
    return int(row[0])


def next_batch_id(connection: duckdb.DuckDBPyConnection) -> int:
    """A number greater than any given before; it belongs to the transaction that asked."""
    last = count(
        connection,
        "select greatest((select coalesce(max(last_batch_id), 0) from ops.batch_counter),"
        " (select coalesce(max(batch_id), 0) from ops.batches))",
    )
    connection.execute("delete from ops.batch_counter")
    connection.execute("insert into ops.batch_counter values (?)", [last + 1])
    return last + 1


def known_files(connection: duckdb.DuckDBPyConnection, table: TableId) -> dict[str, KnownFile]:
    """The records of this table's files, by name."""
    rows = connection.execute(
        "select f.file, f.size_bytes, f.modified_ns, f.content_hash, f.batch_id, b.superseded_by is null"
        " from ops.files as f inner join ops.batches as b on f.batch_id = b.batch_id"
        " where f.source = $source and f.table_name = $table",
        table.parameters,
    ).fetchall()
    return {row[0]: KnownFile(*row[1:]) for row in rows}


def remember_file(connection: duckdb.DuckDBPyConnection, table: TableId, file: str, known: KnownFile) -> None:
    """Records the current content of `file`."""
    connection.execute(
        "delete from ops.files where source = $source and table_name = $table and file = $file",
        {**table.parameters, "file": file},
    )
    connection.execute(
        "insert into ops.files values (?, ?, ?, ?, ?, ?, ?)",
        [
            table.source,
            table.table,
            file,
            known.size_bytes,
            known.modified_ns,
            known.content_hash,
            known.batch_id,
        ],
    )


def live_batch(connection: duckdb.DuckDBPyConnection, table: TableId, content_hash: str) -> int | None:
    """The batch of this table that holds this content and is superseded by none."""
    row = connection.execute(
        "select max(batch_id) from ops.batches where source = $source and table_name = $table"
        " and content_hash = $hash and superseded_by is null",
        {**table.parameters, "hash": content_hash},
    ).fetchone()
    return row[0] if row else None


def write_batch(
    connection: duckdb.DuckDBPyConnection,
    table: TableId,
    file: str,
    batch_id: int,
    content_hash: str | None,
    rows: tuple[int, int, int],
) -> None:
    """The batch's row; `rows` are read, loaded and malformed."""
    connection.execute(
        "insert into ops.batches values (?, ?, ?, ?, ?, ?, ?, ?, now(), null)",
        [batch_id, table.source, table.table, file, content_hash, *rows],
    )


def supersede(
    connection: duckdb.DuckDBPyConnection,
    table: TableId,
    file: str,
    old: KnownFile,
    new: int,
    present: list[str],
) -> None:
    """Marks the batch that `file` had before as superseded, unless another file of the folder still holds it."""
    connection.execute(
        "update ops.batches set superseded_by = $new where batch_id = $old and superseded_by is null and not exists ("
        " select 1 from ops.files as f where f.source = $source and f.table_name = $table and f.batch_id = $old"
        " and f.file <> $file and list_contains($present, f.file))",
        {**table.parameters, "new": new, "old": old.batch_id, "file": file, "present": present},
    )


def absorb_same_content(connection: duckdb.DuckDBPyConnection, table: TableId, content_hash: str, new: int) -> None:
    """Makes batch `new` replace every other live batch with the same content, so that a content counts once."""
    connection.execute(
        "update ops.files set batch_id = $new where source = $source and table_name = $table and content_hash = $hash"
        " and batch_id <> $new",
        {**table.parameters, "hash": content_hash, "new": new},
    )
    connection.execute(
        "update ops.batches set superseded_by = $new where source = $source and table_name = $table"
        " and content_hash = $hash and batch_id <> $new and superseded_by is null",
        {**table.parameters, "hash": content_hash, "new": new},
    )


def forget_table(connection: duckdb.DuckDBPyConnection, table: TableId) -> None:
    """Removes everything known of the table's loads."""
    for name in ("batches", "files", "rejected_lines", "deleted_rows"):
        connection.execute(f"delete from ops.{name} where source = $source and table_name = $table", table.parameters)
