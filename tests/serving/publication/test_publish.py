import os
import random
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from serving.publication.database_file import checksums
from serving.publication.publish import publish, republish, rollback
from serving.publication.state import Publication, changed_files, file_marks, live_publication, publications
from warehouse import builds
from warehouse.errors import UserError
from warehouse.relations import Relation
from warehouse.settings import Settings
from warehouse.sql import connect

AS_OF = date(2017, 12, 31)
ABOUT = {"as_of_date": AS_OF, "data_through": AS_OF}
TABLES = ("dim_products", "fct_orders", "rpt_totals")
SOURCE = Relation("intermediate", "marts_source")

# Every table of build n says n in every row, so that a reader can tell two publications apart.
BUILD = """
create schema if not exists marts;
create or replace table marts.fct_orders as
    select 'o-' || i as order_id, 'c-' || i % 97 as customer_id, date '2017-01-01' + (i % 365)::int as order_date,
        (i / 7)::decimal(18, 4) as net_amount, {n} as build
    from range({rows}) as t (i);
create or replace table marts.dim_products as
    select 'p-' || i as product_id, 'Tea "no. ' || i || '"' as product_name, {n} as build from range(50) as t (i);
create or replace view marts.rpt_totals as
    select order_date, sum(net_amount)::decimal(18, 4) as net_amount, max(build) as build
    from marts.fct_orders group by order_date;
comment on table marts.fct_orders is 'One row per order: it''s the "fact".';
comment on column marts.fct_orders.net_amount is 'Net amount of the sale lines.';
comment on view marts.rpt_totals is 'One row per day.';
"""

# The types that Arrow, on which rows travel, has and has not; the second row is all NULL, the third has extremes.
TYPES = """
create table intermediate.types as
    select 170141183460469231731687303715884105727::hugeint as h,
        340282366920938463463374607431768211455::uhugeint as u,
        12345678901234567890123456789012.3456::decimal(38, 4) as wide, .1::decimal(4, 1) as narrow, 1e300 as f,
        1.5::real as r, true as b, date '2020-02-29' as d, timestamp '2020-01-01 01:02:03.123456' as t,
        timestamptz '2020-01-01 01:02:03+05' as z, timestamp_ns '2020-01-01 00:00:00.123456789' as ns,
        time '01:02:03.5' as tm, timetz '01:02:03+05' as tz, interval '3 months 2 days 1 microsecond' as i,
        'it''s "x"' as v, '\\xAA'::blob as bl, '0101'::bit as bi, 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::uuid as id,
        '{"a": [1, null]}'::json as j, 'b'::enum('a', 'b') as e, [1, null, 3] as l, [[1.5], []] as ll,
        {'a': 1, 'b it': 'x'} as s, map {'k': date '2020-01-01'} as m, [1, 2]::int[2] as arr,
        [1::hugeint] as hl, {'h': 5::hugeint, 't': 'a, "b"'} as hs, 255::utinyint as ut,
        18446744073709551615::ubigint as ub
    union all by name select null as h;
insert into intermediate.types by name
    select 'infinity'::date as d, '-infinity'::timestamp as t, 'nan'::double as f, '' as v;
"""

READER = """
import sys, duckdb
from pathlib import Path
path, connections, stop = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
tables = ("fct_orders", "dim_products", "rpt_totals")
seen = []
while len(seen) < connections or not stop.exists():
    with duckdb.connect(path, read_only=True) as connection:
        found = set()
        for _ in range(3):
            for table in tables:
                found |= set(connection.execute(f"select distinct build from marts.{table}").fetchall())
            found |= set(connection.execute("select build_id from marts.publication").fetchall())
        assert len(found) == 1, found
        seen.append(found.pop()[0])
assert seen == sorted(seen), "went back"
print(len(set(seen)))
"""

