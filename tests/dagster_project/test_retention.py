"""What a run deletes of Dagster's history and of scratch files, on a real instance and real folders."""

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError

from dagster_project import retention
from dagster_project.jobs import DAILY_JOB
from dagster_project.resources import warehouse_resource
from dagster_project.retention import delete_leftovers, delete_old_runs, shrink
from dagster_project.runs import open_instance
from warehouse.settings import Settings, load_settings

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=36)


@dg.asset(check_specs=[dg.AssetCheckSpec("is_sound", asset="thing")])
def thing() -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    sys.stdout.write("a line for the compute log\n")
    yield dg.MaterializeResult(metadata={"rows": 3}, tags={"kind": "table"})
    yield dg.AssetCheckResult(passed=True)


@pytest.fixture
def settings(tmp_path: Path, own_environment: None) -> Settings:
    return load_settings(environ={}, home=tmp_path / "home")


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings) as instance:
        yield instance


def run_once(instance: dg.DagsterInstance) -> str:
    result = dg.materialize([thing], instance=instance, tags={"who": "test"})
    assert result.success
    return result.run_id


def rows_of(file: Path, run_id: str) -> dict[str, int]:
    """How many rows of each table of a SQLite file name the run."""
    found = {}
    with closing(sqlite3.connect(file)) as connection:
        for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            columns = [row[1] for row in connection.execute(f'pragma table_info("{table}")')]
            if "run_id" in columns:
                count = connection.execute(f'select count(*) from "{table}" where run_id = ?', [run_id]).fetchone()[0]
                found[table] = count
    return found


def files_of(settings: Settings, run_id: str) -> list[Path]:
    return [path for path in settings.dagster_home.rglob("*") if run_id in str(path)]


def test_runs_of_more_days_ago_go_with_all_that_they_left(settings: Settings, instance: dg.DagsterInstance) -> None:
    run_id = run_once(instance)
    history = settings.dagster_home / "history"
    assert rows_of(history / "runs.db", run_id)["run_tags"] > 0
    index = rows_of(history / "runs" / "index.db", run_id)
    assert index["event_logs"] > 0 and index["asset_check_executions"] == 1
    assert any("compute_logs" in str(path) for path in files_of(settings, run_id))
    assert (history / "runs" / f"{run_id}.db").exists()

    assert delete_old_runs(settings, instance, NOW + timedelta(days=34)) == []
    assert delete_old_runs(settings, instance, LATER) == [run_id]
    assert set(rows_of(history / "runs.db", run_id).values()) == {0}
    assert set(rows_of(history / "runs" / "index.db", run_id).values()) == {0}
    assert files_of(settings, run_id) == []
    assert instance.get_run_by_id(run_id) is None and instance.all_logs(run_id) == []


def test_later_runs_and_those_in_progress_stay(settings: Settings, instance: dg.DagsterInstance) -> None:
    waiting = instance.add_run(dg.DagsterRun(job_name=DAILY_JOB, status=dg.DagsterRunStatus.STARTED)).run_id
    kept = run_once(instance)
    brief = settings.model_copy(update={"retention": settings.retention.model_copy(update={"run_days": 1})})
    assert delete_old_runs(settings, instance) == delete_old_runs(brief, instance) == []
    assert delete_old_runs(brief, instance, NOW + timedelta(days=2)) == [kept]
    assert instance.get_run_by_id(waiting)
    assert run_once(instance) and instance.get_latest_materialization_event(thing.key)


