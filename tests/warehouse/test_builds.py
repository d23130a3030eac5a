import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.builds import last_build, open_build, pass_build, record_failure, require_passed
from warehouse.errors import UserError
from warehouse.sql import connect

AS_OF = date(2017, 12, 31)
BUILD_UNTIL_KILLED = """
import os, signal, sys
from warehouse.sql import connect
from warehouse.builds import open_build
open_build(connect(sys.argv[1]), "run-killed")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def connection() -> Iterator[DuckDBPyConnection]:
    with connect() as connection:
        yield connection


def test_an_unbuilt_warehouse_is_not_published(connection: DuckDBPyConnection) -> None:
    assert last_build(connection) is None
    with pytest.raises(UserError, match="Nothing was built"):
        require_passed(connection)


def test_a_generation_passes_with_every_expected_check(connection: DuckDBPyConnection) -> None:
    number = open_build(connection, "run-a", AS_OF)
    pass_build(connection, number, {"a", "b"}, {"a", "b", "c"})
    passed = require_passed(connection)
    assert (passed.build_id, passed.run_id, passed.as_of_date, passed.status) == (1, "run-a", AS_OF, "passed")
    assert (passed.expected_checks, passed.passed_checks, passed.failure) == (2, 2, None)
    assert passed.passed_at is not None and passed.passed_at >= passed.opened_at


def test_opening_the_next_generation_closes_the_gate(connection: DuckDBPyConnection) -> None:
    pass_build(connection, open_build(connection, "run-a"), {"a"}, {"a"})
    assert open_build(connection, "run-b") == 2
    with pytest.raises(UserError, match=r"Build 2 \(run run-b\) was opened at .* UTC and did not finish"):
        require_passed(connection)


def test_a_failure_is_named_and_stays(connection: DuckDBPyConnection) -> None:
    number = open_build(connection, "run-a")
    record_failure(connection, number, "check orders_reconcile: 3 orders differ")
    first = last_build(connection)
    record_failure(connection, number, "model churn: AUC below the baseline")
    last = last_build(connection)
    assert first is not None and last is not None
    assert (last.status, last.failed_at) == ("failed", first.failed_at)
    assert last.failure == "check orders_reconcile: 3 orders differ\nmodel churn: AUC below the baseline"
    with pytest.raises(UserError, match="orders_reconcile"):
        require_passed(connection)
    with pytest.raises(UserError, match="orders_reconcile"):
        pass_build(connection, number, {"a"}, {"a"})
    assert last_build(connection) == last


def test_missing_checks_are_listed_and_recorded(connection: DuckDBPyConnection) -> None:
    number = open_build(connection, "run-a")
    expected = {f"check_{i:02}" for i in range(14)}
    with pytest.raises(UserError, match=r"12 of 14 checks .*: check_02, .*, check_11 and 2 more"):
        pass_build(connection, number, expected, {"check_00", "check_01"})
    last = last_build(connection)
    assert last is not None and last.failure is not None
    assert (last.status, last.expected_checks, last.passed_checks) == ("failed", 14, 2)
    assert "check_02" in last.failure


def test_a_build_without_checks_does_not_pass(connection: DuckDBPyConnection) -> None:
    with pytest.raises(UserError, match="no check was expected"):
        pass_build(connection, open_build(connection, "run-a"), set(), {"a"})
    with pytest.raises(UserError, match="no check was expected"):
        require_passed(connection)


def test_only_the_last_generation_can_pass(connection: DuckDBPyConnection) -> None:
    first = open_build(connection, "run-a")
    open_build(connection, "run-b")
    with pytest.raises(UserError, match=r"last build is 2 \(run run-b\)"):
        pass_build(connection, first, {"a"}, {"a"})


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_it_passes_exactly_when_nothing_is_missing(expected: set[str], passed: set[str]) -> None:
    with connect() as connection:
        number = open_build(connection, "run")
        if expected and expected <= passed:
            pass_build(connection, number, expected, passed)
            assert require_passed(connection).build_id == number
        else:
            with pytest.raises(UserError):
                pass_build(connection, number, expected, passed)
            with pytest.raises(UserError):
                require_passed(connection)


def test_a_killed_build_leaves_the_gate_closed(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    with connect(file) as connection:
        pass_build(connection, open_build(connection, "run-good"), {"a"}, {"a"})
    subprocess.run([sys.executable, "-c", BUILD_UNTIL_KILLED, str(file)], check=False)
    with connect(file) as connection, pytest.raises(UserError, match=r"run-killed\) .* did not finish"):
        require_passed(connection)
