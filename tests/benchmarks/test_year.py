"""An interrupted year goes on where it stopped, with the figures that it had; and a day passes for Dagster too."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from benchmarks import year
from benchmarks.daily_shop import FIRST_DAY, DailyShop
from dagster_project.retention import delete_old_runs
from dagster_project.runs import open_instance
from warehouse.settings import load_settings


class CountingShop(DailyShop):
    """A shop whose commands take no time and are noted; the third run is interrupted."""

    def loyalty(self, *arguments: str) -> tuple[float, float, float]:
        self.__dict__.setdefault("said", []).append(arguments)
        if len(self.__dict__["said"]) == 3:
            raise KeyboardInterrupt
        return 1.5, 2.5, 3.5

    def let_a_day_pass(self) -> None:
        """Nothing of Dagster's is there."""


@dg.asset
def thing() -> None:
    """An asset of a run."""


def test_an_interrupted_year_goes_on(tmp_path: Path) -> None:
    figures = tmp_path / "mornings.csv"
    with pytest.raises(KeyboardInterrupt):
        year.mornings(CountingShop(tmp_path, 500, 60), 10, 4, figures)
    again = CountingShop(tmp_path, 500, 60)
    done = year.mornings(again, 10, 4, figures)
    days = [FIRST_DAY + dt.timedelta(days=number) for number in (11, 12)]
    assert again.__dict__["said"] == [("run", "--as-of", str(day)) for day in days]
    assert [morning.day for morning in done] == [1, 2, 3, 4]
    assert done[0].lines > done[1].lines > 0 and (done[0].seconds, done[0].memory_mb) == (1.5, 3.5)
    assert year.mornings(again, 10, 4, figures) == done


def test_runs_of_a_year_of_mornings_grow_old(tmp_path: Path, own_environment: None) -> None:
    shop = DailyShop(tmp_path, 500, 60)
    settings = load_settings(environ={}, home=shop.home)
    with open_instance(settings) as instance:
        run_id = dg.materialize([thing], instance=instance).run_id
        for _ in range(settings.retention.run_days):
            assert delete_old_runs(settings, instance) == []
            shop.let_a_day_pass()
        assert delete_old_runs(settings, instance) == [run_id]
