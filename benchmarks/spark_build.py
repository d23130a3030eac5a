"""Builds every model with dbt on Apache Spark or on Sail, each in the environment that `make` makes under its name.

benchmarks/parity.py compares the result with DuckDB's.

    python -m benchmarks.spark_build spark|sail INPUTS VARIABLES OUT [NODE ...]

INPUTS holds a folder for each build, one after the other, with the tables that models read and none makes, as
`schema.table.parquet`; VARIABLES is the file of dbt's variables. OUT gets each model as `schema.table.parquet`, of the
nodes that are named, or of all. Prints a line for each model that fails, and exits with 1.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dbt.adapters.spark.session as spark_session
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from dagster_project.dbt_runner.spark_session import build, start, take

# Of a message, which may end in a plan of pages.
MOST_TOLD = 600
# One machine, and tables that fit it: what is shuffled stays in one part.
ON_THIS_MACHINE = {
    "spark.master": "local[2]",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "4g",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.shuffle.partitions": "1",
}


def main(engine: str, inputs: Path, variables: Path, out: Path, nodes: Sequence[str]) -> None:
    """Start the engine, build, and write what was built."""
    with tempfile.TemporaryDirectory(prefix="loyalty-spark-") as name:
        work = Path(name)
        os.chdir(work)  # where tables are kept
        spark = {"spark": _spark, "sail": _sail}[engine](work)
        for delivered in sorted(inputs.iterdir()):
            take(spark, {file.stem: str(file) for file in sorted(delivered.glob("*.parquet"))})
            failed = _build(engine, work, variables, nodes)
            if failed:
                sys.exit("\n".join(failed))
        for schema, table in _models(work, nodes):
            pq.write_table(spark.table(f"`{schema}`.`{table}`").toArrow(), out / f"{schema}.{table}.parquet")


def _spark(work: Path) -> SparkSession:
    return start({**ON_THIS_MACHINE, "spark.sql.warehouse.dir": str(work / "tables")})


def _sail(work: Path) -> SparkSession:
    """A session with a server in this process, and dbt's cursor made to send each statement as Sail can run it."""
    from dbt.adapters.sail.connections import SailConnectionManager
    from pysail.spark import SparkConnectServer

    from benchmarks.sail_sql import sail_sql

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    # dbt-sail takes the server that is there, and so the same session and tables
    SailConnectionManager._server = server
    address, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://{address}:{port}").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    execute = spark_session.Cursor.execute

    def run(self: Any, sql: str, *parameters: Any) -> None:
        execute(self, sail_sql(spark, sql, work), *parameters)

    spark_session.Cursor.execute = run
    return spark


def _build(engine: str, work: Path, variables: Path, nodes: Sequence[str]) -> list[str]:
    """Build seeds and models; what failed, a line each."""
    chosen = ["build", "--resource-type", "seed", "--resource-type", "model", *(["--select", *nodes] if nodes else [])]
    results = build(engine, chosen, json.loads(variables.read_text(encoding="utf-8")), work / "target")
    return [f"{one.name}: {one.message[:MOST_TOLD]}" for one in results if one.status == "error"]


def _models(work: Path, names: Sequence[str]) -> list[tuple[str, str]]:
    manifest = json.loads((work / "target" / "manifest.json").read_text(encoding="utf-8"))
    nodes = manifest["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model" and (not names or node["name"] in names)]
    return sorted((node["schema"], node["name"]) for node in models)


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument).resolve() for argument in sys.argv[2:5]), sys.argv[5:])
