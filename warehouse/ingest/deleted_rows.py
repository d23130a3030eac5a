"""Rows that a database table no longer has, or marks as deleted. They are listed in ops.deleted_rows and do not count.

The load of a table (databases.py) asks for them beside what is new, in its own transaction. Temporary tables:
_incoming, the rows of the load; _present, every key in the database; _deleted, the deleted rows.
"""

from collections.abc import Mapping

import duckdb

from warehouse.errors import UserError
from warehouse.ingest.batches import TableId, count
from warehouse.ingest.raw_tables import raw_table
from warehouse.ingest.sources import SourceConfig, TableConfig
from warehouse.sql import quote_identifier, quote_literal


def find_present(
    connection: duckdb.DuckDBPyConnection, table: TableConfig, raw_names: Mapping[str, str], rows: str | None
) -> None:
    """_present: every key of `rows`, SQL of the whole table, or of _incoming where that is the whole table."""
    of_key = {raw: column for column, raw in raw_names.items() if raw in table.key}
    asked = ", ".join(f"{quote_identifier(of_key[key])} as {quote_identifier(key)}" for key in table.key)
    known = ", ".join(map(quote_identifier, table.key))
    selected = f"{asked}, 0 as _row_number from {rows}" if rows else f"{known} from _incoming"
    connection.execute(f"create or replace temp table _present as select {selected}")


def refuse_emptied_table(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, place: str) -> None:
    """A table that is emptied and filled again each night may be met in between. Raises UserError."""
    stored = count(
        connection, f"select count(*) from {raw_table(source, name)} as r where not {is_deleted(source, name, 'r')}"
    )
    if stored and not count(connection, "select count(*) from _present"):
        raise UserError(
            f"{place}: the table is empty, and {stored:,} of its rows were loaded earlier. If that is right, say"
            f" `loyalty sources reload {source.name}`; if rows are only moved elsewhere, `deleted_rows: keep`."
        )


def find_deleted(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str) -> None:
    """_deleted: the rows of the raw table whose key the database no longer has, or marks as deleted."""
    table = source.tables[name]
    of_row = " and ".join(f"k.{quote_identifier(key)} = r.{quote_identifier(key)}" for key in table.key)
    gone = [f"not exists (from _present as k where {of_row})"] if table.finds_deleted_rows else []
    if table.deleted_when:
        marked = is_marked(quote_identifier(table.deleted_when))
        gone.append(f"exists (from (from _incoming where {marked}) as k where {of_row})")
    connection.execute(
        f"create or replace temp table _deleted as select _batch_id, _row_number from {raw_table(source, name)} as r"
        f" where ({' or '.join(gone) or 'false'}) and not {is_deleted(source, name, 'r')}"
    )


def is_deleted(source: SourceConfig, name: str, row: str) -> str:
    """SQL: whether a row of the raw table is known to be deleted."""
    return (
        f"exists (from ops.deleted_rows as d where d.source = {quote_literal(source.name)} and d.table_name ="
        f" {quote_literal(name)} and d.batch_id = {row}._batch_id and d.row_number = {row}._row_number)"
    )


def is_marked(column: str) -> str:
    """SQL: whether the column for deleted rows marks a row: it holds a time or a text, or a flag other than no or 0."""
    text = f"lower(trim(cast({column} as varchar)))"
    return f"coalesce({text}, '') not in ('', '0', 'f', 'false', 'n', 'no')"


def write_deleted(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, batch_id: int) -> None:
    """List the deleted rows, also among those of this load."""
    marker = source.tables[name].deleted_when
    came = f"_batch_id = $batch and {is_marked(quote_identifier(marker))}" if marker else "false"
    connection.execute(
        "insert into ops.deleted_rows select $source, $table, _batch_id, _row_number, $batch from (from _deleted"
        f" union all select _batch_id, _row_number from {raw_table(source, name)} where {came})",
        {**TableId(source.name, name).parameters, "batch": batch_id},
    )
