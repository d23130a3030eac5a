"""A small company whose warehouse a run seems to have published, with the tables that audiences read."""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from dagster_project.prepare import create_operations_tables
from serving.publication.publish import publish
from tests.support.company import Company, Done
from warehouse import builds
from warehouse.sql import connect

TODAY = date(2026, 6, 10)
TABLES = """
create schema intermediate;
create schema marts;
create table marts.dim_customers (
    customer_id varchar, country varchar, tier varchar, last_order_date date, net_amount_lifetime decimal(18, 4),
    is_dear boolean
);
create table intermediate.int_audience_candidates (
    customer_id varchar, email varchar, phone varchar, first_name varchar, last_name varchar, postal_code varchar,
    email_consent boolean, sms_consent boolean, ads_consent boolean,
    has_opted_out boolean, is_held_out boolean
);
"""
GOLD = {"where": "tier = 'Gold'", "consent": "email_consent", "destination": "klaviyo"}
ADS = {**GOLD, "consent": "ads_consent", "destination": "google"}
NAMELESS = {"first_name": None, "last_name": None, "postal_code": None}
SILENT = {"email_consent": False, "sms_consent": False, "ads_consent": False}


@dataclass(frozen=True)
class Shop:
    """A company whose warehouse a run has just published; `people` are its customers, who may change."""

    company: Company
    out: Path
    people: dict[str, dict[str, Any]]

    def build(self) -> None:
        """A build of the customers as they are now, passed and published."""
        with connect(self.company.settings.warehouse_path) as connection:
            for table in ("marts.dim_customers", "intermediate.int_audience_candidates"):
                connection.execute(f"delete from {table}")
            for customer_id, told in self.people.items():
                about = {**PERSON, **told}
                mart = [customer_id, about["country"], about["tier"], TODAY, about["amount"], True]
                connection.execute("insert into marts.dim_customers values (?, ?, ?, ?, ?, ?)", mart)
                names = ("email", "phone", *NAMELESS, *SILENT, "has_opted_out", "is_held_out")
                contact = [customer_id, *(about[name] for name in names)]
                connection.execute(
                    "insert into intermediate.int_audience_candidates values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", contact
                )
            build_id = builds.open_build(connection, f"run-{len(self.people)}", TODAY)
            builds.pass_build(connection, build_id, {"check"}, {"check"})
            days = {"as_of_date": TODAY, "data_through": TODAY}
            publish(self.company.settings, connection, days, report=lambda copy, settings, file: file.touch())

    def define(self, name: str, text: str | dict[str, Any]) -> None:
        folder = self.company.file.parent / "audiences"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yml").write_text(text if isinstance(text, str) else yaml.safe_dump(text), encoding="utf-8")

    def export(self, name: str, *options: str) -> Done:
        return self.company.loyalty("audiences", "export", name, "--out", str(self.out), "--force", *options)

    def rows(self, change: str = "") -> list[list[str]]:
        file = self.out.with_name(f"gold{change}.csv")
        with file.open(encoding="utf-8", newline="") as lines:
            return list(csv.reader(lines))

    def first(self, change: str = "") -> list[str]:
        """The first cells below the header."""
        return [row[0] for row in self.rows(change)[1:]]


PERSON: dict[str, Any] = {
    "country": "de", "tier": "Gold", "amount": "12.5", "email": None, "phone": None, "email_consent": True,
    "sms_consent": True, "ads_consent": True, "has_opted_out": False, "is_held_out": False, **NAMELESS,
}  # fmt: skip


def make_shop(folder: Path) -> Shop:
    """A company of two Gold customers and one Silver one, with a publication."""
    home = folder / "home"
    home.mkdir()
    values = {
        "company": "corner_shop", "home": str(home), "sources": {"shop": {}}, "business_timezone": "UTC",
        "base_currency": "EUR", "churn_horizon_days": 60,
    }  # fmt: skip
    (folder / "company").mkdir()
    file = folder / "company" / "settings.yml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    people = {
        "c1": {"email": "ann@example.com", "phone": "+4930111111"},
        "c2": {"email": "bob@example.com", "country": "Germany"},
        "c3": {"phone": "+4930333333", "tier": "Silver"},
    }
    made = Shop(Company(file), folder / "gold.csv", people)
    with connect(made.company.settings.warehouse_path) as connection:
        create_operations_tables(connection)
        connection.execute(TABLES)
    made.build()
    return made
