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
LOADS = f"""
select '{RAW}' || source, table_name, md5(string_agg(
    concat_ws('|', batch_id, file, content_hash, rows_loaded, superseded_by), ',' order by batch_id, file
))
from ops.batches group by all
"""
DELETIONS = f"""
select '{RAW}' || source, table_name, concat_ws(
    '|', count(*), max(deleted_by), bit_xor(hash(batch_id, row_number, deleted_by))
)
from ops.deleted_rows group by all
"""
COLUMNS = f"""
select schema_name, table_name, md5(string_agg(concat_ws('|', column_name, data_type), ',' order by column_index))
from duckdb_columns() where database_name = current_database() and starts_with(schema_name, '{RAW}')
group by all
"""


def source_versions(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> dict[str, str]:
    """By unique id, the version of every source table of the manifest."""
    relations = {name: Relation(one["schema"], one["identifier"]) for name, one in manifest["sources"].items()}
    raw = _raw_versions(connection)
    posted = "|".join(fingerprints(connection, RESULT_LOGS).values())
    own = {relation for relation in relations.values() if not relation.schema.startswith((RAW, RESULTS))}
    told = fingerprints(connection, own)
    return {
        name: posted if relation.schema == RESULTS else told.get(relation) or raw.get(relation, "")
        for name, relation in relations.items()
    }


def _raw_versions(connection: duckdb.DuckDBPyConnection) -> dict[Relation, str]:
    """Each raw table's loads, rows that its database no longer has, and columns."""
    found: dict[Relation, str] = {}
    for query in (LOADS, DELETIONS, COLUMNS):
        for schema, table, value in connection.execute(query).fetchall():
            relation = Relation(schema, table)
            found[relation] = f"{found.get(relation, '')}|{value}"
    return found
