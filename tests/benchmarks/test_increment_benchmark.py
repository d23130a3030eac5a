"""The benchmark of the increment measures what it says, on a company small enough for a test."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.generated import expect_good, settings_of
from benchmarks.increment import BUILDS, MODELS, measure
from dagster_project.dbt_runner.results import NodeResult
from warehouse.relations import relations_of
from warehouse.sql import connect

pytestmark = pytest.mark.slow


def test_both_ways_are_measured_and_leave_the_rows_of_a_full_build(tmp_path: Path) -> None:
    costs = measure(settings_of(tmp_path, ["shop", "till"]), 2_000, 0.02, 7, is_isolated=False)
    assert costs["deliver changes"].rows > 20
    assert costs["compare"].rows > 2_000 and costs["compare"].rows_different == 0
    for name in BUILDS:
        cost = costs[name]
        assert set(cost.models) == set(MODELS)
        assert all(0 < seconds <= cost.seconds for seconds in cost.models.values())  # some of them at a time
        assert cost.processor_seconds > 0 and cost.peak_mb > 0


def test_a_build_that_is_interrupted_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, calls, tables = settings_of(tmp_path, ["shop"]), itertools.count(), []

    def interrupting(results: Sequence[NodeResult]) -> None:
        with connect(settings.warehouse_path) as connection:
            tables.append("int_order_line_versions" in {relation.name for relation in relations_of(connection)})
        if next(calls) == 1:  # views, models, and once more
            raise KeyboardInterrupt
        expect_good(results)

    monkeypatch.setattr("benchmarks.increment.expect_good", interrupting)
    with pytest.raises(KeyboardInterrupt):
        measure(settings, 2_000, 0.02, 7, is_isolated=False)
    costs = measure(settings, 2_000, 0.02, 7, is_isolated=False)
    assert tables == [False, True, False, True, True, True]
    assert costs["compare"].rows_different == 0


def test_a_script_by_hand_makes_the_rows_of_the_models(tmp_path: Path) -> None:
    costs = measure(settings_of(tmp_path, ["shop"]), 2_000, 0.02, 7, is_isolated=False)
    assert costs["full, by hand"].processor_seconds > 0 and costs["full, by hand"].rows > 500
    assert (costs["full, by hand"].rows_different, costs["compare"].rows_different) == (0, 0)
