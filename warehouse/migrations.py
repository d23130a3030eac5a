"""Tables that had other names in earlier versions, renamed in place when a run opens the warehouse.

Tables that dbt builds anew need no entry; these hold what cannot be computed again.
"""

from duckdb import DuckDBPyConnection

from warehouse.relations import Relation
from warehouse.sql import quote_identifier, transaction

TABLES = {
    Relation("ops", "gates"): "builds",
    Relation("ml", "postings"): "result_versions",
    Relation("intermediate", "int_points_postings"): "int_points_journal_entries",
}
COLUMNS = {
    (Relation("ops", "builds"), "generation"): "build_id",
    (Relation("ops", "messages"), "generation"): "build_id",
    (Relation("ml", "result_versions"), "posting_id"): "result_version_id",
    (Relation("intermediate", "int_points_journal_entries"), "posting_number"): "journal_version",
}
KNOWN_COLUMNS = """
select schema_name, table_name, column_name from duckdb_columns()
where database_name = current_database() and not internal
"""


def rename_earlier_names(connection: DuckDBPyConnection) -> None:
    """Give tables and columns of an earlier version their names of today; nothing where they have them."""
    with transaction(connection):
        known = {Relation(schema, table) for schema, table, _ in connection.execute(KNOWN_COLUMNS).fetchall()}
        for table, name in TABLES.items():
            if table in known and Relation(table.schema, name) not in known:
                connection.execute(f"alter table {table.sql} rename to {quote_identifier(name)}")
        rows = connection.execute(KNOWN_COLUMNS).fetchall()
        columns = {(Relation(schema, name), column) for schema, name, column in rows}
        for (relation, earlier), name in COLUMNS.items():
            if (relation, earlier) in columns:
                connection.execute(
                    f"alter table {relation.sql} rename {quote_identifier(earlier)} to {quote_identifier(name)}"
                )
