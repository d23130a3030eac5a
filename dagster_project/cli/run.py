"""`loyalty run`: the daily job in this process, with its progress, and a summary of what it made."""

import re
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dagster_project.assets.models import CHECK_NAME
from dagster_project.cli.console import Console, styled
from dagster_project.definitions import build_definitions
from dagster_project.jobs import DAILY_JOB
from dagster_project.publication import PUBLICATION_KEY
from dagster_project.runs import open_instance, process_tags
from dagster_project.timeline import put_on_timeline
from dagster_project.words import INTERRUPTED, in_words
from serving.publication.state import Publication, live_publication
from warehouse.errors import UserError, nearest, user_errors
from warehouse.ingest.row_reports import tells_of_rejected
from warehouse.settings import Settings

DONE, FAILED, INTERRUPT_CODE = 0, 1, 130
NAME = re.compile(r"(?<![\w:/\"])[a-z_][a-z0-9_]*(?:/[a-z0-9_]+)*(?![\w:/\"(])")
OPERATORS = {"and", "or", "not"}


class StageLog:
    """Stages as they start and end, one line each, and how long they took in all; on a terminal, a bar below them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self.is_rejecting = False
        self._bar = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=None)

    @contextmanager
    def shown(self, total: int) -> Iterator[None]:
        """Show the bar for the length of the block; `total` assets are to be made."""
        self._bar.update(self._task, total=total)
        with self._bar:
            yield

    def start(self, name: str) -> None:
        """Say that a stage begins."""
        self.console.print(styled(f"start            {name}", "dim"), soft_wrap=True)
        self._bar.update(self._task, description=name)

    def tell(self, name: str, status: str, seconds: float | None) -> None:
        """The progress callback of the warehouse resource."""
        if status == "waiting":
            self.console.print(name, style="yellow")
        elif status == "held back":
            self.console.print(styled("held back", "yellow") + styled(f"  {name}; its tables stay as they were", ""))
        elif status == "started":
            self.start(name)
        elif status in ("done", "failed"):
            self.seconds[name] = self.seconds.get(name, 0.0) + (seconds or 0.0)
            mark = styled(f"{status:<6}", "green" if status == "done" else "red")
            self.console.print(mark + styled(f" {seconds:7.1f} s  {name}", ""), soft_wrap=True)
            self._bar.update(self._task, advance=0 if name.startswith("dbt") else 1)
        elif status == "rows":
            self.is_rejecting |= tells_of_rejected(name)
            self.console.print(styled(f"                 {name}", ""), soft_wrap=True)
        elif status in ("dbt error", "dbt fail"):
            what, named = ("check failed", name.replace("_", " ")) if status == "dbt fail" else (status, name)
            self.console.print(styled(f"       {what}", "red") + styled(f"  {named}", ""), soft_wrap=True)
        elif status in ("dbt success", "dbt standing"):
            self._bar.update(self._task, advance=1, description=name)

    def tell_of_rejected(self, settings: Settings, messages: Sequence[str] = ()) -> None:
        """If rows were rejected, according to the sentences or to these messages, print how to see them."""
        if self.is_rejecting or any(map(tells_of_rejected, messages)):
            listed = f"`{settings.command} sources rejected` lists rejected rows, with --raw as they were delivered."
            self.console.print(listed, soft_wrap=True)

    def print_summary(self, total: float) -> None:
        """The time of each stage, and the remaining time: orchestration."""
        table = Table("stage", "seconds", title="Where the time went", title_justify="left")
        table.columns[1].justify = "right"
        rest = total - sum(self.seconds.values())
        for name, seconds in {**self.seconds, "orchestration (Dagster events, steps)": rest}.items():
            table.add_row(name, f"{seconds:.1f}")
        table.add_row("whole run", f"{total:.1f}", style="bold")
        self.console.print(table)


def run(settings: Settings, select: str | None = None, **flags: bool) -> int:
    """Run the graph, or the selected part; `flags` are those of the warehouse resource: `everything`, `accept`.

    Returns the exit code: 0 done, 1 failed, 3 the warehouse is held.
    """
    began = time.perf_counter()
    stages = StageLog(Console())
    stages.start("definitions (dbt manifest, assets)")
    definitions = build_definitions(settings, stages.tell)
    keys = select_assets(definitions, select) if select else None
    stages.seconds["definitions (dbt manifest, assets)"] = time.perf_counter() - began
    total = len(keys) if keys is not None else len(definitions.resolve_asset_graph().get_all_asset_keys())
    with stages.shown(total):
        result = execute(definitions, settings, keys, **flags)
    if not result.success:
        return report_failure(stages, settings, result)
    stages.tell_of_rejected(settings)
    stages.print_summary(time.perf_counter() - began)
    publication = live_publication(settings)
    if publication and _has_published(result):
        print_publication(stages.console, settings, publication)
    else:
        told = f"Nothing was published: a part was built and checked. `{settings.command} run` publishes."
        stages.console.print(told, soft_wrap=True)
    return DONE


def execute(
    definitions: dg.Definitions, settings: Settings, keys: Sequence[dg.AssetKey] | None, **flags: bool
) -> dg.ExecuteInProcessResult:
    """Run the daily job in this process, or these assets of it, as of the day of the settings."""
    with open_instance(settings) as instance:
        put_on_timeline(instance, DAILY_JOB)
        return definitions.resolve_job_def(DAILY_JOB).execute_in_process(
            instance=instance,
            asset_selection=keys,
            run_config=run_config(settings, **flags),
            tags=process_tags(),
            raise_on_error=False,
        )


def _has_published(result: dg.ExecuteInProcessResult) -> bool:
    return any(event.is_step_materialization and event.asset_key == PUBLICATION_KEY for event in result.all_events)


def run_config(settings: Settings, **flags: bool) -> dict[str, object]:
    """The run config of the daily job for these settings, with these flags of the warehouse resource."""
    as_of = settings.as_of_date.isoformat() if settings.as_of_date else None
    return {
        "resources": {"warehouse": {"config": {"as_of_date": as_of, **flags}}},
        # stages and failures are printed here; every event is in Dagster's own log
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }


def select_assets(definitions: dg.Definitions, selection: str) -> list[dg.AssetKey]:
    """The assets of a selection such as `fct_orders+`, `group:rfm` or `+published/loyalty`.

    A bare name means every asset of that name, and a table brings the tables that the same step makes. Raises UserError
    for a name that no asset has.
    """
    graph = definitions.resolve_asset_graph()
    known: dict[str, list[str]] = {}
    for key in sorted(graph.get_all_asset_keys()):
        for name in {key.path[-1], key.to_user_string()}:
            known.setdefault(name, []).append(f'key:"{key.to_user_string()}"')

    def qualify(match: re.Match[str]) -> str:
        name = match.group()
        if name in OPERATORS:
            return name
        if name not in known:
            raise UserError(f'--select: no asset is called "{name}"{nearest(name, known)}.')
        return known[name][0] if len(known[name]) == 1 else f"({' or '.join(known[name])})"

    try:
        with warnings.catch_warnings(action="ignore", category=dg.BetaWarning):  # Dagster warns of its own parameters
            wanted = dg.AssetSelection.from_string(NAME.sub(qualify, selection))
            chosen = wanted.required_multi_asset_neighbors().resolve(graph)
    except dg.DagsterError as error:
        raise UserError(f"--select: cannot read {selection!r}: {error}") from error
    if not chosen:
        raise UserError(f"--select: {selection!r} selects nothing.")
    return sorted(chosen)


def print_publication(console: Console, settings: Settings, publication: Publication) -> None:
    """Print which publication was made, and where it is."""
    table = Table("mart", "rows", title=f"Published: {publication.company}, as of {publication.as_of_date}")
    table.columns[1].justify = "right"
    for name, count in sorted(publication.row_counts.items()):
        table.add_row(name, f"{count:,}")
    console.print(table)
    for what, path in (
        ("for BI tools", settings.published_path),
        ("as Parquet", settings.published_dir / "parquet"),
        ("report", settings.published_dir / "report.html"),
    ):
        console.print(f"{what:<13} {path}", soft_wrap=True)


def report_failure(stages: StageLog, settings: Settings, result: dg.ExecuteInProcessResult) -> int:
    """Print why a run failed and what stays. Returns its exit code."""
    console = stages.console
    failures = _failures(result.all_events)
    messages = list(dict.fromkeys(failure_messages(result.all_events, settings)))
    for message in messages:
        console.print(f"loyalty: {message}", style="red", soft_wrap=True)
    stages.tell_of_rejected(settings, messages)
    stays = " new was published; the last good copy stays" if live_publication(settings) else " was published"
    outcome = f"Nothing{stays}. `{settings.command} status` tells more."
    if _has_published(result):
        outcome = "What was built is published; only what comes after it failed."
    console.print(outcome, soft_wrap=True)
    if any(message.rstrip(".").endswith(INTERRUPTED) for message in messages):
        return INTERRUPT_CODE
    known = user_errors()
    codes = {known[error.cls_name].exit_code for _, error in failures if error and error.cls_name in known}
    return max(codes - {UserError.exit_code}, default=FAILED)


def failure_messages(events: Sequence[dg.DagsterEvent], settings: Settings) -> Iterator[str]:
    """The cause of each failed step, in words; of a run that failed outside its steps, the run's own."""
    for event, error in _failures(events):
        step = f"{event.step_key}: " if event.is_step_failure else ""
        described = event.is_step_failure and event.step_failure_data.user_failure_data
        if described and described.description:
            yield step + described.description
        elif error:
            yield step + _sentence(error, settings)
        else:
            yield step + in_words(str(event.message), settings)


def held_back_messages(events: Sequence[dg.DagsterEvent]) -> Iterator[str]:
    """The models whose results are held back, with the reason: the step's check that failed without failing the run."""
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if evaluation.check_name == CHECK_NAME and not evaluation.passed:
                yield str(evaluation.description)


def _failures(events: Sequence[dg.DagsterEvent]) -> list[tuple[dg.DagsterEvent, Any]]:
    """Failed steps with the error at the bottom of each; without any, the failures of the run itself."""
    failed = [event for event in events if event.is_step_failure] or [event for event in events if event.is_run_failure]
    return [(event, _root(getattr(event.event_specific_data, "error", None))) for event in failed]


def _root(error: Any) -> Any:
    """The error that caused a step's, as Dagster serializes errors; None for a failure without one."""
    while error and error.cause:
        error = error.cause
    return error


def _sentence(error: Any, settings: Settings) -> str:
    """The message of an error as Dagster serializes it, which puts the name of its class before."""
    message = re.sub(rf"^[\w.]*{re.escape(error.cls_name or '')}: ", "", error.message.strip())
    return in_words(message, settings, error.cls_name or "")
