"""A DuckDB file written anew without one customer: everybody else's rows, every sum and every shape stay."""

import stat
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from warehouse.identity.columns import database_tables
from warehouse.privacy.data_subject import DataSubject, count_rows, find_contacts
from warehouse.privacy.erase import every_source
from warehouse.privacy.rewriting import mentions, put_in_place, rewrite
from warehouse.sql import connect

CUSTOMER, NAME = "cust-0815", "erased-00ff"
DIGEST, OTHER_DIGEST = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
BUILD = f"""
create schema raw_shop; create schema ops; create schema ml; create schema marts; create schema intermediate;
create table raw_shop.customers as select * from (values
    ('{CUSTOMER}', 'Erika Muster', 'Erika@Muster.example', '+49 (30) 555-0815', 1970, '{{"size": 38}}', 'DE', 1),
    ('cust-0816', 'Otto Normal', 'family@muster.example', '+49 30 555 0816', 1971, '{{"size": 52}}', 'AT', 2),
    ('cust-08150', 'Anna Fall', 'family@muster.example', null, 1972, null, 'FR', 3)
) as t (customer_id, full_name, email, phone, birth_year, attributes, country, _row_number);
create table raw_shop.orders as select * from (values
    ('o-1', '{CUSTOMER}', 10.5::decimal(18, 4), '{CUSTOMER}', {{'to': '{CUSTOMER}', 'gift': true}}, ['{CUSTOMER}']),
    ('o-2', 'cust-0816', 7.25, 'p-1', {{'to': 'cust-0816', 'gift': false}}, ['{CUSTOMER}', 'cust-0816'])
) as t (order_id, customer_id, net_amount, product_id, delivery, seen_by);
create table ops.rejected_lines (batch_id bigint not null, file varchar not null, record varchar);
insert into ops.rejected_lines values
    (1, 'a.csv', '{CUSTOMER};Erika Muster;too;many'), (1, 'a.csv', 'x;erika@muster.example'),
    (2, 'b.csv', 'cust-08150;y');
create table ops.messages (message_id varchar primary key, customer_id varchar, payload varchar);
insert into ops.messages values
    ('{DIGEST}', '{CUSTOMER}', 'Dear {CUSTOMER}, {CUSTOMER}!'),
    ('{OTHER_DIGEST}', 'cust-0816', 'Thank {CUSTOMER} for it');
create table ops.deliveries as
    select * from (values ('{DIGEST}', 1), ('{DIGEST}', 2), ('{OTHER_DIGEST}', 1)) as t (message_id, n);
create table intermediate.int_contacts as
    select customer_id, email, md5(lower(email)) as email_hash from raw_shop.customers;
create table marts.dim_customers as select customer_id, country from raw_shop.customers;
comment on table marts.dim_customers is 'One row per customer.';
comment on column marts.dim_customers.country is 'Where.';
create view marts.rpt_countries as select country, count(*) as customers from marts.dim_customers group by country;
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with connect(path) as connection:
        connection.execute(BUILD)
    return path


def erased(source: Path, customer_id: str = CUSTOMER, name: str = NAME) -> Path:
    person = DataSubject(customer_id, name, ("",))
    with connect(source) as connection:
        contacts = find_contacts(connection, database_tables(connection, every_source()), person)
    target = source.with_name("new.duckdb")
    data_subject = DataSubject(customer_id, name, ("",), contacts)
    rewrite(source, target, data_subject, every_source(), memory_limit="1GB")
    return target.replace(source)


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with connect(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_no_byte_and_no_value_of_the_customer_stays(source: Path) -> None:
    told = [word.encode() for word in (CUSTOMER + "'", "Erika", "erika@muster", "555-0815", DIGEST)]
    assert [word for word in told if word in source.read_bytes()], "the bytes were not there before"
    erased(source)
    content = source.read_bytes()
    assert [word for word in [b"Erika", b"erika", b"555-0815", DIGEST.encode()] if word in content] == []
    assert content.count(CUSTOMER.encode()) == content.count(b"cust-08150") + 1, (
        "that of the product is not the customer"
    )


def test_rows_sums_and_other_customers_stay(source: Path) -> None:
    erased(source)
    assert query(source, "select * exclude (attributes) from raw_shop.customers order by all") == [
        ("cust-08150", "Anna Fall", "family@muster.example", None, 1972, "FR", 3),
        ("cust-0816", "Otto Normal", "family@muster.example", "+49 30 555 0816", 1971, "AT", 2),
        (NAME, None, None, None, None, "DE", 1),
    ]
    assert query(source, "select order_id, customer_id, net_amount::varchar, product_id from raw_shop.orders") == [
        ("o-1", NAME, "10.5000", CUSTOMER),
        ("o-2", "cust-0816", "7.2500", "p-1"),
    ]
    assert query(source, "select delivery, seen_by from raw_shop.orders") == [
        (None, None),
        ({"to": "cust-0816", "gift": False}, None),
    ]


def test_a_line_that_names_the_customer_is_emptied_and_no_other(source: Path) -> None:
    erased(source)
    assert query(source, "select record from ops.rejected_lines order by batch_id, record") == [
        (None,), (None,), ("cust-08150;y",),
    ]  # fmt: skip


def test_an_order_that_is_called_after_the_customer_is_still_the_same_in_every_table(source: Path) -> None:
    with connect(source) as connection:
        connection.execute(
            f"create table raw_shop.baskets as select '{CUSTOMER}/7' as basket_id, '{CUSTOMER}' as customer_id"
        )
        connection.execute(f"create table raw_shop.lines as select '{CUSTOMER}/7' as basket_id, 3 as net_amount")
    erased(source)
    joined = "select customer_id, basket_id, net_amount from raw_shop.baskets join raw_shop.lines using (basket_id)"
    assert query(source, joined) == [(NAME, f"{NAME}/7", 3)]


def test_what_could_be_a_hash_of_the_id_is_drawn_anew_and_still_joins(source: Path) -> None:
    erased(source)
    joined = (
        "select customer_id, payload, count(*) from ops.messages join ops.deliveries using (message_id) group by all"
    )
    assert query(source, f"{joined} order by all") == [
        ("cust-0816", f"Thank {NAME} for it", 1),
        (NAME, f"Dear {NAME}, {NAME}!", 2),
    ]
    assert query(source, "select message_id from ops.messages where customer_id = 'cust-0816'") == [(OTHER_DIGEST,)]
    assert query(source, f"select email_hash from intermediate.int_contacts where customer_id = '{NAME}'") == [(None,)]


def test_views_comments_keys_and_storage_stay(source: Path) -> None:
    before = query(source, "select table_name, constraint_text from duckdb_constraints() order by all")
    erased(source)
    assert query(source, "select table_name, constraint_text from duckdb_constraints() order by all") == before
    assert query(source, "select comment from duckdb_tables() where table_name = 'dim_customers'") == [
        ("One row per customer.",)
    ]
    assert query(
        source, "select comment from duckdb_columns() where column_name = 'country' and comment is not null"
    ) == [("Where.",)]
    assert query(source, "select * from marts.rpt_countries order by all") == [("AT", 1), ("DE", 1), ("FR", 1)]


def test_the_copy_of_a_file_for_reading_alone_can_be_written_until_it_takes_its_place(source: Path) -> None:
    source.chmod(0o444)
    new = source.with_name("new.duckdb")
    rewrite(source, new, DataSubject(CUSTOMER, NAME), every_source(), memory_limit="1GB")
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    put_in_place(new, source)
    assert stat.S_IMODE(source.stat().st_mode) == 0o444 and not new.exists()


def test_a_log_that_a_killed_process_left_is_taken_along(source: Path) -> None:
    with connect(source) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown")
        connection.execute(f"insert into marts.dim_customers values ('{CUSTOMER}', 'IT')")
    assert source.with_name("warehouse.duckdb.wal").exists()
    erased(source)
    assert not source.with_name("warehouse.duckdb.wal").exists()
    assert query(source, "select customer_id from marts.dim_customers where country = 'IT'") == [(NAME,)]


def test_mentions_names_every_column_before_and_none_after(source: Path) -> None:
    person = DataSubject(CUSTOMER, NAME, ("",), ("erika@muster.example",))

    def found() -> list[str]:
        with connect(source) as connection:
            return mentions(connection, database_tables(connection, every_source()), person)

    assert found() == [
        "intermediate.int_contacts.customer_id", "intermediate.int_contacts.email", "marts.dim_customers.customer_id",
        "ops.messages.customer_id", "ops.messages.payload", "ops.rejected_lines.record",
        "raw_shop.customers.customer_id", "raw_shop.customers.email", "raw_shop.orders.customer_id",
        "raw_shop.orders.delivery", "raw_shop.orders.seen_by",
    ]  # fmt: skip
    erased(source)
    assert found() == []


@pytest.fixture
def households(tmp_path: Path) -> Path:
    """Ids that are numbers, in a source that calls them otherwise, and keys that are made of them."""
    path = tmp_path / "warehouse.duckdb"
    with connect(path) as connection:
        connection.execute(
            """
            create schema raw_complete_journey; create schema intermediate;
            create table raw_complete_journey.campaigns as
                select i::bigint as household_id, (3 - i)::bigint as campaign_id from range(1, 3) as t (i);
            create table intermediate.int_redemptions as
                select i::varchar as customer_id, i || '-' || (3 - i) || '-2017' as redemption_id,
                    'redeem:' || i || '-' || (3 - i) as source_id, i || '-7' as order_id, 'bought ' || i as reason
                from range(1, 3) as t (i);
            """
        )
    return path


def test_ids_that_are_numbers_change_in_their_columns_and_in_keys_made_of_them(households: Path) -> None:
    erased(households, "1", "-99")
    assert query(households, "from raw_complete_journey.campaigns order by all") == [(-99, 2), (2, 1)]
    assert query(households, "from intermediate.int_redemptions order by all") == [
        ("-99", "-99-2-2017", "redeem:-99-2", "1-7", "bought 1"),
        ("2", "2-1-2017", "redeem:2-1", "2-7", "bought 2"),
    ]


def test_a_number_that_was_exported_with_a_point_is_the_same_customer(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with connect(path) as connection:
        connection.execute("create schema raw_online_retail")
        connection.execute(
            "create table raw_online_retail.invoices as select '17850.0' as \"CustomerID\", '17850' as \"StockCode\""
        )
        found = count_rows(connection, database_tables(connection, every_source()), DataSubject("17850", ""))
    assert found == {"raw_online_retail.invoices": 1}
    erased(path, "17850", NAME)
    assert query(path, "from raw_online_retail.invoices") == [(NAME, "17850")]


def test_a_source_that_prefixes_its_customers_spells_them_without(tmp_path: Path) -> None:
    source = every_source()["till"].model_copy(update={"shared_keys": ()})
    person = DataSubject("till-C1234", "till-erased-1", ("", "till-"))

    def read(connection: DuckDBPyConnection) -> list[tuple[object, ...]]:
        return connection.execute("select customer_id from raw_till.customers union all from marts.c").fetchall()

    path, new = tmp_path / "warehouse.duckdb", tmp_path / "new.duckdb"
    with connect(path) as connection:
        connection.execute("create schema raw_till; create schema marts")
        connection.execute("create table raw_till.customers as select 'C1234' as customer_id")
        connection.execute("create table marts.c as select 'till-C1234' as customer_id union all select 'C1234'")
        connection.execute("create table marts.notes as select 'C1234 is till-C1234' as note")
    rewrite(path, new, person, {"till": source}, memory_limit="1GB")
    with connect(new) as connection:
        assert read(connection) == [("erased-1",), ("till-erased-1",), ("C1234",)]
        assert connection.execute("from marts.notes").fetchall() == [("erased-1 is till-erased-1",)]
