"""What `loyalty init` makes of columns whose names say one thing and whose values another."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.cli.main import main

DAYS = [f"2024-05-{number:02}" for number in range(1, 13)]


def guessed(folder: Path, *files: str, **named: str) -> dict[str, Any]:
    """The source that init writes for files with these contents, and its mapping of order lines as `lines`."""
    paths = []
    for number, content in enumerate(files, 1):
        path = folder / f"export_{number}.csv"
        path.write_text(content, encoding="utf-8")
        paths.append(str(path))
    company = folder / "company"
    options = [part for name, value in named.items() for part in (f"--{name}", value)]
    assert main(["init", *paths, "--company", str(company), *options]) == 0
    (written,) = (company / "sources").glob("*.yml")
    source: dict[str, Any] = yaml.safe_load(written.read_text(encoding="utf-8"))
    return {**source, "lines": source["mapping"]["order_lines"]["columns"]}


def lines_of(head: str, *endings: str) -> str:
    rows = [f"A{n},{DAYS[n % 12]},C{n % 4},Tea,2,10.00,{endings[n % len(endings)]}" for n in range(24)]
    return "\n".join([f"order,day,customer id,item,qty,price,{head}", *rows]) + "\n"


def test_exports_of_one_layout_are_one_table(tmp_path: Path) -> None:
    may = "order,day,client,qty,price\n1,2024-05-01,c1,2,3.00\n2,2024-05-02,c2,1,4.00\n"
    june = "order,day,client,qty,price\n3,2024-06-01,c1,1,3.00\n4,2024-06-02,c3,5,4.00\n"
    source = guessed(tmp_path, may, june)
    assert list(source["tables"]) == ["lines"] and source["tables"]["lines"]["files"] == ["export*.csv"]
    assert source["tables"]["lines"]["replaces"] == "order_id"


def test_the_total_of_an_order_on_each_of_its_lines_is_no_amount(tmp_path: Path) -> None:
    rows = [
        f"A{n},{DAYS[n]},c{n % 4},{item},1,{price},30.00" for n in range(12) for item, price in (("a", 10), ("b", 20))
    ]
    lines = guessed(tmp_path, "\n".join(["order,day,client,item,qty,price,total", *rows]) + "\n")["lines"]
    assert "net_amount" not in lines and lines["gross_amount"] == "gross"


def test_the_discount_of_an_order_on_each_of_its_lines_is_shared(tmp_path: Path) -> None:
    rows = [
        f"A{n},{DAYS[n]},c{n % 4},{item},1,{price},3.00" for n in range(12) for item, price in (("a", 10), ("b", 20))
    ]
    lines = guessed(tmp_path, "\n".join(["order,day,client,item,qty,price,order discount", *rows]) + "\n")["lines"]
    discount = {"spread": "order discount", "by": "gross", "over": "order", "taken": "largest"}
    assert lines["discount_amount"] == discount


def test_a_percentage_is_no_discount(tmp_path: Path) -> None:
    assert "discount_amount" not in guessed(tmp_path, lines_of("discount", "10%", "0%"))["lines"]


@pytest.mark.parametrize(("word", "is_return"), [("Refund", True), ("Partial refund", True), ("Herb", False)])
def test_a_type_is_what_its_words_are(tmp_path: Path, word: str, is_return: bool) -> None:
    source = guessed(tmp_path, lines_of("type", "Sale", "Sale", word))
    assert isinstance(source["lines"]["quantity"], dict) == is_return
    if is_return:
        assert source["lines"]["quantity"]["when"] == {"type": [word]}


def test_numbers_of_returned_units_are_no_returns(tmp_path: Path) -> None:
    assert guessed(tmp_path, lines_of("returned", "0", "0", "1"))["lines"]["quantity"] == "qty"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("status", {"paid": "completed", "Refunded": "cancelled", "On hold": "cancelled", "Not paid": "cancelled"}),
        ("status", {"Partially refunded": "completed", "Test": "cancelled", "nicht storniert": "completed"}),
        ("void", {"TRUE": "cancelled", "FALSE": "completed"}),
    ],
)
def test_what_a_status_means(tmp_path: Path, head: str, words: dict[str, str]) -> None:
    assert guessed(tmp_path, lines_of(head, *words))["lines"]["order_status"]["values"] == words


def test_a_refunded_order_counts_where_its_refunds_are_rows(tmp_path: Path) -> None:
    whole = "order,day,client,qty,amount,status\n1,2024-05-01,a,1,5.00,paid\n2,2024-05-02,b,1,7.50,refunded\n"
    lines = guessed(tmp_path, f"{whole}2,2024-05-03,b,-1,-7.50,refunded\n")["lines"]
    assert lines["order_status"]["values"] == {"paid": "completed", "refunded": "completed"}


def test_a_mark_that_nothing_proves_is_left_to_be_asked_for(tmp_path: Path) -> None:
    source = guessed(
        tmp_path, "order,day,client,amount\n1,2024-05-01,a,15.000\n2,2024-05-02,b,30.000\n", currency="COP"
    )
    assert "decimal_mark" not in source["tables"]["lines"]


def test_an_order_of_day_and_month_that_is_proven_is_written_for_files_that_do_not_show_it(tmp_path: Path) -> None:
    source = guessed(tmp_path, "order,day,client,amount\n1,11/05/2024,a,1.00\n2,25/05/2024,b,2.00\n")
    assert source["tables"]["lines"]["date_order"] == "dmy"


def test_receipts_whose_numbers_begin_anew_are_of_a_day(tmp_path: Path) -> None:
    rows = [
        f"{day} {9 + receipt}:{line}5,{receipt},{line},c{receipt % 3},{item},4.50"
        for day in DAYS
        for receipt in range(1, 7)
        for line, item in enumerate(("a", "b"), 1)
    ]
    source = guessed(tmp_path, "\n".join(["sold,receipt,line,client,item,amount", *rows]) + "\n")
    assert source["mapping"]["order_lines"]["values"] == {
        "day_of_order": {"day_of": "sold"}, "whole_order": {"columns": ["day_of_order", "receipt"]},
    }  # fmt: skip
    assert source["lines"]["order_id"] == "whole_order"
    assert source["lines"]["order_line_id"] == {"columns": ["whole_order", "line"]}


def test_stores_that_have_the_same_numbers_make_an_order_one_of_a_store(tmp_path: Path) -> None:
    rows = [f"{DAYS[number]},{store},{number},c1,4.50" for store in ("north", "south") for number in range(12)]
    source = guessed(tmp_path, "\n".join(["day,store,receipt,client,amount", *rows]) + "\n")
    assert source["mapping"]["order_lines"]["values"] == {"whole_order": {"columns": ["store", "receipt"]}}


def test_an_order_keeps_its_number_where_only_returns_come_on_other_days(tmp_path: Path) -> None:
    sold = [f"{DAYS[number]},{number},c1,4.50" for number in range(8)]
    returned = [f"{DAYS[number + 4]},{number},c1,-4.50" for number in range(8)]
    lines = guessed(tmp_path, "\n".join(["day,receipt,client,amount", *sold, *returned]) + "\n")["lines"]
    assert lines["order_id"] == "receipt"


def test_a_dash_in_the_place_of_cents_is_no_minus(tmp_path: Path) -> None:
    amounts = ["12,-", "3,50", "40,\u2013", "7,00"]
    rows = [f"{number};{DAYS[number]};a;{amount}" for number, amount in enumerate(amounts)]
    source = guessed(tmp_path, "\n".join(["order;day;client;amount", *rows]) + "\n")
    assert source["lines"]["net_amount"] == "amount"


@pytest.mark.parametrize(("written", "rate"), [("0.1", 0.1), ("25", 0.25)])
def test_a_discount_that_is_a_rate_of_the_price_is_no_amount(tmp_path: Path, written: str, rate: float) -> None:
    rows = [
        f"A{number},{DAYS[number]},c1,{price},2,{given},{2 * price * (1 - taken):.2f}"
        for number, price in enumerate(range(10, 22))
        for given, taken in [(written, rate) if number % 2 else (0, 0)]
    ]
    lines = guessed(tmp_path, "\n".join(["order,day,client,price,qty,discount,amount", *rows]) + "\n")["lines"]
    assert lines["gross_amount"] == "gross" and lines["net_amount"] == "amount" and "discount_amount" not in lines


def test_small_discounts_that_nothing_explains_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"A{number},{DAYS[number]},c1,{number + 9}.90,{number % 3 / 10}" for number in range(12)]
    lines = guessed(tmp_path, "\n".join(["order,day,client,amount,discount", *rows]) + "\n")["lines"]
    assert lines["discount_amount"] == "discount"
    assert "discount is taken for amounts of money, though each is below 1" in " ".join(capsys.readouterr().out.split())