PUBLISHER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.serving.publication.test_publish import (ABOUT, SOURCE, build, no_report)
from warehouse.sql import connect
from serving.publication.publish import publish
from warehouse.settings import load_settings
settings = load_settings(environ={}, home=sys.argv[2])
with connect(settings.warehouse_path) as connection:
    print("ready", flush=True)
    while True:
        build(connection)
        publish(settings, connection, ABOUT, work_tables=[SOURCE], report=no_report)
"""


def no_report(connection: DuckDBPyConnection, settings: Settings, target: Path) -> None:
    target.write_text(str(connection.execute("select build_id from marts.publication").fetchall()))


def build(connection: DuckDBPyConnection, rows: int = 5_000) -> int:
    """A build of the warehouse that passes every check, with its number in every row."""
    number = builds.open_build(connection, f"run-{os.getpid()}", AS_OF)
    connection.execute(BUILD.format(n=number, rows=rows))
    connection.execute("create schema if not exists intermediate")
    connection.execute("create or replace table intermediate.marts_source as from marts.fct_orders")
    builds.pass_build(connection, number, {"check"}, {"check"})
    return number


def pass_again(connection: DuckDBPyConnection) -> None:
    """A later build that changed nothing."""
    builds.pass_build(connection, builds.open_build(connection, "run-again", AS_OF), {"check"}, {"check"})


def read(path: Path, query: str) -> list[Any]:
    with connect(path, read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def go(settings: Settings, warehouse: DuckDBPyConnection) -> Callable[..., Publication]:
    """Publish what the warehouse holds, without a report unless one is given."""

    def published(**further: Any) -> Publication:
        return publish(settings, warehouse, ABOUT, **{"report": no_report, **further})

    return published


def test_every_type_is_copied_as_it_is(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    warehouse.execute(TYPES)
    go(work_tables=[Relation("intermediate", "types")])
    for query in (
        "select types::varchar from intermediate.types as types order by all",
        "select column_name, data_type from duckdb_columns() where table_name = 'types' order by column_index",
    ):
        assert read(settings.published_dir / "work.duckdb", query) == warehouse.execute(query).fetchall()


def test_the_copy_holds_the_marts_and_says_what_it_is(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    done = go()
    file = settings.published_path
    with connect(file, read_only=True) as copy:
        copied = checksums(copy)
        assert copied == checksums(warehouse) and set(copied) == set(TABLES)
        assert copy.execute("select * exclude (publication_id, run_id) from marts.publication").fetchall() == [
            (1, AS_OF, AS_OF, "complete_journey")
        ]
        described = dict(copy.execute("select table_name, comment from duckdb_tables()").fetchall())
        assert described["fct_orders"] == """One row per order: it's the "fact"."""
        assert described["rpt_totals"] == "One row per day."
        assert copy.execute(
            "select comment from duckdb_columns() where table_name = 'fct_orders' and column_name = 'net_amount'"
        ).fetchall() == [("Net amount of the sale lines.",)]
    assert done.row_counts == {"fct_orders": 5_000, "dim_products": 50, "rpt_totals": 365}
    assert (done.publication_id, done.company) == (f"000001-run-{os.getpid()}"[:15], "complete_journey")
    assert live_publication(settings) == done == publications(settings)[0]
    assert settings.published_dir.joinpath("report.html").read_text() == "[(1,)]"


