"""A landing folder, a warehouse and a source of one or more tables, as the ingest tests need them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from warehouse.ingest.batches import LoadReport
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import Settings
from warehouse.sql import connect


class Landing:
    """One company with one source, `till`, whose tables are declared by `tables`."""

    def __init__(self, root: Path, tables: dict[str, Any], *, in_memory: bool = False, **source: Any):
        """`in_memory` spares opening a file anew (and loading extensions) for every statement."""
        self._kept = connect() if in_memory else None
        self.folder = root / "in"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.source = SourceConfig.model_validate({"name": "till", "tables": tables, **source})
        self.settings = Settings.model_validate(
            {
                "company": "test",
                "home": root / "home",
                "sources": {"till": {"input_path": self.folder}},
                "business_timezone": "UTC",
                "base_currency": "EUR",
                "churn_horizon_days": 30,
            }
        )
        self.settings.home.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: bytes | str) -> Path:
        """Puts a file into the folder; it is older than a moment, so its time can be trusted."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def write_parquet(self, name: str, query: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with connect() as connection:
            connection.execute(f"copy ({query}) to '{path}' (format parquet)")
        return path

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._kept or connect(self.settings.warehouse_path)
        try:
            yield connection
        finally:
            if not self._kept:
                connection.close()

    def close(self) -> None:
        """Drops the warehouse that is in memory."""
        if self._kept:
            self._kept.close()

    def load(self, **options: Any) -> LoadReport:
        """Loads the source's only table, or those asked for, and gives the last one's report."""
        with self.warehouse() as connection:
            return load_source(connection, self.source, self.settings, **options)[-1]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse() as connection:
            return connection.execute(sql).fetchall()

    def rows(self, columns: str = "*", table: str = "lines") -> list[tuple[Any, ...]]:
        return self.query(f"select {columns} from raw_till.{table} order by _batch_id, _file, _row_number")

    def live(self, columns: str, table: str = "lines") -> list[tuple[Any, ...]]:
        """The rows of batches that nothing superseded, sorted by their values."""
        return self.query(
            f"select {columns} from raw_till.{table} semi join (from ops.batches where superseded_by is null)"
            " using (_batch_id) order by all".replace("using (_batch_id)", "as b on b.batch_id = _batch_id")
        )

    def rejected(self) -> list[tuple[Any, ...]]:
        return self.query("select file, row_number, reason, record from ops.rejected_lines order by all")
