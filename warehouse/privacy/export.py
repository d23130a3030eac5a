"""Everything the warehouse holds on one customer, as one JSON file that its owner alone may read."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from duckdb import DuckDBPyConnection

from warehouse.errors import UserError
from warehouse.files import require_free, require_outside, write_out
from warehouse.identity.columns import Table, database_tables
from warehouse.identity.masking import is_erased, set_erased
from warehouse.lock import hold_warehouse
from warehouse.privacy.data_subject import DataSubject, count_rows, find_other_ids
from warehouse.privacy.erase import every_source, prefixes_of, require_declared, unknown_customer
from warehouse.privacy.rewriting import count_records, speaks_of
from warehouse.settings import Settings
from warehouse.sql import connect, quote_identifier


def export(
    settings: Settings, customer_id: str, out: Path, on_wait: Callable[[str], None], *, force: bool = False
) -> tuple[Path, int, int]:
    """Write the customer's rows of every table, with descriptions of tables and columns. Returns file, tables and rows.

    `out` is a file, or a folder that gets one. The warehouse is held meanwhile, so that no run changes it; nothing is
    written to it. Raises UserError for an unknown customer, and for a file inside the home folder, because it would be
    one more copy to erase; WarehouseBusyError while a run goes on.
    """
    if not settings.warehouse_path.exists():
        raise UserError(f"{settings.warehouse_path}: there is no warehouse yet; start `loyalty run`.")
    target = _target(settings, customer_id, out, force)
    sources = every_source(settings)
    with (
        hold_warehouse(settings, "privacy export", on_wait=on_wait),
        connect(settings.warehouse_path, read_only=True) as connection,
    ):
        tables = database_tables(connection, sources, with_views_of="marts")
        other_ids = find_other_ids(connection, settings, customer_id)
        variants = {other: other for other in other_ids}
        data_subject = DataSubject(customer_id, customer_id, prefixes_of(sources), variants=variants)
        counts = count_rows(connection, tables, data_subject) | count_records(connection, tables, data_subject)
        require_declared(connection, sources, data_subject, counts)
        if not counts:
            raise unknown_customer(settings, customer_id)
        about = {
            "customer_id": customer_id,
            **({"other_ids": other_ids} if other_ids else {}),
            "company": settings.company,
            "exported_at": datetime.now(UTC).isoformat(),
        }
        found = dict(_rows_by_table(connection, tables, data_subject))
        write_out(target, _document(connection, about, found), force=force, is_private=True)
    return target, len(found), sum(len(rows) for rows in found.values())


def _target(settings: Settings, customer_id: str, out: Path, force: bool) -> Path:
    target = out / f"customer-{quote(customer_id, safe='')}.json" if out.is_dir() else out
    require_outside(target, settings.home)
    require_free(target, force=force)
    return target


def _rows_by_table(
    connection: DuckDBPyConnection, tables: list[Table], data_subject: DataSubject
) -> Iterator[tuple[Table, list[str]]]:
    """Each table's rows of the customer, or lines that speak of one, as JSON records with every digit."""
    for table in tables:
        set_erased(connection, table, data_subject.within(table.prefix))
        condition = is_erased(table) if table.owner_columns else speaks_of(connection, table, data_subject)
        record = ", ".join(f"{quote_identifier(name)} := {quote_identifier(name)}" for name, *_ in table.columns)
        rows = connection.execute(
            f"select cast(to_json(struct_pack({record})) as varchar) from {table.relation.sql} where {condition}"
        ).fetchall()
        if rows:
            yield table, [row for (row,) in rows]


def _document(connection: DuckDBPyConnection, about: Mapping[str, object], found: Mapping[Table, list[str]]) -> str:
    """The file's text. Rows are put in as DuckDB wrote them: Python's JSON would make floats of amounts."""
    comments = _column_comments(connection)
    tables = []
    for table, rows in found.items():
        name = str(table.relation)
        described = {column.name: comments.get((name, column.name)) or "" for column in table.columns}
        description = table.description or _description(table)
        head = f'"description": {_json(description)}, "columns": {_json(described)}'
        listed = ",\n        ".join(rows)
        tables.append(f'    {_json(name)}: {{{head}, "rows": [\n        {listed}\n    ]}}')
    heading = ",\n".join(f"  {_json(key)}: {_json(value)}" for key, value in about.items())
    return "{\n" + heading + ',\n  "tables": {\n' + ",\n".join(tables) + "\n  }\n}\n"


def _description(table: Table) -> str:
    schema, name = table.relation
    if schema.startswith("raw_"):
        return f"Table {name} of the source {schema.removeprefix('raw_')}, as it was delivered."
    made = {"ml": "A model's results", "ops": "Record of runs", "intermediate": "Step on the way to the marts"}
    return f"{made.get(schema, 'Table of the warehouse')}: {name}."


def _column_comments(connection: DuckDBPyConnection) -> dict[tuple[str, str], str]:
    rows = connection.execute(
        """
        select schema_name || '.' || table_name, column_name, comment from duckdb_columns()
        where database_name = current_database() and comment is not null
        """
    ).fetchall()
    return {(table, column): comment for table, column, comment in rows}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
