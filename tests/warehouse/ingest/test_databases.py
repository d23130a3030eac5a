"""Tables of real PostgreSQL and MariaDB servers: increments by watermark and key, and no secret in any message."""

import itertools
import traceback
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.database_servers import PASSWORD, DatabaseServer
from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError
from warehouse.identity.erasure_register import Erased, Salt, record_erasure
from warehouse.ingest.check import check_source
from warehouse.ingest.row_reports import load_sentences

Make = Callable[..., Landing]
VARIABLE = "LOYALTY_DSN_TEST"
NUMBERS = itertools.count()


@pytest.fixture
def shop(tmp_path: Path, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes an orders table on the server and the landing of a source that reads it."""
    made: list[Landing] = []
    monkeypatch.setenv(VARIABLE, server.dsn)

    def make(root: Path = tmp_path, moment: str = "timestamp", **table: Any) -> Landing:
        name = f"orders_{next(NUMBERS)}"
        kind = "datetime(6)" if moment == "timestamp" and server.kind == "mysql" else moment
        server.execute(f"create table {name} (id bigint primary key, amount decimal(12, 2), updated_at {kind} null)")
        declared = {"table": name, "key": "id", "watermark": "updated_at", **table}
        database = {"type": server.kind, "dsn_env": VARIABLE}
        made.append(Landing(root, {"lines": declared}, in_memory=True, database=database))
        return made[-1]

    yield make
    for here in made:
        here.close()


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes the landing of a source that reads a table of a server by its key `id` and its watermark `at`."""
    made: list[Landing] = []

    def make(server: DatabaseServer, name: str, columns: dict[str, Any], **table: Any) -> Landing:
        monkeypatch.setenv(VARIABLE, server.dsn)
        declared = {"table": name, "key": "id", "watermark": "at", "columns": columns, **table}
        database = {"type": server.kind, "dsn_env": VARIABLE}
        made.append(Landing(tmp_path, {"lines": declared}, in_memory=True, database=database))
        return made[-1]

    yield make
    for here in made:
        here.close()


def name_of(here: Landing) -> str:
    return str(here.source.tables["lines"].table)


def insert(server: DatabaseServer, here: Landing, *rows: str) -> None:
    server.execute(f"insert into {name_of(here)} values {', '.join(rows)}")


def test_first_load_keeps_types_and_order(shop: Make, server: DatabaseServer) -> None:
    here = shop()
    insert(server, here, "(3, 1.50, '2020-01-02')", "(1, -2, '2020-01-02')", "(2, null, '2020-01-01 10:00:00.123456')")
    report = here.load()
    assert (report.rows_read, report.rows_loaded, report.batch_ids) == (3, 3, (1,))
    assert here.rows("id, amount, updated_at::varchar, _file, _row_number") == [
        (2, None, "2020-01-01 10:00:00.123456", name_of(here), 1),
        (1, Decimal("-2.00"), "2020-01-02 00:00:00", name_of(here), 2),
        (3, Decimal("1.50"), "2020-01-02 00:00:00", name_of(here), 3),
    ]
    assert here.query("select file, content_hash, rows_loaded, superseded_by from ops.batches") == [
        (name_of(here), None, 3, None)
    ]


def test_an_erased_customer_stays_erased_and_is_not_taken_for_a_change(
    shop: Make, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOYALTY_HASH_SALT", "salt")
    here = shop()
    server.execute(f"alter table {name_of(here)} add customer_id varchar(20), add email varchar(40)")
    insert(server, here, "(1, 1, '2020-01-01', 'c-1', 'one@x.example')", "(2, 2, '2020-01-01', 'c-2', 'two@x.example')")
    record_erasure(here.settings, Salt("salt"), Erased("c-1", "erased-1"), {})
    assert here.load().rows_loaded == 2
    assert here.rows("id, customer_id, email") == [(1, "erased-1", None), (2, "c-2", "two@x.example")]
    report = here.load()
    assert (report.rows_loaded, report.rows_unchanged) == (0, 2)


def test_a_rerun_loads_nothing(shop: Make, server: DatabaseServer) -> None:
    here = shop()
    insert(server, here, "(1, 1, '2020-01-01')", "(2, 2, null)")
    here.load()
    report = here.load()
    assert (report.rows_read, report.rows_unchanged, report.batch_ids) == (0, 2, ())
    assert len(here.rows()) == 2


def test_equal_watermarks_are_not_missed(shop: Make, server: DatabaseServer) -> None:
    here = shop()
    insert(server, here, "(1, 1, '2020-01-01')", "(2, 2, '2020-01-02')")
    here.load()
    insert(server, here, "(3, 3, '2020-01-02')", "(4, 4, '2020-01-03')")
    report = here.load()
    assert (report.rows_loaded, report.rows_unchanged) == (2, 1)
    assert here.rows("id, _batch_id") == [(1, 1), (2, 1), (3, 2), (4, 2)]


def test_rows_without_a_watermark_are_not_missed(shop: Make, server: DatabaseServer) -> None:
    here = shop()
    insert(server, here, "(1, 1, '2020-01-01')")
    here.load()
    insert(server, here, "(2, 2, null)")
    assert here.load().rows_loaded == 1
    assert here.load().batch_ids == ()


def test_a_changed_row_comes_as_a_new_version(shop: Make, server: DatabaseServer) -> None:
    here = shop()
    insert(server, here, "(1, 1, '2020-01-01')", "(2, 2, '2020-01-02')")
    here.load()
    server.execute(f"update {name_of(here)} set amount = 5, updated_at = '2020-01-03' where id = 1")
    here.load()
    server.execute(f"update {name_of(here)} set amount = 1 where id = 1")
    report = here.load()
    assert report.rows_loaded == 1, "changed under the same watermark"
    assert here.rows("id, amount, _batch_id") == [(1, 1, 1), (2, 2, 1), (1, 5, 2), (1, 1, 3)]


def test_only_the_increment_is_asked_for(shop: Make, server: DatabaseServer) -> None:
    here = shop()
    insert(server, here, *(f"({i}, {i}, '2020-01-{i:02}')" for i in range(1, 29)))
    here.load()
    insert(server, here, "(30, 30, '2020-02-01')")
    report = here.load()
    assert (report.rows_loaded, report.rows_unchanged) == (1, 1)


def test_rows_committed_late_need_an_overlap(shop: Make, server: DatabaseServer) -> None:
    here = shop(overlap=3600)
    insert(server, here, "(1, 1, '2020-01-01 10:00:00')")
    here.load()
    insert(server, here, "(2, 2, '2020-01-01 09:30:00')", "(3, 3, '2020-01-01 08:00:00')")
    here.load()
    assert here.rows("id") == [(1,), (2,)]


@pytest.mark.parametrize(("moment", "low", "high"), [("date", "'2020-01-01'", "'2020-01-02'"), ("integer", "5", "6")])
def test_other_watermarks(shop: Make, server: DatabaseServer, moment: str, low: str, high: str) -> None:
    here = shop(moment=moment, overlap=1)
    insert(server, here, f"(1, 1, {high})")
    here.load()
    insert(server, here, f"(2, 2, {low})", f"(3, 3, {high})")
    report = here.load()
    assert (report.rows_loaded, report.rows_unchanged) == (2, 1)


def test_without_a_watermark_everything_is_compared(shop: Make, server: DatabaseServer) -> None:
    here = shop(watermark=None)
    insert(server, here, "(1, 1, null)", "(2, 2, null)")
    here.load()
    server.execute(f"update {name_of(here)} set amount = null where id = 2")
    report = here.load()
    assert (report.rows_loaded, report.rows_unchanged) == (1, 1)
    assert here.rows("id, amount") == [(1, 1), (2, 2), (2, None)]


def standing(here: Landing) -> list[tuple[Any, ...]]:
    """Key and amount of the rows that count, oldest first."""
    return here.query(
        "select id, amount from raw_till.lines as r where not exists (from ops.deleted_rows as d"
        " where d.batch_id = r._batch_id and d.row_number = r._row_number) order by _batch_id, _row_number"
    )


@pytest.mark.parametrize("table", [{"watermark": None}, {"deleted_rows": "compare"}], ids=["whole", "by-watermark"])
def test_rows_that_are_gone_no_longer_count_until_they_come_back(
    shop: Make, server: DatabaseServer, table: dict[str, Any]
) -> None:
    here = shop(**table)
    insert(server, here, "(1, 1, '2020-01-01')", "(2, 2, '2020-01-01')")
    here.load()
    server.execute(f"update {name_of(here)} set amount = 3, updated_at = '2020-01-02' where id = 1")
    here.load()
    server.execute(f"delete from {name_of(here)} where id = 1")
    report = here.load()
    assert (report.rows_read, report.rows_deleted, len(report.batch_ids)) == (0, 2, 1)
    with here.warehouse() as connection:
        assert load_sentences(connection, report) == [
            "till.lines: 2 rows are gone from the database and no longer count"
        ]
    assert standing(here) == [(2, 2)]
    assert here.query("select max(deleted_by) from ops.deleted_rows") == [report.batch_ids]
    assert here.load().batch_ids == ()
    insert(server, here, "(1, 3, '2020-01-03')")
    report = here.load()
    assert (report.rows_loaded, report.rows_deleted) == (1, 0)
    assert standing(here) == [(2, 2), (1, 3)]
    assert here.load().batch_ids == ()


def test_deleted_rows_are_kept_where_that_is_said_or_a_watermark_is_all_that_is_asked_for(
    shop: Make, server: DatabaseServer
) -> None:
    for table in ({}, {"watermark": None, "deleted_rows": "keep"}):
        here = shop(**table)
        insert(server, here, "(1, 1, '2020-01-01')", "(2, 2, '2020-01-01')")
        here.load()
        server.execute(f"delete from {name_of(here)} where id = 1")
        assert here.load().rows_deleted == 0 and sorted(standing(here)) == [(1, 1), (2, 2)]


@pytest.mark.parametrize(("kind", "no", "yes"), [("timestamp null", "null", "'2020-01-05'"), ("smallint", "0", "1")])
def test_rows_that_the_shop_marks_as_deleted_do_not_count(
    shop: Make, server: DatabaseServer, kind: str, no: str, yes: str
) -> None:
    here = shop(deleted_when="deleted")
    server.execute(f"alter table {name_of(here)} add deleted {kind}")
    insert(server, here, f"(1, 1, '2020-01-01', {no})", f"(2, 2, '2020-01-01', {no})", f"(3, 3, '2020-01-01', {yes})")
    here.load()
    assert standing(here) == [(1, 1), (2, 2)] and here.load().batch_ids == ()
    server.execute(f"update {name_of(here)} set deleted = {yes}, updated_at = '2020-01-02' where id = 1")
    assert here.load().rows_loaded == 1 and standing(here) == [(2, 2)]
    server.execute(f"update {name_of(here)} set deleted = {no}, updated_at = '2020-01-03' where id = 1")
    assert here.load().rows_loaded == 1 and standing(here) == [(2, 2), (1, 1)]
    assert here.load().batch_ids == ()


def test_a_table_that_is_found_empty_stops_the_load(shop: Make, server: DatabaseServer) -> None:
    here = shop(watermark=None)
    insert(server, here, "(1, 1, '2020-01-01')")
    here.load()
    server.execute(f"delete from {name_of(here)}")
    with pytest.raises(
        UserError, match=r"the table is empty, and 1 of its rows were loaded earlier.*sources reload till"
    ):
        here.load()
    assert standing(here) == [(1, 1)]


def test_an_erased_customer_is_not_taken_for_a_deleted_row(
    shop: Make, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOYALTY_HASH_SALT", "salt")
    here = shop(deleted_rows="compare", key="customer_id")
    server.execute(f"alter table {name_of(here)} add customer_id varchar(20)")
    insert(server, here, "(1, 1, '2020-01-01', 'c-1')", "(2, 2, '2020-01-01', 'c-2')")
    record_erasure(here.settings, Salt("salt"), Erased("c-1", "erased-1"), {})
    here.load()
    assert here.load().rows_deleted == 0 and sorted(standing(here)) == [(1, 1), (2, 2)]


def test_a_new_column_at_the_source_is_added(shop: Make, server: DatabaseServer) -> None:
    here = shop(columns={"id": {"required": True}, "amount": {}, "updated_at": {}})
    insert(server, here, "(1, 1, '2020-01-01')")
    assert here.load().new_columns == ()
    server.execute(f"alter table {name_of(here)} add column note varchar(20) default 'x'")
    report = here.load()
    assert report.new_columns == ("note",) and report.rows_loaded == 1
    assert here.rows("id, note") == [(1, None), (1, "x")]


def test_full_refresh_reads_everything(shop: Make, server: DatabaseServer) -> None:
    here = shop()
    insert(server, here, "(1, 1, '2020-01-01')", "(2, 2, '2020-01-02')")
    here.load()
    server.execute(f"delete from {name_of(here)} where id = 1")
    assert here.load().batch_ids == (), "rows deleted at the source stay"
    here.load(full_refresh=True)
    assert here.rows("id, _batch_id") == [(2, 2)]


def test_mistakes_in_the_declaration_are_named(shop: Make, server: DatabaseServer) -> None:
    here = shop(key="amount")
    insert(server, here, "(1, 1, '2020-01-01')", "(2, 1, '2020-01-01')", "(3, null, '2020-01-01')")
    with pytest.raises(UserError, match=r"the key \(amount\) .* 1 values come more than once, 1 rows have none"):
        here.load()
    wrong = {**here.source.model_dump(exclude_none=True), "tables": {"lines": {"table": "order_s", "key": "id"}}}
    here.source = type(here.source).model_validate(wrong)
    with pytest.raises(UserError, match="order_s: there is no such table"):
        here.load()
    wrong["tables"] = {"lines": {"table": name_of(shop()), "key": "id", "watermark": "updatedat"}}
    here.source = type(here.source).model_validate(wrong)
    with pytest.raises(UserError, match=r'there is no column "updatedat".* \(did you mean "updated_at"\?\)'):
        here.load()


def test_text_is_no_watermark(shop: Make) -> None:
    with pytest.raises(UserError, match=r'the watermark "updated_at" is VARCHAR'):
        shop(moment="varchar(9)").load()


def test_check_looks_without_loading(shop: Make) -> None:
    here = shop(columns={"id": {"required": True}, "updated_at": {}})
    [finding] = check_source(here.source, here.settings)
    assert finding.level == "note" and 'the column "amount" is not declared' in finding.message
    assert here.query("select count(*) from duckdb_schemas() where schema_name = 'raw_till'") == [(0,)]
    lacking = shop(columns={"id": {}, "updated_at": {}, "customer_id": {"required": True}})
    [finding] = check_source(lacking.source, lacking.settings)
    assert finding.is_error and 'the required column "customer_id"' in str(finding)
    both = {
        "lines": lacking.source.tables["lines"],
        "gone": lacking.source.tables["lines"].model_copy(update={"table": "x"}),
    }
    findings = check_source(lacking.source.model_copy(update={"tables": both}), lacking.settings)
    assert [(finding.level, finding.table) for finding in findings] == [("error", "lines"), ("error", "gone")]


def test_no_secret_in_any_message(shop: Make, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    here = shop()
    host = f"127.0.0.1:{server.port}"
    for dsn in (
        f"{server.dsn}_absent",
        server.dsn.replace("Pa55", "wr0ng-Pa55"),
        server.dsn.replace(str(server.port), "1"),
        f"host=127.0.0.1 port={server.port} user=nobody password={PASSWORD}",
        f"hots=127.0.0.1 password={PASSWORD}",
        f"nonsense://{PASSWORD}@{host}",
        PASSWORD,
    ):
        monkeypatch.setenv(VARIABLE, dsn)
        with pytest.raises(UserError) as error:
            here.load()
        shown = "".join(traceback.format_exception(error.value)) + repr(error.value.__context__)
        for secret in (PASSWORD, "Pa55", "w0rd", dsn):
            assert secret not in shown
        assert VARIABLE in str(error.value)
        assert str(check_source(here.source, here.settings)[0]).count("Pa55") == 0


def test_a_missing_variable_is_named(shop: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    here = shop()
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(UserError, match=f"the environment variable {VARIABLE} is not set"):
        here.load()


def test_small_integers_of_mysql_are_no_booleans(
    mariadb: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, mariadb.dsn)
    mariadb.execute("create table stars (id int primary key, stars tinyint(1))", "insert into stars values (1, 5)")
    here = Landing(
        tmp_path,
        {"lines": {"table": "company.stars", "key": "id"}},
        database={"type": "mysql", "dsn_env": VARIABLE},
    )
    here.load()
    assert here.rows("stars") == [(5,)]


def test_zero_days_of_mysql_are_none_and_partial_ones_are_refused(reads: Make, mariadb: DatabaseServer) -> None:
    """DuckDB's scanner stops at 2024-00-10; 0000-00-00 is MySQL's way to say that there is no day."""
    mariadb.execute(
        "create table dated (id int primary key, day date, at datetime(6), extra json, other date)",
        "insert ignore into dated values (1, '2024-01-05', '2024-01-05 10:00:00.5', '{}', null),"
        " (2, '0000-00-00', '0000-00-00 00:00:00', null, '2024-00-00')",
    )
    columns = {"id": {}, "day": {}, "at": {"type": "timestamp"}, "extra": {}}
    here = reads(mariadb, "dated", columns, other_columns="ignore")
    assert here.load().rows_loaded == 2
    mariadb.execute(
        "insert ignore into dated values (3, '2024-00-10', '2024-01-06', null, null), (4, '2024-02-29', '2024-00-06',"
        " null, null), (5, '2024-02-29', '2024-01-07 11:00', '{\"a\": 1}', null), (6, null, '0000-00-00', null, null)"
    )
    report = here.load()
    assert (report.rows_read, report.rows_loaded, report.rows_malformed) == (4, 2, 2)
    assert here.query('select id, day::varchar, "at"::varchar, extra from raw_till.lines order by id') == [
        (1, "2024-01-05", "2024-01-05 10:00:00.5", "{}"),
        (2, None, None, None),
        (5, "2024-02-29", "2024-01-07 11:00:00", '{"a": 1}'),
        (6, None, None, None),
    ]
    assert [(reason, shown) for reason, shown in here.query("select reason, shown from ops.rejected_lines")] == [
        ("day is not a date", "2024-00-10"),
        ("at is not a timestamp", "2024-00-06 00:00:00.000000"),
    ]
    assert here.load().rows_read == 0, "what was refused is known"


def test_decimals_longer_than_duckdbs_come_whole(reads: Make, server: DatabaseServer) -> None:
    name = f"long_{next(NUMBERS)}"
    server.execute(
        f"create table {name} (id int primary key, amount decimal(50, 20), at decimal(60, 2))",
        f"insert into {name} values (1, 12345678901234.12345678901234567890, 7), (2, 99999999999999.99, 8)",
    )
    here = reads(server, name, {"id": {}, "amount": {"type": "decimal(18, 4)"}, "at": {}})
    report = here.load()
    assert (report.rows_loaded, report.rows_malformed) == (1, 1)
    assert here.query('select id, amount::varchar, "at" from raw_till.lines') == [(2, "99999999999999.9900", "8.00")]
    server.execute(f"insert into {name} values (3, 5, 9), (4, 6, 1)")
    assert here.load().rows_loaded == 1, "the watermark holds"


def test_postgres_views_schemas_and_zones(
    postgres: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, postgres.dsn)
    postgres.execute(
        "create schema crm",
        "create view crm.people as"
        """ select 1 as "Id", timestamptz '2020-01-01 12:00+02' as at, '{"a": 1}'::jsonb as extra""",
    )
    declared = {"table": "crm.people", "key": "Id", "watermark": "at"}
    here = Landing(tmp_path, {"lines": declared}, database={"type": "postgres", "dsn_env": VARIABLE})
    here.load()
    assert here.rows('"Id", "at"::varchar, extra') == [(1, "2020-01-01 10:00:00+00", '{"a": 1}')]
    assert here.load().batch_ids == ()


STEPS = st.lists(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(0, 1)), max_size=4), min_size=1, max_size=4
)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(STEPS)
def test_the_latest_versions_equal_the_source(
    shop: Make,
    server: DatabaseServer,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[list[tuple[int, int, int]]],
) -> None:
    """However rows come and change, also under the same watermark: the last version of each key is the source's row."""
    here = shop(tmp_path_factory.mktemp("history"))
    second, rows = 0, {}
    for step in steps:
        for key, amount, tick in step:
            second += tick
            rows[key] = (key, amount, f"2020-01-01 00:00:{second:02}")
        if step:
            changed = [rows[key] for key in sorted({key for key, _, _ in step})]
            keys = ", ".join(str(row[0]) for row in changed)
            server.execute(
                f"delete from {name_of(here)} where id in ({keys})",
                f"insert into {name_of(here)} values {', '.join(map(str, changed))}",
            )
        here.load()
        latest = here.query(
            "select id, amount::int, updated_at::varchar from raw_till.lines"
            " qualify row_number() over (partition by id order by _batch_id desc) = 1 order by id"
        )
        assert latest == [rows[key] for key in sorted(rows)]
        assert here.load().batch_ids == ()


def test_postgres_numbers_and_moments_come_whole_or_are_refused(reads: Make, postgres: DatabaseServer) -> None:
    """DuckDB's scanner makes 0 of NaN and a double of a numeric without precision; infinity is no moment."""
    postgres.execute(
        "create table whole (id int primary key, amount numeric(18, 4), loose numeric, at timestamp)",
        "insert into whole values (1, 10.5, 12345678901234.5678, '2024-01-05 10:00'), (2, 'NaN', 1, '2024-01-05'),"
        " (3, 1, 'NaN', '2024-01-05'), (4, 1, 1, 'infinity'), (5, 1, 0.12345, '2024-01-05'), (6, 1, 0.1, '9999-12-31')",
    )
    columns = {
        "id": {},
        "amount": {"type": "decimal(18, 4)"},
        "loose": {"type": "decimal(18, 4)"},
        "at": {"type": "timestamp"},
    }
    here = reads(postgres, "whole", columns)
    report = here.load()
    assert (report.rows_read, report.rows_loaded, report.rows_malformed) == (6, 2, 4)
    assert here.query("select id, amount::varchar, loose::varchar from raw_till.lines order by id") == [
        (1, "10.5000", "12345678901234.5678"),
        (6, "1.0000", "0.1000"),
    ]
    assert sorted(reason for _, _, reason, _ in here.rejected()) == [
        "amount is not a decimal(18,4)",
        "at is not a timestamp",
        "loose is not a decimal(18,4)",
        "loose is not a decimal(18,4)",
    ]
    again = here.load()
    assert (again.rows_read, again.rows_loaded, again.rows_malformed) == (0, 0, 0)
    postgres.execute(
        "insert into whole values (7, 2, 2, '2024-02-01')",
        "update whole set amount = 3, at = '2024-01-06' where id = 2",
    )
    assert here.load().rows_loaded == 2, "neither a refused row nor one dated 9999 keeps later ones out"
