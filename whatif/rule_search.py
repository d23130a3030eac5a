"""Bounded Bayesian search of a programme's settings: the most expected net margin among those under a cost cap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import optuna

FIRST_TRIALS = 6
# Below any value there is: what costs too much ranks after all that does not, and by how much it does.
UNAFFORDABLE = -1e15
# Decimal steps are not whole in binary: 0.9 / 0.05 is a little under 18.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Bounds:
    """The bounds of a setting in the search, and the step from the lower bound on."""

    low: float
    high: float
    step: float

    @property
    def steps(self) -> int:
        """How many steps fit in."""
        return int((self.high - self.low) / self.step + TOLERANCE)

    def at(self, steps: int) -> float:
        """The value this many steps above the lower end."""
        return round(self.low + steps * self.step, 4)

    def nearest(self, value: float) -> int:
        """The step that is nearest to a value."""
        return min(max(round((value - self.low) / self.step), 0), self.steps)


@dataclass(frozen=True)
class Trial:
    """Settings that were tried: their expected net margin, and the highest cost they may come to."""

    settings: Mapping[str, float]
    value: float
    cost: float


def search(
    bounds: Mapping[str, Bounds],
    today: Mapping[str, float],
    evaluate: Callable[[Mapping[str, float]], tuple[float, float]],
    cost_cap: float,
    trials: int,
    seed: int,
) -> list[Trial]:
    """Try a number of settings, today's first; returns the trials in order. None is computed twice.

    `evaluate` gives a setting's value and cost. A tree-structured Parzen estimator proposes (Bergstra et al. 2011, in
    optuna); it uses only the ranking of trials, in which those above the cap come last.
    """
    known: dict[tuple[float, ...], Trial] = {}

    def objective(proposed: optuna.Trial) -> float:
        settings = {name: b.at(proposed.suggest_int(name, 0, b.steps)) for name, b in bounds.items()}
        key = tuple(settings.values())
        if key not in known:
            known[key] = Trial(settings, *evaluate(settings))
        excess = known[key].cost - cost_cap
        return known[key].value if excess <= 0 else UNAFFORDABLE - excess

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(FIRST_TRIALS, trials), multivariate=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial({name: b.nearest(today[name]) for name, b in bounds.items()})
    study.optimize(objective, n_trials=trials)
    return list(known.values())


def best_trial(trials: Sequence[Trial], cost_cap: float) -> Trial | None:
    """The trial with the highest value among those under the cap, the cheaper one of two equal values; None if there is
    none."""
    affordable = [trial for trial in trials if trial.cost <= cost_cap]
    return max(affordable, key=lambda trial: (trial.value, -trial.cost), default=None)
