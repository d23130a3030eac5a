"""Whether another engine makes the same rows: every model of a company that has run, on DuckDB and on Apache Spark or
Sail, which speaks Spark's SQL.

    make spark sail
    python -m benchmarks.parity [--engine spark|sail] [--company NAME] [--models NAME ...] [--after-batch NUMBER]

The tables that models read and none makes (raw rows, what models learned, records of runs) leave the warehouse as
Parquet. Both engines build every seed and model from them in full, in empty databases, or with `--models` those and
what they read, and each table is compared row by row: exactly, floats to nine digits. With `--after-batch` both first
build what was delivered up to that batch, and then what came after it by increments; all is compared then. Prints the
tables that differ, and exits with 1 if there are any.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.generated import expect_good
from benchmarks.graph import nodes_behind
from benchmarks.kernels import Difference, differences
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.spark_tables import export_table
from dagster_project.dbt_runner.variables import run_variables
from dagster_project.prepare import prepare_warehouse
from warehouse.relations import Relation
from warehouse.settings import PROJECT_ROOT, Settings, load_settings
from warehouse.sql import connect, limit_resources, quote_identifier, quote_literal

# The Python of each engine's environment, which `make` makes under the engine's name.
ENGINES = {name: PROJECT_ROOT / f".{name}-venv" / "bin" / "python" for name in ("spark", "sail")}
# Schemas of what models read and none makes; raw tables have a schema for each source.
READ = "(table_schema in ('ops', 'ml') or table_schema like 'raw\\_%' escape '\\') and table_name <> 'watermarks'"


def main(argv: Sequence[str] | None = None) -> None:
    """Build, compare, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=__doc__.splitlines()[0])
    parser.add_argument("--company", help="a shipped company, or a settings file; without it that of the environment")
    parser.add_argument("--engine", choices=ENGINES, default="spark", help="what is compared with DuckDB")
    parser.add_argument("--models", nargs="+", default=[], help="what is compared, with all that it reads")
    parser.add_argument("--after-batch", type=int, help="build first what came up to this batch, then the rest")
    arguments = parser.parse_args(argv)
    settings = load_settings(company=arguments.company)
    if not ENGINES[arguments.engine].exists():
        sys.exit(f"{ENGINES[arguments.engine]} is missing: `make {arguments.engine}` installs dbt on that engine.")
    with tempfile.TemporaryDirectory(prefix="loyalty-parity-") as folder:
        began = time.perf_counter()
        compared = compare(settings, arguments.engine, Path(folder), arguments.models, arguments.after_batch)
    apart = [one for one in compared if not one.is_none]
    for one in apart:
        print(f"{one.table}: {one.differing_rows} of {one.rows} rows differ ({', '.join(one.columns)})")
    rows = sum(one.rows for one in compared)
    seconds = time.perf_counter() - began
    print(f"{len(compared)} tables of {rows:,} rows: {len(apart)} differ. {seconds:.0f} s")
    sys.exit(bool(apart))


def compare(
    settings: Settings, engine: str, folder: Path, models: Sequence[str] = (), after_batch: int | None = None
) -> list[Difference]:
    """Every model of the company, or these and what they read, built by DuckDB and by another of ENGINES below the
    folder; where there is a batch to start after, what came up to it first."""
    inputs, out, here = folder / "inputs", folder / "out", folder / "home"
    for made in (out, here):
        made.mkdir()
    for number, last_batch in enumerate([None] if after_batch is None else [after_batch, None]):
        _export(settings, inputs / str(number), last_batch)
    again = settings.model_copy(update={"home": here})
    project = DbtProject(again)
    nodes = _nodes(project.manifest(), models)
    for delivered in sorted(inputs.iterdir()):
        built_here = _build_here(project, nodes, delivered)
    _build_there(engine, again, inputs, folder / "variables.json", out, nodes if models else [])
    mine, theirs = folder / "duckdb.duckdb", folder / f"{engine}.duckdb"
    _copied(again.warehouse_path, built_here, out, mine, theirs)
    return differences(mine, theirs)


