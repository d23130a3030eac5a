"""The SQL of a finished build, run again without dbt and without a graph, to measure the cost of the SQL itself."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dagster_project.assets.transform import is_run_check
from warehouse.sql import connect, quote_identifier, quote_literal

COPIED_SCHEMAS = ("ops", "ml", "seeds")


def run_bare(
    manifest: Mapping[str, Any],
    compiled: Path,
    built: Path,
    folder: Path,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Seconds of each model and test of `manifest` by name, from the SQL in `compiled`.

    built: the warehouse whose sources, seeds and posted results are copied (not timed) to a new file in `folder`.
    """
    target = folder / "warehouse.duckdb"
    target.unlink(missing_ok=True)
    connection = connect(target)
    connection.execute("set enable_progress_bar = false")
    _copy_inputs(connection, built)
    seconds = {}
    for node in _in_order(manifest):
        file = compiled / node["original_file_path"]
        if node["resource_type"] == "test" and "test_metadata" in node and node["test_metadata"]:
            file = compiled / Path(node["original_file_path"]) / node["path"]
        if not file.exists():
            continue
        began = clock()
        _execute(connection, node, file.read_text(encoding="utf-8"))
        seconds[node["name"]] = clock() - began
    connection.close()
    return seconds


def _copy_inputs(connection: Any, built: Path) -> None:
    connection.execute(f"attach {quote_literal(str(built))} as built (read_only)")
    tables = connection.execute(
        "select table_schema, table_name from information_schema.tables where table_catalog = 'built'"
    ).fetchall()
    for schema, table in tables:
        if schema in COPIED_SCHEMAS or schema.startswith("raw_"):
            name = f"{quote_identifier(schema)}.{quote_identifier(table)}"
            connection.execute(f"create schema if not exists {quote_identifier(schema)}")
            connection.execute(f"create table {name} as from built.{name}")
    connection.execute("detach built")
    for schema in ("staging", "intermediate", "marts"):
        connection.execute(f"create schema {schema}")


def _in_order(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Models before what reads them, and each test after the last model it reads."""
    done: set[str] = set()
    waiting = {
        name
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "model" or (node["resource_type"] == "test" and is_run_check(node))
    }
    while waiting:
        ready = sorted(name for name in waiting if not waiting & (set(manifest["parent_map"][name]) - done))
        for name in ready:
            yield manifest["nodes"][name]
        done.update(ready)
        waiting -= set(ready)


def _execute(connection: Any, node: Mapping[str, Any], sql: str) -> None:
    if node["resource_type"] == "test":
        connection.execute(f"select count(*) from ({sql}) as failures").fetchall()
        return
    kind = "view" if node["config"]["materialized"] == "view" else "table"
    name = f"{quote_identifier(node['schema'])}.{quote_identifier(node['name'])}"
    connection.execute(f"create {kind} {name} as {sql}")
