"""What a publication changes beside the live one, and what holds it back."""

import json
import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given
from hypothesis import strategies as st

from serving.publication.changes import ALL_COLUMNS, CREATE, NEW, PUBLISHED_BEFORE, UNDATED, find_changes, held_back
from serving.publication.database_file import CHANGES
from serving.publication.declared_marts import DayColumn, DeclaredMarts, declared_marts
from serving.publication.publish import publish, rollback
from serving.publication.state import Publication, live_publication
from tests.serving.publication.test_publish import AS_OF, no_report, read
from warehouse import builds
from warehouse.errors import UserError
from warehouse.relations import Relation
from warehouse.settings import Settings
from warehouse.sql import connect

VIEW = f"create schema if not exists marts; create or replace view {CHANGES.sql} as from ops.publication_changes"
SALES = Relation("marts", "fct_sales")
DECLARED = DeclaredMarts({"fct_sales": ("sale_id",)}, (), {"fct_sales": DayColumn("sold_date")})
BEFORE = """
create or replace table marts.fct_sales as
select * from (values
    ('a', date '2017-12-30', 10.00::decimal(18, 4), 1::bigint, 'tea'), ('b', date '2017-12-30', 20.00, 1, 'tea'),
    ('c', date '2017-12-31', 30.00, 1, 'cup'), ('d', date '2017-12-31', 40.00, 2, 'cup')
) as t (sale_id, sold_date, net_amount, quantity, product)
"""
# Of the days before: a is gone, b costs 5 more, c is another product, x came late; y is of a new day.
AFTER = """
delete from marts.fct_sales where sale_id = 'a';
update marts.fct_sales set net_amount = 25 where sale_id = 'b';
update marts.fct_sales set product = 'pot' where sale_id = 'c';
insert into marts.fct_sales values ('x', '2017-12-29', 7, 1, 'tea'), ('y', '2018-01-01', 50, 3, 'tea')
"""


@pytest.fixture
def go(settings: Settings, warehouse: DuckDBPyConnection, tmp_path: Path) -> Callable[..., Publication]:
    """Publish what the warehouse holds, after a statement, with the keys and days of DECLARED."""
    warehouse.execute(builds.CREATE + CREATE + VIEW)
    nodes: dict[str, Any] = {
        "mart": {"resource_type": "model", "schema": "marts", "name": "fct_sales", "original_file_path": "sales.sql",
                 "columns": {"sold_date": {}}, "config": {"meta": {"days": {"day": "sold_date"}}}},
        "test": {"resource_type": "test", "attached_node": "mart",
                 "test_metadata": {"name": "sound_rows", "kwargs": {"key": ["sale_id"]}}},
    }  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps({"nodes": nodes}))

    def published(statement: str, rate: float | None = None, **further: Any) -> Publication:
        number = builds.open_build(warehouse, f"run-{statement[:1]}", AS_OF)
        warehouse.execute(statement)
        builds.pass_build(warehouse, number, {"check"}, {"check"})
        values = {**settings.model_dump(), "publish": {"max_restated_rate": rate}, "path": settings.path}
        about = {"as_of_date": AS_OF, "data_through": AS_OF, "report": no_report, **further}
        days = {name: about.pop(name) for name in ("as_of_date", "data_through")}
        return publish(Settings.model_validate(values), warehouse, days, manifest=tmp_path / "manifest.json", **about)

    return published


def found(settings: Settings) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = read(
        settings.published_path,
        "select days, column_name, added_count, removed_count, changed_count, differing_count, difference,"
        " restated_rate from marts.fct_publication_changes where build_id = (select build_id from marts.publication)",
    )
    return {(days, column): tuple(values) for days, column, *values in rows}


def test_days_published_before_are_told_from_new_ones(settings: Settings, go: Callable[..., Publication]) -> None:
    first = go(BEFORE)
    assert found(settings) == {}
    go(AFTER)
    assert found(settings) == {
        (PUBLISHED_BEFORE, ALL_COLUMNS): (1, 1, 2, 4, None, 1.0),
        # -10 for a, +5 for b, +7 for x
        (PUBLISHED_BEFORE, "net_amount"): (None, None, None, 3, 2.0, None),
        (PUBLISHED_BEFORE, "quantity"): (None, None, None, 2, 0.0, None),
        (NEW, ALL_COLUMNS): (1, 0, 0, 1, None, None),
        (NEW, "net_amount"): (None, None, None, 1, 50.0, None),
        (NEW, "quantity"): (None, None, None, 1, 3.0, None),
    }
    rows = read(
        settings.published_path,
        "select distinct compared_with, rows_before_count, rows_count from marts.fct_publication_changes"
        " where column_name = '*' order by all",
    )
    assert rows == [(first.publication_id, 0, 1), (first.publication_id, 4, 4)]


def test_what_did_not_change_has_no_rows_and_earlier_changes_stay(
    settings: Settings, go: Callable[..., Publication]
) -> None:
    for statement in (BEFORE, AFTER, "select 1"):
        go(statement)
    assert found(settings) == {}
    assert read(settings.published_path, "select distinct build_id from marts.fct_publication_changes") == [(2,)]


def test_a_mart_that_only_one_side_has_counts_whole(settings: Settings, go: Callable[..., Publication]) -> None:
    go(BEFORE)
    go("create table marts.rpt_new as from range(3); drop table marts.fct_sales")
    assert read(
        settings.published_path,
        "select mart, days, column_name, rows_before_count, rows_count, added_count, removed_count"
        " from marts.fct_publication_changes order by mart",
    ) == [("fct_sales", UNDATED, "*", 4, 0, 0, 4), ("rpt_new", UNDATED, "*", 0, 3, 3, 0)]


