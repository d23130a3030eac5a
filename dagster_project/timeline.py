"""Runs of the command line on Dagster's timeline, which shows a run under the code location and the job that it names.

A run that is executed in its own process names neither. What names them is no public API, so a Dagster in which it is
elsewhere leaves the command line's runs to the list of runs.
"""

from functools import partial

import dagster as dg

try:
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
except ImportError:
    RemoteJobOrigin = None  # type: ignore[assignment, misc]

# As workspace.yaml calls the location, and Dagster what is in it.
LOCATION, REPOSITORY = "loyalty_warehouse", "__repository__"
CREATE = "create_run_for_job"


def differences() -> list[str]:
    """Parts of Dagster that are needed here and missing; empty if it fits."""
    has = {"RemoteJobOrigin": RemoteJobOrigin is not None, CREATE: hasattr(dg.DagsterInstance, CREATE)}
    return [f"{name} is missing" for name, is_there in has.items() if not is_there]


def put_on_timeline(instance: dg.DagsterInstance, job: str) -> None:
    """Let runs of `job` that this instance creates name its code location."""
    if differences():
        return
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), REPOSITORY)
    created = partial(instance.create_run_for_job, remote_job_origin=RemoteJobOrigin(repository, job))
    instance.create_run_for_job = created  # type: ignore[method-assign]
