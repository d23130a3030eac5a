"""`loyalty status --check`: what a monitor asks for, in one sentence for each thing that is wrong."""

from datetime import UTC, datetime

import dagster as dg

from dagster_project.freshness import late_sources
from dagster_project.runs import is_dead, open_instance, why_dead
from dagster_project.unchanged import changed_since
from dagster_project.watchdog import read_ending
from serving.postgres import is_behind
from serving.publication.state import Publication, live_publication
from warehouse.lock import holder
from warehouse.privacy.erase import unfinished_path
from warehouse.settings import Settings


def ailments(settings: Settings, max_age_days: int | None = None) -> list[str]:
    """What is wrong with a company's publication and its last run; nothing, where all is well.

    max_age_days: how old the last day that figures count may be. Without it no age is too old but a source's that is
    unusual for it, since a shop may rest.
    Opens no database that a run may be writing.
    """
    live = live_publication(settings)
    found = [f"nothing is published yet: start `{settings.command} run`"]
    if live:
        found = _of_publication(settings, live, max_age_days)
    if unfinished_path(settings).exists():
        found.append("an erasure was not ended: start that `loyalty privacy erase` again")
    return [*found, *_of_last_run(settings)]


def _of_publication(settings: Settings, live: Publication, max_age_days: int | None) -> list[str]:
    found = [
        f"{path} is not as it was published: `{settings.command} run` publishes it anew"
        for path in changed_since(settings, live)
    ]
    if max_age_days is not None and live.as_of_date:
        age = (datetime.now(UTC).date() - live.as_of_date).days
        if age > max_age_days:
            found.append(
                f"figures count what had happened by the end of {live.as_of_date}, {age} days ago: no later orders have"
                " come, or no run has loaded them"
            )
    found += late_sources(settings).values()
    if settings.publish.postgres and is_behind(settings):
        found.append(f"PostgreSQL has not the live publication: `{settings.command} run` loads it")
    return found


def _of_last_run(settings: Settings) -> list[str]:
    with open_instance(settings) as instance:
        records = instance.get_run_records(limit=1)
        if not records:
            return []
        run, held = records[0].dagster_run, holder(settings)
        failed = run.status == dg.DagsterRunStatus.FAILURE
        killed = is_dead(records[0]) and not (held and held.run_id == run.run_id)
    ending = read_ending(settings, run.run_id)
    if ending:
        return [f"run {run.run_id[:8]}: {ending.told}"]
    if killed:
        return [f"run {run.run_id[:8]}: {why_dead(run.tags)}"]
    return [f"run {run.run_id[:8]} failed: `{settings.command} status` says why"] if failed else []
