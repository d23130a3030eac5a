import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from duckdb import DuckDBPyConnection

from dagster_project.tables import table_metadata
from serving.publication.database_file import checksums
from serving.publication.precopy import Precopy
from serving.publication.publish import publish
from serving.publication.state import DATABASE, WORK
from tests.serving.publication.test_publish import ABOUT, SOURCE, build, no_report, pass_again
from warehouse.relations import Relation
from warehouse.settings import Settings
from warehouse.sql import connect

ORDERS, PRODUCTS, TOTALS = (Relation("marts", name) for name in ("fct_orders", "dim_products", "rpt_totals"))


def tables_of(path: Path) -> set[str]:
    with connect(path, read_only=True) as copy:
        rows = copy.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    return {name for (name,) in rows}


def test_what_is_finished_is_copied_and_the_rest_comes_with_the_publication(
    settings: Settings, warehouse: DuckDBPyConnection
) -> None:
    build(warehouse)
    with Precopy(settings) as ahead:
        ahead.finished([ORDERS])
        ahead.finished([SOURCE])
        ahead.start()
        bases = ahead.bases()
        assert tables_of(bases[DATABASE].path) == {"marts.fct_orders"}
        assert tables_of(bases[WORK].path) == {"marts.fct_orders", "intermediate.marts_source"}
        warehouse.execute("update marts.dim_products set product_name = 'new' where product_id = 'p-0'")
        publish(settings, warehouse, ABOUT, work_tables=[SOURCE], report=no_report, ahead=bases)
    assert not ahead.folder.exists()
    for file in (DATABASE, WORK):
        with connect(settings.published_dir / file, read_only=True) as copy:
            assert checksums(copy) == checksums(warehouse)


def test_a_table_that_changes_after_all_is_copied_again(settings: Settings, warehouse: DuckDBPyConnection) -> None:
    build(warehouse)
    with Precopy(settings) as ahead:
        ahead.finished([ORDERS, PRODUCTS, TOTALS, SOURCE])
        ahead.start()
        bases = ahead.bases()
        warehouse.execute("update marts.fct_orders set net_amount = net_amount + 1 where order_id = 'o-7'")
        warehouse.execute("drop table intermediate.marts_source")
        warehouse.execute("create table intermediate.marts_source as from marts.fct_orders")
        publish(settings, warehouse, ABOUT, work_tables=[SOURCE], report=no_report, ahead=bases)
    for file in (DATABASE, WORK):
        with connect(settings.published_dir / file, read_only=True) as copy:
            assert checksums(copy) == checksums(warehouse)
    with connect(settings.published_dir / WORK, read_only=True) as copy:
        assert checksums(copy, "intermediate") == checksums(warehouse, "intermediate")


def test_where_memory_is_scarce_nothing_is_done_at_once(
    settings: Settings, warehouse: DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("precopy", "publish"):
        monkeypatch.setattr(f"serving.publication.{module}.is_scarce", lambda: True)
    build(warehouse)
    with Precopy(settings) as ahead:
        ahead.finished([ORDERS, PRODUCTS, SOURCE])
        ahead.start()
        assert ahead.bases() == {}

    def report_after_the_working_copy(connection: DuckDBPyConnection, settings: Settings, target: Path) -> None:
        assert str(SOURCE) in tables_of(target.with_name(WORK))
        no_report(connection, settings, target)

    publish(settings, warehouse, ABOUT, work_tables=[SOURCE], report=report_after_the_working_copy)


def test_what_is_live_already_is_not_copied(settings: Settings, warehouse: DuckDBPyConnection) -> None:
    build(warehouse)
    publish(settings, warehouse, ABOUT, work_tables=[SOURCE], report=no_report)
    pass_again(warehouse)
    with Precopy(settings) as ahead:
        ahead.finished([ORDERS, PRODUCTS, SOURCE])
        ahead.start()
        assert ahead.bases() == {}
    warehouse.execute("insert into intermediate.marts_source from intermediate.marts_source limit 1")
    with Precopy(settings) as ahead:
        ahead.finished([ORDERS, PRODUCTS, SOURCE])
        ahead.start()
        assert set(ahead.bases()) == {WORK}


def test_without_a_start_nothing_is_copied_and_what_goes_wrong_is_told(
    settings: Settings, warehouse: DuckDBPyConnection
) -> None:
    build(warehouse)
    with Precopy(settings) as ahead:
        ahead.start()  # nothing is finished
        ahead.finished([ORDERS])
        assert ahead.bases() == {} and not ahead.folder.exists()
    with Precopy(settings) as ahead:
        ahead.finished([Relation("marts", "nowhere")])
        ahead.start()
        with pytest.raises(KeyError):
            ahead.bases()
    assert not ahead.folder.exists()


def test_what_a_killed_run_left_is_removed(settings: Settings, warehouse: DuckDBPyConnection) -> None:
    build(warehouse)
    with Precopy(settings) as ahead:
        ahead.folder.mkdir(parents=True)
        (ahead.folder / DATABASE).write_bytes(b"half a file")
        ahead.finished([ORDERS])
        ahead.start()
        assert tables_of(ahead.bases()[DATABASE].path) == {"marts.fct_orders"}


@contextmanager
def catalog_queries(warehouse: DuckDBPyConnection) -> Iterator[list[duckdb.Error]]:
    """Two threads that ask for the catalog of the warehouse again and again; yields what fails."""
    failed: list[duckdb.Error] = []
    done = threading.Event()

    def ask(cursor: DuckDBPyConnection) -> None:
        try:
            while not done.is_set():
                table_metadata(cursor, [dg.AssetKey(["marts", "fct_orders"])])
                cursor.execute("begin")
                for _ in range(2):
                    cursor.execute("select * from duckdb_columns()").fetchall()
                cursor.execute("commit")
        except duckdb.Error as error:
            failed.append(error)

    asking = [threading.Thread(target=ask, args=(warehouse.cursor(),)) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        yield failed
    finally:
        done.set()
        for thread in asking:
            thread.join()


@pytest.mark.parametrize(
    "rounds", [pytest.param(20, marks=pytest.mark.slow), pytest.param(500, marks=pytest.mark.campaign)]
)
def test_others_may_ask_for_the_catalog_meanwhile(
    settings: Settings, warehouse: DuckDBPyConnection, rounds: int
) -> None:
    with catalog_queries(warehouse) as failed:
        for _ in range(rounds):
            build(warehouse)
            with Precopy(settings) as ahead:
                ahead.finished([ORDERS, PRODUCTS, SOURCE])
                ahead.start()
                assert set(ahead.bases()) == {DATABASE, WORK}
                publish(settings, warehouse, ABOUT, work_tables=[SOURCE], report=no_report, ahead=ahead.bases())
            assert not failed
    for file in (DATABASE, WORK):
        with connect(settings.published_dir / file, read_only=True) as copy:
            assert checksums(copy) == checksums(warehouse)
