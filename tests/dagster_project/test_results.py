"""What a run left in Dagster's history: every asset with its rows and columns, every check with its row_status."""

import dagster as dg

from dagster_project.definitions import build_definitions
from dagster_project.runs import open_instance
from tests.support.company import Company


def metadata_of(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, dg.MetadataValue]:
    event = instance.get_latest_materialization_event(key)
    assert event and event.asset_materialization, f"{key.to_user_string()} was not materialized"
    return dict(event.asset_materialization.metadata)


def test_every_asset_was_materialized_and_every_check_passed(built: Company) -> None:
    graph = build_definitions(built.settings).resolve_asset_graph()
    with open_instance(built.settings) as instance:
        for key in graph.materializable_asset_keys:
            metadata_of(instance, key)
        results = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys))
    verdicts = {key: results[key].status.value for key in graph.asset_check_keys if key in results}
    assert verdicts == dict.fromkeys(graph.asset_check_keys, "SUCCEEDED")


def test_marts_show_their_columns_rows_and_time(built: Company) -> None:
    rows = dict(
        built.published(
            "select table_name, estimated_size from duckdb_tables()"
            " where schema_name = 'marts' and table_name <> 'publication'"
        )
    )
    described = built.published(
        "select table_name, column_name, data_type, comment from duckdb_columns()"
        " where schema_name = 'marts' and table_name <> 'publication' order by table_name, column_index"
    )
    with open_instance(built.settings) as instance:
        for table in rows:
            metadata = metadata_of(instance, dg.AssetKey(["marts", table]))
            schema = metadata["dagster/column_schema"].value
            assert isinstance(schema, dg.TableSchema)
            shown = [(table, column.name, column.type, column.description) for column in schema.columns]
            assert shown == [row for row in described if row[0] == table]
            assert all(column.description for column in schema.columns), table
            assert float(metadata["seconds"].value) >= 0
            counted = metadata.get("dagster/row_count")
            assert counted is None or counted.value == rows[table], table
        assert "dagster/row_count" in metadata_of(instance, dg.AssetKey(["marts", "fct_orders"]))
