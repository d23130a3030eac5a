"""Dagster's event log in SQLite, with connections that stay open.

Dagster's own opens an engine, a connection and a write-ahead log anew for each of the several hundred events of a run
and flushes each to disk; here a few engines stay open, and SQLite flushes at checkpoints. A crash of the machine
(not of the process) may cost the last events of a run's log, never anything of the warehouse.

The class overrides private methods of Dagster. `differences` lists which of them have changed since this was written.
If any has, `dagster_project.runs` lets Dagster use its own storage, which reads and writes the same files.
"""

import inspect
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine

try:
    from dagster._core.storage.event_log import SqliteEventLogStorage
except ImportError:
    SqliteEventLogStorage = object  # type: ignore[assignment, misc]

KEPT_ENGINES = 8
BUSY_TIMEOUT_SECONDS = 60
# What is overridden, and what the overriding methods call, with its parameters; and the attributes that they use.
METHODS: Mapping[str, tuple[str, ...]] = {
    "_connect": ("self", "shard"),
    "_initdb": ("self", "engine", "for_index_shard"),
    "conn_string_for_shard": ("self", "shard_name"),
    "delete_events": ("self", "run_id"),
    "dispose": ("self",),
    "has_table": ("self", "table_name"),
    "path_for_shard": ("self", "run_id"),
}
ATTRIBUTES = ("_db_lock", "_initialized_dbs")


def differences(storage: type = SqliteEventLogStorage) -> list[str]:
    """Methods of Dagster's storage that are missing, or have other parameters than the class here needs; empty if it
    fits."""
    found = []
    for name, parameters in METHODS.items():
        method = getattr(storage, name, None)
        if method is None:
            found.append(f"{name} is missing")
        elif tuple(inspect.signature(method).parameters) != parameters:
            found.append(f"{name} takes {', '.join(inspect.signature(method).parameters)}")
    made_by = vars(storage).get("__init__")
    used = getattr(getattr(made_by, "__code__", None), "co_names", ())
    return found + [f"{name} is missing" for name in ATTRIBUTES if name not in used]


class KeptConnectionEventLogStorage(SqliteEventLogStorage):
    """The event log of $DAGSTER_HOME/history/runs; no configuration."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._seen_tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        """The storage of this process's DAGSTER_HOME."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None) or self._open(shard)
        self._engines[shard] = engine
        while len(self._engines) > KEPT_ENGINES:
            self._engines.popitem(last=False)[1].dispose()
        return engine

    def _open(self, shard: str) -> Engine:
        arguments = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = create_engine(self.conn_string_for_shard(shard), connect_args=arguments)
        event.listen(engine, "connect", _flush_at_checkpoints)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        return engine

    def has_table(self, table_name: str) -> bool:
        """Whether the log has the table. Asked several times for each asset; a table that was seen stays."""
        if table_name not in self._seen_tables and super().has_table(table_name):
            self._seen_tables.add(table_name)
        return table_name in self._seen_tables

    def delete_events(self, run_id: str) -> None:
        """Delete a run's events, and the emptied file, which Dagster's own method keeps."""
        super().delete_events(run_id)
        if engine := self._engines.pop(run_id, None):
            engine.dispose()
        self._initialized_dbs.discard(run_id)
        for end in ("", "-wal", "-shm"):
            Path(f"{self.path_for_shard(run_id)}{end}").unlink(missing_ok=True)

    def dispose(self) -> None:
        """Close all open connections."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _flush_at_checkpoints(connection: Any, _record: Any) -> None:
    connection.execute("pragma synchronous = normal")
