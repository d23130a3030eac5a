"""What stands around numbers, where a mapping says what the numbers are; and addresses that make ids."""

from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError

MAPPED = {"order_id": "receipt", "customer_id": "buyer", "ordered_at": "sold", "quantity": {"constant": "1"}}
HEAD = "receipt,buyer,sold,paid,discount"


def till(root: Path, rows: list[str], **columns: Any) -> Landing:
    mapping = {"order_lines": {"from": "lines", "columns": {**MAPPED, "net_amount": "paid", **columns}}}
    here = Landing(root, {"lines": {"files": "*.csv"}}, mapping=mapping)
    here.write("a.csv", "\n".join([f"{HEAD},currency", *rows]) + "\n")
    return here


def test_amounts_in_several_currencies_are_refused(tmp_path: Path) -> None:
    here = till(tmp_path, ["1,a,2024-05-01,€10.00,,", "2,a,2024-05-01,EUR 5.00,,", "3,a,2024-05-02,$10.00,,"])
    with pytest.raises(UserError, match=r'"paid" holds several currencies: € in row 2, \$ in row 4'):
        here.load()


@pytest.mark.parametrize(("first", "second"), [("€1.00", "EUR 2.00"), ("$1.00", "US$2.00"), ("1.00 kr", "SEK 2.00")])
def test_one_currency_may_be_written_in_two_ways(tmp_path: Path, first: str, second: str) -> None:
    here = till(tmp_path, [f"1,a,2024-05-01,{first},,", f"2,a,2024-05-01,{second},,"])
    assert here.load().rows_loaded == 2
    assert [value for (value,) in here.rows("paid")] == ["1.00", "2.00"]


def test_a_currency_of_each_row_leaves_the_signs_to_it(tmp_path: Path) -> None:
    rows = ["1,a,2024-05-01,€10.00,,EUR", "2,a,2024-05-02,$10.00,,USD"]
    assert till(tmp_path, rows, currency="currency").load().rows_loaded == 2


def test_a_percentage_is_no_amount(tmp_path: Path) -> None:
    here = till(tmp_path, ["1,a,2024-05-01,9.00,10%,", "2,a,2024-05-01,9.00,1.00,"], discount_amount="discount")
    assert here.load().rows_malformed == 1
    assert [(row, reason) for _, row, reason, _ in here.rejected()] == [(2, "discount is not a decimal(18,4)")]


def test_a_dash_in_the_place_of_cents_is_no_minus(tmp_path: Path) -> None:
    paid = {'"12,-"': "12", '"1.234,\u2013 €"': "1234", '"-5,--"': "-5", '"3,50-"': "-3.50", '"3,50"': "3.50"}
    here = till(tmp_path, [f"{number},a,2024-05-01,{told},," for number, told in enumerate(paid)])
    here.load()
    assert [value for (value,) in here.rows("paid")] == [*paid.values()]


def test_one_address_is_one_customer_and_a_filler_none(tmp_path: Path) -> None:
    none = ["", "-", "n/a", "NULL", "0", "none", "4.91512E+11", '"4,91512e+11"', "4.915123456E9"]
    buyers = ["a@x.de", "A@x.de ", "a@x.de\u00a0", "a@x.de\u200b", "b@x.de", *none]
    rows = [f"{number},{buyer},2024-05-01,1.00,," for number, buyer in enumerate(buyers)]
    here = till(tmp_path, rows, customer_id={"hashed": ["buyer"]})
    here.load()
    (name,) = (
        column for column in here.source.tables["lines"].columns if here.source.tables["lines"].columns[column].hash_of
    )
    ids = [value for (value,) in here.rows(f'"{name}"')]
    assert len({*ids[:4]}) == 1 and ids[4] not in (ids[0], None)
    assert ids[5:] == [None] * len(none)
