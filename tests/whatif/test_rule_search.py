"""The search on planted curves: it finds the optimum that is known, under the cap, and the same one again."""

from collections.abc import Mapping

import pandas as pd
import pytest

from whatif.reward_response import reward_response
from whatif.rule_search import Bounds, best_trial, search

BOUNDS = {"threshold": Bounds(0.5, 2, 0.05), "earn_rate": Bounds(0.1, 2, 0.05), "expiry": Bounds(3, 24, 1)}
TODAY = {"threshold": 1.0, "earn_rate": 1.0, "expiry": 12.0}
NO_CAP = 1e9


class Planted:
    """A programme that costs 1,000 today, more with the earn rate, less with thresholds, and answers by its root."""

    def __init__(self, reward_return: float) -> None:
        none = pd.DataFrame(columns=["metric", "method", "status", "cost_amount", "effect_low", "effect_high"])
        self.response = reward_response(none, (reward_return, reward_return), (0.5, 0.5), seed=1)
        self.asked: list[tuple[float, ...]] = []

    def cost(self, settings: Mapping[str, float]) -> float:
        return 1_000 * settings["earn_rate"] * (1.3 - 0.3 * settings["threshold"]) * (0.88 + settings["expiry"] / 100)

    def net(self, cost: float) -> float:
        return float(self.response.incremental_margin({"Gold": 1_000.0}, {"Gold": cost}).mean()) - cost

    def __call__(self, settings: Mapping[str, float]) -> tuple[float, float]:
        self.asked.append(tuple(settings.values()))
        return self.net(self.cost(settings)), self.cost(settings)


@pytest.mark.parametrize("reward_return", [1.0, 1.4, 2.0, 2.4])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_finds_the_optimum_of_a_planted_response(reward_return: float, seed: int) -> None:
    planted = Planted(reward_return)
    best = best_trial(search(BOUNDS, TODAY, planted, NO_CAP, 20, seed), NO_CAP)
    assert best is not None
    optimum = 1_000 * (reward_return / 2) ** 2  # where one more costs as much as it brings: r / 2 * sqrt(c0 / c) = 1
    assert best.value == pytest.approx(planted.net(optimum), abs=10)
    assert best.cost == pytest.approx(optimum, abs=150)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_cap_below_the_optimum_holds_and_is_nearly_used_up(seed: int) -> None:
    best = best_trial(search(BOUNDS, TODAY, Planted(2.0), 600, 20, seed), 600)
    assert best is not None
    assert 400 <= best.cost <= 600


def test_nothing_under_the_cap_is_no_answer() -> None:
    assert best_trial(search(BOUNDS, TODAY, Planted(2.0), 1, 5, seed=1), 1) is None


def test_today_comes_first_within_the_bounds_nothing_is_asked_twice_and_a_seed_repeats_itself() -> None:
    runs = []
    for _ in range(2):
        planted = Planted(1.4)
        runs.append(search(BOUNDS, TODAY, planted, NO_CAP, 20, seed=5))
        assert planted.asked[0] == tuple(TODAY.values())
        assert len(set(planted.asked)) == len(planted.asked) == len(runs[-1]) <= 20
        for values in planted.asked:
            assert all(b.low <= value <= b.high for b, value in zip(BOUNDS.values(), values, strict=True))
    assert runs[0] == runs[1]


def test_today_outside_the_bounds_starts_at_the_nearest_step() -> None:
    trials = search({"earn_rate": Bounds(0.13, 0.5, 0.05)}, {"earn_rate": 1.0}, lambda s: (0.0, 0.0), NO_CAP, 1, seed=1)
    assert trials[0].settings == {"earn_rate": 0.48}
