"""A run of the command line stands on Dagster's timeline, below its code location and its job."""

import dagster as dg
import yaml

from dagster_project.jobs import DAILY_JOB
from dagster_project.runs import open_instance
from dagster_project.timeline import differences
from tests.support.company import Company
from warehouse.settings import PROJECT_ROOT


def test_this_dagster_has_what_names_a_runs_location() -> None:
    assert differences() == []


def test_a_run_of_the_command_line_names_the_location_of_the_workspace(built: Company) -> None:
    workspace = yaml.safe_load((PROJECT_ROOT / "workspace.yaml").read_text(encoding="utf-8"))
    location = workspace["load_from"][0]["python_module"]["location_name"]
    with open_instance(built.settings) as instance:
        # the label that the timeline's query asks for
        (run,) = instance.get_runs(dg.RunsFilter(tags={".dagster/repository": f"__repository__@{location}"}), limit=1)
    origin = run.remote_job_origin
    assert origin is not None and (origin.location_name, origin.job_name) == (location, DAILY_JOB)
