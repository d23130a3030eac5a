"""The parts of every learning step: the step, its inputs, its result, and checks of the result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from warehouse.settings import Settings


@dataclass(frozen=True)
class StepResult:
    """The output of a step.

    runs: one record per model compared, first the one that scores. frames: score rows by table. metrics: figures out of
    time. problems: sentences; if there are any, the results are held back. shown: figures for the UI.
    """

    runs: Sequence[Mapping[str, Any]]
    frames: Mapping[str, pd.DataFrame]
    metrics: pd.DataFrame
    problems: Sequence[str] = ()
    shown: Mapping[str, float | int | str] = field(default_factory=dict)


class UnnamedSettingError(AttributeError):
    """A step reads a setting that it does not name; its results would outlive a change of that setting."""


class NamedSettings:
    """The settings that a step names, read as they are of Settings: `settings.churn.bands`; no others."""

    def __init__(self, settings: Any, names: Sequence[str], section: str = "") -> None:
        self._settings = settings
        self._names = frozenset(names)
        self._section = section

    def __getattr__(self, name: str) -> Any:
        path = f"{self._section}{name}"
        if path in self._names:
            return getattr(self._settings, name)
        if any(known.startswith(f"{path}.") for known in self._names):
            return NamedSettings(getattr(self._settings, name), [*self._names], f"{path}.")
        raise UnnamedSettingError(f"the step reads the setting {path}, which is not among those that it names")


@dataclass(frozen=True)
class StepInputs:
    """The inputs of a step: tables on `connection`, the settings that it names, and the models of earlier days."""

    connection: duckdb.DuckDBPyConnection
    as_of_date: date
    settings: NamedSettings
    models_dir: Path

    def rows(self, query: str, *values: Any) -> pd.DataFrame:
        """The rows of a query, always in the same order: the last digits of a sum follow it."""
        return self._ordered(query, values).df()

    def coded_rows(self, coded: Sequence[str], query: str, *values: Any) -> pd.DataFrame:
        """Rows with the columns `coded` as sorted categories: a key of many rows once, and codes of four bytes."""
        frame = self._ordered(query, values).to_arrow_table().to_pandas(categories=list(coded))
        return frame.assign(
            **{name: frame[name].cat.set_categories(sorted(frame[name].cat.categories)) for name in coded}
        )

    def _ordered(self, query: str, values: Sequence[Any]) -> duckdb.DuckDBPyConnection:
        return self.connection.execute(f"select * from ({query}) order by all", list(values))

    def data_range(self) -> tuple[date, date]:
        """The first and the last day of the data."""
        row = self.connection.execute("select data_from, data_through from intermediate.int_run_dates").fetchone()
        assert row is not None
        return row


@dataclass(frozen=True)
class Step:
    """One learning step.

    tables: the tables it fills, with descriptions. reads: the tables it reads, as schema.table. settings: the settings
    it reads, as in the settings file (`churn.bands`). packages: the folders of ml/ whose code it runs, beside
    ml/common. champion: the saved model that it starts from, if any. is_parallel: learning keeps every processor busy;
    if true, background copying starts only after this step. is_monthly: learned as of the last day of the last month
    whose data is whole, from tables of whole months alone, so that it learns again only when a month has closed.
    pictures: SVG by title, drawn from the frames it hands over.
    """

    name: str
    tables: Mapping[str, str]
    reads: Sequence[str]
    settings: Sequence[str]
    packages: Sequence[str]
    learn: Callable[[StepInputs], StepResult]
    champion: str | None = None
    is_parallel: bool = False
    is_monthly: bool = False
    pictures: Callable[[Mapping[str, pd.DataFrame]], Mapping[str, str]] = lambda frames: {}

    def learned_as_of(self, connection: duckdb.DuckDBPyConnection) -> date:
        """The day as of which is learned from the tables on `connection`."""
        row = connection.execute("select as_of_date, data_through from intermediate.int_run_dates").fetchone()
        assert row is not None
        return last_month_end(row[1]) if self.is_monthly else row[0]

    def run(self, settings: Settings, connection: duckdb.DuckDBPyConnection) -> StepResult:
        """Learn from the tables on `connection`. Raises UnnamedSettingError when the step reads a setting it does not
        name."""
        named = NamedSettings(settings, self.settings)
        return self.learn(StepInputs(connection, self.learned_as_of(connection), named, settings.models_dir))


def last_month_end(day: date) -> date:
    """The last day of a month that is over at the end of `day`."""
    return (day + timedelta(days=1)).replace(day=1) - timedelta(days=1)


def run_record(run: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The record of ml.model_runs: the run as returned by a function of `ml`, with the step's own values in place of
    some.

    It needs model_run_id, model, rows (learned from) and status. By default version is 1 and the run is a champion;
    detail, snapshot_from and snapshot_to (the days of the rows) may be unknown.
    """
    known = {"version": 1, "is_champion": True, **run, **changes}
    required = {name: known[name] for name in ("model_run_id", "model", "rows", "is_champion", "status")}
    optional = {name: known.get(name) for name in ("snapshot_from", "snapshot_to", "detail")}
    return {**required, **optional, "version": str(known["version"])}


def key_problems(frame: pd.DataFrame, key: Sequence[str], name: str) -> list[str]:
    """Keys that are missing or repeated, as sentences."""
    problems = []
    if frame[list(key)].isna().to_numpy().any():
        problems.append(f"{name} has rows without {' or '.join(key)}")
    if frame.duplicated(list(key)).any():
        problems.append(f"{name} has several rows of one {', '.join(key)}")
    return problems


def range_problems(frame: pd.DataFrame, column: str, low: float, high: float) -> list[str]:
    """Values outside [low, high], as a sentence; unknown values are allowed."""
    values = frame[column].astype("float64").dropna()
    outside = int((~values.between(low, high)).sum())
    return [f"{column} is outside {low:g} to {high:g} in {outside} rows"] if outside else []


def figures(metrics: pd.DataFrame, model: str, wanted: str) -> dict[str, float]:
    """The metrics of a model in one slice, by name, rounded for the UI; unknown ones are left out."""
    chosen = metrics[(metrics["slice"] == wanted) & (metrics["model"] == model)]
    return {row.metric: round(float(row.value), 4) for row in chosen.itertuples() if pd.notna(row.value)}
