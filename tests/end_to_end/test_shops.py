"""Any shop gets in: exports, through `loyalty init` and nothing by hand, come to figures worked out by hand.

Each export is made a company by the command. Their sources then go through one build together, since a build costs
seconds, and each keeps its orders by its own key.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from dagster_project.cli.main import main
from tests.support.shops import LINES, Shops, built
from tests.warehouse.onboarding.exports import EXPORTS, Export
from warehouse.identity.columns import database_tables
from warehouse.ingest.row_reports import unexplained_sentences
from warehouse.ingest.sources import load_sources_config
from warehouse.onboarding.readers import load_readers
from warehouse.settings import load_settings
from warehouse.sql import connect


def made_by_init(folder: Path, export: Export) -> Path:
    """The company that `loyalty init` makes of an export's files."""
    for name, content in export.files.items():
        (folder / "files").mkdir(parents=True, exist_ok=True)
        (folder / "files" / name).write_bytes(content)
    company = folder / "company"
    files = [str(folder / "files" / name) for name in export.files]
    assert main(["init", *files, "--company", str(company), *export.options]) == 0
    return company


def built_together(root: Path, companies: Mapping[str, Path], zone: str = "Europe/Berlin") -> Shops:
    """A company with the sources of all, each under its name."""
    together = root / "together"
    (together / "sources").mkdir(parents=True)
    sources = {}
    for name, company in companies.items():
        (file,) = (company / "sources").glob("*.yml")
        source = yaml.safe_load(file.read_text(encoding="utf-8"))
        text = yaml.safe_dump(
            {**source, "name": name, "key_prefix": f"{name.replace('_', '-')}-"}, allow_unicode=True, sort_keys=False
        )
        (together / "sources" / f"{name}.yml").write_text(text, encoding="utf-8")
        settings = load_settings(company, environ={})
        sources[name] = {"input_path": str(next(iter(settings.sources.values())).input_path)}
    values = {
        "company": "together", "home": str(root / "home"), "sources": sources, "business_timezone": zone,
        "base_currency": "EUR", "churn_horizon_days": 90,
    }  # fmt: skip
    (together / "settings.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return built(load_settings(together, environ={}))


@pytest.fixture(scope="module")
def shops(own_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    root = tmp_path_factory.mktemp("shops")
    companies = {name: made_by_init(root / name, export) for name, export in EXPORTS.items()}
    yield built_together(root, companies)


def test_every_reader_has_an_export_here() -> None:
    # databases have their servers in tests/warehouse/onboarding/test_database.py
    assert {name for name, reader in load_readers().items() if reader.database is None} <= set(EXPORTS)


@pytest.mark.parametrize("name", EXPORTS)
def test_net_sales_orders_and_buyers_by_month_are_those_worked_out_by_hand(shops: Shops, name: str) -> None:
    assert shops.failures == []
    assert shops.by_month(name) == EXPORTS[name].expected


@pytest.mark.parametrize("name", [name for name, export in EXPORTS.items() if export.rejected])
def test_what_is_no_sale_is_rejected_with_its_reason(shops: Shops, name: str) -> None:
    rows = shops.rows("select reason, count(*) from marts.fct_rejected_rows where source = $1 group by 1", name)
    assert dict(rows) == EXPORTS[name].rejected


def test_what_totals_hold_beside_lines_is_told(shops: Shops) -> None:
    rows = shops.rows(
        "select source, sum(orders_count), sum(unexplained_orders_count), sum(unexplained_amount_delivered)"
        " from marts.rpt_unexplained_amounts_monthly group by source"
    )
    with connect(shops.settings.warehouse_path, read_only=True) as connection:
        (told,) = unexplained_sentences(connection)
    assert told.startswith("shopify: in 1 of "), told
    explained = {"etsy": 2, "woocommerce": 3, "woocommerce_wide": 2}
    assert {source: (orders, unexplained, amount) for source, orders, unexplained, amount in rows} == {
        "shopify": (5, 1, Decimal("1.0000")),
        **{source: (orders, 0, Decimal(0)) for source, orders in explained.items()},
    }


def test_no_customer_id_is_an_address(shops: Shops) -> None:
    assert shops.rows(f"select count(*) from {LINES} and customer_id like '%@%'") == [(0,)]
    consents = shops.rows("select email_consent, country, email from staging.stg_shopify__customers")
    assert consents == [(True, "DE", "ann@example.com")]


def test_names_and_postal_codes_come_where_an_export_has_them(shops: Shops) -> None:
    rows = shops.rows(
        "select _source, first_name, last_name, postal_code from intermediate.int_customer_contact_versions"
        " where row_status = 'accepted' and first_name is not null order by all"
    )
    assert rows == [
        ("etsy", "Ann", "O", "75008"), ("order_lines", "Ann", "Lee", "01067"), ("order_lines", "Bo", "Ny", "75008"),
        ("shopify", "A", "B", None), ("woocommerce_wide", "Ann", "Lee", "01067"),
    ]  # fmt: skip


def test_what_an_unknown_file_says_of_an_order_reaches_its_lines(shops: Shops) -> None:
    rows = shops.rows(
        "select country, discount_code, marketing_source, count(*) from intermediate.int_order_line_versions"
        " where _source = 'order_lines' and row_status = 'accepted' group by all order by all"
    )
    assert rows == [("DE", "MAY10", "news", 2), ("DE", None, None, 1), ("FR", None, "shop", 1)]


def test_the_contacts_of_an_unknown_file_are_known_to_erasing(shops: Shops) -> None:
    """By the catalog: whose the rows of its orders are, and which of their columns are emptied."""
    sources = load_sources_config(shops.settings)
    with connect(shops.settings.warehouse_path, read_only=True) as connection:
        tables = {str(table.relation): table for table in database_tables(connection, sources)}
    orders = tables["raw_order_lines.orders"]
    assert [column.name for column in orders.owner_columns] == ["key of Email"]
    personal = {
        column.name for column in orders.columns if orders.is_personal(column) and not orders.is_customer(column)
    }
    assert personal == {"Email", "first_name", "last_name", "postal_code"}


@pytest.fixture(scope="module")
def handed(
    shared_data: Path, own_environment: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Shops, Path]]:
    """The example exports that are handed out with the right sums beside them."""
    root, folder = tmp_path_factory.mktemp("handed"), shared_data / "exports"
    files = {
        "one_export": ["shopify/data/orders_export_1.csv", "shopify/data/customers_export.csv"],
        "two_exports": ["shopify/data_sparse/orders_export_1.csv", "shopify/data_sparse/later/orders_export_2.csv"],
        "woocommerce": ["woocommerce/data/orders-2024.csv"],
        "kasse": ["german_till/data/preamble/Kassenbons_2024.csv"],
        "kasse_bom": ["german_till/data/bom/Kassenbons_2024.csv", "german_till/data/Kunden.csv"],
    }
    companies = {name: root / name for name in files}
    for name, paths in files.items():
        given = ["--company", str(companies[name]), *(["--currency", "EUR"] if name == "woocommerce" else [])]
        assert main(["init", *(str(folder / path) for path in paths), *given]) == 0
    for name in ("one_export", "two_exports"):
        assert load_settings(companies[name], environ={}).business_timezone == "America/New_York"
        in_euro(companies[name])
    yield built_together(root, companies, "America/New_York"), folder


def in_euro(company: Path) -> None:
    """Of a shop in dollars that is built with shops in euros: its currency left out, since no rates are handed out."""
    (file,) = (company / "sources").glob("*.yml")
    source = yaml.safe_load(file.read_text(encoding="utf-8"))
    del source["mapping"]["order_lines"]["columns"]["currency"]
    file.write_text(yaml.safe_dump(source, allow_unicode=True, sort_keys=False), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file", "part", "orders", "buyers"),
    [
        ("one_export", "shopify/data", "after_export_1", "sale_orders_with_goods", "buyers_by_email_lower_case"),
        (
            "two_exports",
            "shopify/data_sparse",
            "after_export_2",
            "sale_orders_with_goods",
            "buyers_by_email_lower_case",
        ),
        ("woocommerce", "woocommerce/data", None, "sale_orders", "buyers"),
        ("kasse", "german_till/data", None, None, None),
        ("kasse_bom", "german_till/data", None, None, None),
    ],
)
def test_the_handed_examples_come_to_the_sums_beside_them(
    handed: tuple[Shops, Path], name: str, file: str, part: str | None, orders: str | None, buyers: str | None
) -> None:
    shops, folder = handed
    right = json.loads((folder / file / "expected.json").read_text(encoding="utf-8"))
    right = right[part] if part else right
    found = shops.by_month(name)
    assert {month: net for month, (net, _, _) in found.items()} == {
        month: Decimal(net) for month, net in right["net_sales_by_month"].items()
    }
    if orders and buyers:
        counted = shops.rows(
            f"select count(distinct order_id), count(distinct customer_id) from {LINES} and _source = $1"
            " and not is_return", name
        )  # fmt: skip
        assert counted == [(right[orders], right[buyers])]
    assert shops.failures == []
