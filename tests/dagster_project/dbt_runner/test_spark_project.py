"""Models that Spark builds are the warehouse's own in the end: their types, their rows, and what becomes of a home."""

import ast
import contextlib
import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.graph import nodes_behind
from benchmarks.kernels import differences
from dagster_project.dbt_runner.spark_project import SparkProject
from dagster_project.dbt_runner.spark_tables import require_contract, take_over
from dagster_project.prepare import prepare_warehouse
from tests.support.company import Company, Generated, company, generated_settings
from tests.support.database_servers import free_port, wait_for_port
from tests.support.patience import wait_until
from tests.support.system_packages import require_environment, require_program
from warehouse.errors import UserError
from warehouse.ingest.batches import prepare_operations
from warehouse.relations import Relation
from warehouse.settings import PROJECT_ROOT, Settings, load_settings
from warehouse.sql import connect

SPARK = PROJECT_ROOT / ".spark-venv" / "bin" / "python"
# What stands in for Spark's process, and cannot build a model.
FAILING = """
import json, sys
request = json.load(open(sys.argv[3]))
result = {"unique_id": "model.loyalty_warehouse.int_run_dates", "name": "int_run_dates", "resource_type": "model",
          "status": "error", "message": "planted", "seconds": 0.0, "failures": 0, "query": ""}
json.dump({"results": [result], "tables": {}}, open(request["reply"], "w"))
"""
COLUMNS = [["day", "date"], ["at", "timestamp"], ["amount", "decimal(20,4)"], ["order_month", "string"]]


def model(**columns: str) -> dict[str, Any]:
    declared = {name: {"name": name, "data_type": kind, "description": f"its {name}"} for name, kind in columns.items()}
    return {
        "schema": "marts",
        "alias": "fct_days",
        "description": "Days; it's one a row.",
        "columns": declared,
        "config": {"persist_docs": {"columns": True}, "contract": {"enforced": len(columns) > 1}},
    }


def spark_files(folder: Path) -> None:
    """What Spark leaves of a table in parts: files below a folder for each month, with moments in UTC."""
    for month, day in (("2024-05", 2), ("2024-06", 3)):
        part = folder / f"order_month={month}"
        part.mkdir(parents=True)
        duckdb.execute(
            f"copy (select date '{month}-0{day}' as day, timestamptz '{month}-0{day} 23:30:00+00' as at,"
            f" cast(1.5 as decimal(20, 4)) as amount) to '{part / 'part-0.parquet'}' (format parquet)"
        )


def test_a_table_has_the_types_and_descriptions_that_its_model_declares(tmp_path: Path) -> None:
    spark_files(tmp_path / "fct_days")
    with connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("create schema marts")
        connection.execute("create view marts.fct_days as select 1 as another")
        take_over(connection, model(amount="decimal(18, 4)"), tmp_path / "fct_days", COLUMNS)
        rows = connection.execute("from marts.fct_days order by day").fetchall()
        described = connection.execute("select column_name, data_type, comment from duckdb_columns()").fetchall()
        (comment,) = connection.execute("select comment from duckdb_tables()").fetchall()[0]
    assert [row[:2] for row in rows] == [
        (dt.date(2024, 5, 2), dt.datetime(2024, 5, 2, 23, 30)),
        (dt.date(2024, 6, 3), dt.datetime(2024, 6, 3, 23, 30)),
    ]
    mine = [row for row in described if row[0] in ("day", "at", "amount", "order_month")]
    assert mine == [("day", "DATE", None), ("at", "TIMESTAMP", None), ("amount", "DECIMAL(18,4)", "its amount")]
    assert comment == "Days; it's one a row."


def test_a_table_in_parts_without_a_row_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "fct_days").mkdir()
    with connect(tmp_path / "warehouse.duckdb") as connection:
        take_over(connection, model(), tmp_path / "fct_days", COLUMNS)
        kinds = connection.execute("select column_name, column_type from (describe marts.fct_days)").fetchall()
        count = connection.execute("select count(*) from marts.fct_days").fetchone()
    assert kinds == [("day", "DATE"), ("at", "TIMESTAMP"), ("amount", "DECIMAL(20,4)")]
    assert count == (0,)


