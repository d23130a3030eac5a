"""What starts runs, and what closes those whose process is gone, on a real instance."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from dagster_project import runs
from dagster_project.assets.activate import AUDIENCES_KEY, DELIVERY_KEY, DIGEST_KEY
from dagster_project.cli.run import failure_messages
from dagster_project.jobs import DAILY_JOB
from dagster_project.runs import (
    IN_PROGRESS,
    MEMORY_TAG,
    PID_TAG,
    PROCESS_START_TAG,
    close_dead_runs,
    open_instance,
    process_tags,
    why_dead,
)
from dagster_project.schedules import build_daily_schedule, build_schedules
from dagster_project.sensors import build_dead_run_sensor, build_landing_sensor
from warehouse.lock import process_start
from warehouse.settings import DigestSettings, MessagesSettings, Settings, SourceSettings, load_settings

STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def settings(tmp_path: Path, own_environment: None) -> Settings:
    landing = tmp_path / "landing"
    landing.mkdir()
    plain = load_settings(environ={}, home=tmp_path / "home")
    return plain.model_copy(update={"sources": {"shop": SourceSettings(input_path=landing)}})


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings) as instance:
        yield instance


@pytest.fixture
def process() -> Iterator["subprocess.Popen[str]"]:
    """A process that lives until its input is closed."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True)
    yield child
    child.kill()
    child.communicate()


def tags_of(child: "subprocess.Popen[str]") -> dict[str, str]:
    return {PID_TAG: str(child.pid), PROCESS_START_TAG: process_start(child.pid) or ""}


def add_run(instance: dg.DagsterInstance, tags: dict[str, str], status: dg.DagsterRunStatus = STARTED) -> str:
    run = dg.DagsterRun(job_name=DAILY_JOB, run_id=str(uuid4()), status=status, tags=tags)
    return instance.add_run(run).run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run
    return run.status


def test_a_run_is_closed_when_its_process_is_gone(
    settings: Settings, instance: dg.DagsterInstance, process: "subprocess.Popen[str]"
) -> None:
    theirs = add_run(instance, tags_of(process))
    mine = add_run(instance, process_tags())
    finished = add_run(instance, tags_of(process), dg.DagsterRunStatus.SUCCESS)
    waiting = add_run(instance, {}, dg.DagsterRunStatus.NOT_STARTED)
    assert close_dead_runs(settings, instance) == []
    process.kill()
    process.wait()
    assert close_dead_runs(settings, instance, except_run=theirs) == []
    assert close_dead_runs(settings, instance) == [theirs]
    assert status(instance, theirs) == dg.DagsterRunStatus.FAILURE
    assert (status(instance, mine), status(instance, finished)) == (STARTED, dg.DagsterRunStatus.SUCCESS)
    assert status(instance, waiting) == dg.DagsterRunStatus.NOT_STARTED
    events = [entry.dagster_event for entry in instance.all_logs(theirs) if entry.dagster_event]
    messages = failure_messages(events, settings)
    assert any("process of this run is gone" in message for message in messages)
    assert close_dead_runs(settings, instance) == []


def test_a_later_process_with_the_same_number_is_another_one(settings: Settings, instance: dg.DagsterInstance) -> None:
    earlier = {PID_TAG: str(os.getpid()), PROCESS_START_TAG: "some-boot:1"}
    run_id = add_run(instance, earlier)
    assert close_dead_runs(settings, instance) == [run_id]


def memory_tag(folder: Path, **values: int | None) -> dict[str, str]:
    group = {"folder": str(folder), "inode": folder.stat().st_ino, "kills": 1, "limit_bytes": 1024**3}
    return {MEMORY_TAG: json.dumps({**group, **values})}


def test_why_a_process_is_gone_is_told_by_its_cgroup(tmp_path: Path) -> None:
    counter = tmp_path / "memory.events"
    counter.write_text("oom_kill 1\n")
    assert why_dead({}) == why_dead(memory_tag(tmp_path)) == "The process of this run is gone."
    counter.write_text("oom_kill 2\n")
    told = why_dead(memory_tag(tmp_path))
    assert "the kernel has since killed 1 for memory in its cgroup, which has a limit of 1.0 GiB" in told
    assert told.endswith("Give it more, or lower memory_limit in the settings.")
    assert "no limit of its own" in why_dead(memory_tag(tmp_path, limit_bytes=None))


@pytest.mark.parametrize(("gib", "is_estimated"), [(1, True), (4, False)])
def test_of_a_cgroup_that_is_gone_the_limit_tells(tmp_path: Path, gib: int, is_estimated: bool) -> None:
    told = why_dead(memory_tag(tmp_path, inode=0, limit_bytes=gib * 1024**3))
    assert ("its cgroup had a limit of 1.0 GiB, and a run needs 2 GiB" in told) == is_estimated


