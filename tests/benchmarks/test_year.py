"""An interrupted year goes on where it stopped, with the figures that it had."""

import datetime as dt
from pathlib import Path

import pytest

from benchmarks import year
from benchmarks.daily_shop import FIRST_DAY, DailyShop


class CountingShop(DailyShop):
    """A shop whose commands take no time and are noted; the third run is interrupted."""

    def loyalty(self, *arguments: str) -> tuple[float, float, float]:
        self.__dict__.setdefault("said", []).append(arguments)
        if len(self.__dict__["said"]) == 3:
            raise KeyboardInterrupt
        return 1.5, 2.5, 3.5


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
