"""Guests who are known by their addresses alone: rows that name two of these together make one customer of them."""

from pathlib import Path

import pytest
import yaml

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.prepare import prepare_warehouse
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import load_sources_config
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

ORDERS = """Order,Placed,Email,Phone,Article,Qty,Total
1,2024-05-01 10:00,Ann@person.example,,Mug,1,3.00
2,2024-05-02 10:00,ann@person.example,030 111-2222,Mug,1,4.00
3,2024-05-03 10:00,,+49 30 1112222,Mug,1,5.00
4,2024-05-03 11:00,otto@other.example,,Mug,1,6.00
5,2024-05-04 10:00,,,Mug,1,7.00
"""
CUSTOMER = {"hashed": ["Email", "Phone"]}
SOURCE = {
    "name": "webshop",
    "description": "Orders of guests.",
    "tables": {
        "orders": {
            "description": "One row per line of an order.",
            "files": "*.csv",
            "columns": {name: {} for name in ("Order", "Placed", "Email", "Phone", "Article", "Qty", "Total")},
        }
    },
    "mapping": {
        "order_lines": {
            "from": "orders",
            "columns": {
                "order_line_id": "Order",
                "order_id": "Order",
                "customer_id": CUSTOMER,
                "ordered_at": "Placed",
                "product_id": "Article",
                "quantity": "Qty",
                "net_amount": "Total",
            },
        },
        "customers": {
            "from": "orders",
            "columns": {"customer_id": CUSTOMER, "email": "Email", "phone": "Phone"},
        },
    },
}


@pytest.fixture
def settings(tmp_path: Path, own_environment: None) -> Settings:
    company = tmp_path / "company"
    for folder in (company / "sources", tmp_path / "in", tmp_path / "home"):
        folder.mkdir(parents=True)
    (tmp_path / "in" / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (company / "sources" / "webshop.yml").write_text(yaml.safe_dump(SOURCE, sort_keys=False), encoding="utf-8")
    values = {
        "company": "guests", "home": str(tmp_path / "home"), "business_timezone": "Europe/Berlin",
        "sources": {"webshop": {"input_path": str(tmp_path / "in")}}, "base_currency": "EUR", "churn_horizon_days": 90,
        "as_of_date": "2024-05-31", "identity": {"resolve": True, "country_code": "49"},
    }  # fmt: skip
    (company / "settings.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return load_settings(company, environ={})


@pytest.mark.slow
def test_guests_whose_addresses_stand_in_one_row_are_one_customer(settings: Settings) -> None:
    project = DbtProject(settings)
    with connect(settings.warehouse_path) as connection:
        prepare_warehouse(connection, project.manifest())
        for source in load_sources_config(settings).values():
            load_source(connection, source, settings)
    results = project.build(["+int_customers"])
    assert {one.name: one.message for one in results if not one.is_good} == {}
    with connect(settings.warehouse_path, read_only=True) as connection:
        orders = connection.execute(
            "select customer_id, list(order_id order by order_id), sum(net_amount)"
            " from intermediate.int_orders group by customer_id order by 2"
        ).fetchall()
        known = connection.execute("select count(*) from intermediate.int_customers").fetchone()
        unresolved = connection.execute(
            "select count(distinct customer_id) from intermediate.int_order_days"
        ).fetchone()
    assert [(numbers, amount) for _, numbers, amount in orders] == [(["1", "2", "3"], 12), (["4"], 6), (["5"], 7)]
    ann, otto, guest = (customer_id for customer_id, *_ in orders)
    assert guest is None and known == (2,) and unresolved == (3,)
    assert all(customer_id.startswith("h") and "@" not in customer_id for customer_id in (ann, otto))
