"""Builds every model with dbt on Sail; runs in the environment that `make spark` makes (see benchmarks/parity.py).

    python -m benchmarks.sail_build INPUTS VARIABLES OUT

INPUTS holds the tables that models read and none makes, as `schema.table.parquet`; VARIABLES is the file of dbt's
variables. OUT gets each model as `schema.table.parquet`. Prints a line for each model that fails, and exits with 1.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import dbt.adapters.spark.session as spark_session
import pyarrow.parquet as pq
from dbt.adapters.sail.connections import SailConnectionManager
from dbt.cli.main import dbtRunner
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

from benchmarks.sail_sql import sail_sql

DBT_DIR = Path(__file__).parents[1] / "dbt"


def main(inputs: Path, variables: Path, out: Path) -> None:
    """Serve, build, and write what was built."""
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    # dbt-sail takes the server that is there, and so the same session and tables
    SailConnectionManager._server = server
    address, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://{address}:{port}").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    for file in sorted(inputs.glob("*.parquet")):
        schema, name = file.stem.split(".", 1)
        spark.sql(f"create database if not exists `{schema}`")
        spark.sql(f"create table `{schema}`.`{name}` using parquet location '{file}'")
    with tempfile.TemporaryDirectory(prefix="loyalty-sail-") as work:
        os.chdir(work)  # where Sail keeps its tables
        _run_what_sail_can(spark, Path(work))
        failed = _build(Path(work), variables)
        if failed:
            sys.exit("\n".join(failed))
        for schema, name in _models(Path(work)):
            pq.write_table(spark.table(f"`{schema}`.`{name}`").toArrow(), out / f"{schema}.{name}.parquet")


def _run_what_sail_can(spark: SparkSession, folder: Path) -> None:
    """Let dbt's cursor send each statement as Sail can run it."""
    execute = spark_session.Cursor.execute

    def run(self: Any, sql: str, *parameters: Any) -> None:
        execute(self, sail_sql(spark, sql, folder), *parameters)

    spark_session.Cursor.execute = run


def _build(work: Path, variables: Path) -> list[str]:
    """Build seeds and models; what failed, a line each."""
    folders = ("--project-dir", DBT_DIR, "--profiles-dir", DBT_DIR, "--target-path", work / "target")
    quiet = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-print", "--no-version-check")
    resources = ("--resource-type", "seed", "--resource-type", "model")
    words = [*quiet, "build", *resources, "--target", "sail", *folders, "--log-path", work / "logs"]
    done = dbtRunner().invoke([*map(str, words), "--vars", variables.read_text(encoding="utf-8")])
    if done.exception:
        return [str(done.exception)]
    return [f"{one.node.name}: {one.message}" for one in done.result if one.status == "error"]


def _models(work: Path) -> list[tuple[str, str]]:
    manifest = json.loads((work / "target" / "manifest.json").read_text(encoding="utf-8"))
    nodes = manifest["nodes"].values()
    return sorted((node["schema"], node["name"]) for node in nodes if node["resource_type"] == "model")


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:]))
