"""`loyalty init --database`: tables, joins and columns of real PostgreSQL and MariaDB servers, and sums to the cent."""

import re
import shlex
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from dagster_project.cli.main import main
from tests.support.database_servers import PASSWORD, DatabaseServer
from tests.support.shops import built
from warehouse.settings import PROJECT_ROOT, load_settings

VARIABLE = "LOYALTY_DSN_ANY"
# three lines of two orders that count, one of a cancelled and one of a pending order, and another table like theirs
SHOP = [
    "create table clients (id bigint primary key, email varchar(60), country char(2), created_at timestamp null)",
    "create table articles (id bigint primary key, name varchar(40), category varchar(40), cost decimal(10, 2))",
    "create table shop_orders (id bigint primary key, client_id bigint, status varchar(20), currency char(3),"
    " placed_at timestamp null, total decimal(10, 2))",
    "create table shop_order_items (id bigint primary key, order_id bigint, article_id bigint, product_id bigint,"
    " quantity decimal(10, 3), unit_price decimal(10, 2), discount decimal(10, 2))",
    "create table wish_items (id bigint primary key, wish_id bigint, quantity bigint, unit_price decimal(10, 2))",
    "insert into wish_items values (1, 1, 2, 3.00)",
    "insert into clients values (1, 'ann@example.org', 'DE', '2024-01-01'), (2, 'bo@example.org', 'DE', '2024-01-02')",
    "insert into articles values (7, 'Mug', 'Kitchen', 2.00), (8, 'Pen', 'Desk', 0.50)",
    "insert into shop_orders values (11, 1, 'paid', 'EUR', '2024-03-31 22:30:00', 8.00),"
    " (12, null, 'shipped', 'EUR', '2024-04-01 08:00:00', 5.00), (13, 2, 'cancelled', 'EUR', '2024-04-02', 9.00),"
    " (14, 2, 'pending', 'EUR', '2024-04-03', 9.00)",
    "insert into shop_order_items values (1, 11, 7, 7, 2, 3.00, 0.50), (2, 11, 8, 8, 1, 2.50, 0),"
    " (3, 12, 8, 8, 2, 2.50, 0), (4, 13, 7, 7, 3, 3.00, 0), (5, 14, 7, 7, 3, 3.00, 0)",
]
MAGENTO = [
    "create table mage_sales_order (entity_id bigint primary key, increment_id varchar(20), status varchar(20),"
    " created_at timestamp null, customer_id bigint, base_currency_code char(3), store_id bigint,"
    " base_grand_total decimal(20, 4), base_shipping_amount decimal(20, 4), base_tax_amount decimal(20, 4))",
    "create table mage_sales_order_item (item_id bigint primary key, order_id bigint, parent_item_id bigint,"
    " sku varchar(40), name varchar(40), qty_ordered decimal(12, 4), qty_canceled decimal(12, 4),"
    " base_row_total decimal(20, 4), base_discount_amount decimal(20, 4), base_amount_refunded decimal(20, 4),"
    " base_discount_refunded decimal(20, 4))",
    "insert into mage_sales_order values"
    " (1, '000000001', 'complete', '2024-05-31 22:30:00', 5, 'EUR', 1, 46.84, 4, 6.84),"
    " (2, '000000002', 'canceled', '2024-06-04 10:00:00', 5, 'EUR', 1, 9, 0, 0), (3, '000000003', 'closed',"
    " '2024-06-03 10:00:00', null, 'EUR', 1, 18.5, 0, 2)",
    "insert into mage_sales_order_item values (1, 1, null, 'S-1', 'Shirt', 2, 0, 40, 4, 0, 0),"
    " (2, 1, 1, 'S-1-M', 'Shirt M', 2, 0, 0, 0, 0, 0), (3, 2, null, 'C', 'Cap', 1, 0, 9, 0, 0, 0),"
    " (4, 3, null, 'C', 'Cap', 2, 0, 18, 2, 9, 1)",
    "create table mage_customer_entity (entity_id bigint primary key, email varchar(60), firstname varchar(20),"
    " lastname varchar(20), created_at timestamp null, default_billing bigint)",
    "create table mage_customer_address_entity (entity_id bigint primary key, parent_id bigint, postcode varchar(20),"
    " telephone varchar(20), country_id char(2))",
    "create table mage_newsletter_subscriber (subscriber_id bigint primary key, customer_id bigint,"
    " subscriber_status bigint)",
    "insert into mage_customer_entity values (5, 'ann@example.org', 'Ann', 'Smith', '2024-05-01', 50),"
    " (6, 'bo@example.org', 'Bo', null, '2024-05-02', null)",
    "insert into mage_customer_address_entity values (50, 5, '01067', '030 1', 'DE')",
    "insert into mage_newsletter_subscriber values (1, 5, 1)",
]