def test_a_contract_holds_on_spark_too() -> None:
    declared = model(day="date", at="timestamp", amount="decimal(18, 4)")
    require_contract(declared, COLUMNS)
    with pytest.raises(UserError, match=r"marts\.fct_days: at, note stand in its SQL or in its contract alone"):
        require_contract(model(day="date", amount="decimal(18, 4)", note="varchar"), COLUMNS)


@pytest.fixture
def on_spark(tmp_path: Path, generated_manifests: Path) -> Settings:
    spark = {"engine": "spark", "spark": {"python": str(tmp_path / "none" / "python")}}
    settings = generated_settings(tmp_path / "home", generated_manifests, **spark)
    with connect(settings.warehouse_path) as connection:
        prepare_warehouse(connection, SparkProject(settings).manifest())
        prepare_operations(connection)
    return settings


def test_where_there_is_no_spark_the_message_says_how_to_get_it(on_spark: Settings) -> None:
    with pytest.raises(UserError, match=r"no Python with Spark\. `make spark` installs one"):
        SparkProject(on_spark).build(["tier_rules"])


def test_where_a_model_fails_on_spark_no_test_is_run_and_it_is_not_said_to_stand(on_spark: Settings) -> None:
    python = Path(on_spark.spark.python)
    python.parent.mkdir()
    python.write_text(f"#!{sys.executable}\n{FAILING}")
    python.chmod(0o700)
    project = SparkProject(on_spark)
    test = next(node["name"] for node in project.manifest()["nodes"].values() if node["resource_type"] == "test")
    results = project.build(["tier_rules", "int_run_dates", test])
    assert [(result.name, result.message) for result in results] == [("int_run_dates", "planted")]
    assert project.built_elsewhere() == set()


def test_what_spark_has_of_another_warehouse_or_folder_is_forgotten(on_spark: Settings) -> None:
    project = SparkProject(on_spark)
    with connect(on_spark.warehouse_path) as connection:
        project.forget_others(connection)
        state = project.lake / "state.json"
        state.write_text(state.read_text().replace("[]", '["marts.fct_orders"]'))
        project.forget_others(connection)
        assert project.built_elsewhere() == {Relation("marts", "fct_orders")}
        connection.execute("insert into ops.batches values (1, 'shop', 'customers', 'a.csv', '', 1, 1, 0, now(), null)")
        project.forget_others(connection)
    assert project.built_elsewhere() == set()
    state.write_text(state.read_text().replace("[]", '["marts.fct_orders"]'))
    assert project.built_elsewhere() == {Relation("marts", "fct_orders")}
    moved = on_spark.home.rename(on_spark.home.with_name("moved"))
    assert SparkProject(on_spark.model_copy(update={"home": moved})).built_elsewhere() == set()


def test_spark_and_joined_ids_do_not_go_together() -> None:
    with pytest.raises(UserError, match=r"identity\.resolve needs the engine duckdb"):
        load_settings("generated", {}, engine="spark", identity={"resolve": True})


