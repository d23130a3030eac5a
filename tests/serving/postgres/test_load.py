"""Publications in a real PostgreSQL server: the same rows as the file, by the difference, in one step."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from duckdb import DuckDBPyConnection

from serving.postgres import is_behind, load_live, loaded_note
from serving.postgres.relations import postgres_type
from serving.publication.publish import publish, republish, rollback
from serving.publication.published_copies import PublishedCopies
from tests.serving.publication.test_publish import ABOUT, no_report, pass_again
from tests.support.database_servers import PASSWORD, DatabaseServer, postgres_server
from warehouse import builds
from warehouse.errors import UserError
from warehouse.ingest.duckdb_extensions import load_extension
from warehouse.settings import PROJECT_ROOT, Settings
from warehouse.sql import connect, quote_literal

ORDERS = 20_000
MARTS = f"""
create schema if not exists marts;
create or replace table marts.fct_orders as
    select 'o-' || i as order_id, 'c-' || i % 97 as customer_id, date '2017-01-01' + (i % 365)::int as order_date,
        (i / 7)::decimal(18, 4) as net_amount, i % 3 = 0 as is_valid, i / 3.0::double as share_rate,
        timestamp '2017-01-01 10:00:00.123456' + interval (i) minute as ordered_at,
        case when i % 5 > 0 then 'Tea, "green"' || chr(10) || i end as note
    from range({ORDERS}) as t (i);
create or replace table marts.rpt_segments as
    select * from (values
        (date '2024-01-31', 'a', 3::bigint, ''), (date '2024-02-29', 'a', 4, '\\N'),
        (date '2024-02-29', 'ü''s', 2, null)
    ) as t (as_of_date, segment, customers_count, remark);
comment on table marts.rpt_segments is 'One row per day and segment: it''s kept.';
comment on column marts.rpt_segments.customers_count is 'Customers.';
"""
KEYS = {"fct_orders": ["order_id"], "rpt_segments": ["as_of_date", "segment"]}
LOADER = """
import sys
sys.path.insert(0, sys.argv[1])
from serving.postgres import load_live
from serving.postgres import server
from warehouse.settings import load_settings
copy = server._copy
def slowly(*arguments):
    print("copying", flush=True)
    copy(*arguments)
    import time; time.sleep(60)
