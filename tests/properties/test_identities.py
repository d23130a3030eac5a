"""A shop account and a till card that turn out to be one person's: facts, points, tiers and privacy of both ids."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dagster_project.dbt_runner.project import DbtProject
from serving.publication.published_copies import PublishedCopies
from tests.properties.company import Company, Rows
from tests.properties.conftest import MakeCompany
from warehouse.privacy.erase import erase
from warehouse.privacy.export import export

MARCH, APRIL = date(2024, 3, 31), date(2024, 4, 30)
ACCOUNT, CARD, OTHER = "account-0001", "card-0002", "account-0003"
MARTS = ["dim_customers", "fct_orders", "fct_customer_tiers", "rpt_points_balances"]
CHECKS = ["points_add_up", "tiers_add_up"]
BUILT = [*(f"+{name}" for name in (*MARTS, *CHECKS)), "+int_message_recipients", "int_customer_identity_changes"]
LEDGER = "intermediate.int_points_journal_entries"


def order(customer: str, number: str, day: date, amount: int) -> dict[str, Any]:
    net = Decimal(amount)
    return {
        "order_line_id": number, "order_id": number, "customer_id": customer, "quantity": 1, "gross_amount": net,
        "ordered_at": datetime(day.year, day.month, day.day, 15), "discount_amount": Decimal(0), "net_amount": net,
    }  # fmt: skip


def customer(name: str, day: date, **contact: Any) -> dict[str, Any]:
    return {
        "customer_id": name,
        "joined_at": datetime(day.year, day.month, day.day, 12),
        "email_consent": True,
    } | contact


def deliver(company: Company) -> None:
    """150 on the account in January; 120 in February and 40 in March on the card, of which no address is known."""
    company.deliver("shop", "order_lines", "part-1", [order(ACCOUNT, "1", date(2024, 1, 10), 150)])
    company.deliver("till", "order_lines", "part-1", [order(CARD, "2", date(2024, 2, 10), 120)])
    company.deliver("till", "order_lines", "part-2", [order(CARD, "3", date(2024, 3, 20), 40)])
    company.deliver(
        "shop",
        "customers",
        "part-1",
        [
            customer(ACCOUNT, date(2024, 1, 1), email="ann@person.example", country="DE"),
            customer(OTHER, date(2024, 1, 2), email="otto@other.example"),
        ],
    )
    company.deliver("till", "customers", "part-1", [customer(CARD, date(2024, 2, 10))])


def deliver_address(company: Company) -> None:
    """The card's owner gives an address: the account's."""
    address = customer(
        CARD, date(2024, 2, 10), email="Ann@Person.example", country="AT", language="zh", email_consent=None
    )
    company.deliver("till", "customers", "part-2", [address])


def build(company: Company, as_of: date) -> None:
    company.settings = company.settings.model_copy(update={"as_of_date": as_of})
    company.project = DbtProject(company.settings)
    company.load()
    names = {node["name"] for node in company.project.manifest()["nodes"].values()}
    company.build([name for name in BUILT if name.removeprefix("+") in names])


def ask(company: Company, query: str) -> Rows:
    with company.warehouse() as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def joined(make_company: MakeCompany) -> Iterator[Company]:
    """The company as of March, when nobody knew, and then as of April."""
    company = make_company(identity={"resolve": True})
    deliver(company)
    build(company, MARCH)
    yield company


def balances(company: Company) -> dict[str, int]:
    return dict(ask(company, "select customer_id, points_balance from marts.rpt_points_balances"))


@pytest.mark.slow
def test_two_customers_become_one_and_points_move_by_journal_entries(
    joined: Company, make_company: MakeCompany
) -> None:
    """Apart they earned 150 and 160. Together they are Silver from February 10 on, and the 40 of March earn 50: 320."""
    assert balances(joined) == {ACCOUNT: 150, CARD: 160}
    assert ask(joined, "select count(*) from intermediate.int_customer_identity_changes") == [(0,)]
    posted = ask(joined, f"from {LEDGER} order by all")
    deliver_address(joined)
    build(joined, APRIL)

    assert balances(joined) == {ACCOUNT: 320, CARD: 0}
    after = ask(joined, f"from {LEDGER} order by all")
    assert set(posted) <= set(after)
    added = "entry_date, sum(member_pending + member_available)"
    new = ask(
        joined,
        f"select customer_id, {added} from {LEDGER} where posted_as_of = '{APRIL}' and kind = 'earn'"
        " group by all order by all",
    )
    assert new == [(ACCOUNT, APRIL, 170), (CARD, APRIL, -160)]
    sides = "sum(member_pending + member_available + issued + redeemed + expired + reversed + adjustment)"
    assert ask(joined, f"select distinct {sides} from {LEDGER} group by journal_id, journal_version") == [(0,)]
    changes = "select source_customer_id, previous_customer_id, customer_id, rule, changed_as_of"
    assert ask(joined, f"{changes} from intermediate.int_customer_identity_changes") == [
        (CARD, CARD, ACCOUNT, "email", APRIL)
    ]
    about = "orders_count, net_amount_lifetime, tier, country, language, email_consent"
    assert ask(joined, f"select customer_id, {about} from marts.dim_customers order by all") == [
        (ACCOUNT, 3, 310, "Silver", "DE", "zh", True), (OTHER, 0, 0, "Bronze", None, None, True),
    ]  # fmt: skip
    assert ask(joined, "select order_id, customer_id, order_number from marts.fct_orders order by all") == [
        ("shop-1", ACCOUNT, 1), ("till-2", ACCOUNT, 2), ("till-3", ACCOUNT, 3),
    ]  # fmt: skip
    tiers = f"select tier, valid_from from marts.fct_customer_tiers where customer_id = '{ACCOUNT}' order by valid_from"
    assert ask(joined, tiers) == [("Bronze", date(2024, 1, 1)), ("Silver", date(2024, 2, 10))]
    recipients = (
        "select customer_id, language, contact_customer_id, withheld_reason from intermediate.int_message_recipients"
    )
    assert ask(joined, f"{recipients} where customer_id = '{ACCOUNT}'") == [(ACCOUNT, "zh", ACCOUNT, None)]

    build(joined, APRIL)
    assert ask(joined, f"from {LEDGER} order by all") == after, "a second run of the day posts nothing"
    assert ask(joined, "select count(*) from intermediate.int_customer_identity_changes") == [(1,)]

    at_once = make_company(identity={"resolve": True})
    deliver_address(at_once)
    deliver(at_once)
    build(at_once, APRIL)
    for mart in ("dim_customers", "fct_orders", "fct_customer_tiers"):
        assert at_once.rows(mart) == joined.rows(mart), mart
    assert balances(at_once) == {ACCOUNT: 320}


@pytest.mark.slow
def test_the_worked_examples_of_the_models_hold(joined: Company) -> None:
    """They run where ids are joined alone, also on a first run."""
    manifest = joined.project.manifest()
    nodes = [node["name"] for node in manifest["nodes"].values() if "/identity/" in node["original_file_path"]]
    tests = {test["name"] for test in manifest["unit_tests"].values() if test["model"] in nodes}
    results = {result.name: result for result in joined.project.build([*nodes, *tests])}
    assert len(tests) >= 5 and tests <= set(results)
    assert {name: one.message for name, one in results.items() if not one.is_good} == {}


@pytest.mark.slow
def test_switched_off_every_id_is_a_customer(make_company: MakeCompany) -> None:
    company = make_company()
    deliver(company)
    deliver_address(company)
    build(company, APRIL)
    assert balances(company) == {ACCOUNT: 150, CARD: 160}
    assert not [name for name in ask(company, "select table_name from duckdb_tables()") if "identit" in name[0]]


@pytest.mark.slow
def test_an_erasure_and_an_export_are_of_every_id_of_the_person(
    joined: Company, tmp_path_factory: pytest.TempPathFactory
) -> None:
    deliver_address(joined)
    build(joined, APRIL)
    settings = joined.settings
    target, _, _ = export(settings, CARD, tmp_path_factory.mktemp("answers"), print)
    answer = target.read_text()
    assert f'"other_ids": ["{ACCOUNT}"]' in answer and "shop-1" in answer and "till-3" in answer and OTHER not in answer

    done = erase(settings, CARD, PublishedCopies(settings), lambda message: None)
    assert done.other_ids_count == 1
    content = settings.warehouse_path.read_bytes().lower()
    assert not [word for word in (ACCOUNT, CARD, "ann@person.example") if word.encode() in content]
    ids = [name for (name,) in ask(joined, "select distinct customer_id from raw_shop.customers")]
    assert OTHER in ids and done.pseudonym not in ids and len(ids) == 2

    # what comes again stays erased, by either id and in any spelling
    again = [customer(name, date(2024, 2, 10), email="ann@person.example") for name in (ACCOUNT.upper(), CARD)]
    joined.deliver("shop", "customers", "part-9", again)
    joined.load()
    rows = ask(joined, "select customer_id, email from raw_shop.customers where _file like '%part-9%'")
    assert [email for _, email in rows] == [None, None]
    assert all(name.startswith("erased-") for name, _ in rows)
    build(joined, APRIL)
