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
    options = [part for name, value in named.items() for part in (f"--{name}", value) if part]
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


GOODS = (("Tea", 3, "8.90", "26.70"), ("Mug", 2, "14.95", "29.90"), ("Pot", 1, "40.00", "40.00"))


def sales(head: str, *endings: str) -> str:
    """Twelve lines of six orders: number, day, goods, quantity, price, amount, and what the endings say."""
    goods = [",".join(map(str, one)) for one in GOODS]
    rows = [
        f"{1000 + number // 2},{DAYS[number // 2]},{goods[number % 3]},{endings[number % len(endings)]}"
        for number in range(12)
    ]
    return "\n".join([f"order,day,{head}", *rows]) + "\n"


@pytest.mark.parametrize("head", ["Auftragsstatus", "État", "Zustand der Lieferung", "Stan"])
def test_a_status_is_told_by_its_words_whatever_its_header(tmp_path: Path, head: str) -> None:
    words = ("Versendet", "Storniert", "Anulowane")
    lines = guessed(tmp_path, sales(f"item,qty,price,total,{head}", *words))["lines"]
    assert lines["order_status"]["values"] == {
        "Anulowane": "cancelled", "Storniert": "cancelled", "Versendet": "completed",
    }  # fmt: skip


def test_a_status_of_any_file_of_a_layout_is_known(tmp_path: Path) -> None:
    head, rest = "item,qty,price,total,status", ("shipped", "cancelled")
    lines = guessed(tmp_path, sales(head, rest[0]), sales(head, *rest))["lines"]
    assert lines["order_status"]["values"] == {"shipped": "completed", "cancelled": "cancelled"}


def test_returns_of_any_file_of_a_layout_are_known(tmp_path: Path) -> None:
    head = "item,qty,price,total,Document"
    lines = guessed(tmp_path, sales(head, "Sale"), sales(head, "Sale", "Credit note"))["lines"]
    assert lines["quantity"] == {"negative": "qty", "when": {"Document": ["Credit note"]}}


@pytest.mark.parametrize("head", ["Belegart", "Receipt type", "Vorgang des Tages"])
def test_returns_are_told_by_their_words_whatever_the_header(tmp_path: Path, head: str) -> None:
    lines = guessed(tmp_path, sales(f"item,qty,price,total,{head}", "Rechnung", "Rechnung", "Gutschrift"))["lines"]
    assert lines["net_amount"] == {"negative": "total", "when": {head: ["Gutschrift"]}}


def test_a_way_to_pay_is_no_return(tmp_path: Path) -> None:
    lines = guessed(tmp_path, sales("item,qty,price,total,Payment,Settled", "Cash,Refund", "Refund,Credit"))["lines"]
    assert lines["net_amount"] == {"negative": "total", "when": {"Settled": ["Credit", "Refund"]}}
    lines = guessed(tmp_path, sales("item,qty,price,total,Payment", "Cash", "Refund"), force="")["lines"]
    assert lines["net_amount"] == "total"


def test_nothing_times_something_proves_nothing(tmp_path: Path) -> None:
    lines = guessed(tmp_path, sales("item,qty,price,amount,tip,fee", "0,0.00"))["lines"]
    assert (lines["quantity"], lines["net_amount"]) == ("qty", "amount")
    rows = [f"{n},{DAYS[n]},a,3,8.90,0,0.00" for n in range(9)]
    lines = guessed(tmp_path, "\n".join(["order,day,item,qty,price,tip,product tax", *rows]) + "\n", force="")["lines"]
    assert (lines["quantity"], lines["gross_amount"]) == ("qty", "gross")


def test_long_numbers_are_ids(tmp_path: Path) -> None:
    rows = [f"4000000000180{n:02},{DAYS[n]},5000000000010{n:02},2,8.90,17.80" for n in range(12)]
    lines = guessed(tmp_path, "\n".join(["Order Id,Day,Guid,Qty,Price,Net Price", *rows]) + "\n")["lines"]
    assert (lines["order_id"], lines["net_amount"]) == ("Order Id", "Net Price")


def test_of_two_factors_the_price_has_cents(tmp_path: Path) -> None:
    lines = guessed(tmp_path, sales("item,stycken,kostar,summa,note", "x"))["lines"]
    assert lines["quantity"] == "stycken"


