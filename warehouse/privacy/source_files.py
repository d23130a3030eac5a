"""Where else a customer is, which only others can change: files and tables of sources, exported audiences."""

from collections.abc import Mapping, Sequence

from duckdb import DuckDBPyConnection

from warehouse.errors import UserError
from warehouse.identity.columns import Table
from warehouse.identity.masking import is_erased, set_erased
from warehouse.ingest.landing import input_folder
from warehouse.ingest.sources import SourceConfig
from warehouse.privacy.data_subject import DataSubject
from warehouse.relations import Relation
from warehouse.settings import Settings

AUDIENCE_MEMBERS = Relation("ops", "audience_members")
FILES = """
select file from ops.files where source = $source and table_name = $table and batch_id in (select unnest($batches))
union
select file from ops.batches where source = $source and table_name = $table and batch_id in (select unnest($batches))
order by file
"""


def delivered_in(
    connection: DuckDBPyConnection,
    settings: Settings,
    sources: Mapping[str, SourceConfig],
    tables: Sequence[Table],
    data_subject: DataSubject,
) -> list[str]:
    """The sources' files, and tables of databases, that the customer's rows came from, under every name they have."""
    by_schema = {source.raw_schema: source for source in sources.values()}
    places: list[str] = []
    for table in tables:
        source = by_schema.get(table.relation.schema)
        if source and table.owner_columns and any(column.name == "_batch_id" for column in table.columns):
            files = _files(connection, source, table, data_subject)
            places += [_place(settings, source, file) for file in files]
    return sorted(set(places))


def exported_with(connection: DuckDBPyConnection, tables: Sequence[Table], data_subject: DataSubject) -> list[str]:
    """The audiences whose last export had the customer, each with the system that it was for."""
    found: list[str] = []
    for table in (table for table in tables if table.relation == AUDIENCE_MEMBERS):
        set_erased(connection, table, data_subject.within(table.prefix))
        rows = connection.execute(
            f"select distinct audience, destination from {table.relation.sql} where {is_erased(table)} order by all"
        ).fetchall()
        found += [f"{audience} ({destination})" for audience, destination in rows]
    return found


def _files(connection: DuckDBPyConnection, source: SourceConfig, table: Table, data_subject: DataSubject) -> list[str]:
    set_erased(connection, table, data_subject.within(table.prefix))
    rows = connection.execute(
        f"select distinct _batch_id from {table.relation.sql} where {is_erased(table)}"
    ).fetchall()
    bound = {"source": source.name, "table": table.relation.name, "batches": [batch for (batch,) in rows]}
    return [file for (file,) in connection.execute(FILES, bound).fetchall()] if rows else []


def _place(settings: Settings, source: SourceConfig, file: str) -> str:
    if source.database:
        return f"table {file} of the {source.database.type} database of the source {source.name}"
    try:
        return str(input_folder(source, settings) / file)
    except UserError:  # the folder is gone, but whoever keeps a copy of it should know
        return f"{file} of the source {source.name}"
