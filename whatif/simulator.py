"""Scenarios replayed and valued, and the search for better rules.

dbt replays the rules (`whatif.replay`), `whatif.reward_response` estimates what rewards bring, and `whatif.rule_search`
chooses the next trial.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from duckdb import DuckDBPyConnection

from warehouse.errors import UserError
from warehouse.settings import Settings
from whatif.outcome import Outcome, Range, Simulated, read_outcome
from whatif.replay import Replay
from whatif.reward_response import interval, reward_response
from whatif.rule_search import Bounds, best_trial, search
from whatif.scenarios import ALL, BEST, TODAY, Programme, Scenario, changed

THRESHOLD, EARN_RATE, EXPIRY = f"tiers.{ALL}.threshold_amount", f"tiers.{ALL}.earn_rate", "points.expiry_months"
SCALE_STEP = 0.05

Progress = Callable[[Simulated], None]


@dataclass(frozen=True)
class SearchPlan:
    """The number of rules to try, their cost cap (None: that of today's rules), and the changes common to all of
    them."""

    trials: int
    cost_cap: float | None
    base: Mapping[str, str]


@dataclass(frozen=True)
class Searched:
    """The trials of a search in their order, its cap in the base currency, and the best trial."""

    tried: Sequence[Simulated]
    cost_cap: float
    best: Simulated


class Simulator:
    """The scenarios of one publication; today's rules are replayed first, for comparison with the others."""

    def __init__(self, settings: Settings, replay: Replay) -> None:
        self.settings = settings
        self.replay = replay
        self.programme = replay.today()
        with replay.opened() as connection:
            campaigns = connection.execute("select * from warehouse.marts.fct_campaign_results").df()
            self.published = self._read(connection, TODAY, self.programme, "warehouse")
            self.as_of_date = _as_of_date(connection)
        assumed = settings.assumed
        self.response = reward_response(campaigns, assumed.reward_return, assumed.reward_elasticity, settings.seed)
        self._outcomes: dict[Programme, Outcome] = {}
        self._today = self._replayed(TODAY, self.programme)

    @property
    def today(self) -> Simulated:
        """The rules in force, replayed like any others."""
        return self._valued(self._today, {})

    @property
    def replays_count(self) -> int:
        """How many different rules were replayed."""
        return len(self._outcomes)

    @property
    def is_as_published(self) -> bool:
        """Whether today's rules give the published figures; if not, SQL or settings have changed since."""
        return self._today == self.published

    def simulate(self, scenario: Scenario) -> Simulated:
        """Replay the scenario. Raises UserError where its changes are not valid."""
        return self._valued(self._replayed(scenario.name, changed(self.programme, scenario)), scenario.changes)

    def search(self, plan: SearchPlan, progress: Progress) -> Searched:
        """Try rules within the bounds of `simulate` in the settings; the best is of the most expected net margin.

        Raises UserError when the plan's base leaves nothing to vary, and when everything tried costs more than the cap.
        """
        bounds = {key: value for key, value in self._bounds().items() if not _is_set(plan.base, key)}
        if not bounds:
            raise UserError(
                "--search: --set leaves nothing to vary; take away a threshold, an earn rate or the expiry."
            )
        cap = self.cap(plan)
        tried: dict[tuple[float, ...], Simulated] = {}

        def evaluate(values: Mapping[str, float]) -> tuple[float, float]:
            scenario = Scenario(f"trial {len(tried) + 1}", {**plan.base, **_changes(values)})
            one = tried[tuple(values.values())] = self.simulate(scenario)
            progress(one)
            return one.net.expected, float(one.outcome.highest_cost_amount)

        today = {THRESHOLD: 1.0, EARN_RATE: 1.0, EXPIRY: float(self.programme.points.expiry_months)}
        trials = search(bounds, today, evaluate, cap, plan.trials, self.settings.seed)
        best = best_trial(trials, cap)
        if best is None:
            cheapest = min(trial.cost for trial in trials)
            raise UserError(
                f"--search: nothing tried costs {cap:,.0f} or less; the cheapest may cost {cheapest:,.0f}. "
                f"Raise --cost-cap, or widen the bounds in {self.settings.path} (simulate)."
            )
        found = tried[tuple(best.settings.values())]
        return Searched(list(tried.values()), cap, replace(found, outcome=replace(found.outcome, name=BEST)))

    def cap(self, plan: SearchPlan) -> float:
        """The most that rules of the plan may cost, in the base currency."""
        return float(self._today.highest_cost_amount) if plan.cost_cap is None else plan.cost_cap

    def _bounds(self) -> dict[str, Bounds]:
        simulate = self.settings.simulate
        return {
            THRESHOLD: Bounds(*simulate.threshold_scale, SCALE_STEP),
            EARN_RATE: Bounds(*simulate.earn_rate_scale, SCALE_STEP),
            EXPIRY: Bounds(*simulate.expiry_months, 1),
        }

    def _replayed(self, name: str, programme: Programme) -> Outcome:
        if programme not in self._outcomes:
            self.replay.build(programme)
            with self.replay.opened() as connection:
                self._outcomes[programme] = self._read(connection, name, programme, "dev")
        return replace(self._outcomes[programme], name=name)

    @staticmethod
    def _read(connection: DuckDBPyConnection, name: str, programme: Programme, database: str) -> Outcome:
        return read_outcome(connection, name, programme.tier_names, programme.money.budget_amount, database)

    def _valued(self, outcome: Outcome, changes: Mapping[str, str]) -> Simulated:
        incremental, net = self._margins(outcome)
        draws = (incremental, net, net - self._margins(self._today)[1])
        return Simulated(outcome, changes, *(Range(*interval(values)) for values in draws))

    def _margins(self, outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
        incremental = self.response.incremental_margin(self._today.cost_by_group, outcome.cost_by_group)
        return incremental, incremental - float(outcome.cost_amount)


def _as_of_date(connection: DuckDBPyConnection) -> date:
    row = connection.execute("select as_of_date from warehouse.intermediate.int_run_dates").fetchone()
    assert row is not None
    return row[0]


def _is_set(base: Mapping[str, str], key: str) -> bool:
    """Whether the base sets the value itself, be it of one tier."""
    section, name = key.partition(".")[0], key.rpartition(".")[2]
    return any(given.startswith(f"{section}.") and given.endswith(f".{name}") for given in base)


def _changes(values: Mapping[str, float]) -> dict[str, str]:
    """The searched values as a scenario writes them: scales as multiples, months as they are."""
    return {key: f"{value:g}" if key == EXPIRY else f"{value:g}x" for key, value in values.items()}
