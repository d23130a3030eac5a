"""Which columns are personal by their names, as exports and entities write them."""

import pytest

from warehouse.identity.columns import Column, Table, is_identifier
from warehouse.privacy.data_subject import DataSubject, find_contacts
from warehouse.relations import Relation
from warehouse.sql import connect


@pytest.mark.parametrize(
    "header",
    ["First Name", "last_name", "firstname", "Billing Last Name", "postal_code", "Default Address Zip", "Ship Zipcode",
     "billing_postcode", "Customer Email", "zip"],
)  # fmt: skip
def test_names_and_postal_codes_of_customers_are_published_by_nobody(header: str) -> None:
    assert is_identifier(header, "VARCHAR", True)
    table = Table(Relation("raw_shop", "customers"), (Column("customer_id", "VARCHAR"), Column(header, "VARCHAR")))
    assert table.is_personal(table.columns[1])


@pytest.mark.parametrize("header", ["product_name", "store_id", "zip_count", "name_of_campaign", "country"])
def test_other_columns_are_not(header: str) -> None:
    assert not is_identifier(header, "VARCHAR", True)


def test_a_postal_code_of_a_store_is_nobody_s() -> None:
    assert not is_identifier("postal_code", "VARCHAR", False)


def test_a_postal_code_is_not_looked_for_in_texts() -> None:
    with connect() as connection:
        connection.execute(
            "create table contacts as select 'c1' as customer_id, '030 123456' as phone, '560001' as postal_code"
        )
        columns = tuple(Column(name, "VARCHAR") for name in ("customer_id", "phone", "postal_code"))
        found = find_contacts(connection, [Table(Relation("main", "contacts"), columns)], DataSubject("c1", "erased-1"))
    assert "030123456" in found and "560001" not in found
