"""Runs that do not end by themselves, as real processes with the real warehouse and Dagster instance."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.runs import close_dead_runs, open_instance
from dagster_project.watchdog import Watchdog, note_path, read_ending
from tests.support.company import Company, Generated, company
from tests.support.patience import PATIENCE
from warehouse.lock import holder
from warehouse.settings import PROJECT_ROOT

FAILURE, STARTED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED
TERMINATED = 143
SHORT = 2 / 60


@pytest.fixture(scope="module")
def parsed(
    generated: Generated, manifests: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Company]:
    """Companies with settings of their own that share one parsed dbt project."""

    def made(**changes: object) -> Company:
        values = {**generated.settings(generated.folder), **changes}
        return company(tmp_path_factory.mktemp("hanging") / "home", values, manifests("generated"))

    return made


@pytest.fixture
def hanging() -> Iterator[Callable[[Company, str], "subprocess.Popen[str]"]]:
    """Starts a hanging run, and returns it once it hangs."""
    started: list[subprocess.Popen[str]] = []

    def start(one: Company, how: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.dagster_project.hanging_run", str(one.file), how]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=pipe, stderr=pipe, text=True, env=os.environ)
        started.append(process)
        assert process.stdout
        assert any(line == "hangs\n" for line in process.stdout), process.communicate()
        time.sleep(1)  # from the word to the deed
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def only_run(one: Company) -> tuple[str, dg.DagsterRunStatus, str]:
    """Id and status of the company's one run, and everything that its log says."""
    with open_instance(one.settings) as instance:
        (record,) = instance.get_run_records()
        run = record.dagster_run
        log = "\n".join(entry.message for entry in instance.all_logs(run.run_id))
        return run.run_id, run.status, log


@pytest.mark.slow
@pytest.mark.parametrize("how", ["sleep", "sql", "c"])
def test_sigterm_ends_a_run_with_a_sentence(
    parsed: Callable[..., Company], hanging: Callable[[Company, str], "subprocess.Popen[str]"], how: str
) -> None:
    one = parsed()
    process = hanging(one, how)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == TERMINATED, told
    run_id, status, log = only_run(one)
    sentence = f"Run {run_id[:8]}: it was ended by SIGTERM. It stood at step hang, stage in {how}."
    assert f"loyalty: {sentence}" in told
    assert (status, sentence in log) == (FAILURE, True)
    assert sentence in one.loyalty("status").text
    assert holder(one.settings) is None
    assert not list((one.settings.home / "tmp").glob("stack-*"))


@pytest.mark.slow
def test_an_interrupt_that_nothing_answers_ends_a_run(
    parsed: Callable[..., Company], hanging: Callable[[Company, str], "subprocess.Popen[str]"]
) -> None:
    one = parsed()
    process = hanging(one, "c")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGINT, told
    assert "it was interrupted and went on. It stood at step hang, stage in c." in told
    assert only_run(one)[1] == FAILURE


@pytest.mark.slow
def test_sigterm_kills_a_run_whose_c_code_holds_the_gil(
    parsed: Callable[..., Company], hanging: Callable[[Company, str], "subprocess.Popen[str]"]
) -> None:
    one = parsed()
    process = hanging(one, "gil")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL, told
    run_id, status, _ = only_run(one)
    ending = read_ending(one.settings, run_id)
    assert status == STARTED and ending
    assert "stood at step hang, stage in gil." in ending.told and "did not answer, so it was killed" in ending.told
    assert "hanging_run.py" in ending.stack
    assert f"loyalty: {ending.told}" in told and ending.told in one.loyalty("status").text
    with open_instance(one.settings) as instance:
        assert close_dead_runs(one.settings, instance) == [run_id]
    _, status, log = only_run(one)
    assert (status, ending.told in log) == (FAILURE, True)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "limit"), [("sleep", "step_minutes"), ("sql", "run_minutes"), ("c", "step_minutes")])
def test_what_takes_longer_than_the_settings_allow_is_ended(
    parsed: Callable[..., Company], hanging: Callable[[Company, str], "subprocess.Popen[str]"], how: str, limit: str
) -> None:
    one = parsed(limits={limit: SHORT})
    process = hanging(one, how)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, told
    _, status, log = only_run(one)
    what = "step hang" if limit == "step_minutes" else "the run"
    sentence = f"{what} took longer than limits.{limit} of the settings (0.0333333 minutes)"
    assert sentence in told and "hanging_run.py" in told
    assert status == FAILURE and sentence in log and "hanging_run.py" in log
    assert holder(one.settings) is None


@pytest.mark.slow
def test_the_end_of_a_forked_worker_is_not_the_end_of_the_run(
    parsed: Callable[..., Company], hanging: Callable[[Company, str], "subprocess.Popen[str]"]
) -> None:
    one = parsed()
    process = hanging(one, "worker")
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert not note_path(one.settings).exists()
    assert not list((one.settings.home / "tmp").glob("stack-*"))


def test_a_run_that_ends_by_itself_leaves_nothing_behind(built: Company) -> None:
    assert not note_path(built.settings).exists()
    assert not list((built.settings.home / "tmp").glob("stack-*"))


def test_threads_of_dbt_and_of_the_run_tell_where_they_stand_at_once(built: Company) -> None:
    def begin_and_end(number: int) -> None:
        for turn in range(100):
            watchdog.node(f"model_{number}_{turn}", is_running=True)
            watchdog.stands(f"part {number}.{turn}", "begun")
            watchdog.node(f"model_{number}_{turn}", is_running=False)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads change places between almost any two instructions
    try:
        with Watchdog(built.settings, "telling", lambda ending: None) as watchdog, ThreadPoolExecutor(8) as threads:
            assert list(threads.map(begin_and_end, range(8))) == [None] * 8
    finally:
        sys.setswitchinterval(interval)
