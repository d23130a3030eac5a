"""`loyalty status`: the live publication and its age, the process that writes now, and why the last run failed."""

import itertools
from datetime import UTC, datetime

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from dagster_project.assets.activate import AUDIENCES_KEY, DIGEST_KEY, NOT_DELIVERED
from dagster_project.assets.publish import BEYOND, NOT_SHOWN
from dagster_project.cli.console import Console
from dagster_project.cli.run import failure_messages, held_back_messages
from dagster_project.freshness import late_sources
from dagster_project.publication import PUBLICATION_KEY
from dagster_project.runs import IN_PROGRESS, is_dead, open_instance, why_dead
from dagster_project.watchdog import read_ending
from dagster_project.words import error_in_words
from serving.digest import alert_sentence, alerts_of_last_days
from serving.postgres import is_behind, loaded_note
from serving.publication.changes import held_back
from serving.publication.reader import opened_publication
from serving.publication.state import changed_files, live_publication, publications
from warehouse.ingest.row_reports import kept_sentences
from warehouse.lock import holder, who_holds
from warehouse.privacy.erase import unfinished_path
from warehouse.settings import Settings

ALERTS_SHOWN = 5


def print_status(settings: Settings) -> None:
    """Print one block of lines; opens no database that a run may be writing."""
    console = Console(soft_wrap=True)
    console.print(f"{settings.company} in {settings.home}", style="bold")
    live = live_publication(settings)
    if live is None:
        console.print(f"published  nothing yet: start `{settings.command} run`", markup=False)
    else:
        since = f"{live.live_since:%Y-%m-%d %H:%M} UTC" if live.live_since else "unknown"
        console.print(f"published  {live.publication_id}, as of {live.as_of_date}, live since {since}")
        console.print(f"           Figures count what had happened by the end of {live.as_of_date}, and nothing later.")
        console.print(f"kept       {', '.join(kept.publication_id for kept in publications(settings))}")
        for path in changed_files(settings.published_dir, live, is_live=True):
            console.print(
                f"changed    {path} is not as it was published: `{settings.command} run` publishes it anew", style="red"
            )
    held = held_back(settings)
    if held:
        console.print(f"held back  {held[0]}", style="yellow", markup=False)
    for sentence in _alerts(settings):
        console.print(f"alert      {sentence}", markup=False)
    for sentence in late_sources(settings).values():
        console.print(f"late       {sentence}", style="yellow", markup=False)
    if settings.publish.postgres:
        console.print(f"postgres   {_postgres(settings)}", markup=False)
    for sentence in itertools.chain.from_iterable(kept_sentences(settings).values()):
        console.print(f"rows       {sentence}", markup=False)
    writer = holder(settings)
    console.print(f"writing    {who_holds(settings) or 'nobody'}", markup=False)
    if unfinished_path(settings).exists():
        console.print("erasing    a customer, not to the end: start that `loyalty privacy erase` again")
    try:
        with open_instance(settings) as instance:
            _print_what_is_beyond(console, instance)
            _print_last_runs(console, settings, instance, writer.run_id if writer else None)
    except (OSError, SQLAlchemyError) as error:
        # what is published is told whatever became of Dagster's store, a read-only home among it
        console.print(f"last run   cannot be told: {error_in_words(error, settings)}")


def _alerts(settings: Settings) -> list[str]:
    """Days of the last published week that stand out, and where the rest of them are."""
    if not settings.published_path.exists():
        return []
    with opened_publication(settings) as connection:
        found = alerts_of_last_days(connection)
    more = [f"and {len(found) - ALERTS_SHOWN} more: the report lists them"] if len(found) > ALERTS_SHOWN else []
    return [*(alert_sentence(settings, alert) for alert in found[:ALERTS_SHOWN]), *more]


def _postgres(settings: Settings) -> str:
    note = loaded_note(settings)
    if note is None:
        return f"nothing yet: start `{settings.command} run`"
    behind = f", which is not the live one: `{settings.command} run` loads it" if is_behind(settings) else ""
    return f"{note[0]}, since {note[1]:%Y-%m-%d %H:%M} UTC{behind}"


def _print_what_is_beyond(console: Console, instance: dg.DagsterInstance) -> None:
    """Print whether the data goes on after the published days, and what could not be shown or delivered."""
    published = instance.get_latest_materialization_event(PUBLICATION_KEY)
    made = published.asset_materialization if published else None
    if made and BEYOND in made.metadata:
        console.print(f"data       {made.metadata[BEYOND].value}")
    for sentence in str(made.metadata[NOT_SHOWN].value).splitlines() if made and NOT_SHOWN in made.metadata else ():
        console.print(f"report     {sentence}")
    for key in (AUDIENCES_KEY, DIGEST_KEY):
        handed_over = instance.get_latest_materialization_event(key)
        posted = handed_over.asset_materialization if handed_over else None
        if posted and NOT_DELIVERED in posted.metadata:
            console.print(str(posted.metadata[NOT_DELIVERED].value), style="yellow", markup=False)


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
            console.print(f"killed run {run.run_id[:8]} {why_dead(run.tags)} The next run marks it failed.")
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
        console.print(f"           {ending.told}")
    entries = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
    if run.status == dg.DagsterRunStatus.FAILURE and not ending:
        for message in dict.fromkeys(failure_messages(entries, settings)):
            console.print(f"           {message}")
    for message in held_back_messages(entries):
        console.print(f"held back  {message}")
