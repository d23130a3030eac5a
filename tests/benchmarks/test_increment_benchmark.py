"""The benchmark of the increment measures what it says, on a company small enough for a test."""

from pathlib import Path

import pytest

from benchmarks.generated import settings_of
from benchmarks.increment import BUILDS, MODELS, measure

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


def test_a_script_by_hand_makes_the_rows_of_the_models(tmp_path: Path) -> None:
    costs = measure(settings_of(tmp_path, ["shop"]), 2_000, 0.02, 7, is_isolated=False)
    assert costs["full, by hand"].processor_seconds > 0 and costs["full, by hand"].rows > 500
    assert (costs["full, by hand"].rows_different, costs["compare"].rows_different) == (0, 0)