def test_a_storage_in_use_is_left_to_the_next_run(
    settings: Settings,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run_id = run_once(instance)

    def locked(_run_id: str) -> None:
        raise OperationalError("delete", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr(instance, "delete_run", locked)
    assert delete_old_runs(settings, instance, LATER) == []
    assert "database is locked" in caplog.text
    monkeypatch.undo()
    assert delete_old_runs(settings, instance, LATER) == [run_id]


def filled(path: Path, megabytes: int) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table t (id integer, b blob)")
        connection.executemany("insert into t values (?, zeroblob(1048576))", [(n,) for n in range(megabytes)])
    return path


def test_a_file_is_written_anew_when_much_of_it_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path / "history.db", 12)
    assert not shrink(path)
    with closing(sqlite3.connect(path)) as connection:
        with connection:
            connection.execute("delete from t where id < 7")
        assert not shrink(path), "7 MB are soon filled again"
        with connection:
            connection.execute("delete from t where id < 10")
        connection.execute("begin immediate")
        monkeypatch.setattr(retention, "VACUUM_WAIT_SECONDS", 0)
        assert not shrink(path) and "in use" in caplog.text
        connection.rollback()
    assert shrink(path) and path.stat().st_size < 3 * 2**20


def aged(path: Path, hours: float) -> Path:
    """The file or folder, as if it and all in it had been changed so many hours ago."""
    moment = time.time() - 3600 * hours
    for each in [*path.rglob("*"), path]:
        os.utime(each, (moment, moment))
    return path


def folder(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text("scratch")
    return path


def test_what_was_left_a_day_ago_is_deleted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder(tmp_path / "system")))
    system = tmp_path / "system"
    old = [
        aged(folder(settings.home / "tmp" / "ingest"), 25),
        aged(folder(system / "loyalty-simulate-a"), 25),
        aged(folder(system / "loyalty-dbt-parse-a"), 25),
        aged(folder(settings.home / "warehouse.duckdb.tmp"), 25),
        aged(folder(settings.published_dir / ".loyalty.duckdb.99.tmp"), 25),
    ]
    stack = settings.home / "tmp" / "stack-1"
    stack.write_text("")
    old.append(aged(stack, 30))
    young = [aged(folder(settings.home / "tmp" / "ahead"), 23), aged(folder(system / "loyalty-simulate-b"), 1)]
    in_use = aged(folder(system / "loyalty-simulate-c"), 25)
    (in_use / "file").write_text("still written")
    os.utime(in_use, (0, 0))
    others = [aged(folder(system / "somebody-elses"), 100), aged(folder(settings.home / "models"), 100)]
    link = system / "loyalty-simulate-link"
    link.symlink_to(settings.home / "models", target_is_directory=True)
    assert delete_leftovers(settings) == sorted(old)
    assert not any(path.exists() for path in old)
    assert all((path / "file").exists() for path in [*young, in_use, *others, link])
    assert delete_leftovers(settings) == []


def test_without_anything_left_nothing_is_deleted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert delete_leftovers(settings) == []


def test_the_latest_materialization_outlives_its_run(settings: Settings, instance: dg.DagsterInstance) -> None:
    run_id = run_once(instance)
    assert delete_old_runs(settings, instance, LATER) == [run_id]
    latest = instance.get_latest_materialization_event(thing.key)
    assert latest and latest.run_id == run_id
    assert instance.fetch_materializations(thing.key, limit=10).records == []


@pytest.mark.slow
def test_whoever_holds_the_warehouse_deletes_old_runs_and_leftovers(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    old = run_once(instance)
    with closing(sqlite3.connect(settings.dagster_home / "history" / "runs.db")) as connection, connection:
        connection.execute("update runs set create_timestamp = datetime('now', '-36 days')")
    left = aged(folder(settings.home / "tmp" / "ingest"), 25)

    @dg.op(required_resource_keys={"warehouse"})
    def look(context: dg.OpExecutionContext) -> None:
        assert context.resources.warehouse

    @dg.job(resource_defs={"warehouse": warehouse_resource(settings)}, executor_def=dg.in_process_executor)
    def looking() -> None:
        look()

    result = looking.execute_in_process(instance=instance)
    assert result.success and not left.exists()
    assert instance.get_run_by_id(old) is None and instance.get_run_by_id(result.run_id)
