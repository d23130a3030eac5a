import os
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse import lock
from warehouse.errors import UserError
from warehouse.lock import hold_warehouse, holder, is_running, process_start, who_holds
from warehouse.settings import Settings, load_settings

HOLD = """
import sys, time
from warehouse.lock import hold_warehouse
from warehouse.settings import load_settings
with hold_warehouse(load_settings(environ={}, home=sys.argv[1]), "run-of-child"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""
COUNT = """
import sys, time
from pathlib import Path
from warehouse.lock import hold_warehouse
from warehouse.settings import load_settings
settings, counter = load_settings(environ={}, home=sys.argv[1]), Path(sys.argv[1]) / "counter"
for _ in range(4):
    with hold_warehouse(settings, "counting", wait_seconds=30):
        value = int(counter.read_text())
        time.sleep(0.01)
        counter.write_text(str(value + 1))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environ={}, home=tmp_path)


def start_holder(settings: Settings, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(settings.home), str(seconds)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_second_process_ends_at_its_limit_and_names_the_holder(settings: Settings) -> None:
    child = start_holder(settings, 60)
    told: list[str] = []
    try:
        with pytest.raises(UserError) as refused, hold_warehouse(settings, "mine", 0.8, told.append):
            pytest.fail("two processes hold the warehouse")
    finally:
        child.kill()
        child.communicate()
    assert "waited 0.8 s" in str(refused.value)
    assert "run run-of-child" in str(refused.value) and f"end process {child.pid}" in str(refused.value)
    assert len(told) == 1 and f"run run-of-child (process {child.pid}" in told[0]


def test_waiting_ends_when_the_holder_does(settings: Settings) -> None:
    child = start_holder(settings, 0.7)
    told: list[str] = []
    with hold_warehouse(settings, "mine", 20, told.append) as mine:
        assert holder(settings) == mine
        assert mine.is_alive()
    child.communicate()
    assert len(told) == 1
    assert holder(settings) is None


def test_a_long_wait_is_told_again_and_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "REPEAT_SECONDS", 0.3)
    child = start_holder(settings, 60)
    told: list[str] = []
    try:
        with pytest.raises(UserError), hold_warehouse(settings, "mine", 1.4, told.append):
            pass
    finally:
        child.kill()
        child.communicate()
    assert 3 <= len(told) <= 4


def test_a_killed_holder_gives_the_warehouse_back(settings: Settings) -> None:
    child = start_holder(settings, 60)
    seen = holder(settings)
    assert seen is not None and (seen.pid, seen.run_id, seen.is_alive()) == (child.pid, "run-of-child", True)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not seen.is_alive()  # dead, though its parent has not collected it yet
    child.communicate()
    assert not seen.is_alive()
    assert holder(settings) is None
    with hold_warehouse(settings, "mine", 0):
        assert holder(settings) is not None


FLOCK = "import fcntl, sys; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_EX); print('held'); input()"


@pytest.mark.parametrize("left", ["", "the name of a run that was killed"])
def test_a_holder_without_a_name_is_told_by_its_process(settings: Settings, left: str) -> None:
    settings.lock_path.touch()
    if left:
        killed = start_holder(settings, 60)
        killed.kill()
        killed.communicate()
    command = [sys.executable, "-u", "-c", FLOCK, str(settings.lock_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        assert (who_holds(settings) or "").startswith(f"process {other.pid} (")
        with pytest.raises(UserError, match=f"held by process {other.pid} "), hold_warehouse(settings, "mine", 0):
            pass
        other.communicate("")
    assert who_holds(settings) is None


def test_an_error_inside_gives_the_warehouse_back(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), hold_warehouse(settings, "mine", 0):
        raise ZeroDivisionError
    assert holder(settings) is None


def test_a_cleared_home_does_not_make_two_holders(settings: Settings) -> None:
    child = start_holder(settings, 60)
    try:
        settings.lock_path.unlink()
        with hold_warehouse(settings, "mine", 0) as mine:
            assert holder(settings) == mine
    finally:
        child.kill()
        child.communicate()


def test_only_one_process_at_a_time(settings: Settings) -> None:
    counter = settings.home / "counter"
    counter.write_text("0")
    children = [subprocess.Popen([sys.executable, "-c", COUNT, str(settings.home)]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert counter.read_text() == "12"


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = process_start(child.pid)
    assert mark is not None and is_running(child.pid, mark)
    assert not is_running(child.pid, mark + "0")
    child.kill()
    child.communicate()
    assert not is_running(child.pid, mark)
    assert process_start(child.pid) is None


def test_whoever_may_only_read_the_home_cannot_hold_the_lock(settings: Settings) -> None:
    settings.lock_path.touch(mode=0o644)
    with hold_warehouse(settings, "mine", 0):
        assert settings.lock_path.stat().st_mode & 0o077 == 0