@pytest.mark.parametrize("module", ["spark_session", "command", "results"])
def test_what_runs_in_sparks_environment_needs_none_of_our_packages(module: str) -> None:
    text = (PROJECT_ROOT / "dagster_project" / "dbt_runner" / f"{module}.py").read_text(encoding="utf-8")
    at_run_time = [node for node in ast.parse(text).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {getattr(node, "module", None) or node.names[0].name for node in at_run_time}
    ours = {f"dagster_project.dbt_runner.{name}" for name in ("command", "results")}
    assert {name for name in names - ours if name.split(".")[0] not in sys.stdlib_module_names} <= {
        "dbt.cli.main", "pyspark.sql",
    }  # fmt: skip


@pytest.mark.campaign
def test_runs_on_spark_publish_what_runs_on_duckdb_do(
    generated: Generated, built: Company, changed: Company, tmp_path: Path
) -> None:
    require_environment(SPARK, "spark")
    require_program("java", "default-jre-headless")
    first = company(tmp_path / "home", {**generated.settings(generated.folder), "engine": "spark"}).run()
    assert apart(built, first) == []
    history = first.settings.spark_path / "tables" / "intermediate.db" / "int_order_line_versions"
    (history / "_stays").touch()
    values = {**generated.settings(generated.changed_folder), "engine": "spark"}
    second = company(tmp_path / "home", values).run()
    assert apart(changed, second) == []
    assert (history / "_stays").exists(), "order history grew, and was not built anew"
    assert "nothing is new" in second.loyalty("run").text
    customer = second.published("select customer_id from marts.dim_customers order by all limit 1")[0][0]
    assert second.loyalty("privacy", "erase", customer, "--yes").code == 0
    assert not second.settings.spark_path.exists()


@pytest.fixture
def spark_server(tmp_path: Path) -> Iterator[str]:
    """A server of Spark of its own, as its address."""
    (script,) = SPARK.parents[1].glob("lib/python*/site-packages/pyspark/sbin/start-connect-server.sh")
    port, log = free_port(), tmp_path / "server.log"
    options = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.warehouse.dir": str(tmp_path / "server"),
        "spark.ui.enabled": "false",
    }
    command = [
        str(script),
        "--wait",
        *(word for name, value in options.items() for word in ("--conf", f"{name}={value}")),
    ]
    told = {**os.environ, "PATH": f"{SPARK.parent}:{os.environ['PATH']}", "SPARK_LOG_DIR": str(tmp_path), "TZ": "UTC"}
    with (
        log.open("w") as out,
        subprocess.Popen(command, env=told, stdout=out, stderr=out, start_new_session=True) as server,
    ):
        try:
            wait_for_port(port, server, log)
            yield f"sc://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["process", pytest.param("server", marks=pytest.mark.campaign)])
def test_spark_builds_what_duckdb_does(
    built: Company, place: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    require_environment(SPARK, "spark")
    require_program("java", "default-jre-headless")
    options = {"spark.remote": request.getfixturevalue("spark_server")} if place == "server" else {}
    there = built.copy(tmp_path / "it's a home", engine="spark", spark={"options": options})
    project = SparkProject(there.settings)
    for last, others in (("int_order_days", ["int_order_line_versions"]), ("int_exchange_rate_periods", [])):
        results = project.build([node["name"] for node in nodes_behind(project.manifest(), {last})])
        assert [result.message for result in results if not result.is_good] == []
        for table in (last, *others):
            rows = f"select * from intermediate.{table} order by all"
            assert there.warehouse(rows) == built.warehouse(rows)
        assert list((project.lake / "tables" / "intermediate.db" / last).rglob("*.parquet"))
        shutil.rmtree(project.lake)  # as an erasure does, of which a server knows nothing


@pytest.mark.slow
def test_a_killed_run_leaves_no_process_of_spark(built: Company, tmp_path: Path) -> None:
    require_environment(SPARK, "spark")
    require_program("java", "default-jre-headless")
    there = built.copy(tmp_path / "home", engine="spark")
    run = there.start("run")
    lake = there.settings.spark_path
    wait_until(lambda: any("java" in command for command in commands_about(lake)))
    run.kill()
    run.communicate()
    wait_until(lambda: not commands_about(lake))


def commands_about(folder: Path) -> list[str]:
    """The command lines of this machine's processes that name a folder."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in lines if str(folder) in line]


def apart(one: Company, other: Company) -> list[str]:
    compared = differences(one.settings.published_path, other.settings.published_path)
    assert len(compared) > 80
    # it names the publications, by their times
    told = [table.table for table in compared if not table.is_none]
    return [name for name in told if name != "marts.fct_publication_changes"]