def test_files_are_whole_read_only_and_what_bi_tools_read_is_of_the_old_storage_format(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    go()
    assert not list(settings.published_dir.rglob("*.wal"))
    for name in ("loyalty.duckdb", "work.duckdb"):
        file = settings.published_dir / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert struct.unpack_from("<Q", settings.published_path.read_bytes(), 12) == (64,)  # of DuckDB 0.10 to 1.1


def test_rows_in_another_order_give_the_same_files(settings: Settings, go: Callable[..., Publication]) -> None:
    with connect(settings.warehouse_path) as warehouse:
        build(warehouse)
        first = go()
        parquet = {file.name: file.read_bytes() for file in (settings.published_dir / "parquet").iterdir()}
        for folder in ("history", "parquet-" + first.publication_id):
            shutil.rmtree(settings.published_dir / folder)  # so that nothing is taken over
        (settings.published_dir / "publications.json").unlink()
        warehouse.execute("create or replace table marts.fct_orders as from marts.fct_orders order by hash(order_id)")
        second = go()
    assert first.checksums == second.checksums
    for file in (settings.published_dir / "parquet").iterdir():
        assert file.name == "publication.parquet" or file.read_bytes() == parquet[file.name]


@settings_of_hypothesis(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(0, 2), st.none() | st.text("ab", max_size=2)), max_size=6), st.data())
def test_checksums_tell_tables_apart_but_not_orders(rows: list[tuple[Any, Any]], data: st.DataObject) -> None:
    shuffled, other = data.draw(st.permutations(rows)), data.draw(st.lists(st.sampled_from(rows or [(9, "z")])))

    def of(values: list[tuple[Any, Any]]) -> str:
        with connect() as connection:
            connection.execute("create schema marts; create table marts.t (a integer, b varchar)")
            if values:
                connection.executemany("insert into marts.t values (?, ?)", values)
            return checksums(connection)["t"]

    assert of(shuffled) == of(rows)
    assert (of(other) == of(rows)) == (sorted(map(repr, other)) == sorted(map(repr, rows)))


def test_checksums_see_names_and_types(warehouse: DuckDBPyConnection) -> None:
    warehouse.execute("create schema marts; create table marts.a as select 1 as x")
    warehouse.execute("create table marts.b as select 1 as y; create table marts.c as select 1::bigint as x")
    assert len(set(checksums(warehouse).values())) == 3