def test_what_is_less_the_discount_is_the_amount(tmp_path: Path) -> None:
    rows = [f"{n},{DAYS[n]},Tea,{20 + n}.90,{n % 3}.00,{20 + n - n % 3}.90" for n in range(1, 9)]
    lines = guessed(tmp_path, "\n".join(["order,day,item,Gross amount,Discounts,Sales total", *rows]) + "\n")["lines"]
    assert (lines["net_amount"], lines["discount_amount"]) == ("Sales total", "Discounts")


def test_gross_beside_a_discount_is_before_it(tmp_path: Path) -> None:
    rows = [f"{n},{DAYS[n]},Tea,{20 + n}.90,{n % 3}.00" for n in range(1, 9)]
    lines = guessed(tmp_path, "\n".join(["order,day,item,Gross sales,Discounts", *rows]) + "\n")["lines"]
    assert lines["gross_amount"] == "Gross sales" and "net_amount" not in lines


def test_of_several_amounts_that_of_goods_is_taken_and_others_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{n},{DAYS[n]},c{n},{n + 20}.00,{n + 15}.00,5.00,0.00" for n in range(9)]
    head = "order,day,client,Order total,Subtotal,Shipping,Refund amount"
    assert guessed(tmp_path, "\n".join([head, *rows]) + "\n")["lines"]["net_amount"] == "Subtotal"
    told = " ".join(capsys.readouterr().out.split())
    assert "Shipping is no sale of goods" in told and "Refund amount holds refunds" in told


def test_the_total_of_an_order_of_unlike_goods_is_shared(tmp_path: Path) -> None:
    rows = [f"{n},{DAYS[n]},c{n},{item},{n + 10}.00" for n in range(9) for item in ("Tea", "Mug")]
    lines = guessed(tmp_path, "\n".join(["order,day,client,product,Order total", *rows]) + "\n")["lines"]
    shared = {"spread": "Order total", "by": {"constant": "1"}, "over": "order", "taken": "largest"}
    assert lines["net_amount"] == shared


def test_a_refund_with_a_positive_quantity_is_a_return(tmp_path: Path) -> None:
    rows = [f"{n},{DAYS[n]},Tea,2,{'-' if n % 4 == 3 else ''}17.80" for n in range(12)]
    lines = guessed(tmp_path, "\n".join(["order,day,item,qty,amount", *rows]) + "\n")["lines"]
    assert lines["quantity"] == {"negative": "qty", "when": {"amount": {"below": 0}}}


def test_an_id_or_an_address_is_a_customer_before_a_name_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{n},{DAYS[n]},Ann Smith,C{n},a{n}@x.org,5.00" for n in range(12)]
    whole = "\n".join(["order,day,Customer,Customer ID,e-mail,amount", *rows]) + "\n"
    assert guessed(tmp_path, whole)["lines"]["customer_id"] == "Customer ID"
    addressed = whole.replace("Customer ID", "Remark")
    assert guessed(tmp_path, addressed, force="")["lines"]["customer_id"] == {"hashed": ["email"]}
    named = addressed.replace("e-mail", "Remark 2")
    assert guessed(tmp_path, named, force="")["lines"]["customer_id"] == "Customer"
    told = " ".join(capsys.readouterr().out.split())
    assert "Customer holds names" in told and "One value of Customer has 12 of 12 orders" in told


def test_quantities_are_told_apart_from_what_they_are_counted_in(tmp_path: Path) -> None:
    counted = ["3 Stk;8,90;26,70", "1,5 kg;8,90;13,35"]
    rows = [f"{n};{DAYS[n]};Tee;{counted[n % 2]}" for n in range(12)]
    lines = guessed(tmp_path, "\n".join(["Bestellnr;Datum;Artikel;Menge;Preis;Betrag", *rows]) + "\n")["lines"]
    assert lines["quantity"] == "Menge" and lines["net_amount"] == "Betrag"


