"""Schema `today` of the published file."""

import json
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from serving.publication.declared_marts import TodaysRows, create_views, declared_marts
from serving.publication.publish import republish
from tests.serving.publication.test_publish import build, go, pass_again, read  # noqa: F401
from warehouse.errors import UserError
from warehouse.relations import Relation
from warehouse.settings import Settings

SEGMENTS = Relation("marts", "rpt_segments")
HISTORY = """
create schema if not exists marts;
create or replace table marts.rpt_segments as
    select * from (values
        (date '2024-01-31', 'lifetime', 'a', 3), (date '2024-02-29', 'lifetime', 'a', 4),
        (date '2024-02-29', 'lifetime', 'b''s', 2), (date '2024-02-29', '365d', 'a', 6)
    ) as t (as_of_date, rfm_window, segment, customers_count);
"""


def manifest_of(folder: Path, today: Any, name: str = "rpt_segments") -> Path:
    """A manifest with one mart that says `today`, and a model of another schema that nobody asks."""
    columns = dict.fromkeys(["as_of_date", "rfm_window", "segment", "customers_count", "is_current"])
    node = {"resource_type": "model", "schema": "marts", "name": name, "columns": columns,
            "original_file_path": f"models/{name}.sql", "config": {"meta": {"today": today}}}  # fmt: skip
    plain = {**node, "config": {"meta": {}}}
    others = {"b": plain, "c": {**node, "schema": "intermediate"}, "d": {**node, "resource_type": "test"}}
    file = folder / "manifest.json"
    file.write_text(json.dumps({"nodes": {"a": node, **others}}))
    return file


@pytest.mark.parametrize(
    ("today", "rows"),
    [
        ({"latest": "as_of_date"}, [("365d", 6), ("lifetime", 2), ("lifetime", 4)]),
        ({"latest": "as_of_date", "where": {"rfm_window": "lifetime"}}, [("lifetime", 2), ("lifetime", 4)]),
        ({"where": {"segment": "b's"}}, [("lifetime", 2)]),
    ],
)
def test_a_view_shows_the_rows_that_are_declared(
    tmp_path: Path, warehouse: DuckDBPyConnection, today: Any, rows: Any
) -> None:
    warehouse.execute(HISTORY)
    create_views(warehouse, declared_marts(manifest_of(tmp_path, today)).today)
    query = "select rfm_window, customers_count from today.rpt_segments order by all"
    assert warehouse.execute(query).fetchall() == rows


def test_truth_values_are_compared_as_such() -> None:
    rows = TodaysRows(Relation("marts", "t"), where={"is_current": True})
    assert rows.sql() == 'select * from "marts"."t" where "is_current" = true'


@pytest.mark.parametrize(
    "today",
    [{}, {"latest": "as_of"}, {"where": {"window": "x"}}, {"where": "rfm_window"}, {"newest": "as_of_date"}, "latest",
     {"latest": "as_of_date", "newest": 1}],
)  # fmt: skip
def test_what_cannot_be_understood_is_said_with_its_file(tmp_path: Path, today: Any) -> None:
    with pytest.raises(UserError, match=r"rpt_segments\.sql: meta\.today of rpt_segments is .*latest: as_of_date"):
        declared_marts(manifest_of(tmp_path, today))


def test_published_and_published_again_they_show_the_publication_they_are_in(
    settings: Settings,
    warehouse: DuckDBPyConnection,
    go: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    def shown() -> list[Any]:
        return read(settings.published_path, "select segment, customers_count from today.rpt_segments order by all")

    build(warehouse)
    warehouse.execute(HISTORY)
    manifest = manifest_of(tmp_path, {"latest": "as_of_date", "where": {"rfm_window": "lifetime"}})
    done = go(manifest=manifest)
    assert shown() == [("a", 4), ("b's", 2)]
    assert set(done.row_counts) >= {"rpt_segments"} and "today.rpt_segments" not in done.checksums
    warehouse.execute("insert into marts.rpt_segments values (date '2024-03-01', 'lifetime', 'a', 7)")
    pass_again(warehouse)
    go(manifest=manifest)
    assert shown() == [("a", 7)]
    republish(settings, lambda source, target: target.write_bytes(source.read_bytes()), report=lambda *_: None)
    assert shown() == [("a", 7)]
    warehouse.execute("drop table marts.rpt_segments")
    pass_again(warehouse)
    go()
    assert read(settings.published_path, "select count(*) from duckdb_views() where not internal") == [(0,)]