server._copy = slowly
load_live(load_settings(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[DatabaseServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def company(settings: Settings, postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a company whose publications go to an empty database as well."""
    with psycopg.connect(postgres.dsn, autocommit=True) as server:
        server.execute("drop schema if exists marts, today, loyalty_state cascade")
        server.execute("drop role if exists loyalty_reader")
    monkeypatch.setenv("LOYALTY_DSN_MARTS", postgres.dsn)
    values = {**settings.model_dump(), "publish": {"keep": 3, "postgres": {"dsn_env": "LOYALTY_DSN_MARTS"}}}
    return Settings.model_validate(values)


@pytest.fixture
def go(company: Settings, warehouse: DuckDBPyConnection, tmp_path: Path) -> Callable[..., None]:
    """Publish what the warehouse holds, after the statements given, with a manifest that says keys and today's rows."""

    def published(*statements: str, keys: dict[str, list[str]] = KEYS) -> None:
        for statement in statements:
            warehouse.execute(statement)
        if builds.last_build(warehouse) is None:
            number = builds.open_build(warehouse, "run-1", ABOUT["as_of_date"])
            builds.pass_build(warehouse, number, {"check"}, {"check"})
        else:
            pass_again(warehouse)
        publish(company, warehouse, ABOUT, report=no_report, manifest=manifest(tmp_path, keys))

    return published


def manifest(folder: Path, keys: dict[str, list[str]]) -> Path:
    nodes: dict[str, Any] = {}
    for name, key in keys.items():
        today = {"today": {"latest": "as_of_date"}} if name == "rpt_segments" else {}
        nodes[f"model.{name}"] = {
            "resource_type": "model", "schema": "marts", "name": name, "original_file_path": f"{name}.sql",
            "columns": {"as_of_date": {}}, "config": {"meta": today},
        }  # fmt: skip
        nodes[f"test.{name}"] = {
            "resource_type": "test", "attached_node": f"model.{name}",
            "test_metadata": {"name": "sound_rows", "kwargs": {"key": key}},
        }  # fmt: skip
    file = folder / "manifest.json"
    file.write_text(json.dumps({"nodes": nodes}))
    return file


def ask(server: DatabaseServer, query: str) -> list[Any]:
    with psycopg.connect(server.dsn) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def rows_apart(settings: Settings, server: DatabaseServer) -> dict[str, int]:
    """Rows that only the published file or only the database has, by mart, as DuckDB reads both."""
    with connect() as both:
        load_extension(both, "postgres_scanner")
        both.execute(f"attach {quote_literal(server.dsn)} as server (type postgres, read_only)")
        both.execute(f"attach {quote_literal(str(settings.published_path))} as file (read_only)")
        marts = both.execute("select table_name from duckdb_tables() where database_name = 'file'").fetchall()
        found = {}
        for (mart,) in marts:
            sides = [f"select * from file.marts.{mart}", f"select * from server.marts.{mart}"]
            apart = [both.execute(f"select count(*) from ({a} except all {b})").fetchone() for a, b in
                     (sides, sides[::-1])]  # fmt: skip
            found[mart] = sum(row[0] for row in apart if row)
        return found


NONE_APART = {"fct_orders": 0, "rpt_segments": 0, "publication": 0}


def test_the_database_holds_what_the_file_holds(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None]
) -> None:
    go(MARTS)
    assert is_behind(company) and loaded_note(company) is None
    loaded = load_live(company)
    assert rows_apart(company, postgres) == NONE_APART
    assert (sorted(loaded.whole), loaded.changed) == (["fct_orders", "publication", "rpt_segments"], [])
    assert loaded.added == ORDERS + 3 + 1 and not is_behind(company)
    assert ask(postgres, "select segment, customers_count from today.rpt_segments order by 1") == [("a", 4), ("ü's", 2)]
    assert ask(postgres, "select remark from marts.rpt_segments order by 1 nulls last") == [("",), (r"\N",), (None,)]
    assert load_live(company).in_words().endswith("0 marts changed, 0 loaded whole: 0 rows removed, 0 added.")
    go("update marts.fct_orders set note = 'a' || chr(0) || 'b' where order_id = 'o-1'")
    assert load_live(company).added == 1 + 1
    assert ask(postgres, "select note from marts.fct_orders where order_id = 'o-1'") == [("ab",)]


def test_keys_indexes_descriptions_and_a_role_that_only_reads(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None]
) -> None:
    go(MARTS)
    load_live(company)
    mart = "'marts.rpt_segments'::regclass"
    described = ask(postgres, f"select obj_description({mart}), col_description({mart}, 3)")
    assert described == [("One row per day and segment: it's kept.", "Customers.")]
    indexes = ask(postgres, "select indexname from pg_indexes where schemaname = 'marts' order by 1")
    assert [name for (name,) in indexes] == [
        "fct_orders_by_customer_id", "fct_orders_by_order_date", "fct_orders_key", "publication_by_as_of_date",
        "rpt_segments_key",
    ]  # fmt: skip
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute("set role loyalty_reader")
        assert connection.execute("select count(*) from marts.fct_orders").fetchone() == (ORDERS,)
        assert connection.execute("select count(*) from today.rpt_segments").fetchone() == (2,)
        for statement in ("delete from marts.fct_orders", "table loyalty_state.tables", "create table marts.t ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)  # type: ignore[arg-type]


def test_only_what_changed_is_written_and_users_views_stay(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None]
) -> None:
    go(MARTS)
    load_live(company)
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute("create view public.mine as select distinct customer_id from marts.fct_orders")
        connection.execute("create view public.ours as select * from today.rpt_segments")
    stamps = "select order_id, xmin::text from marts.fct_orders order by 1"
    before = dict(ask(postgres, stamps))
    go(
        "update marts.fct_orders set net_amount = 0.5 where order_id = 'o-7'",
        "delete from marts.fct_orders where order_id = 'o-8'",
        "insert into marts.fct_orders (order_id, net_amount) values ('new', 1)",
    )
    loaded = load_live(company)
    assert (loaded.removed, loaded.changed, loaded.whole) == (2, ["fct_orders"], ["publication"])
    assert rows_apart(company, postgres) == NONE_APART
    after = dict(ask(postgres, stamps))
    assert {name for name in after if after[name] != before.get(name)} == {"o-7", "new"}
    assert ask(postgres, "select count(*) from public.mine") == [(98,)] and ask(postgres, "select 1 from public.ours")
    rollback(company)
    assert is_behind(company)
    assert load_live(company).changed == ["fct_orders"]
    assert rows_apart(company, postgres) == NONE_APART


def test_where_much_changed_or_nothing_is_known_all_is_loaded(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None]
) -> None:
    go(MARTS)
    load_live(company)
    go("update marts.fct_orders set net_amount = net_amount + 1 where order_id like '%1%'")
    assert load_live(company).whole == ["fct_orders", "publication"]
    for number in range(4):  # the one that the database holds is not kept any more
        go(f"update marts.fct_orders set net_amount = {number} where order_id = 'o-3'")
    assert load_live(company).whole == ["fct_orders", "publication"]
    assert rows_apart(company, postgres) == NONE_APART


@pytest.mark.parametrize(
    "statement",
    ["delete from marts.fct_orders where order_id < 'o-5'", "insert into marts.fct_orders (order_id) values ('new')"],
)
def test_what_somebody_else_wrote_into_a_changed_mart_is_put_right(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None], statement: str
) -> None:
    go(MARTS)
    load_live(company)
    postgres.execute(statement)
    go("insert into marts.fct_orders (order_id, net_amount) values ('new', 1)")
    assert load_live(company).whole == ["fct_orders", "publication"]
    assert rows_apart(company, postgres) == NONE_APART