def _export(settings: Settings, inputs: Path, last_batch: int | None) -> None:
    """Write the tables; where a last batch is given, raw rows and records of deliveries as they were after it."""
    with connect(settings.warehouse_path, read_only=True) as connection:
        limit_resources(connection, settings)
        found = connection.execute(
            f"select table_schema, table_name from information_schema.tables where {READ} order by all"
        ).fetchall()
        for relation in (Relation(*names) for names in found):
            export_table(
                connection, relation, inputs, None if last_batch is None else _as_of_batch(relation, last_batch)
            )


def _as_of_batch(relation: Relation, last: int) -> str:
    if relation == Relation("ops", "batches"):
        replaced = f"case when superseded_by <= {last} then superseded_by end as superseded_by"
        return f"select * replace ({replaced}) from {relation.sql} where batch_id <= {last}"
    if relation == Relation("ops", "deleted_rows"):
        return f"from {relation.sql} where deleted_by <= {last}"
    return f"from {relation.sql}" + (f" where _batch_id <= {last}" if relation.schema.startswith("raw_") else "")


def _nodes(manifest: Mapping[str, Any], models: Sequence[str]) -> list[dict[str, Any]]:
    """Seeds and models: all, or these models and what they read."""
    if models:
        return nodes_behind(manifest, models)
    return [one for one in manifest["nodes"].values() if one["resource_type"] in ("seed", "model")]


def _build_here(project: DbtProject, nodes: Sequence[Mapping[str, Any]], inputs: Path) -> list[Relation]:
    """Build by DuckDB from the same files, by increments what is there already. Returns the models."""
    with connect(project.settings.warehouse_path) as connection:
        limit_resources(connection, project.settings)
        prepare_warehouse(connection, project.manifest())
        views = connection.execute("select schema_name, view_name from duckdb_views() where not internal").fetchall()
        for file in sorted(inputs.glob("*.parquet")):
            relation = Relation(*file.stem.split(".", 1))
            if relation in views:  # of tables that are copied
                continue
            connection.execute(f"create schema if not exists {quote_identifier(relation.schema)}")
            rows = f"read_parquet({quote_literal(str(file))})"
            connection.execute(f"create or replace table {relation.sql} as from {rows}")
    expect_good(project.build([node["name"] for node in nodes]))
    return sorted(Relation(node["schema"], node["name"]) for node in nodes if node["resource_type"] == "model")


def _build_there(
    engine: str, settings: Settings, inputs: Path, variables: Path, out: Path, nodes: Sequence[Mapping[str, Any]]
) -> None:
    variables.write_text(json.dumps(run_variables(settings)), encoding="utf-8")
    command = [str(ENGINES[engine]), "-m", "benchmarks.spark_build", engine, str(inputs), str(variables), str(out)]
    command += [node["name"] for node in nodes]
    environment = {**os.environ, "TZ": "UTC", "DO_NOT_TRACK": "1"}
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{engine} did not build every model:\n{done.stderr.strip()[-4000:]}")


def _copied(warehouse: Path, relations: Sequence[Relation], files: Path, here: Path, there: Path) -> None:
    """The models as tables of two files: those of the warehouse, and those of the Parquet files in the same types."""
    with connect(here) as connection:
        connection.execute(f"attach {quote_literal(str(warehouse))} as warehouse (read_only)")
        for relation in relations:
            connection.execute(f"create schema if not exists {quote_identifier(relation.schema)}")
            connection.execute(f"create table {relation.sql} as from warehouse.{relation.sql}")
    with connect(there) as connection:
        connection.execute(f"attach {quote_literal(str(here))} as here (read_only)")
        for relation in relations:
            connection.execute(f"create schema if not exists {quote_identifier(relation.schema)}")
            connection.execute(f"create table {relation.sql} as from here.{relation.sql} limit 0")
            rows = f"read_parquet({quote_literal(str(files / f'{relation}.parquet'))})"
            # Spark's tables may have a column more, of the parts that they are in
            described = connection.execute(f"describe {relation.sql}").fetchall()
            columns = ", ".join(quote_identifier(name) for name, *_ in described)
            connection.execute(f"insert into {relation.sql} select {columns} from {rows}")


if __name__ == "__main__":
    main()
