"""`loyalty backfill`: the results of earlier days, one after the other, then the live day and its publication.

Scores, clusters, lifetime values, recommendations and rewards are posted for the day of a run. A company that is new
here, or whose models changed, has them of earlier days by running as of each. Everything else is of every day already.
"""

import calendar
import json
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from dagster_project.cli.console import Console
from dagster_project.cli.run import StageLog, execute, report_failure, run, select_assets
from dagster_project.definitions import build_definitions
from dagster_project.unchanged import input_state
from serving.publication.reader import opened_publication
from serving.publication.state import live_publication
from warehouse.errors import UserError
from warehouse.files import read_note, write_atomically
from warehouse.settings import Settings

Step = Literal["month", "day"]
CHECKED = "+ops/build_status"
TOLD = {"waiting", "held back", "failed", "dbt error", "dbt fail"}


def backfill(settings: Settings, first: date, last: date, by: Step) -> int:
    """Run as of the last day of each month, or of each day, from `first` to `last`; then as usual, which publishes.

    A range that was broken off goes on after its last whole day, if nothing else has changed since. Returns the exit
    code. Raises UserError for a range that does not lie before the live publication's day.
    """
    days = list(_days(first, last, by))
    kept_from = _require_earlier(settings, days) - timedelta(settings.retention.score_days)
    console = Console(soft_wrap=True)
    if by == "day" and days[0] <= kept_from:
        told = f"Up to {kept_from} only the last day of each month is kept: see retention.score_days in the settings."
        console.print(told, style="yellow")
    stages = StageLog(console)
    definitions = build_definitions(settings, lambda *told: stages.tell(*told) if told[1] in TOLD else None)
    keys = select_assets(definitions, CHECKED)
    done = Done(settings, [str(first), str(last), by])
    left = [day for day in days if str(day) not in done.days]
    if len(left) < len(days):
        console.print(f"{len(days) - len(left)} of {len(days)} days stand from the last time")
    seconds: list[float] = []
    for number, day in enumerate(left, start=1):
        began = time.perf_counter()
        result = execute(definitions, settings.model_copy(update={"as_of_date": day}), keys)
        if not result.success:
            console.print(f"{day} failed; the same command goes on with it", style="red")
            return report_failure(stages, settings, result)
        done.add(day)
        seconds.append(time.perf_counter() - began)
        minutes = (len(left) - number) * sum(seconds) / len(seconds) / 60
        console.print(f"{day} done in {seconds[-1]:.0f} s; {len(left) - number} left, about {minutes:.0f} min")
    done.forget()
    return run(settings)


class Done:
    """The days of a range that are done, kept in the home folder until all are."""

    def __init__(self, settings: Settings, asked: Sequence[str]) -> None:
        self._path: Path = settings.home / "backfill.json"
        self._about = {"range": [*asked], "input_state": input_state(settings)}
        note = read_note(self._path)
        self.days: list[str] = note.get("days", []) if {**note, "days": 0} == {**self._about, "days": 0} else []

    def add(self, day: date) -> None:
        """Keep that a day is done."""
        self.days.append(str(day))
        write_atomically(self._path, json.dumps({**self._about, "days": self.days}))

    def forget(self) -> None:
        """The range is done: the next command starts anew."""
        self._path.unlink(missing_ok=True)


def _days(first: date, last: date, by: Step) -> Iterator[date]:
    day = first
    while day <= last:
        if by == "day" or day.day == calendar.monthrange(day.year, day.month)[1]:
            yield day
        day += timedelta(1)


def _require_earlier(settings: Settings, days: Sequence[date]) -> date:
    """The live publication's day, before which all days have to lie."""
    live = live_publication(settings)
    if live is None or live.as_of_date is None:
        raise UserError(f"Nothing is published yet: start `{settings.command} run`.")
    if not days:
        raise UserError("The range has no day: the first one comes after the last, or no month ends between them.")
    if days[-1] >= live.as_of_date:
        raise UserError(f"{days[-1]} does not lie before {live.as_of_date}, of which the live publication is.")
    with opened_publication(settings) as connection:
        ((begin,),) = connection.execute("select min(order_date) from marts.fct_orders").fetchall()
    if days[0] <= begin:
        raise UserError(f"{days[0]} does not lie after {begin}, the day of the first order.")
    return live.as_of_date
