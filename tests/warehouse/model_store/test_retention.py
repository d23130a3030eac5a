"""What is kept of results and models when a day after another is added, worked out by hand."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from warehouse.files import write_atomically
from warehouse.model_store import artifacts
from warehouse.model_store.results import SCORE_TABLES, create_tables, post
from warehouse.model_store.retention import expire_models, expire_results

FIRST = date(2024, 1, 1)
# 100 days from 1 January 2024 end on 9 April; the last 35 of them begin on 6 March.
LAST = date(2024, 4, 9)
DAYS = [FIRST + timedelta(days=days) for days in range(100)]
KEPT = [date(2024, 1, 31), date(2024, 2, 29), *(date(2024, 3, 6) + timedelta(days=days) for days in range(35))]
# The tables of a result that this test fills.
TABLES = {
    "churn_scores": ["churn_scores", "churn_curves"],
    "explained_scores": ["churn_curves", "churn_contributions"],
    "campaign_effects": ["campaign_effects"],
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        create_tables(connection)
        yield connection


def run_record(run_id: str) -> dict[str, object]:
    return {"model_run_id": run_id, "model": "m", "version": "1", "rows": 1, "is_champion": True, "status": "fitted"}


def add(
    connection: duckdb.DuckDBPyConnection,
    day: date,
    run_ids: tuple[str, ...],
    result: str = "churn_scores",
    input_key: str = "key",
) -> None:
    """Post a result of two rows a table, and a metric a run."""
    frames = {table: pd.DataFrame({next(iter(SCORE_TABLES[table])): ["first", "second"]}) for table in TABLES[result]}
    metrics = pd.DataFrame({"model_run_id": run_ids, "model": "m", "metric": "loss", "value": 0.5})
    post(connection, result, day, [run_record(run_id) for run_id in run_ids], frames, metrics, input_key)


def add_all(connection: duckdb.DuckDBPyConnection) -> None:
    for day in DAYS:
        add(connection, day, (f"run-{day}",))


def days_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[date]:
    query = f"select distinct as_of_date from ml.{table} order by as_of_date"
    return [day for (day,) in connection.execute(query).fetchall()]


def runs_of(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return {run for (run,) in connection.execute(f"select distinct model_run_id from ml.{table}").fetchall()}


def test_of_100_days_the_last_35_and_the_month_ends_are_kept(connection: duckdb.DuckDBPyConnection) -> None:
    add_all(connection)
    assert DAYS[-1] == LAST and len(KEPT) == 37
    assert expire_results(connection, LAST, 35) == 63
    for table in ("churn_scores", "churn_curves", "result_versions", "model_runs"):
        assert days_of(connection, table) == KEPT
    assert runs_of(connection, "model_metrics") == {f"run-{day}" for day in KEPT}
    assert connection.execute("select count(*) from ml.churn_scores").fetchone() == (74,)
    assert expire_results(connection, LAST, 35) == 0


def test_what_explains_a_result_is_kept_of_the_latest_day(connection: duckdb.DuckDBPyConnection) -> None:
    """And of the day that is worked as of, until a later one is worked as of again."""
    for day in DAYS[-3:]:
        add(connection, day, (f"run-{day}",), "explained_scores")
        expire_results(connection, day, 35)
        assert days_of(connection, "churn_contributions") == [day]
    assert days_of(connection, "churn_curves") == DAYS[-3:]
    earlier = DAYS[0]
    add(connection, earlier, ("run-earlier",), "explained_scores")
    expire_results(connection, earlier, 35)
    assert days_of(connection, "churn_contributions") == [earlier, LAST]
    expire_results(connection, LAST, 35)
    assert days_of(connection, "churn_contributions") == [LAST]


def test_day_by_day_the_same_is_kept_as_at_once(connection: duckdb.DuckDBPyConnection) -> None:
    for day in DAYS:
        add(connection, day, (f"run-{day}",))
        expire_results(connection, day, 35)
    assert days_of(connection, "churn_scores") == days_of(connection, "result_versions") == KEPT


def test_kept_results_do_not_change(connection: duckdb.DuckDBPyConnection) -> None:
    add_all(connection)
    kept = "select * from ml.churn_scores where list_contains($days, as_of_date) order by all"
    before = connection.execute(kept, {"days": KEPT}).fetchall()
    expire_results(connection, LAST, 35)
    assert connection.execute("select * from ml.churn_scores order by all").fetchall() == before


def test_a_look_back_keeps_its_day_until_the_next_run(connection: duckdb.DuckDBPyConnection) -> None:
    add_all(connection)
    expire_results(connection, LAST, 35)
    earlier = date(2024, 2, 10)
    add(connection, earlier, ("looked-back",))
    assert expire_results(connection, earlier, 35) == 0
    assert days_of(connection, "churn_scores") == sorted([*KEPT, earlier])
    tomorrow = LAST + timedelta(days=1)
    add(connection, tomorrow, ("tomorrow",))
    assert expire_results(connection, tomorrow, 35) == 2  # the look back, and 6 March
    assert days_of(connection, "churn_scores") == sorted({*KEPT, tomorrow} - {date(2024, 3, 6)})


def test_superseded_versions_stay_in_the_window_only(connection: duckdb.DuckDBPyConnection) -> None:
    for day in (date(2024, 1, 31), date(2024, 4, 1), LAST):
        add(connection, day, (f"first-{day}",), input_key="first")
        add(connection, day, (f"second-{day}",), input_key="second")
    assert expire_results(connection, LAST, 35) == 1
    kept = {f"second-{day}" for day in (date(2024, 1, 31), date(2024, 4, 1), LAST)} | {
        f"first-{day}" for day in (date(2024, 4, 1), LAST)
    }
    for table in ("churn_scores", "churn_curves", "result_versions"):
        assert runs_of(connection, table) == kept
    # what was compared on a kept day stays on record
    assert runs_of(connection, "model_runs") == runs_of(connection, "model_metrics") == kept | {"first-2024-01-31"}


def test_an_old_run_that_still_scores_stays_with_those_compared_on_its_day(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    add(connection, date(2024, 1, 5), ("champion", "challenger"))
    add(connection, date(2024, 1, 6), ("forgotten",))
    add(connection, date(2024, 1, 31), ("month-end",))
    add(connection, LAST, ("champion",))
    expire_results(connection, LAST, 35)
    assert days_of(connection, "churn_scores") == [date(2024, 1, 31), LAST]
    assert runs_of(connection, "model_runs") == {"champion", "challenger", "month-end"}
    assert runs_of(connection, "model_metrics") == {"champion", "challenger", "month-end"}


def test_month_ends_are_each_results_own(connection: duckdb.DuckDBPyConnection) -> None:
    add(connection, date(2024, 1, 10), ("effects",), result="campaign_effects")
    add(connection, date(2024, 1, 20), ("scores",))
    add(connection, LAST, ("today",))
    assert expire_results(connection, LAST, 35) == 0
    assert days_of(connection, "campaign_effects") == [date(2024, 1, 10)]


def choose(models_dir: Path, day: date, run_id: str, key: str | None = None) -> None:
    for end in ("skops", "json", "md"):
        write_atomically(models_dir / "churn" / f"{run_id}.{end}", b"saved")
    artifacts.set_champion(models_dir, "churn", day, run_id, training_key=key, comparison={"losses": [1]})


def test_models_stay_while_a_kept_day_was_scored_with_them_or_started_from_them(tmp_path: Path) -> None:
    for day in DAYS:
        choose(tmp_path, day, f"run-{day}", key=f"key-{day}")
    before = {day: artifacts.champion_before(tmp_path, "churn", day) for day in KEPT}
    expire_models(tmp_path, LAST, 35)
    # the days before two month ends and before the last 35 days are what those started from
    named = sorted([*KEPT, date(2024, 1, 30), date(2024, 2, 28), date(2024, 3, 5)])
    wanted = {f"run-{day}.{end}" for day in named for end in ("skops", "json", "md")}
    found = {path.name for path in (tmp_path / "churn").iterdir()}
    assert found == wanted | {f"comparison-key-{day}.json" for day in named} | {"champion.json"}
    assert {day: artifacts.champion_before(tmp_path, "churn", day) for day in KEPT} == before
    assert expire_models(tmp_path, LAST, 35) == 0


def test_a_model_that_no_choice_names_goes_and_one_that_still_scores_stays(tmp_path: Path) -> None:
    for day in DAYS:
        choose(tmp_path, day, "unbeaten")
    write_atomically(tmp_path / "churn" / "killed.skops", b"saved before its choice was noted")
    assert expire_models(tmp_path, LAST, 35) == 1
    assert {path.name.split(".")[0] for path in (tmp_path / "churn").iterdir()} == {"unbeaten", "champion"}


def test_without_models_there_is_nothing_to_expire(tmp_path: Path) -> None:
    assert expire_models(tmp_path / "none", LAST, 35) == 0