def test_a_publication_is_held_back_until_it_is_accepted(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    first = go(BEFORE, rate=0.5)
    with pytest.raises(UserError, match=r"4 of 4 rows of fct_sales \(100.00%\).*allows 50.00%.*diff.*run --accept"):
        go(AFTER, rate=0.5)
    live = live_publication(settings)
    assert live and live.publication_id == first.publication_id
    assert warehouse.execute("select count(*) from ops.publication_changes").fetchone() == (0,)
    held = held_back(settings)
    assert held and {change.days for change in held[1]} == {PUBLISHED_BEFORE, NEW}
    go("select 1", rate=0.5, accept=True)
    assert held_back(settings) is None
    assert found(settings)[PUBLISHED_BEFORE, ALL_COLUMNS][-1] == 1.0
    # back to the first and forward again: the same build is compared with what is live
    rollback(settings)
    go("select 1")
    assert found(settings)[PUBLISHED_BEFORE, ALL_COLUMNS][-1] == 1.0


def test_new_days_and_a_rate_at_the_limit_hold_nothing_back(go: Callable[..., Publication]) -> None:
    go(BEFORE)
    go("insert into marts.fct_sales select 'n-' || i, date '2018-01-01', 1, 1, '' from range(100) as t (i)", rate=0)
    go("update marts.fct_sales set quantity = 9 where sale_id = 'a'", rate=0.25)


ROWS = st.dictionaries(
    st.integers(0, 8),
    st.tuples(
        st.none() | st.integers(-2, 2).map(lambda days: AS_OF + timedelta(days=days)),
        st.none() | st.sampled_from([0.0, 1.5, -2.0, 1e9]),
        st.none() | st.sampled_from(["", "x"]),
    ),
    max_size=8,
)


def written(folder: Path, name: str, rows: dict[int, tuple[Any, ...]]) -> Path:
    file = folder / name
    file.unlink(missing_ok=True)
    with connect(file) as connection:
        connection.execute("create schema marts")
        connection.execute(f"create table {SALES.sql} (sale_id integer, sold_date date, amount double, note varchar)")
        if rows:
            connection.executemany(f"insert into {SALES.sql} values (?, ?, ?, ?)", [[k, *v] for k, v in rows.items()])
    return file


def days_of(day: date | None) -> str:
    return UNDATED if day is None else PUBLISHED_BEFORE if day <= AS_OF else NEW


@pytest.mark.slow
@given(ROWS, ROWS)
def test_sums_tie_and_each_row_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, before: dict[int, Any], after: dict[int, Any]
) -> None:
    """Against a comparison of two dictionaries, key by key."""
    folder = tmp_path_factory.mktemp("files")
    live = Publication("first", "run", 1, AS_OF, AS_OF, "company", None)  # type: ignore[arg-type]
    settings = Settings(company="c", home=folder, sources={"shop": {}}, business_timezone="UTC", base_currency="EUR",
                        churn_horizon_days=30)  # type: ignore[arg-type]  # fmt: skip
    changes = find_changes(
        settings, written(folder, "after", after), written(folder, "before", before), live, [SALES], DECLARED
    )
    expected: dict[str, list[tuple[int, str]]] = {}
    for key in before.keys() | after.keys():
        was, now = before.get(key), after.get(key)
        if was != now:
            days = [side[0] for side in (was, now) if side and side[0]]
            kind = "added" if was is None else "removed" if now is None else "changed"
            expected.setdefault(days_of(min(days, default=None)), []).append((key, kind))
    rows = {change.days: change for change in changes if change.column_name == ALL_COLUMNS}
    assert {days: one.differing_count for days, one in rows.items()} == {d: len(k) for d, k in expected.items()}
    for days, one in rows.items():
        kinds = [kind for _, kind in expected[days]]
        assert (one.added_count, one.removed_count, one.changed_count) == tuple(
            kinds.count(kind) for kind in ("added", "removed", "changed")
        )
    total = math.fsum(change.difference or 0 for change in changes if change.column_name == "amount")
    sums = [math.fsum(row[1] or 0 for row in side.values()) for side in (after, before)]
    assert total == pytest.approx(sums[0] - sums[1], abs=1e-6)


@pytest.mark.parametrize("said", [{}, {"day": "month"}, {"week": "sold_date"}, "sold_date", {"day": "a", "month": "a"}])
def test_days_that_cannot_be_understood_are_named(tmp_path: Path, said: Any) -> None:
    node = {"resource_type": "model", "schema": "marts", "name": "m", "original_file_path": "m.sql",
            "columns": {"sold_date": {}, "a": {}}, "config": {"meta": {"days": said}}}  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps({"nodes": {"m": node}}))
    with pytest.raises(UserError, match=r"m.sql: meta.days of m is .*date column"):
        declared_marts(tmp_path / "manifest.json")


def test_a_month_was_published_once_it_was_over(settings: Settings, tmp_path: Path) -> None:
    rows = {1: (date(2017, 11, 1), 1.0, ""), 2: (date(2017, 12, 1), 1.0, "")}
    live = Publication("first", "run", 1, date(2017, 12, 30), AS_OF, "company", None)  # type: ignore[arg-type]
    declared = DeclaredMarts({"fct_sales": ("sale_id",)}, (), {"fct_sales": DayColumn("sold_date", is_month=True)})
    now = {key: (day, 2.0, note) for key, (day, _, note) in rows.items()}
    changes = find_changes(
        settings, written(tmp_path, "after", now), written(tmp_path, "before", rows), live, [SALES], declared
    )
    assert [(one.days, one.differing_count) for one in changes if one.column_name == "*"] == [
        (NEW, 1), (PUBLISHED_BEFORE, 1),
    ]  # fmt: skip