@pytest.mark.parametrize(("head", "currency"), [("Amount (USD)", "USD"), ("Total in CHF", "CHF"), ("Total £", "GBP")])
def test_a_header_tells_the_currency(tmp_path: Path, head: str, currency: str) -> None:
    rows = [f"{n},{DAYS[n]},Tea,5.00" for n in range(9)]
    guessed(tmp_path, "\n".join([f"order,day,item,{head}", *rows]) + "\n")
    settings = yaml.safe_load((tmp_path / "company" / "settings.yml").read_text(encoding="utf-8"))
    assert settings["base_currency"] == currency


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        ("N° de commande;Date;Désignation;Quantité;Prix unitaire HT;Total HT", "order_id product_id quantity"),
        ("Nº Pedido;Fecha;Artículo;Cantidad;Precio;Importe", "order_id ordered_at product_id quantity"),
        ("Numer zamówienia;Data;Produkt;Ilość;Cena brutto;Wartość brutto", "order_id product_id quantity"),
        ("Kvittonr;Datum;Benämning;Antal;Á-pris;Summa", "order_id ordered_at product_id quantity"),
        ("Bestelnummer;Besteldatum;Omschrijving;Aantal;Prijs;Bedrag", "order_id ordered_at product_id quantity"),
    ],
)
def test_headers_of_other_languages(tmp_path: Path, head: str, fields: str) -> None:
    rows = [f"{n};2024-05-{n + 10};Tea;3;8,90;26,70" for n in range(9)]
    lines = guessed(tmp_path, "\n".join([head, *rows]) + "\n")["lines"]
    assert {*fields.split(), "net_amount"} <= lines.keys()


def test_days_that_cannot_be_read_are_told_by_their_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.csv"
    file.write_text('order,Date,amount\n1,"Mo, 13.01.2025",5.00\n', encoding="utf-8")
    assert main(["init", str(file), "--company", str(tmp_path / "company")]) == 2
    assert '"Date" has a name for it' in (told := capsys.readouterr().err) and '"xx, ##.##.####"' in told


def test_a_time_beside_a_day_that_needs_a_format_is_left_out(tmp_path: Path) -> None:
    rows = [f"{n};1{n} Jan 2025;10:3{n};Tea;8.90" for n in range(9)]
    lines = guessed(tmp_path, "\n".join(["order;Date;Time;item;amount", *rows]) + "\n")["lines"]
    assert lines["ordered_at"] == {"column": "Date", "format": "%d %b %Y"}


def test_heads_of_orders_among_their_lines_are_left_out(tmp_path: Path) -> None:
    rows = [
        f"{n},{DAYS[n]},{kind},{amount}"
        for n in range(9)
        for kind, amount in (("Sale", f"{n + 15}.00"), ("Sale Line", f"{n + 5}.00"), ("Sale Line", "10.00"))
    ]
    written = guessed(tmp_path, "\n".join(["order,day,Row,amount", *rows]) + "\n")["mapping"]["order_lines"]
    assert written["filter"] == [{"when": {"Row": ["Sale"]}, "reason": "head_of_order"}]


def test_what_stands_on_the_first_row_of_an_order_is_filled_forward(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for n in range(9) for row in (f"A{n},{DAYS[n]},c{n},Tea,1,4.00", ",,,Mug,1,4.00", ",,,Pot,1,4.00")]
    whole = "\n".join(["order,day,client,item,qty,amount", *rows]) + "\n"
    written = guessed(tmp_path, whole)["mapping"]["order_lines"]
    assert written["fill_forward"] == {"key": "order", "columns": ["day", "client"]}
    assert "9 in 27 rows" in " ".join(capsys.readouterr().out.split())
    summed = guessed(tmp_path, f"{whole},,,,,72.00\n", force="")["mapping"]["order_lines"]
    assert "fill_forward" not in summed


def test_rows_that_may_count_twice_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"A{n}-{line},{DAYS[n]},Tea,4.00,{state}" for n in range(9) for line in (1, 2) for state in ("new", "paid")]
    guessed(tmp_path, "\n".join(["order,day,item,amount,status", *rows]) + "\n")
    told = " ".join(capsys.readouterr().out.split())
    assert "18 lines come again with another status" in told and "order ends in small numbers" in told


def test_whole_percentages_that_nothing_explains_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"A{n},{DAYS[n]},Tea,{n + 9}.90,2,{5 * (n % 3)}" for n in range(12)]
    guessed(tmp_path, "\n".join(["order,day,item,price,qty,discount", *rows]) + "\n")
    assert "though each may be a percentage" in " ".join(capsys.readouterr().out.split())
