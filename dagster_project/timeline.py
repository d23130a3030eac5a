"""Runs of the command line on Dagster's timeline, which shows a run under the code location and the job that it names.

A run that is executed in its own process names neither. What names them is no public API, so a Dagster in which it is
elsewhere leaves the command line's runs to the list of runs.
"""

from functools import partial

import dagster as dg
import yaml

from warehouse.settings import PROJECT_ROOT

try:
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
except ImportError:
    RemoteJobOrigin = None  # type: ignore[assignment, misc]

REPOSITORY = "__repository__"
CREATE = "create_run_for_job"


def differences() -> list[str]:
    """Parts of Dagster that are needed here and missing; empty if it fits."""
    has = {"RemoteJobOrigin": RemoteJobOrigin is not None, CREATE: hasattr(dg.DagsterInstance, CREATE)}
    return [f"{name} is missing" for name, is_there in has.items() if not is_there]


def put_on_timeline(instance: dg.DagsterInstance, job: str) -> None:
    """Let runs of `job` that this instance creates name the code location of workspace.yaml."""
    if differences():
        return
    workspace = yaml.safe_load((PROJECT_ROOT / "workspace.yaml").read_text(encoding="utf-8"))
    location = workspace["load_from"][0]["python_module"]["location_name"]
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), REPOSITORY)
    created = partial(instance.create_run_for_job, remote_job_origin=RemoteJobOrigin(repository, job))
    instance.create_run_for_job = created  # type: ignore[method-assign]
