"""The warehouse as a resource: held from a run's first step to its last, by one process at a time."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import dagster as dg
import duckdb

from dagster_project.dbt_in_process import DbtProject
from dagster_project.runs import close_dead_runs, process_tags
from warehouse import gates
from warehouse.connections import connect, limit_resources
from warehouse.copy_ahead import CopyAhead
from warehouse.lock import hold_warehouse
from warehouse.operations import prepare_warehouse
from warehouse.settings import Settings

Progress = Callable[[str, str, float | None], None]


@dataclass
class WarehouseRun:
    """One run's hold on the warehouse: its settings, its checks so far and how long its stages took (seconds).

    `copy_ahead` copies finished tables for the publication that the run ends with.
    """

    settings: Settings
    run_id: str
    full_refresh: bool
    progress: Progress
    copy_ahead: CopyAhead
    generation: int | None = None
    passed_checks: set[str] = field(default_factory=set)
    stage_seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dbt = DbtProject(self.settings)

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
        """Tell how long a stage takes, while it runs and in the run's summary."""
        self.progress(name, "started", None)
        began = time.perf_counter()
        try:
            yield
        except BaseException:
            self.progress(name, "failed", time.perf_counter() - began)
            raise
        seconds = time.perf_counter() - began
        self.stage_seconds[name] = self.stage_seconds.get(name, 0.0) + seconds
        self.progress(name, "done", seconds)

    def open_generation(self) -> int:
        """The generation that this run writes, opened (not passed) at its first write."""
        if self.generation is None:
            with self.connect() as connection:
                self.generation = gates.open_generation(connection, self.run_id, self.settings.as_of_date)
        return self.generation

    def fail_generation(self, failure: str) -> None:
        """Record why what this run has written must not be published; nothing to record before its first write."""
        if self.generation is None:
            return
        with self.connect() as connection:
            gates.record_failure(connection, self.generation, failure)

    def as_of_date(self, connection: duckdb.DuckDBPyConnection) -> date:
        """The day that this run's figures are told as of."""
        row = connection.execute("select as_of_date from intermediate.int_run_dates").fetchone()
        assert row is not None
        return row[0]


def warehouse_resource(settings: Settings, progress: Progress | None = None) -> dg.ResourceDefinition:
    """The resource that every asset requires: it waits for the lock, and gives it back when the run ends."""

    @dg.resource(
        config_schema={
            "as_of_date": dg.Field(dg.Noneable(str), default_value=None, is_required=False),
            "full_refresh": dg.Field(bool, default_value=False, is_required=False),
        },
        description="The warehouse, held by one run at a time. as_of_date: an earlier day to tell figures as of.",
    )
    def warehouse(context: dg.InitResourceContext) -> Iterator[WarehouseRun]:
        config = context.resource_config
        instance, run = context.instance, context.run
        run_id = run.run_id if run else "no-run"
        if instance and run:
            close_dead_runs(instance, except_run=run_id)
            instance.add_run_tags(run_id, process_tags())
        as_of = config["as_of_date"]
        chosen = settings.model_copy(update={"as_of_date": date.fromisoformat(as_of)}) if as_of else settings
        log = context.log
        with (
            hold_warehouse(chosen, run_id, on_wait=lambda message: _tell(log, progress, message)),
            CopyAhead(chosen) as ahead,
            _rarely_collecting(),
        ):
            held = WarehouseRun(chosen, run_id, config["full_refresh"], progress or _no_progress, ahead)
            # Open from the first step to the last: steps and dbt, in this process, then share what is in memory.
            with held.connect() as connection:
                prepare_warehouse(connection, held.dbt.manifest())
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


def _tell(log: dg.DagsterLogManager | None, progress: Progress | None, message: str) -> None:
    if log:
        log.warning(message)
    if progress:
        progress(message, "waiting", None)


def _no_progress(name: str, status: str, seconds: float | None) -> None:
    """Runs started by the UI or the schedule tell their progress through Dagster's events alone."""