@pytest.fixture(scope="module")
def servers(postgres: DatabaseServer, mariadb: DatabaseServer) -> dict[str, str]:
    """The address of a shop's database on each server."""
    found = {}
    for server in (postgres, mariadb):
        server.execute("create schema shop" if server.kind == "postgres" else "create database shop")
        statements = [re.sub(r"(table|into) ", r"\1 shop.", statement, count=1) for statement in SHOP]
        if server.kind == "postgres":
            statements = [one.replace("timestamp", "timestamptz").replace(":00'", ":00+00'") for one in statements]
            statements += ["create schema archive", "create table archive.orders (id bigint primary key)"]
            statements += ["insert into archive.orders values (11), (12), (13), (14)"]
        server.execute(*statements)
        found[server.kind] = server.dsn if server.kind == "postgres" else server.dsn.replace(server.database, "shop")
    return found


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_environment: None) -> Path:
    monkeypatch.setenv("LOYALTY_HOME", str(tmp_path / "home"))
    return tmp_path / "company"


def at(desk: Path, *arguments: str) -> int:
    return main(["init", "--database", VARIABLE, "--company", str(desk), *arguments])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_shop_s_tables_are_told_and_joined(
    servers: dict[str, str],
    kind: str,
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(VARIABLE, servers[kind])
    assert at(desk) == 0
    said = " ".join(capsys.readouterr().out.split())
    for part in (
        "shop_order_items: order lines",
        "shop_orders: orders, joined by order_id = id",
        "clients: customers; 100% of its values are id of",
        "articles: products",
        "cancelled: cancelled, pending",
        'Currency: EUR (the column "orders.currency")',
    ):
        assert part in said
    assert PASSWORD not in said
    source = yaml.safe_load((desk / "sources" / "shop.yml").read_text(encoding="utf-8"))
    assert source["database"] == {"type": kind, "dsn_env": VARIABLE}
    assert source["mapping"]["order_lines"]["columns"]["ordered_at"] == (
        {"column": "orders.placed_at", "zone": "UTC"} if kind == "mysql" else "orders.placed_at"
    )
    assert source["mapping"]["products"]["columns"]["unit_cost"] == "cost"
    assert main(["--company", str(desk), "sources", "try", "shop"]) == 0
    tried = " ".join(capsys.readouterr().out.split())
    assert "5 accepted" in tried and "In all: net sales 13.00, 2 orders, 1 customers" in tried
    # 22:30 UTC is after midnight in Berlin
    assert "2024-04 13.00 2 1" in tried, tried


def test_every_status_is_in_the_mapping_also_those_of_rows_that_were_not_looked_at(
    servers: dict[str, str], desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, servers["postgres"])
    monkeypatch.setattr("warehouse.onboarding.remote_tables.MOST_ROWS", 3)
    assert at(desk) == 0
    source = yaml.safe_load((desk / "sources" / "shop.yml").read_text(encoding="utf-8"))
    meant = source["mapping"]["order_lines"]["columns"]["order_status"]["values"]
    assert meant == {"paid": "completed", "shipped": "completed", "cancelled": "cancelled", "pending": "cancelled"}


@pytest.mark.slow
def test_customers_known_by_an_address_alone_count_in_revenue_alone(
    mariadb: DatabaseServer, desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mariadb.execute(
        "create database addresses",
        "create table addresses.orders (id bigint primary key, email varchar(40), placed_at datetime)",
        "create table addresses.order_items (id bigint primary key, order_id bigint, qty bigint, price decimal(10, 2))",
        "insert into addresses.orders values (1, 'ann@example.org', '2024-05-01')",
        "insert into addresses.order_items values (1, 1, 2, 3.00)",
    )
    monkeypatch.setenv(VARIABLE, mariadb.dsn.replace(mariadb.database, "addresses"))
    assert at(desk) == 0
    assert "Orders name their customers by addresses alone" in capsys.readouterr().out
    assert main(["--company", str(desk), "sources", "try", "shop"]) == 0
    assert "net sales 6.00, 1 orders, 0 customers" in capsys.readouterr().out


def test_the_command_of_the_page_works(
    servers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_environment: None
) -> None:
    page = (PROJECT_ROOT / "docs" / "your_shop.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^loyalty (init --database .*)$", page, re.MULTILINE)
    monkeypatch.setattr("warehouse.settings.COMPANIES_DIR", tmp_path)
    monkeypatch.setattr("warehouse.onboarding.company_folder.COMPANIES_DIR", tmp_path)
    monkeypatch.setenv("LOYALTY_DSN_SHOP", servers["postgres"])
    assert main(shlex.split(command)) == 0
    assert (tmp_path / "my_web_shop" / "sources" / "shop.yml").is_file()


@pytest.mark.slow
def test_magento_is_recognised_whatever_its_prefix(
    mariadb: DatabaseServer, desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mariadb.execute("create database magento", *(f"{one}".replace("mage_", "magento.mage_") for one in MAGENTO))
    monkeypatch.setenv(VARIABLE, mariadb.dsn.replace(mariadb.database, "magento"))
    assert at(desk) == 0
    assert "mage_sales_order_item: Magento's database" in capsys.readouterr().out
    assert main(["--company", str(desk), "sources", "try", "magento_database"]) == 0
    tried = " ".join(capsys.readouterr().out.split())
    # 36.00 at half past midnight of 1 June in Berlin; 16.00 of which 8.00 came back
    assert "2024-06 44.00 2 1" in tried, tried
    assert '1 rejected "part of another item"' in tried, tried
    # 36.00 + 4.00 + 6.84, and 16.00 + 2.00, of which a fee of 0.50 is not explained
    shop = built(load_settings(desk))
    assert shop.failures == []
    unexplained = (
        "total_amount_delivered, unexplained_amount_delivered, unexplained_orders_count, is_above_warning_rate"
    )
    assert shop.rows(f"select orders_count, {unexplained} from marts.rpt_unexplained_amounts_monthly") == [
        (2, Decimal("65.3400"), Decimal("0.5000"), 1, True)
    ]
    known = "customer_id, email, phone, first_name, last_name, postal_code"
    assert shop.rows(f"select {known} from intermediate.int_customer_contact_versions order by customer_id") == [
        ("5", "ann@example.org", "030 1", "Ann", "Smith", "01067"),
        ("6", "bo@example.org", None, "Bo", None, None),
    ]
    told = shop.rows("select customer_id, country, email_consent from intermediate.int_customer_versions order by 1")
    assert told == [("5", "DE", True), ("6", None, False)]


def test_magento_without_its_customers_tells_orders(
    mariadb: DatabaseServer, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [one for one in MAGENTO if "_order" in one or "customer_entity " in one]
    mariadb.execute("create database bare", *(one.replace("mage_", "bare.mage_") for one in there))
    monkeypatch.setenv(VARIABLE, mariadb.dsn.replace(mariadb.database, "bare"))
    assert at(desk) == 0
    source = yaml.safe_load((desk / "sources" / "magento_database.yml").read_text(encoding="utf-8"))
    assert set(source["mapping"]) == {"order_lines", "order_totals", "products"}
    assert set(source["tables"]) == {"sales_order", "sales_order_item", "customer_entity"}


@pytest.mark.parametrize(
    ("value", "arguments", "told"),
    [
        (None, [], f"--database {VARIABLE}: set that environment variable to postgresql://"),
        ("sqlite:///a.db", [], f"--database {VARIABLE}: set that environment variable to postgresql://"),
        ("postgresql://a:secret@127.0.0.1:1/x", [], "does not answer as expected"),
        ("{dsn}", ["--table", "lines=shop_order_item"], 'did you mean "shop.shop_order_items"'),
        ("{dsn}", ["--table", "line=x"], 'did you mean "lines"'),
        ("{dsn}", ["--table", "lines=wish_items"], "no column could be told to be order_id"),
        ("{dsn}", ["--table", "orders=articles"], "shop.articles: no column of shop.shop_order_items refers to it"),
        ("{dsn}", ["--map", "ordered_at=placed"], "--map ordered_at=placed: no such column"),
        ("{dsn}", ["orders.csv"], "say either files or --database"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence_without_a_secret(
    servers: dict[str, str],
    value: str | None,
    arguments: list[str],
    told: str,
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if value is not None:
        monkeypatch.setenv(VARIABLE, value.replace("{dsn}", servers["postgres"]))
    assert at(desk, *arguments) == 2
    said = capsys.readouterr().err
    assert told in said and said.startswith("loyalty: "), said
    assert "secret" not in said and PASSWORD not in said and not desk.exists()


def test_a_variable_of_another_name_is_not_read(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--database", "postgresql://a:secret@host/x", "--company", str(desk)]) == 2
    said = capsys.readouterr().err
    assert "the name of an environment variable LOYALTY_DSN_... is expected" in said and "secret" not in said
