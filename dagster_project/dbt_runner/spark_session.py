"""One build by dbt on Spark, in the environment that has both (`make spark`), which is not that of a run.

    python -m dagster_project.dbt_runner.spark_session REQUEST

REQUEST is a file of JSON, written by spark_project.py beside this one. Prints a line of JSON for each node that begins
or ends, and leaves the results in the file that the request names. Ends when its input does, that is with the run.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession

from dagster_project.dbt_runner.command import build_arguments, command_line
from dagster_project.dbt_runner.results import NodeResult, OnNode, callbacks, node_result

DBT_DIR = Path(__file__).parents[2] / "dbt"
# Recursive CTEs may take as many steps as they need: a customer's points have one for each event. DuckDB reads moments
# as microseconds.
ALWAYS = {
    "spark.sql.cteRecursionLevelLimit": "-1",
    "spark.sql.cteRecursionRowLimit": "-1",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
}
REMOTE = "spark.remote"
# Of seeds, of views, which have no files, and of watermarks.
SCHEMAS = ("seeds", "staging", "ops")


def main(request_file: Path) -> None:
    """Take what is new, build, and tell where the tables are."""
    Thread(target=_end_with_input, daemon=True).start()
    request = json.loads(request_file.read_text(encoding="utf-8"))
    lake = Path(request["lake"])
    os.chdir(lake)
    spark = start({**_catalog(lake), **request["options"]})
    named = [*request["inputs"], *request["kept"], *request["tables"], *request["read"], *SCHEMAS]
    make_databases(spark, lake / "tables", {name.split(".")[0] for name in named})
    require_tables(spark, request["read"], lake)
    remove_strays(spark, lake / "tables")
    take(spark, request["inputs"])
    keep(spark, request["kept"])
    arguments = build_arguments(request["nodes"], request["full_refresh"])
    results = build("spark", arguments, request["variables"], lake / "dbt", _tell)
    tables = dict(_built(spark, request["tables"], results))
    reply = {"results": [asdict(result) for result in results], "tables": tables}
    Path(request["reply"]).write_text(json.dumps(reply), encoding="utf-8")


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


def _catalog(lake: Path) -> dict[str, str]:
    """Where Spark keeps its tables, and what it knows of them, from one process to the next."""
    return {
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": str(lake / "tables"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={lake / 'catalog'};create=true",
    }


def start(options: Mapping[str, str]) -> SparkSession:
    """The session that dbt's adapter finds: of this process, or of the server that `spark.remote` names."""
    wanted = {**ALWAYS, **options}
    if REMOTE in options:
        os.environ["SPARK_REMOTE"] = options[REMOTE]  # dbt's adapter asks for a session without an address
        spark = SparkSession.builder.getOrCreate()
        for name, value in wanted.items():
            if spark.conf.isModifiable(name):
                spark.conf.set(name, value)
        return spark
    builder = SparkSession.builder
    for name, value in wanted.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def make_databases(spark: SparkSession, folder: Path, names: Iterable[str]) -> None:
    """Have a server keep its tables in the home folder too, where an erasure finds them; SystemExit where it has
    another company's."""
    for name in names:
        place = folder / f"{name}.db"
        spark.sql(f"create database if not exists `{name}` location {_literal(place)}")
        there = _folder(spark.catalog.getDatabase(name).locationUri)
        if there != str(place):
            sys.exit(f"Spark has {name} in {there}, not in {place}: a company needs a server of its own.")


def require_tables(spark: SparkSession, names: Iterable[str], lake: Path) -> None:
    """SystemExit where Spark has lost tables that were built before, as a server does that is started anew."""
    if lost := [name for name in names if not spark.catalog.tableExists(name)]:
        some = f"{lost[0]} and {len(lost) - 1} others" if lost[1:] else lost[0]
        sys.exit(f"Spark no longer has {some}. Remove {lake}: the next run builds everything again.")


def remove_strays(spark: SparkSession, tables: Path) -> None:
    """Remove the files of tables that a killed build left behind before they were tables."""
    for folder in tables.glob("*.db/*"):
        if not spark.catalog.tableExists(f"{folder.parent.stem}.{folder.name}"):
            shutil.rmtree(folder)


def take(spark: SparkSession, files: Mapping[str, str]) -> None:
    """Make tables of Parquet files, by schema.table, in the place of those before."""
    for name, file in files.items():
        _drop(spark, name)
        spark.sql(f"create table {_quoted(name)} using parquet location {_literal(file)}")


def keep(spark: SparkSession, files: Mapping[str, str]) -> None:
    """The same for tables that a build adds to, so that their rows become Spark's own."""
    for name, file in files.items():
        _drop(spark, name)
        spark.read.parquet(file).write.format("parquet").saveAsTable(_quoted(name))


def _drop(spark: SparkSession, name: str) -> None:
    spark.sql(f"create database if not exists `{name.split('.', 1)[0]}`")
    spark.sql(f"drop table if exists {_quoted(name)}")


def _folder(location: str) -> str:
    """The folder of a location, which Spark gives with and without escapes."""
    path = location.removeprefix("file:")
    return path if Path(path).exists() else unquote(path)


def _literal(path: Path | str) -> str:
    escaped = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quoted(name: str) -> str:
    return ".".join(f"`{part}`" for part in name.split(".", 1))


def build(
    target: str, arguments: Sequence[str], variables: Mapping[str, Any], out: Path, on_node: OnNode | None = None
) -> list[NodeResult]:
    """Have dbt build by these arguments, its own files in the folder `out`; SystemExit with its message where it cannot
    start."""
    command = command_line(arguments, variables, target, out, DBT_DIR)
    done: Any = dbtRunner(callbacks=callbacks(on_node)).invoke(command)
    if done.exception:
        sys.exit(str(done.exception))
    return [node_result(result) for result in done.result.results]


def _tell(name: str, status: str) -> None:
    sys.stdout.write(json.dumps([name, status]) + "\n")
    sys.stdout.flush()


def _built(spark: SparkSession, wanted: Iterable[str], results: Iterable[NodeResult]) -> Iterable[tuple[str, Any]]:
    """The columns and the folder of each table that was built, by schema.table."""
    good = {result.name for result in results if result.is_good}
    for name in wanted:
        if name.split(".", 1)[1] in good:
            described = spark.sql(f"describe formatted {_quoted(name)}").collect()
            (location,) = [row["data_type"] for row in described if row["col_name"] == "Location"]
            columns = [[field.name, field.dataType.simpleString()] for field in spark.table(_quoted(name)).schema]
            yield name, {"folder": _folder(location), "columns": columns}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
