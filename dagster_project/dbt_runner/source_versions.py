"""What the graph's sources hold, as one text a table: equal where not a row has come, gone or changed.

Raw tables are told by the log of their loads, however many rows they have. The tables that the product itself writes
are small, and told by their rows; results of models by the log of their postings.
"""

from collections.abc import Mapping
from typing import Any

import duckdb

from serving.publication.database_file import fingerprints
from warehouse.relations import Relation

RAW = "raw_"
RESULTS = "ml"
# Each posting, expiry and correction of a result changes one of these.
RESULT_LOGS = (Relation(RESULTS, "result_versions"), Relation(RESULTS, "model_runs"))
LOADS = """
select source, table_name, md5(string_agg(concat_ws('|', batch_id, file, content_hash, rows_loaded, superseded_by), ','
    order by batch_id, file)) as loads
from ops.batches group by source, table_name
"""
DELETIONS = """
select source, table_name, concat_ws('|', count(*), max(deleted_by), bit_xor(hash(batch_id, row_number, deleted_by)))
from ops.deleted_rows group by source, table_name
"""
COLUMNS = """
select schema_name, table_name, md5(string_agg(concat_ws('|', column_name, data_type), ',' order by column_index))
from duckdb_columns() where database_name = current_database() and starts_with(schema_name, $prefix)
group by schema_name, table_name
"""


def source_versions(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> dict[str, str]:
    """By unique id, the version of every source table of the manifest that is there."""
    loads, deletions, columns = _loads(connection, LOADS), _loads(connection, DELETIONS), _columns(connection)
    sources = {
        unique_id: (source["source_name"], Relation(source["schema"], source["identifier"]))
        for unique_id, source in manifest["sources"].items()
    }
    own = {relation for _, relation in sources.values() if not relation.schema.startswith((RAW, RESULTS))}
    told = {**fingerprints(connection, own), **_results(connection, [relation for _, relation in sources.values()])}
    found = {}
    for unique_id, (name, relation) in sources.items():
        key = (name.removeprefix(RAW), relation.name)
        raw = [of.get(key, "") for of in (loads, deletions)]
        found[unique_id] = told.get(relation) or "|".join([*raw, columns.get((relation.schema, relation.name), "")])
    return found


def _results(connection: duckdb.DuckDBPyConnection, relations: list[Relation]) -> dict[Relation, str]:
    posted = "|".join(fingerprints(connection, RESULT_LOGS).values())
    return dict.fromkeys([relation for relation in relations if relation.schema == RESULTS], posted)


def _loads(connection: duckdb.DuckDBPyConnection, query: str) -> dict[tuple[str, str], str]:
    return {(source, table): value for source, table, value in connection.execute(query).fetchall()}


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    rows = connection.execute(COLUMNS, {"prefix": RAW}).fetchall()
    return {(schema, table): value for schema, table, value in rows}
