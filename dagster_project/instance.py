"""Dagster's instance of a company: its home folder with the project's dagster.yaml."""

import os
import shutil

import dagster as dg

from warehouse.settings import PROJECT_ROOT, Settings


def prepare_dagster_home(settings: Settings) -> None:
    """Make Dagster's home folder and point this process, and what it starts, at it; telemetry off."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that the command line shares with the UI and the schedule."""
    prepare_dagster_home(settings)
    return dg.DagsterInstance.get()
