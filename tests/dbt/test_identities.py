"""Ids of one person: the SQL against union-find, whatever order and batches the rows come in."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.company import generated_settings
from tests.support.compiled import CompiledWarehouse, Models, build_models, compile_models
from warehouse.settings import IdentitySettings

RULES = IdentitySettings(resolve=True, most_ids=4, stop_list=("@shop.example", "0800 123456"), country_code="49")
MODELS = (
    "int_customer_contact_links",
    "int_linked_customers",
    "int_customer_identities",
    "int_unlinked_contacts",
)
FIRST = datetime(2024, 1, 1)
TABLES = """
create or replace table intermediate.int_customer_contact_versions (
    customer_id varchar, email varchar, phone varchar, row_status varchar, _batch_id bigint, _row_number bigint
);
create or replace table intermediate.int_source_customers (
    source_customer_id varchar, source varchar, first_seen timestamp
);
create or replace table staging.stg_ops__batches (batch_id bigint, superseded_by bigint);
create or replace table staging.stg_ops__deleted_rows (batch_id bigint, row_number bigint);
"""


@dataclass(frozen=True)
class Row:
    """What one row names together: a customer id, and numbers of an address and a phone, or none."""

    customer: int
    email: int | None
    phone: int | None


ROWS = st.lists(
    st.builds(
        Row,
        customer=st.integers(0, 14),
        email=st.one_of(st.none(), st.integers(0, 12)),
        phone=st.one_of(st.none(), st.integers(0, 12)),
    ),
    max_size=40,
)


def email(number: int, spelling: int) -> str:
    """An address in one of the ways to write it; 0 is on the stop list."""
    address = "till@shop.example" if number == 0 else f"p{number}@example.org"
    return (address, f" {address.upper()}", f"{address.title()}\u00a0")[spelling % 3]


def phone(number: int, spelling: int) -> str:
    """A number in one of the ways to write it; 0 is on the stop list."""
    digits = "800123456" if number == 0 else f"30555{number:04}"
    return (f"0{digits}", f"+49 (0){digits[:2]}-{digits[2:]}", f"0049/{digits}", f"49{digits}")[spelling % 4]


def persons(rows: Iterable[Row], seen: Sequence[int]) -> dict[int, int]:
    """The first id of each id's person, by union-find."""
    named: dict[tuple[str, int], set[int]] = defaultdict(set)
    for row in rows:
        for kind, number in (("email", row.email), ("phone", row.phone)):
            if number:  # 0 joins nobody
                named[kind, number].add(row.customer)
    parent = {customer: customer for customer in range(len(seen))}

    def root(customer: int) -> int:
        while parent[customer] != customer:
            customer = parent[customer]
        return customer

    for customers in named.values():
        if len(customers) <= RULES.most_ids:
            for one, other in pairwise(customers):
                parent[root(one)] = root(other)
    members: dict[int, list[int]] = defaultdict(list)
    for customer in parent:
        members[root(customer)].append(customer)
    return {customer: min(ids, key=lambda one: (seen[one], f"c{one}")) for ids in members.values() for customer in ids}


@pytest.fixture(scope="module")
def models(generated_manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    home = tmp_path_factory.mktemp("company")
    return compile_models(generated_settings(home, generated_manifests, identity=RULES.model_dump()), MODELS)


@pytest.fixture(scope="module")
def warehouse(models: Models) -> CompiledWarehouse:
    made = CompiledWarehouse(models, {}, {})
    made.connection.execute("create schema staging")
    return made


def resolve(warehouse: CompiledWarehouse, rows: Sequence[tuple], seen: Sequence[int]) -> dict[str, str]:
    """The customer_id by source_customer_id, for delivered rows and the day each id was seen first."""
    warehouse.connection.execute(TABLES)
    ids = [(f"c{number}", "shop", FIRST + timedelta(days=day)) for number, day in enumerate(seen)]
    warehouse.insert("intermediate.int_customer_contact_versions", rows)
    warehouse.insert("intermediate.int_source_customers", ids)
    build_models(warehouse.connection, warehouse.models)
    return dict(warehouse.rows("int_customer_identities", "source_customer_id, customer_id"))


def delivered(rows: Iterable[Row], spelling: int) -> list[tuple]:
    return [
        (
            f"c{row.customer}",
            None if row.email is None else email(row.email, spelling + place),
            None if row.phone is None else phone(row.phone, spelling + place),
            "accepted" if (spelling + place) % 2 else "superseded",
            (spelling * place) % 3,
            place,
        )
        for place, row in enumerate(rows)
    ]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS,
    seen=st.lists(st.integers(0, 5), min_size=15, max_size=15),
    order=st.randoms(),
    spelling=st.integers(0, 9),
)
def test_any_rows_in_any_order_join_as_union_find_does(warehouse, rows, seen, order, spelling):
    expected = {f"c{one}": f"c{first}" for one, first in persons(rows, seen).items()}
    assert resolve(warehouse, delivered(rows, 0), seen) == expected
    order.shuffle(rows)
    assert resolve(warehouse, delivered(rows, spelling), seen) == expected


@pytest.mark.parametrize("length", [2, 257])
def test_a_long_chain_is_one_person(warehouse, length):
    """Each id shares an address with the next, and they were seen in an order that has nothing to do with the chain."""
    rows = [Row(at, number, None) for number in range(1, length) for at in (number - 1, number)]
    seen = [(at * 101) % length for at in range(length)]
    first = f"c{seen.index(0)}"
    assert resolve(warehouse, delivered(rows, 0), seen) == {f"c{at}": first for at in range(length)}
    assert max(warehouse.connection.execute(f"select max(step) from ({_steps(warehouse.models)})").fetchone()) <= 12


def _steps(models: Models) -> str:
    """The recursion's own steps, in place of what the model selects of them."""
    return models["int_linked_customers"].sql.rpartition("stable as (")[0].rstrip().rstrip(",") + " select * from steps"


def test_what_joins_nobody_is_listed_without_addresses(warehouse):
    shared = [Row(customer, 7, None) for customer in range(5)]
    stopped = [Row(customer, 0, 0) for customer in range(2)]
    found = resolve(warehouse, delivered([*shared, *stopped], 0), range(5))
    assert found == {f"c{number}": f"c{number}" for number in range(5)}
    listed = warehouse.connection.execute(
        "select contact, reason, ids_count, first_customer_id from intermediate.int_unlinked_contacts order by all"
    ).fetchall()
    assert listed == [
        ("email", "stop_list", 2, "c0"), ("email", "too_many_ids", 5, "c0"), ("phone", "stop_list", 2, "c0"),
    ]  # fmt: skip
    columns = warehouse.connection.execute(
        "select string_agg(cast(t as varchar)) from intermediate.int_unlinked_contacts t"
    )
    assert "example" not in columns.fetchone()[0]
