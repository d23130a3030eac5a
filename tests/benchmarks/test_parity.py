"""Another engine makes the same rows of the same models (docs/scale.md)."""

import os
from pathlib import Path

import pytest

from benchmarks.parity import PYTHON, Compared, compare, compare_table
from tests.support.company import Company
from warehouse.relations import Relation
from warehouse.sql import connect


@pytest.mark.slow
def test_sail_makes_the_rows_of_duckdb(built: Company, tmp_path: Path) -> None:
    _require_sail()
    compared = compare(built.settings, tmp_path)
    assert [one for one in compared if not one.is_same] == []
    rows = {one.table: one.rows for one in compared}
    assert rows["marts.fct_order_lines"] > 3_000 and rows["marts.fct_points_entries"] > 100
    assert sum(count > 0 for count in rows.values()) > 240


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ("(1, 1.5, 1.000000000001, 'a'), (2, null, 'nan', null)", (0, 0, ())),
        ("(2, null, null, null), (1, 1.5, 1.0, 'a')", (0, 0, ())),
        ("(1, 1.5, 1.0, 'a')", (1, 0, ("n", "amount", "rate", "text"))),
        ("(1, 1.5, 1.0, 'a'), (2, null, null, null), (2, null, null, null)", (0, 1, ())),
        ("(1, 1.5001, 1.0001, 'A'), (2, null, null, '')", (2, 2, ("amount", "rate", "text"))),
    ],
    ids=["nine digits", "order and nan", "a row less", "a row twice", "values"],
)
def test_what_differs_is_told(tmp_path: Path, there: str, found: tuple[int, int, tuple[str, ...]]) -> None:
    file = tmp_path / "marts.t.parquet"
    kinds = "n integer, amount decimal(18, 4), rate double, text varchar"
    with connect() as connection:
        connection.execute(f"create schema marts; create table marts.t ({kinds}); create table there ({kinds})")
        connection.execute("insert into marts.t values (1, 1.5, 1.0, 'a'), (2, null, null, null)")
        connection.execute(f"insert into there values {there}")
        connection.execute(f"copy there to '{file}' (format parquet)")
        compared = compare_table(connection, Relation("marts", "t"), file)
    assert compared == Compared("marts.t", 2, *found)


def _require_sail() -> None:
    if PYTHON.exists():
        return
    reason = "no dbt on Sail: `make spark` installs it in an environment of its own"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