def test_columns_come_go_and_change_and_a_view_that_needs_one_says_so(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None]
) -> None:
    go(MARTS)
    load_live(company)
    postgres.execute("create view public.mine as select customer_id from marts.fct_orders")
    postgres.execute("create view public.notes as select note from marts.fct_orders")
    go("alter table marts.fct_orders add column channel varchar default 'web'")
    load_live(company)
    assert rows_apart(company, postgres) == NONE_APART
    go("alter table marts.fct_orders drop column note")
    with pytest.raises(UserError, match=r"view notes depends on column note .* Drop what depends on it, start"):
        load_live(company)
    assert ask(postgres, "select count(channel), count(note) from marts.fct_orders") == [(ORDERS, ORDERS // 5 * 4)]
    postgres.execute("drop view public.notes")
    go(
        "alter table marts.rpt_segments alter customers_count type decimal(18, 4)",
        "create table marts.rpt_new as select 1 as n",
        keys={"fct_orders": ["order_date", "order_id"], "rpt_segments": KEYS["rpt_segments"]},
    )
    load_live(company)
    assert ask(postgres, "select sum(customers_count)::text from today.rpt_segments") == [("6.0000",)]
    assert ask(postgres, "select count(*) from public.mine") == [(ORDERS,)]
    go("drop table marts.rpt_segments", keys={"fct_orders": ["order_id"]})
    load_live(company)
    tables = ask(postgres, "select table_name from information_schema.tables where table_schema in ('marts', 'today')")
    assert {name for (name,) in tables} == {"fct_orders", "publication", "rpt_new"}


def test_readers_see_one_publication_or_the_next_and_never_wait(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None]
) -> None:
    def marked(number: int) -> str:
        return f"update marts.fct_orders set net_amount = {number}{' where order_id < $$o-2$$' * (number % 2)}"

    go(MARTS, "update marts.fct_orders set net_amount = 0")
    load_live(company)
    done, seen, longest = Event(), set(), [0.0]

    def read() -> None:
        with psycopg.connect(postgres.dsn) as connection:
            while not done.is_set():
                began = time.monotonic()
                with connection.transaction():
                    connection.execute("set transaction isolation level repeatable read")
                    values = connection.execute("select distinct net_amount from marts.fct_orders").fetchall()
                    name = connection.execute("select publication_id from marts.publication").fetchall()
                seen.add((tuple(sorted(values)), *name))
                longest[0] = max(longest[0], time.monotonic() - began)

    reader = Thread(target=read)
    reader.start()
    for number in (2, 4, 6):
        go(marked(number))
        load_live(company)
    done.set()
    reader.join()
    assert len({values for values, _ in seen}) == len(seen) and all(len(values) == 1 for values, _ in seen)
    assert longest[0] < 5


def test_a_killed_load_leaves_what_was_there(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None], tmp_path: Path
) -> None:
    go(MARTS)
    load_live(company)
    name = loaded_note(company)
    before = ask(postgres, "select * from marts.fct_orders order by 1")
    go("update marts.fct_orders set net_amount = 9", "delete from marts.rpt_segments")
    file = tmp_path / "company" / "settings.yml"
    file.parent.mkdir()
    file.write_text(json.dumps(json.loads(company.model_dump_json(exclude_unset=True))))
    loading = [sys.executable, "-c", LOADER, str(PROJECT_ROOT), str(file)]
    environment = {**os.environ, "LOYALTY_HOME": str(company.home)}
    with subprocess.Popen(loading, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stdout.readline() == b"copying\n"
        process.send_signal(signal.SIGKILL)
    assert ask(postgres, "select * from marts.fct_orders order by 1") == before
    assert ask(postgres, "select count(*) from marts.rpt_segments") == [(3,)]
    assert loaded_note(company) == name and is_behind(company)
    load_live(company)
    assert rows_apart(company, postgres) == NONE_APART


def test_an_erasure_reaches_the_database(company: Settings, postgres: DatabaseServer, go: Callable[..., None]) -> None:
    def without(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes())
        with connect(target) as copy:
            copy.execute("update marts.fct_orders set customer_id = 'erased-1' where customer_id = 'c-5'")

    go(MARTS)
    load_live(company)
    copies = PublishedCopies(company)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.publication.published_copies.republish", lambda *a, **k: republish(*a, report=no_report))
        copies.rewrite(without)
    assert ask(postgres, "select count(*) from marts.fct_orders where customer_id = 'c-5'") == [(0,)]
    assert rows_apart(company, postgres) == NONE_APART


def test_refusals_name_the_variable_and_no_secret(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"Nothing is published yet"):
        load_live(company)
    go(MARTS)
    monkeypatch.setenv("LOYALTY_DSN_MARTS", postgres.dsn.replace(PASSWORD.replace("!", "%21"), "wr0ng-Secret"))
    with pytest.raises(UserError, match=r"PostgreSQL \(LOYALTY_DSN_MARTS\): .*password authentication failed") as said:
        load_live(company)
    assert "wr0ng" not in str(said.value)
    monkeypatch.delenv("LOYALTY_DSN_MARTS")
    with pytest.raises(UserError, match=r"publish\.postgres\.dsn_env: the environment variable LOYALTY_DSN_MARTS"):
        load_live(company)


def test_a_user_without_rights_is_told_what_to_ask_for(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    go(MARTS)
    postgres.execute("create role loader login password 'l0ader'", "grant create on database postgres to loader")
    try:
        monkeypatch.setenv("LOYALTY_DSN_MARTS", f"postgresql://loader:l0ader@127.0.0.1:{postgres.port}/postgres")
        with pytest.raises(UserError, match=r'the role loyalty_reader .* create role "loyalty_reader" nologin'):
            load_live(company)
        postgres.execute("create role loyalty_reader nologin")
        assert load_live(company).added == ORDERS + 4
    finally:
        postgres.execute("drop owned by loader cascade", "drop role loader")


def test_a_lock_that_somebody_holds_is_waited_for_so_long(
    company: Settings, postgres: DatabaseServer, go: Callable[..., None]
) -> None:
    go(MARTS)
    load_live(company)
    go("alter table marts.fct_orders add column channel varchar")
    changed = company.publish.postgres.model_copy(update={"lock_wait_seconds": 0.2})  # type: ignore[union-attr]
    impatient = company.model_copy(update={"publish": company.publish.model_copy(update={"postgres": changed})})
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute("select count(*) from marts.fct_orders")
        with pytest.raises(UserError, match="Somebody holds a lock on a table of schema marts"):
            load_live(impatient)
        connection.rollback()
    load_live(company)
    assert rows_apart(company, postgres) == NONE_APART


@pytest.mark.parametrize(
    ("duckdb_type", "postgres"),
    [("DECIMAL(18,4)", "decimal(18,4)"), ("VARCHAR", "text"), ("DOUBLE", "double precision"), ("UINTEGER", "bigint"),
     ("TIMESTAMP WITH TIME ZONE", "timestamptz"), ("DATE", "date"), ("INTEGER[]", "text"), ("JSON", "text")],
)  # fmt: skip
def test_types_by_their_names_in_postgresql(duckdb_type: str, postgres: str) -> None:
    assert postgres_type(duckdb_type) == postgres
