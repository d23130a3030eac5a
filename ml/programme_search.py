"""Bounded Bayesian search of a programme's settings: the most expected net margin among those under a cost cap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import optuna

FIRST_TRIALS = 6
# Below any value there is: what costs too much ranks after all that does not, and by how much it does.
UNAFFORDABLE = -1e15


@dataclass(frozen=True)
class Bounds:
    """Between what a setting is searched, both ends included, in what steps."""

    low: float
    high: float
    step: float

    def nearest(self, value: float) -> float:
        """The value of the steps that is nearest."""
        steps = round((min(max(value, self.low), self.high) - self.low) / self.step)
        return self.low + steps * self.step


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
    """Try so many settings, today's first, in the order tried; none is computed twice.

    `evaluate` gives a setting's value and cost. A tree-structured Parzen estimator proposes (Bergstra et al. 2011, in
    optuna); it goes by the order of trials alone, in which those above the cap come last.
    """
    known: dict[tuple[float, ...], Trial] = {}

    def objective(proposed: optuna.Trial) -> float:
        suggested = {name: proposed.suggest_float(name, b.low, b.high, step=b.step) for name, b in bounds.items()}
        settings = {name: round(value, 4) for name, value in suggested.items()}
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
    """The trial of the highest value whose cost is under the cap, the cheaper one of two alike; None without any."""
    affordable = [trial for trial in trials if trial.cost <= cost_cap]
    return max(affordable, key=lambda trial: (trial.value, -trial.cost), default=None)