def test_only_what_changed_is_written_again(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    parquet = settings.published_dir / "parquet"
    go(work_tables=[SOURCE])
    before = {file.name: file.stat().st_ino for file in parquet.iterdir()}
    pass_again(warehouse)
    warehouse.execute("insert into marts.fct_orders values ('o-new', 'c-1', '2017-12-31', 5, 1)")
    warehouse.execute("drop view marts.rpt_totals; create table marts.rpt_new as select 7 as seven")
    warehouse.execute("comment on table marts.dim_products is 'One row per product.'")
    go(work_tables=[SOURCE])
    after = {file.name: file.stat().st_ino for file in parquet.iterdir()}
    assert {name for name in after if before.get(name) == after[name]} == {"dim_products.parquet"}
    assert set(after) == {f"{table}.parquet" for table in ("dim_products", "fct_orders", "rpt_new", "publication")}
    for name in ("loyalty.duckdb", "work.duckdb"):
        with connect(settings.published_dir / name, read_only=True) as copy:
            assert checksums(copy) == checksums(warehouse)
            assert copy.execute("select build_id from marts.publication").fetchall() == [(2,)]
            assert ("One row per product.",) in copy.execute("select comment from duckdb_tables()").fetchall()


def test_repeated_publications_do_not_grow(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse, rows=20_000)
    go()
    first = settings.published_path.stat().st_size
    for _ in range(4):
        build(warehouse, rows=20_000)
        go()
    assert settings.published_path.stat().st_size <= 1.5 * first


def test_a_damaged_live_copy_is_not_built_upon(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    first = go()
    build(warehouse)
    second = go()
    for done in (first, second):
        file = settings.published_dir / "history" / done.publication_id / "loyalty.duckdb"
        file.chmod(0o644)
        with connect(file) as tampering:
            tampering.execute("update marts.dim_products set product_name = 'Coffee'")
    with pytest.raises(UserError, match=f"{first.publication_id}.*changed since it was published"):
        rollback(settings)
    pass_again(warehouse)
    go()
    assert read(settings.published_path, "select count(*) from marts.dim_products where product_name = 'Coffee'") == [
        (0,)
    ]


def test_an_unfinished_or_failed_build_is_not_published(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    good = go()
    number = builds.open_build(warehouse, "run-bad", AS_OF)
    with pytest.raises(UserError, match="did not finish"):
        go()
    builds.record_failure(warehouse, number, "check orders_reconcile")
    with pytest.raises(UserError, match="orders_reconcile"):
        go()
    assert live_publication(settings) == good
    assert read(settings.published_path, "select build_id from marts.publication") == [(1,)]


def test_another_generation_than_the_warehouse_holds_is_refused(
    settings: Settings, warehouse: DuckDBPyConnection
) -> None:
    build(warehouse)
    with pytest.raises(UserError, match="Build 7 is to be published, but the warehouse holds 1"):
        publish(settings, warehouse, {**ABOUT, "build_id": 7}, report=no_report)


@pytest.mark.parametrize(
    ("definition", "named"),
    [
        ("select 1::hugeint as total", r"marts\.bad\.total is HUGEINT"),
        ("select {'a': [1::decimal(38, 4)]} as parts", r"marts\.bad\.parts is STRUCT"),
        ("select 1::decimal(19, 4) as net_amount", r"marts\.bad\.net_amount is DECIMAL\(19,4\)"),
        ("select 'a@b.c' as email", r"marts\.bad\.email looks like a direct identifier"),
        ("select 'a@b.c' as \"Customer_Email\"", r"marts\.bad\.Customer_Email looks like"),
        ("select '1' as customer_id, '555' as mobile_number", r"marts\.bad\.mobile_number looks like"),
        ("select '1' as customer_id, 'Ann' as name", r"marts\.bad\.name looks like"),
        ("select '1' as member, 'Ann' as first_name", r"marts\.bad\.first_name looks like"),
    ],
)
def test_what_must_not_be_published_is_named(
    warehouse: DuckDBPyConnection, settings: Settings, go: Callable[..., Publication], definition: str, named: str
) -> None:
    build(warehouse)
    good = go()
    warehouse.execute(f"create table marts.bad as {definition}")
    with pytest.raises(UserError, match=named):
        go()
    assert live_publication(settings) == good
    warehouse.execute("drop table marts.bad")
    go()


def test_names_of_things_and_flags_are_no_identifiers(
    warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    warehouse.execute("create table marts.metrics as select 'revenue' as name, 'x' as campaign_name")
    warehouse.execute(
        "create table marts.people as select '1' as customer_id, true as has_email, true as email_consent, "
        "false as is_mobile, 'Gold' as tier_name"
    )
    assert go().row_counts["people"] == 1


def test_work_holds_further_tables_and_the_manifest(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication], tmp_path: Path
) -> None:
    manifest = tmp_path / "target" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_text('{"nodes": {}}')
    build(warehouse)
    warehouse.execute("create schema seeds; create table seeds.rules as select 1 as rule")
    go(work_tables=[SOURCE, Relation("seeds", "rules")], manifest=manifest)
    work = settings.published_dir / "work.duckdb"
    assert read(work, "select count(*) from intermediate.marts_source") == [(5_000,)]
    assert read(work, "select (select count(*) from seeds.rules), (select count(*) from marts.fct_orders)") == [
        (1, 5_000)
    ]
    assert (settings.published_dir / "manifest.json").read_text() == '{"nodes": {}}'
    assert '"nodes":{}' in (settings.published_dir / "dbt.html").read_text()
    assert read(settings.published_path, "select schema_name from duckdb_schemas() where schema_name = 'seeds'") == []
    pass_again(warehouse)
    go()
    assert not (settings.published_dir / "manifest.json").exists()  # it would speak of another build
    assert not (settings.published_dir / "dbt.html").exists()
    rollback(settings)
    assert (settings.published_dir / "manifest.json").read_text() == '{"nodes": {}}'


def test_work_holds_no_identifiers_and_no_unknown_tables(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    warehouse.execute(
        "create table intermediate.contacts as select '1' as customer_id, 'a@b.c' as email, true as has_email"
    )
    warehouse.execute("comment on column intermediate.contacts.email is 'Where to write to.'")
    go(work_tables=[Relation("intermediate", "contacts")])
    with connect(settings.published_dir / "work.duckdb", read_only=True) as copy:
        found = copy.execute("from intermediate.contacts")
        assert [column[0] for column in found.description] == ["customer_id", "has_email"]
        assert found.fetchall() == [("1", True)]
    with pytest.raises(UserError, match=r"intermediate\.nowhere, which the warehouse does not have"):
        go(work_tables=[Relation("intermediate", "nowhere")])


def test_a_stray_log_beside_the_live_file_is_harmless(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication], tmp_path: Path
) -> None:
    build(warehouse)
    go()
    donor = tmp_path / "donor.duckdb"
    writer = (
        "import duckdb, os, sys; connection = duckdb.connect(sys.argv[1]);"
        "connection.execute('create schema marts; create table marts.dim_products (product_id varchar,"
        " product_name varchar, build integer); checkpoint');"
        "connection.execute(\"insert into marts.dim_products values ('evil', 'evil', 666)\"); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", writer, str(donor)], check=False)
    stray = donor.with_name("donor.duckdb.wal").read_bytes()
    beside = settings.published_dir / "loyalty.duckdb.wal"

    beside.write_bytes(stray)
    replayed = read(settings.published_path, "select max(build) from marts.dim_products")
    assert replayed == [(666,)], "this log would do no harm, so the test shows nothing"
    build(warehouse)
    go()
    assert read(settings.published_path, "select max(build) from marts.dim_products") == [(2,)]
    beside.write_bytes(stray)
    rollback(settings)
    assert read(settings.published_path, "select max(build) from marts.dim_products") == [(1,)]
    assert not beside.exists()


def test_rollback_goes_back_forth_and_no_further(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    done = []
    for _ in range(3):
        build(warehouse)
        done.append(go())

    def live() -> tuple[int, int, str]:
        build_id = read(settings.published_path, "select build_id from marts.publication")[0][0]
        orders = settings.published_dir / "parquet" / "fct_orders.parquet"
        in_parquet = duckdb.sql(f"select max(build) from '{orders}'").fetchall()[0][0]
        return build_id, in_parquet, (settings.published_dir / "report.html").read_text()

    assert live() == (3, 3, "[(3,)]")
    assert rollback(settings).publication_id == done[1].publication_id
    assert live() == (2, 2, "[(2,)]")
    assert rollback(settings) == done[0] == live_publication(settings)
    assert live() == (1, 1, "[(1,)]")
    with pytest.raises(UserError, match=r"no publication before the live one.*000001.*000003"):
        rollback(settings)
    assert rollback(settings, done[2].publication_id) == done[2]
    assert live() == (3, 3, "[(3,)]")
    with pytest.raises(UserError, match='"nonsense" is not kept'):
        rollback(settings, "nonsense")
    rollback(settings, done[2].publication_id)  # the live one itself
    assert live() == (3, 3, "[(3,)]")


def test_the_last_publications_are_kept(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    done = []
    for _ in range(settings.publish.keep + 2):
        build(warehouse, rows=10)
        done.append(go().publication_id)
    kept = done[-settings.publish.keep :]
    assert [one.publication_id for one in publications(settings)] == kept
    assert sorted(folder.name for folder in (settings.published_dir / "history").iterdir()) == kept
    folders = sorted(folder.name for folder in settings.published_dir.glob("parquet-*"))
    assert folders == [f"parquet-{name}" for name in kept]


def test_the_same_build_can_be_published_twice(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    names = [go().publication_id for _ in range(3)]
    assert names == [names[0], f"{names[0]}-2", f"{names[0]}-3"]
    assert rollback(settings).publication_id == names[1]


def test_the_parquet_pointer_moves_and_the_old_folder_stays(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    go()
    pointer = settings.published_dir / "parquet"
    session = pointer.resolve()
    build(warehouse)
    go()
    assert pointer.resolve() != session
    for folder, number in ((session, 1), (pointer, 2)):
        for table in TABLES:
            assert duckdb.sql(f"select distinct build from '{folder}/{table}.parquet'").fetchall() == [(number,)]
        assert duckdb.sql(f"select build_id from '{folder}/publication.parquet'").fetchall() == [(number,)]


def test_a_restored_backup_without_links_is_taken_over(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication], tmp_path: Path
) -> None:
    build(warehouse)
    go()
    backup = tmp_path / "backup"
    shutil.copytree(settings.published_dir, backup, symlinks=False)
    shutil.rmtree(settings.published_dir)
    shutil.copytree(backup, settings.published_dir)
    build(warehouse)
    go()
    assert (settings.published_dir / "parquet").is_symlink()
    assert read(settings.published_path, "select build_id from marts.publication") == [(2,)]
    rollback(settings)
    assert read(settings.published_path, "select build_id from marts.publication") == [(1,)]


def test_a_replacement_cut_off_is_finished_by_the_next_start(
    settings: Settings,
    warehouse: DuckDBPyConnection,
    go: Callable[..., Publication],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build(warehouse)
    first = go()
    build(warehouse)
    with monkeypatch.context() as cut:
        cut.setattr("serving.publication.publish._activate", lambda _, name: name == first.publication_id or 1 / 0)
        with pytest.raises(ZeroDivisionError):
            go()
    assert live_publication(settings) == first
    assert read(settings.published_path, "select build_id from marts.publication") == [(1,)]
    builds.open_build(warehouse, "run-bad", AS_OF)
    with pytest.raises(UserError):
        go()
    second = publications(settings)[1]
    assert rollback(settings, second.publication_id) == second == live_publication(settings)
    assert read(settings.published_path, "select build_id from marts.publication") == [(2,)]
    assert rollback(settings) == first


def test_readers_never_fail_and_never_see_two_publications(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    build(warehouse)
    go()
    stop = settings.home / "stop"
    command = [sys.executable, "-c", READER, str(settings.published_path), "90", str(stop)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]  # at least 3,240 reads
    for _ in range(8):
        (settings.published_dir / "loyalty.duckdb.wal").write_bytes(b"left by somebody")
        build(warehouse)
        go()
    stop.touch()
    seen = [int(reader.communicate()[0] or 0) for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0, 0]
    assert min(seen) >= 3, "the readers saw too few publications to tell"


@pytest.mark.slow
def test_killed_anywhere_the_next_publication_is_good(settings: Settings) -> None:
    here = str(Path(__file__).parent)
    chance = random.Random(20171231)
    with connect(settings.warehouse_path) as warehouse:
        build(warehouse)
        publish(settings, warehouse, ABOUT, report=no_report)
    for _ in range(8):
        command = [sys.executable, "-c", PUBLISHER, here, str(settings.home)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.05, 0.6))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert_one_publication(settings)
    with connect(settings.warehouse_path) as warehouse:
        number = build(warehouse)
        done = publish(settings, warehouse, ABOUT, work_tables=[SOURCE], report=no_report)
        with connect(settings.published_path, read_only=True) as copy:
            assert checksums(copy) == checksums(warehouse)
    assert assert_one_publication(settings) == number
    expected = {".lock", "history", "loyalty.duckdb", "parquet", "publications.json", "report.html", "work.duckdb"}
    kept = {f"parquet-{one.publication_id}" for one in publications(settings)}
    assert {file.name for file in settings.published_dir.iterdir()} == expected | kept
    assert (settings.published_dir / "parquet").resolve().name == f"parquet-{done.publication_id}"


def assert_one_publication(settings: Settings) -> int:
    """The live file opens and is of one build, whole; returns which."""
    with connect(settings.published_path, read_only=True) as copy:
        seen = {row for table in TABLES for row in copy.execute(f"select distinct build from marts.{table}").fetchall()}
        seen |= set(copy.execute("select build_id from marts.publication").fetchall())
        assert len(seen) == 1
        assert copy.execute("select count(*) from marts.fct_orders").fetchall() == [(5_000,)]
    return int(seen.pop()[0])


def test_what_is_live_is_published_anew_and_nothing_earlier_is_kept(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication]
) -> None:
    def rewrite(source: Path, target: Path) -> None:
        shutil.copyfile(source, target)
        target.chmod(0o644)
        with connect(target) as copy:
            copy.execute("update marts.dim_products set product_name = 'none' where product_id = 'p-0'")

    assert republish(settings, rewrite, report=no_report) is None
    build(warehouse)
    go()
    build(warehouse)
    first = go()
    warehouse.execute("update marts.dim_products set build = -1")  # what the warehouse holds now is not published
    names = []
    for _ in range(2):
        done = republish(settings, rewrite, report=no_report)
        assert done is not None and publications(settings) == [done] and live_publication(settings) == done
        names.append(done.publication_id)
    assert names == [f"{first.publication_id}-rewritten-1", f"{first.publication_id}-rewritten-2"]
    with connect(settings.published_path, read_only=True) as copy:
        assert copy.execute("select product_name from marts.dim_products where product_id = 'p-0'").fetchall() == [
            ("none",)
        ]
        assert copy.execute("select publication_id, build_id from marts.publication").fetchall() == [(names[1], 2)]
        assert checksums(copy)["fct_orders"] == first.checksums["marts.fct_orders"]
    assert [folder.name for folder in (settings.published_dir / "history").iterdir()] == names[1:]
    assert not list((settings.home / "tmp").glob("republish-*"))
    with pytest.raises(UserError, match="no publication before the live one"):
        rollback(settings)


@pytest.mark.parametrize("name", ["loyalty.duckdb", "work.duckdb", "report.html", "parquet/fct_orders.parquet"])
@pytest.mark.parametrize("how", ["written to", "written over in secret", "replaced"])
def test_a_published_file_that_was_changed_is_told(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication], name: str, how: str
) -> None:
    build(warehouse)
    done = go()
    marks = file_marks(settings.published_dir, done)
    assert changed_files(settings.published_dir, done, is_live=True) == []
    assert changed_files(settings.published_dir, done, is_live=True, marks=marks) == []
    path = settings.published_dir / name
    if how == "written to":
        path.chmod(0o600)
        path.write_bytes(path.read_bytes() + b"x")
    elif how == "written over in secret":
        times = path.stat()
        path.chmod(0o600)
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert path.stat().st_size == times.st_size
    else:
        other = path.with_name("other")
        other.write_bytes(b"x")
        other.replace(path)
    for known in (None, marks):
        changed = changed_files(settings.published_dir, done, is_live=True, marks=known)
        assert {file.name for file in changed} == {path.name}


@pytest.mark.parametrize("name", ["loyalty.duckdb.wal", "work.duckdb.wal", "parquet"])
def test_what_leads_readers_astray_beside_unchanged_files_is_told_and_mended(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication], name: str
) -> None:
    build(warehouse)
    done = go()
    path, elsewhere = settings.published_dir / name, settings.home / "elsewhere"
    elsewhere.mkdir()
    path.unlink(missing_ok=True)
    path.symlink_to(elsewhere) if name == "parquet" else path.write_bytes(b"x")
    assert changed_files(settings.published_dir, done, is_live=True) == [path]
    assert changed_files(settings.published_dir, go(), is_live=True) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"live": 1, "since": "x", "publications": [{}]}', "\x00"])
def test_a_damaged_list_of_publications_is_told_in_words(
    settings: Settings, warehouse: DuckDBPyConnection, go: Callable[..., Publication], text: str
) -> None:
    build(warehouse)
    go()
    file = settings.published_dir / "publications.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"publications\.json: damaged.*remove it: the next run publishes anew"):
        live_publication(settings)
    file.unlink()
    assert live_publication(settings) is None and go().build_id
