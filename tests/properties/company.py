"""A small company with a warehouse of its own: files are delivered, loaded by the real ingest and built by dbt."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.prepare import prepare_warehouse
from warehouse.ingest.entities import load_entities
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import SourceConfig, load_sources_config
from warehouse.settings import Settings
from warehouse.sql import connect, quote_identifier

Row = Mapping[str, Any]
Rows = list[tuple[Any, ...]]

TYPES = {
    "text": pa.string(), "timestamp": pa.timestamp("us"), "date": pa.date32(), "bigint": pa.int64(),
    "double": pa.float64(), "boolean": pa.bool_(), "decimal(18, 4)": pa.decimal128(18, 4),
    "decimal(18, 8)": pa.decimal128(18, 8),
}  # fmt: skip


def schemas() -> Mapping[str, pa.Schema]:
    """The columns of each entity's files; those of an entity that comes with another are in the other's."""
    found: dict[str, dict[str, pa.DataType]] = {}
    for name, entity in load_entities().items():
        columns = {column: TYPES[declared.type] for column, declared in entity.columns.items()}
        found.setdefault(entity.delivered_with or name, {}).update(columns)
    return {name: pa.schema(columns) for name, columns in found.items()}


SCHEMAS = schemas()


class Company:
    """Two sources, shop and till, below `root`. `manifests` is shared, so that the dbt project is parsed once."""

    def __init__(self, root: Path, manifests: Path, replaced: Sequence[str] = (), **settings: Any) -> None:
        """`replaced` names the sources whose changed files replace their earlier versions."""
        self.inputs = root / "in"
        self.settings = Settings.model_validate(
            {
                "company": "generated",
                "home": root / "home",
                "sources": {name: {"input_path": self.inputs / name} for name in ("shop", "till")},
                "business_timezone": "America/New_York",
                "base_currency": "EUR",
                "churn_horizon_days": 30,
                **settings,
            }
        )
        self.settings.home.mkdir(parents=True)
        self.settings.dbt_target_root.mkdir()
        (self.settings.dbt_target_root / "manifests").symlink_to(manifests)
        self.project = DbtProject(self.settings)
        found = load_sources_config(self.settings)
        self.sources = {name: _replacing(source) if name in replaced else source for name, source in found.items()}
        # of the first load every table is made; of later ones, those that had a delivery are looked at
        self._delivered = {name: set(source.tables) for name, source in self.sources.items()}
        for source in self.sources:
            self.deliver(source, "order_lines", "part-0", [])

    def deliver(self, source: str, entity: str, name: str, rows: Iterable[Row]) -> None:
        """Put a Parquet file into the source's folder, in place of one of that name."""
        schema = SCHEMAS[entity]
        path = self.inputs / source / entity / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._delivered.setdefault(source, set()).add(entity)
        whole = [{name: row.get(name) for name in schema.names} for row in rows]
        pq.write_table(pa.Table.from_pylist(whole, schema), path)

    def load(self) -> None:
        """Bring every new file into the raw tables."""
        with self.warehouse() as connection:
            prepare_warehouse(connection, self.project.manifest())
            for name, source in self.sources.items():
                load_source(connection, source, self.settings, tables=self._delivered.pop(name, ()))

    def build(self, models: Sequence[str], *, full_refresh: bool = False) -> None:
        """Run the models through dbt, which must all succeed."""
        results = self.project.build(models, full_refresh=full_refresh)
        assert results
        failed = {result.name: result.message for result in results if not result.is_good}
        assert not failed, failed

    def build_staging(self) -> None:
        """Build what models look at the columns of when they are compiled."""
        nodes = self.project.manifest()["nodes"].values()
        self.build([node["name"] for node in nodes if (node["resource_type"], node["schema"]) == ("model", "staging")])

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = connect(self.settings.warehouse_path)
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, model: str) -> Rows:
        """All rows of a built table, in a fixed order."""
        with self.warehouse() as connection:
            return table_rows(connection, model)


def _replacing(config: SourceConfig) -> SourceConfig:
    tables = {name: table.model_copy(update={"on_change": "replace"}) for name, table in config.tables.items()}
    return config.model_copy(update={"tables": tables})


def table_rows(connection: duckdb.DuckDBPyConnection, model: str, leave_out: Sequence[str] = ()) -> Rows:
    """All rows of the one table called `model`, whatever its schema, in the order of all columns."""
    found = connection.execute(
        "select table_schema from information_schema.tables where table_catalog = current_database()"
        " and table_name = ?",
        [model],
    ).fetchall()
    ((schema,),) = found
    excluded = f"exclude ({', '.join(map(quote_identifier, leave_out))})" if leave_out else ""
    return connection.execute(
        f"select * {excluded} from {quote_identifier(schema)}.{quote_identifier(model)} order by all"
    ).fetchall()


def expect_same(found: Rows, expected: Rows, what: str) -> None:
    """Fail with the first rows that only one side has."""
    if found == expected:
        return
    here, there = Counter(found), Counter(expected)
    more, less = list((here - there).elements()), list((there - here).elements())
    shown = "\n".join([*(f"+ {row}" for row in more[:3]), *(f"- {row}" for row in less[:3])])
    pytest.fail(f"{what}: {len(more)} rows too many (+), {len(less)} missing (-)\n{shown}", pytrace=False)
