"""A range of earlier days is computed by one command, which goes on where it was broken off."""

import json
from datetime import date
from pathlib import Path

import pytest

from dagster_project.cli.backfill import Done
from tests.support.company import Company

DAYS = ["2024-10-31", "2024-11-30"]
VALUES = "select * exclude model_run_id from marts.fct_customer_lifetime_value where as_of_date = '{}' order by all"


@pytest.mark.slow
def test_the_days_of_a_range_have_the_results_of_runs_as_of_them(built: Company, tmp_path: Path) -> None:
    own = built.copy(tmp_path / "range")
    done = own.loyalty("backfill", "2024-10-15", "2024-12-15")
    assert done.code == 0, done.out + done.err
    assert "2024-10-31 done in" in done.text and "1 left, about" in done.text and "2024-11-30 done in" in done.text
    single = built.copy(tmp_path / "single")
    single.run("--as-of", DAYS[0])
    assert own.published(VALUES.format(DAYS[0])) == single.published(VALUES.format(DAYS[0])) != []
    assert own.published(VALUES.format(DAYS[1]))
    # the live day is what it was, and so is everything that is of every day
    (live,) = built.published("select as_of_date from marts.publication")[0]
    assert own.published(VALUES.format(live)) == built.published(VALUES.format(live)) != []
    for mart in ("fct_orders", "fct_customer_rfm", "fct_customer_tiers", "fct_points_entries", "rpt_sales_monthly"):
        assert own.marts()[mart] == built.marts()[mart], mart
    assert not (own.settings.home / "backfill.json").exists()


@pytest.mark.campaign
def test_a_range_goes_on_after_its_last_whole_day(built: Company, tmp_path: Path) -> None:
    own = built.copy(tmp_path / "own")
    note = Done(own.settings, ["2024-10-15", "2024-12-15", "month"])
    note.add(date(2024, 10, 31))
    done = own.loyalty("backfill", "2024-10-15", "2024-12-15")
    assert done.code == 0 and "1 of 2 days stand from the last time" in done.text, done.text
    assert "2024-10-31 done" not in done.text and "2024-11-30 done in" in done.text and "0 left" in done.text


def test_what_was_done_of_another_range_or_input_does_not_count(built: Company, tmp_path: Path) -> None:
    own = built.copy(tmp_path / "own")
    Done(own.settings, DAYS).add(date(2024, 10, 31))
    assert Done(own.settings, DAYS).days == ["2024-10-31"]
    assert Done(own.settings, [*DAYS, "day"]).days == []
    note = own.settings.home / "backfill.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "input_state": "another"}))
    assert Done(own.settings, DAYS).days == []


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2024-12-01", "2024-11-30", "The range has no day"),
        ("2024-11-05", "2024-11-20", "no month ends between them"),
        ("2024-11-05", "2026-01-31", "does not lie before"),
        ("2020-01-05", "2024-11-30", "does not lie after"),
    ],
)
def test_a_range_that_cannot_be_says_why(built: Company, first: str, last: str, said: str) -> None:
    done = built.loyalty("backfill", first, last)
    assert done.code == 2 and said in done.text, done.text
