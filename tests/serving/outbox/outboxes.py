"""A small warehouse with an outbox, as a run leaves it: messages created, gate passed, publication live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml
from duckdb import DuckDBPyConnection

from dagster_project.prepare import create_operations_tables
from serving.outbox import Delivered, deliver, enqueue_messages, take_over
from serving.outbox.delivery import Clock
from serving.publication.publish import publish
from tests.support.company import Company
from warehouse import builds
from warehouse.register import Register
from warehouse.settings import Settings
from warehouse.sql import connect

TODAY = date(2026, 6, 10)
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
INPUTS = """
create schema intermediate;
create schema marts;
create table marts.fct_orders as select 'o-1' as order_id;
create table intermediate.int_message_candidates (
    message_id varchar, customer_id varchar, trigger varchar, subject varchar, event_date date, template varchar,
    language varchar, channel varchar, payload varchar, as_of_date date, valid_until date, reason varchar
);
create table intermediate.int_message_recipients (
    customer_id varchar, language varchar, contact_customer_id varchar, withheld_reason varchar
);
create table intermediate.int_customer_contact_versions (customer_id varchar, email varchar, row_status varchar);
"""


@dataclass(frozen=True)
class Outbox:
    """A company with an outbox; every test has its own."""

    company: Company

    @property
    def settings(self) -> Settings:
        return self.company.settings

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with connect(self.settings.warehouse_path) as connection:
            return connection.execute(statement, list(values)).fetchall()

    def outcomes(self) -> dict[str, list[str]]:
        """What became of each message, attempt by attempt, also of a delivery that was killed."""
        with connect(self.settings.warehouse_path) as connection:
            take_over(connection, Register(self.settings))
        rows = self.ask(
            """
            select message_id, list(outcome order by attempt)
            from ops.message_deliveries group by message_id order by message_id
            """
        )
        return dict(rows)

    def deliver(self, clock: Clock | None = None) -> Delivered:
        """A delivery at noon, in which waiting takes no time."""
        opened = lambda: connect(self.settings.warehouse_path)  # noqa: E731
        return deliver(self.settings, opened, clock or Clock(lambda: NOON, lambda seconds: None))

    def build(self, candidates: Sequence[Mapping[str, Any]], passes: bool = True) -> int:
        """A build with these candidates, published where it passes. Returns how many messages it created."""
        with connect(self.settings.warehouse_path) as connection:
            connection.execute("delete from intermediate.int_message_candidates")
            for candidate in candidates:
                _insert(connection, "int_message_candidates", {**CANDIDATE, **candidate})
            build_id = builds.open_build(connection, f"run-{len(candidates)}", TODAY)
            created = enqueue_messages(connection, build_id, Register(self.settings).sent())
            if passes:
                builds.pass_build(connection, build_id, {"check"}, {"check"})
                days = {"as_of_date": TODAY, "data_through": TODAY}
                publish(self.settings, connection, days, report=lambda copy, settings, file: file.touch())
        return created


CANDIDATE: Mapping[str, Any] = {
    "trigger": "points_expiry", "subject": "2026-06-30", "event_date": date(2026, 6, 30), "template": "points_expiry",
    "language": "en", "channel": "email", "payload": '{"points": 1250, "expires_on": "2026-06-30"}',
    "as_of_date": date(2026, 6, 9), "valid_until": date(2026, 6, 12), "reason": None,
}  # fmt: skip


def candidate(number: int, **values: Any) -> dict[str, Any]:
    """The message m1 to customer c1, m2 to c2 and so on."""
    return {"message_id": f"m{number}", "customer_id": f"c{number}", **values}


def make_outbox(home: Path, customers: Mapping[str, str | None], **messages: Any) -> Outbox:
    """A warehouse of these customers with their addresses, without messages yet; `messages` are the settings'."""
    home.mkdir(parents=True)
    file = home / "settings.yml"
    values = {
        "company": "corner_shop", "home": str(home), "sources": {"shop": {}}, "business_timezone": "UTC",
        "base_currency": "EUR", "churn_horizon_days": 60, "messages": {"quiet_hours": ["00:00", "00:00"], **messages},
    }  # fmt: skip
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    outbox = Outbox(Company(file))
    with connect(outbox.settings.warehouse_path) as connection:
        create_operations_tables(connection)
        connection.execute(INPUTS)
        for customer_id, address in customers.items():
            recipient = {"customer_id": customer_id, "language": "en", "contact_customer_id": customer_id}
            _insert(connection, "int_message_recipients", recipient)
            contact = {"customer_id": customer_id, "email": address, "row_status": "accepted"}
            _insert(connection, "int_customer_contact_versions", contact)
    return outbox


def by_mail(home: Path, count: int, port: int, smtp: Mapping[str, Any] | None = None, **messages: Any) -> Outbox:
    """An outbox with messages m1 to m<count>, to c1@example.com and so on, for a mail server on this machine."""
    outbox = make_outbox(
        home,
        {f"c{number}": f"c{number}@example.com" for number in range(1, count + 1)},
        channel="email",
        sender="Corner Shop <hello@corner.example>",
        unsubscribe_url="https://corner.example/unsubscribe?message={message_id}",
        smtp={"host": "127.0.0.1", "port": port, "starttls": False, **(smtp or {})},
        **messages,
    )
    outbox.build([candidate(number, valid_until=date(2999, 1, 1)) for number in range(1, count + 1)])
    return outbox


def _insert(connection: DuckDBPyConnection, table: str, row: Mapping[str, Any]) -> None:
    names, places = ", ".join(row), ", ".join("?" for _ in row)
    connection.execute(f"insert into intermediate.{table} ({names}) values ({places})", list(row.values()))
