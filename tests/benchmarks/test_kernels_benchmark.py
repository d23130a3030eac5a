"""What passes for the same between two kernels, and what does not."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from benchmarks.kernels import KERNELS, available, compare, differences, environment


def frame(**changes):
    columns = {
        "customer_id": ["a", "b", None],
        "rank": pd.array([1, 2, None], dtype="Int64"),
        "value": [1.0, np.nan, 1e-12],
    }
    return pd.DataFrame(columns | changes)


def test_floats_may_differ_by_the_tolerance_of_themselves_and_nothing_else_may():
    near = compare("t", frame(), frame(value=[1.0 + 5e-10, np.nan, 1e-12]))
    assert near.is_none and near.largest == pytest.approx(5e-10, rel=1e-3)
    assert compare("t", frame(), frame()).largest == 0


@pytest.mark.parametrize(
    ("changes", "columns", "rows"),
    [
        ({"value": [1.0, np.nan, 1.1e-12]}, ("value",), 0),
        ({"value": [1.0, 2.0, 1e-12]}, ("value",), 0),
        ({"customer_id": ["a", "c", None]}, ("customer_id",), 1),
        ({"customer_id": ["a", None, "c"]}, ("customer_id",), 2),
        ({"rank": pd.array([1, 2, 3], dtype="Int64")}, ("rank",), 1),
        ({"more": 1}, ("more",), 0),
    ],
)
def test_what_differs_is_named(changes, columns, rows):
    found = compare("t", frame(), frame(**changes))
    assert (found.columns, found.differing_rows, found.is_none) == (columns, rows, False)


def test_a_missing_row_is_a_difference():
    found = compare("t", frame(), frame().head(2))
    assert (found.columns, found.differing_rows) == (("number of rows",), 1)


def published(path, rows, trained_at):
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.same as select range as number from range(5)")
        connection.execute("create table marts.scores (amount decimal(18, 4), customer_id varchar, score double)")
        connection.executemany("insert into marts.scores values (?, ?, ?)", rows)
        connection.execute(
            f"create table marts.fct_model_runs as select '{trained_at}'::timestamp as trained_at, 1 as n"
        )
        connection.execute(f"create table marts.publication as select '{trained_at}' as run_id")
    return path


def test_published_files_are_compared_table_by_table_but_for_their_clocks(tmp_path):
    one = published(tmp_path / "one.duckdb", [(1, "a", 0.5), (2, "b", 0.25)], "2024-01-01")
    other = published(tmp_path / "other.duckdb", [(2, "b", 0.25 + 1e-14), (1, "a", 0.5)], "2024-01-02")
    assert [(found.table, found.rows, found.is_none) for found in differences(one, other)] == [
        ("marts.fct_model_runs", 1, True),
        ("marts.same", 5, True),
        ("marts.scores", 2, True),
    ]
    apart = published(tmp_path / "apart.duckdb", [(1.0001, "a", 0.5), (2, "b", 0.25)], "2024-01-01")
    found = {difference.table: difference for difference in differences(one, apart)}["marts.scores"]
    assert (found.columns, found.differing_rows) == (("amount",), 1)


def test_each_kernel_is_asked_for_by_name():
    assert set(available()) <= set(KERNELS)
    for kernel in KERNELS:
        assert environment(kernel)["OPENBLAS_CORETYPE"] == kernel
