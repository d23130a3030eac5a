"""What steps print is kept, by programs that a Ctrl-C for the run does not reach."""

import subprocess
import sys

import pytest
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from dagster_project import compute_logs
from dagster_project.compute_logs import QuietComputeLogManager
from dagster_project.runs import open_instance
from tests.support.patience import PATIENCE
from warehouse.settings import PROJECT_ROOT, Settings

INTERRUPTED = """
import os, signal, sys, time
from pathlib import Path
import dagster as dg
from dagster_project.runs import open_instance
from warehouse.settings import load_settings

@dg.asset
def step():
    print("step was here", flush=True)
    time.sleep(1)  # Dagster's helpers have set their handlers by now
    os.killpg(0, signal.SIGINT)
    time.sleep(60)

if __name__ == "__main__":
    with open_instance(load_settings(environ={}, home=Path(sys.argv[1]))) as instance:
        try:
            dg.materialize([step], instance=instance)
        except dg.DagsterExecutionInterruptedError:
            os.write(1, b"interrupted")
"""


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    return settings


def test_ctrl_c_reaches_the_run_alone(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(settings.home)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "watch_orphans" not in done.stdout + done.stderr
    assert done.stdout.endswith("interrupted"), done.stderr
    kept = [path.read_text() for path in (settings.dagster_home / "storage").rglob("*.out")]
    assert kept == ["step was here\n"]


def test_dagsters_own_takes_its_place(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not compute_logs.differences()
    with open_instance(settings) as instance:
        assert isinstance(instance.compute_log_manager, QuietComputeLogManager)
    monkeypatch.setattr(compute_logs, "differences", lambda: ["capture_logs is missing"])
    with open_instance(settings) as instance:
        assert type(instance.compute_log_manager) is LocalComputeLogManager