@pytest.mark.parametrize("state", IN_PROGRESS)
def test_a_run_that_never_said_its_process_is_given_time(
    settings: Settings, instance: dg.DagsterInstance, state: dg.DagsterRunStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = add_run(instance, {}, state)
    assert close_dead_runs(settings, instance) == []
    monkeypatch.setattr(runs, "UNTAGGED_SECONDS", 0.0)
    assert close_dead_runs(settings, instance) == [run_id]


def test_the_sensor_closes_dead_runs_so_that_the_queue_moves(
    settings: Settings, instance: dg.DagsterInstance, process: "subprocess.Popen[str]"
) -> None:
    assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
    run_id = add_run(instance, tags_of(process))
    sensor = build_dead_run_sensor(settings)
    with dg.build_sensor_context(instance=instance) as context:
        assert "has its process" in (sensor(context).skip_message or "")
        process.kill()
        process.wait()
        assert run_id in (sensor(context).skip_message or "")
    assert instance.get_runs_count(dg.RunsFilter(statuses=IN_PROGRESS)) == 0


def look(
    settings: Settings, instance: dg.DagsterInstance, cursor: str | None
) -> tuple[list[str | None], str, str | None]:
    """One evaluation of the landing sensor: run keys, the reason to skip, the cursor after it."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        data = build_landing_sensor(settings).evaluate_tick(context)
    return [request.run_key for request in data.run_requests or ()], data.skip_message or "", data.cursor or cursor


def test_the_landing_folder_starts_one_run_for_each_new_state(settings: Settings, instance: dg.DagsterInstance) -> None:
    folder = settings.sources["shop"].input_path
    assert folder
    keys, reason, cursor = look(settings, instance, None)
    assert (keys, cursor) == ([], None) and f"No files in {folder}" in reason

    launched = []
    for content in ("one", "one and two"):
        (folder / "orders.csv").write_text(content)
        keys, reason, cursor = look(settings, instance, cursor)
        assert (keys, reason) == ([], "Files are still arriving.")
        (folder / "orders.csv").write_text(content + ", whole")
        keys, reason, cursor = look(settings, instance, cursor)
        assert (keys, reason) == ([], "Files are still arriving.")
        keys, _, cursor = look(settings, instance, cursor)
        assert len(keys) == 1
        launched += keys
        for _ in range(2):
            keys, reason, cursor = look(settings, instance, cursor)
            assert (keys, reason) == ([], "No new or changed files.")
    assert len(set(launched)) == 2


def test_a_landing_folder_that_is_not_there_yet_is_no_error(settings: Settings, instance: dg.DagsterInstance) -> None:
    nowhere = settings.home / "nowhere"
    absent = settings.model_copy(
        update={"sources": {"shop": SourceSettings(input_path=nowhere), "cj": SourceSettings()}}
    )
    keys, reason, _ = look(absent, instance, None)
    assert keys == [] and str(nowhere) in reason
    package = settings.model_copy(update={"sources": {"cj": SourceSettings()}})
    assert "any landing folder" in look(package, instance, None)[1]


def test_the_schedule_starts_the_daily_job_at_five_in_business_time(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    journey = load_settings(environ={}, home=tmp_path / "journey")  # the default home may have published already
    schedule = build_daily_schedule(journey)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 * * *", "America/New_York")
    tick = datetime(2026, 11, 1, 5, tzinfo=journey.zone)
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=tick) as context:
        data = schedule.evaluate_tick(context)
    assert len(data.run_requests or ()) == 1 and schedule.job_name == DAILY_JOB
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_messages_are_delivered_by_a_schedule_of_their_own_where_there_is_a_channel(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert [schedule.name for schedule in build_schedules(settings)] == ["every_morning"]
    telling = settings.model_copy(update={"messages": MessagesSettings(channel="file")})
    delivery = build_schedules(telling)[-1]
    assert (delivery.name, delivery.job_name, delivery.cron_schedule) == ("message_delivery", DAILY_JOB, "0 9 * * *")
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC)) as context:
        (request,) = delivery.evaluate_tick(context).run_requests or ()
    assert request.asset_selection == [DELIVERY_KEY, AUDIENCES_KEY]


def test_the_digest_is_sent_on_mondays_where_there_is_a_channel_for_it(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    telling = settings.model_copy(update={"digest": DigestSettings(channel="slack")})
    digest = build_schedules(telling)[-1]
    assert (digest.name, digest.job_name, digest.cron_schedule) == ("weekly_digest", DAILY_JOB, "0 8 * * 1")
    assert digest.execution_timezone == settings.business_timezone
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC)) as context:
        (request,) = digest.evaluate_tick(context).run_requests or ()
    assert request.asset_selection == [DIGEST_KEY]
