"""The warehouse as a resource: held from a run's first step to its last, by one process at a time."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial

import dagster as dg
import duckdb

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.spark_project import SparkProject
from dagster_project.jobs import post_failure
from dagster_project.prepare import prepare_warehouse
from dagster_project.retention import delete_leftovers, delete_old_runs
from dagster_project.runs import close_dead_runs, process_tags
from dagster_project.unchanged import input_state
from dagster_project.watchdog import TERMINATED, Ending, Watchdog, tell_end
from serving.outbox import take_over
from serving.publication.precopy import Precopy
from warehouse import builds
from warehouse.holidays import store_holidays
from warehouse.ingest.row_reports import keep_sentences
from warehouse.lock import Holder, hold_warehouse
from warehouse.lost import require_warehouse
from warehouse.permissions import close_home, private_files
from warehouse.privacy.erase import require_current
from warehouse.register import Register
from warehouse.settings import Settings
from warehouse.sql import connect, limit_resources

Progress = Callable[[str, str, float | None], None]
STEP_ENDS = {
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SKIPPED,
    dg.DagsterEventType.STEP_UP_FOR_RETRY,
}


@dataclass
class WarehouseRun:
    """One run's hold on the warehouse: its settings, its checks so far and how long its stages took (seconds).

    `builds_everything`: whether it builds also what stands, see dbt_runner/standing_nodes.py. `accepts`: whether it
    publishes although more of earlier days changes than the settings allow. `precopy` copies finished tables for the
    publication that the run ends with. `input_state`: what it starts from (see unchanged.py).
    """

    settings: Settings
    run_id: str
    full_refresh: bool
    builds_everything: bool
    accepts: bool
    progress: Progress
    precopy: Precopy
    watchdog: Watchdog
    on_wait: Callable[[str], None]
    input_state: str | None = None
    build_id: int | None = None
    passed_checks: set[str] = field(default_factory=set)
    stage_seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dbt = (SparkProject if self.settings.engine == "spark" else DbtProject)(self.settings)
        self._hold = ExitStack()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the warehouse for the length of the block, but for the time `away`."""
        self._hold.enter_context(self._lock())
        try:
            yield
        finally:
            self._hold.close()

    def open(self) -> duckdb.DuckDBPyConnection:
        """Keep the warehouse open while it is held, so that steps and dbt, in this process, share the cached data."""
        return self._hold.enter_context(self.connect())

    @contextmanager
    def away(self) -> Iterator[Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]]:
        """Release the warehouse for the length of the block; the yielded context manager holds and opens it in
        between."""
        self._hold.close()
        try:
            yield self._held_again
        finally:
            self._hold.enter_context(self._lock())
            self.open()

    @contextmanager
    def _held_again(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._lock(), self.connect() as connection:
            yield connection

    def _lock(self) -> AbstractContextManager[Holder]:
        return hold_warehouse(self.settings, self.run_id, on_wait=self.on_wait)

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the warehouse for one step."""
        connection = connect(self.settings.warehouse_path)
        limit_resources(connection, self.settings)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Report how long a stage takes, while it runs and in the run's summary."""
        self.progress(name, "started", None)
        self.watchdog.stands("stage", name)
        began = time.perf_counter()
        try:
            yield
        except BaseException:
            self.progress(name, "failed", time.perf_counter() - began)
            raise
        finally:
            self.watchdog.stands("stage", None)
        seconds = time.perf_counter() - began
        self.stage_seconds[name] = self.stage_seconds.get(name, 0.0) + seconds
        self.progress(name, "done", seconds)

    def dbt_node(self, name: str, status: str) -> None:
        """Take note of a dbt node that begins (`started`) or ends."""
        self.watchdog.node(name, status == "started")
        self.progress(name, f"dbt {status}", None)

    def tell_rows(self, about: str, sentences: Sequence[str]) -> None:
        """Report the outcome of delivered rows, now and, by `loyalty status`, later."""
        for sentence in sentences:
            self.progress(sentence, "rows", None)
        keep_sentences(self.settings, about, sentences)

    def open_build(self) -> int:
        """The build that this run writes, opened (not passed) at its first write."""
        if self.build_id is None:
            with self.connect() as connection:
                self.build_id = builds.open_build(connection, self.run_id, self.settings.as_of_date)
        return self.build_id

    def fail_build(self, failure: str) -> None:
        """Record why this run's build must not be published; before the first write nothing is recorded."""
        if self.build_id is None:
            return
        with self.connect() as connection:
            builds.record_failure(connection, self.build_id, failure)

    def as_of_date(self, connection: duckdb.DuckDBPyConnection) -> date:
        """The day as of which this run's figures are computed."""
        row = connection.execute("select as_of_date from intermediate.int_run_dates").fetchone()
        assert row is not None
        return row[0]


def warehouse_resource(settings: Settings, progress: Progress | None = None) -> dg.ResourceDefinition:
    """The resource that every asset requires: it waits for the lock, and gives it back when the run ends."""

    @dg.resource(
        config_schema={
            "as_of_date": dg.Field(dg.Noneable(str), default_value=None, is_required=False),
            "full_refresh": dg.Field(bool, default_value=False, is_required=False),
            "everything": dg.Field(bool, default_value=False, is_required=False),
            "new_warehouse": dg.Field(bool, default_value=False, is_required=False),
            "accept": dg.Field(bool, default_value=False, is_required=False),
        },
        description="The warehouse, held by one run at a time. as_of_date: an earlier day to tell figures as of."
        " everything: build also what stands. new_warehouse: start anew where it is lost."
        " accept: publish whatever changes on days published before.",
    )
    def warehouse(context: dg.InitResourceContext) -> Iterator[WarehouseRun]:
        config = context.resource_config
        instance, run = context.instance, context.run
        run_id = run.run_id if run else "no-run"
        if instance and run:
            close_dead_runs(settings, instance, except_run=run_id)
            instance.add_run_tags(run_id, process_tags())
        as_of = config["as_of_date"]
        chosen = settings.model_copy(update={"as_of_date": date.fromisoformat(as_of)}) if as_of else settings
        log = context.log
        with private_files(), Watchdog(chosen, run_id, partial(_report_end, chosen, instance)) as watchdog:
            held = WarehouseRun(
                chosen,
                run_id,
                config["full_refresh"],
                config["everything"] or config["full_refresh"],
                config["accept"],
                progress or _no_progress,
                Precopy(chosen),
                watchdog,
                on_wait=lambda message: _tell(log, progress, message),
            )
            limit = watchdog.limit("the run", "limits.run_minutes", chosen.limits.run_minutes)
            with held.hold(), limit, held.precopy, _rarely_collecting():
                if instance:
                    instance.add_event_listener(run_id, partial(_follow_steps, watchdog, chosen.limits.step_minutes))
                close_home(chosen)
                require_warehouse(chosen, start_anew=config["new_warehouse"])
                delete_leftovers(chosen)
                if instance:
                    delete_old_runs(chosen, instance)
                connection = held.open()
                require_current(connection, chosen)
                prepare_warehouse(connection, held.dbt.manifest())
                store_holidays(connection, chosen.holidays, chosen.earliest_date.year)
                take_over(connection, Register(chosen))
                held.input_state = input_state(chosen)
                yield held

    return warehouse


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    """Spare a run most of the garbage collector's searches.

    Manifests and definitions are a million objects that stay; looking through them again and again took 3 s of 50.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _follow_steps(watchdog: Watchdog, minutes: float, entry: dg.EventLogEntry) -> None:
    """Give each step its time, from Dagster's event of its start to that of its end."""
    event = entry.dagster_event
    if event and event.event_type == dg.DagsterEventType.STEP_START:
        watchdog.stands("step", event.step_key)
        watchdog.start_clock(f"step {event.step_key}", "limits.step_minutes", minutes)
    elif event and event.event_type in STEP_ENDS:
        watchdog.stop_clock(f"step {event.step_key}")
        watchdog.stands("step", None)


def _report_end(settings: Settings, instance: dg.DagsterInstance | None, ending: Ending) -> None:
    """Report that the watchdog ends a run: to people, to Dagster and, unless somebody asked for it, to the webhook for
    failures."""
    tell_end(ending)
    run = instance.get_run_by_id(ending.run_id) if instance else None
    if instance and run:
        instance.report_run_failed(run, f"{ending.told}\n\n{ending.stack}")
    if ending.code != TERMINATED:
        post_failure(settings, {"text": f"{settings.company}: {ending.told}", "run_id": ending.run_id, "step": ""})


def _tell(log: dg.DagsterLogManager | None, progress: Progress | None, message: str) -> None:
    if log:
        log.warning(message)
    if progress:
        progress(message, "waiting", None)


def _no_progress(name: str, status: str, seconds: float | None) -> None:
    """Runs started by the UI or the schedule report their progress only through Dagster's events."""
