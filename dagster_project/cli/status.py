"""`loyalty status`: what is published, since when, who writes now, and why the last run failed."""

from datetime import UTC, datetime

import dagster as dg
from rich.console import Console

from dagster_project.assets.publish import BEYOND
from dagster_project.cli.run import failure_messages, held_back_messages
from dagster_project.publication import PUBLICATION_KEY
from dagster_project.runs import IN_PROGRESS, is_dead, open_instance, why_dead
from dagster_project.watchdog import read_ending
from serving.publication.state import live_publication, publications
from warehouse.lock import holder
from warehouse.privacy.erase import unfinished_path
from warehouse.settings import Settings


def print_status(settings: Settings) -> None:
    """Print one block of lines; opens no database that a run may be writing."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{settings.company} in {settings.home}", style="bold")
    live = live_publication(settings)
    if live is None:
        console.print("published  nothing yet: start `loyalty run`")
    else:
        since = f"{live.live_since:%Y-%m-%d %H:%M} UTC" if live.live_since else "unknown"
        console.print(f"published  {live.publication_id}, as of {live.as_of_date}, live since {since}")
        console.print(f"kept       {', '.join(kept.publication_id for kept in publications(settings))}")
    held = holder(settings)
    console.print(f"writing    {held or 'nobody'}")
    if unfinished_path(settings).exists():
        console.print("erasing    a customer, not to the end: start that `loyalty privacy erase` again")
    with open_instance(settings) as instance:
        published = instance.get_latest_materialization_event(PUBLICATION_KEY) if live else None
        made = published.asset_materialization if published else None
        if made and BEYOND in made.metadata:
            console.print(f"data       {made.metadata[BEYOND].value}", markup=False)
        _print_last_runs(console, settings, instance, held.run_id if held else None)


def _print_last_runs(console: Console, settings: Settings, instance: dg.DagsterInstance, writing: str | None) -> None:
    records = instance.get_run_records(limit=1)
    if not records:
        console.print("last run   none")
        return
    _print_run(console, settings, instance, "last run  ", records[0])
    for record in instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS)):
        run = record.dagster_run
        # the lock is held by a living process, whatever can be seen of its number from here
        if is_dead(record) and run.run_id != writing and not read_ending(settings, run.run_id):
            console.print(
                f"killed run {run.run_id[:8]} {why_dead(run.tags)} The next run marks it failed.", markup=False
            )
    failures = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]), limit=1)
    if failures:
        _print_run(console, settings, instance, "last fault", failures[0])


def _print_run(
    console: Console, settings: Settings, instance: dg.DagsterInstance, label: str, record: dg.RunRecord
) -> None:
    run = record.dagster_run
    began = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp
    console.print(f"{label} {run.run_id[:8]} {run.status.value.lower()}, began {began:%Y-%m-%d %H:%M} UTC")
    ending = read_ending(settings, run.run_id)
    if ending:
        console.print(f"           {ending.told}", markup=False)
    entries = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
    if run.status == dg.DagsterRunStatus.FAILURE and not ending:
        for message in dict.fromkeys(failure_messages(entries)):
            console.print(f"           {message}", markup=False)
    for message in held_back_messages(entries):
        console.print(f"held back  {message}", markup=False)
