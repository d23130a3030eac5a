"""`loyalty init`: what it says of files that it cannot use, what it writes, and that it replaces and asks nothing."""

import gzip
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest
import yaml

from dagster_project.cli.main import main
from tests.warehouse.onboarding.exports import EXPORTS, GERMAN_TILL, SHOPIFY, SQUARE, STRIPE, WOOCOMMERCE
from warehouse.ingest.sources import load_sources_config
from warehouse.onboarding.readers import load_readers
from warehouse.settings import load_settings

KNOWN = [name for name in EXPORTS if name in load_readers()]
LINES = b"order,day,qty,price\n1,2024-05-01,2,3.00\n1,2024-05-01,1,4.00\n"
ETSY_ORDERS = EXPORTS["etsy"].files["EtsySoldOrders2024.csv"]
CUSTOMERS = SHOPIFY.files["customers_export.csv"]


def first_file(name: str) -> bytes:
    return next(iter(EXPORTS[name].files.values()))


def header_of(name: str) -> bytes:
    return first_file(name).split(b"\n")[0] + b"\n"


# What is given (bytes by file name, and options), and what of the one sentence says what is wrong.
BROKEN: list[tuple[str, Mapping[str, bytes], list[str], str]] = [
    *((f"{name}-empty", {"a.csv": b""}, [], "the file is empty") for name in KNOWN),
    *((f"{name}-header-alone", {"a.csv": header_of(name)}, [], "a header and no row under it") for name in KNOWN),
    *(
        (f"{name}-cut-off", {"a.csv.gz": gzip.compress(first_file(name) * 9)[:-30]}, [], "Was it copied to the end?")
        for name in KNOWN
    ),
    *((f"{name}-as-xls", {"a.xls": first_file(name)}, [], "its ending tells no format") for name in KNOWN),
    *(
        (f"{name}-with-another-shop", {"a.csv": first_file(name), "b.csv": LINES}, [], "b.csv: no export of")
        for name in KNOWN
    ),
    ("two-systems", {"a.csv": first_file("square"), "b.csv": first_file("stripe")}, [], "not of one system"),
    ("customers-alone", {"a.csv": CUSTOMERS}, [], "the file of orders is missing: the one with the columns Name,"),
    ("etsy-orders-alone", {"a.csv": ETSY_ORDERS}, [], "the file of items is missing"),
    ("workbook-as-csv", {"a.csv": b"PK\x03\x04rest"}, [], "a zip archive or an Excel workbook"),
    ("old-workbook", {"a.csv": b"\xd0\xcf\x11\xe0rest"}, [], "an old Excel workbook (.xls)"),
    ("pdf", {"a.csv": b"%PDF-1.7 rest"}, [], "it is a PDF"),
    ("login-page", {"a.csv": b"\n<!DOCTYPE html><html>"}, [], "a web page, maybe that of a login"),
    ("html", {"a.csv": b"<html><body>"}, [], "a web page"),
    ("xml", {"a.csv": b"<?xml version='1.0'?>"}, [], "it is XML"),
    ("json", {"a.csv": b'{"orders": []}'}, [], "it is JSON. Name it .json"),
    ("gzip", {"a.csv": gzip.compress(LINES)}, [], "packed with gzip. Name it .csv.gz"),
    ("picture", {"a.csv": b"\x89PNGrest"}, [], "a picture"),
    ("parquet", {"a.csv": b"PAR1\x15rest"}, [], "Parquet. Name it .parquet"),
    ("bytes", {"a.csv": bytes(range(256)) * 9}, [], "it holds NUL bytes"),
    ("no-workbook", {"a.xlsx": LINES}, [], "no Excel workbook"),
    ("no-parquet", {"a.parquet": LINES}, [], "cannot be read as parquet"),
    ("gone", {}, ["gone.csv"], "gone.csv: no such file. Looked for /"),
    ("folder", {}, ["."], ".: a folder. Name the files in it"),
    ("no-amount", {"a.csv": b"order,day,note\n1,2024-05-01,x\n"}, [], "could be told to be amount (of a line"),
    ("no-day", {"a.csv": b"order,qty,price\n1,2,3.00\n"}, [], 'be ordered_at.*--map ordered_at="'),
    ("no-order", {"a.csv": b"day,qty,price\n2024-05-01,2,3.00\n"}, [], "no column could be told to be order_id"),
    ("no-names", {"a.csv": b"1,2024-05-01,3.00\n2,2024-05-02,4.00\n"}, [], "no column could be told to be"),
    ("strangers", {"a.csv": LINES, "b.csv": b"x,y\nfoo,bar\n"}, [], "b.csv: what it holds could not be told"),
    ("no-field", {"a.csv": LINES}, ["--map", "orderd_at=day"], 'did you mean "ordered_at"'),
    ("no-header", {"a.csv": LINES}, ["--map", "ordered_at=days"], 'column "days".*did you mean "day"'),
    ("no-equals", {"a.csv": LINES}, ["--map", "ordered_at"], "say FIELD=HEADER"),
    ("no-zone", {"a.csv": LINES}, ["--timezone", "Berlin"], "--timezone Berlin: no IANA time zone"),
    ("no-currency", {"a.csv": LINES}, ["--currency", "euro"], "--currency euro: three letters"),
    ("no-name", {"a.csv": LINES}, ["--company", "My Shop"], '"My Shop" is no name of a company'),
]  # fmt: skip


def given(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in files]


def test_there_are_many_ways_to_be_wrong() -> None:
    assert len(BROKEN) >= 60 and len({name for name, *_ in BROKEN}) == len(BROKEN)


@pytest.mark.parametrize(("files", "options", "told"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_what_is_wrong_with_files_is_said_in_a_sentence(
    tmp_path: Path,
    files: Mapping[str, bytes],
    options: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    company = [] if "--company" in options else ["--company", str(tmp_path / "company")]
    assert main(["init", *given(tmp_path, files), *company, *options]) == 2
    said = capsys.readouterr().err
    assert re.search(told if ".*" in told or "\\(" in told else re.escape(told), said), said
    assert said.startswith("loyalty: ") and said.count("\n") == 1 and "Error" not in said
    assert not (tmp_path / "company").exists()


def test_a_misspelt_file_is_told_beside_the_one_that_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (there,) = given(tmp_path, {"orders.csv": LINES})
    assert main(["init", there.replace("orders", "order"), "--company", str(tmp_path / "company")]) == 2
    assert 'order.csv: no such file (did you mean "orders.csv"?). Looked for /' in capsys.readouterr().err


def test_columns_that_are_not_used_are_told_and_a_tax_among_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"a.csv": b"order,day,qty,price,MwSt,Note\n1,2024-05-01,2,3.00,19,x\n2,2024-05-02,1,4.00,7,y\n"}
    assert main(["init", *given(tmp_path, files), "--company", str(tmp_path / "company")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Note: Not used: MwSt, Note. Say --map FIELD=COLUMN to use one." in said
    assert "Note: MwSt is about tax: amounts are taken as they stand, with the tax that is in them." in said


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("01/02/2024", "Days are read with the month first (assumed"),
        ("01.02.2024", "Days are read with the day first (assumed"),
        ("13/02/2024", None),
        ("2024-02-01", None),
    ],
)
def test_an_order_of_day_and_month_that_is_assumed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], day: str, told: str | None
) -> None:
    files = {"a.csv": f"order,day,qty,price\n1,{day},2,3.00\n2,{day},1,4.00\n".encode()}
    assert main(["init", *given(tmp_path, files), "--company", str(tmp_path / "company")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (told in said) if told else ("assumed: each of them" not in said)


def test_nothing_is_replaced_unless_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    company = tmp_path / "company"
    arguments = ["init", *given(tmp_path, STRIPE.files), "--company", str(company)]
    assert main(arguments) == 0
    (company / "settings.yml").write_text("company: mine", encoding="utf-8")
    assert main(arguments) == 2
    assert "settings.yml: is there already. Say --force" in capsys.readouterr().err
    assert (company / "settings.yml").read_text(encoding="utf-8") == "company: mine"
    assert main([*arguments, "--force"]) == 0
    assert load_settings(company, environ={}).company == "company"


def test_it_says_which_is_which_what_it_rests_on_and_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company = tmp_path / "till"
    assert main(["init", *given(tmp_path, GERMAN_TILL.files), "--company", str(company)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for part in (
        'Kassenbons_2024.csv: order lines; encoding cp1252; values separated by ";"; 3 lines above the header',
        "Einzelpreis x Menge - Rabatt = Betrag in 100.0%",
        "Currency: EUR (assumed: the files name no currency; say --currency for another)",
        f"Checked: the files have these columns. Next: loyalty --company {company} sources try ",
        f"Then: loyalty --company {company} run",
    ):
        assert part in said
    table = yaml.safe_load((company / "sources" / "kassenbons.yml").read_text(encoding="utf-8"))["tables"]["lines"]
    assert {key: table[key] for key in ("encoding", "delimiter", "preamble", "files")} == {
        "encoding": "cp1252", "delimiter": ";", "preamble": True, "files": ["Kassenbons*.csv"],
    }  # fmt: skip


def test_workbooks_and_json_are_guessed_too_and_their_folder_stays_as_it_was(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["order", "day", "qty", "price"], ["1", "2024-05-01", 2, 3.5], ["2", "2024-05-02", 1, 4]):
        book.active.append(row)
    book.save(tmp_path / "lines.xlsx")
    rows = [f'{{"order": "{order}", "day": "2024-05-01", "qty": {order}, "price": 3.5}}\n' for order in (1, 2)]
    (tmp_path / "lines.jsonl").write_text("".join(rows), encoding="utf-8")
    for name in ("lines.xlsx", "lines.jsonl"):
        assert main(["init", str(tmp_path / name), "--company", str(tmp_path / name.replace(".", "_"))]) == 0
        (source,) = load_sources_config(load_settings(tmp_path / name.replace(".", "_"), environ={})).values()
        assert set(source.mapping["order_lines"].columns) == {"order_id", "ordered_at", "quantity", "gross_amount"}
    assert {path.name for path in tmp_path.iterdir()} == {"lines.xlsx", "lines.jsonl", "lines_xlsx", "lines_jsonl"}


def test_a_workbook_with_rows_above_a_merged_header_is_guessed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["Umsatzliste", "Mai 2024"],
        ["Bon", "Datum", "Menge", "Preis", None, "Zusatz"],
        [None, None, None, "netto", "brutto", None],
        # the last column is hardly ever filled
        *([str(number), f"2024-05-{number:02}", 2, 3.5, 4.2] for number in range(1, 31)),
        [None, "Summe", 60, 105, 126],
    ):
        book.active.append(row)
    book.active.merge_cells("D2:E2")
    book.save(tmp_path / "liste.xlsx")
    company = tmp_path / "till"
    assert main(["init", str(tmp_path / "liste.xlsx"), "--company", str(company), "--map", "unit_price=netto"]) == 0
    source = load_sources_config(load_settings(company, environ={}))["liste"]
    assert source.tables["lines"].preamble and source.mapping["order_lines"].columns["order_id"].column == "Bon"


def test_a_person_is_offered_a_run_and_a_script_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr("dagster_project.cli.main._run", lambda settings, options: ran.append(settings.company) or 0)
    arguments = ["init", *given(tmp_path, STRIPE.files), "--company", str(tmp_path / "company"), "--force"]
    assert main(arguments) == 0 and ran == []
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    for answer, runs in (("no", []), ("yes", ["company"])):
        monkeypatch.setattr("dagster_project.cli.init.RichConsole.input", lambda _, question, answer=answer: answer)
        assert main(arguments) == 0 and ran == runs


def test_files_of_orders_and_of_their_lines_are_joined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heads = ["number,placed at,client,state,total", *(f"A{n},2024-05-{n:02},C{n % 3},paid,9.00" for n in range(1, 21))]
    lines = ["order,sku,qty,price,sum", *(f"A{n},S{k},{k},1.50,{1.5 * k:.2f}" for n in range(1, 21) for k in (1, 2))]
    for name, rows in (("heads.csv", heads), ("positions.csv", lines)):
        (tmp_path / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    company = tmp_path / "company"
    assert main(["init", str(tmp_path / "heads.csv"), str(tmp_path / "positions.csv"), "--company", str(company)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "positions.csv: order lines" in said and "heads.csv: orders, joined by order = number" in said
    source = load_sources_config(load_settings(company, environ={}))["positions"]
    columns = source.mapping["order_lines"].columns
    assert columns["ordered_at"].column == "orders.placed at" and columns["customer_id"].column == "orders.client"


def test_addresses_of_orders_make_customers_whom_erasing_knows(tmp_path: Path) -> None:
    heads = ["number,placed at,e-mail,forename", *(f"A{n},2024-05-{n:02},c{n % 3}@example.org,A" for n in range(1, 21))]
    lines = ["order,sku,qty,price,sum", *(f"A{n},S{k},{k},1.50,{1.5 * k:.2f}" for n in range(1, 21) for k in (1, 2))]
    files = {"heads.csv": "\n".join(heads).encode(), "positions.csv": "\n".join(lines).encode()}
    company = tmp_path / "company"
    assert main(["init", *given(tmp_path, files), "--company", str(company)]) == 0
    source = load_sources_config(load_settings(company, environ={}))["positions"]
    assert set(source.customer_columns) == {"key of email"}
    assert source.tables["orders"].columns["key of email"].hash_of == ("email",)
    assert {"email", "first_name"} <= set(source.tables["orders"].columns)
    assert source.mapping["customers"].table == "orders"


def test_contacts_that_serve_nothing_are_not_loaded(tmp_path: Path) -> None:
    """Beside a file of customers, theirs is what counts; of lines that name nobody, a first name leads to no one."""
    lines = b"order,day,client,mail,forename,qty,price\n1,2024-05-01,c1,a@x.org,A,2,3\n2,2024-05-02,c2,b@x.org,B,1,4\n"
    people = b"client,mail,forename\nc1,ann@example.org,Ann\nc2,bo@example.org,Bo\n"
    said = ["--map", "customer_id=client"]
    for name, files, more in (
        ("both", {"lines.csv": lines, "people.csv": people}, said),
        ("nobody", {"lines.csv": lines.replace(b"client", b"x").replace(b"mail", b"y")}, []),
    ):
        (tmp_path / name).mkdir()
        company = tmp_path / name / "company"
        assert main(["init", *given(tmp_path / name, files), "--company", str(company), *more]) == 0
        (source,) = load_sources_config(load_settings(company, environ={})).values()
        assert not {"email", "mail", "first_name", "forename"} & set(source.tables["lines"].columns), name
        assert ("customers" in source.mapping) == (name == "both")


def test_a_customers_column_can_be_said(tmp_path: Path) -> None:
    lines = b"order,day,client,qty,price,area\n1,2024-05-01,c1,2,3.00,01067\n2,2024-05-02,c2,1,4.00,10115\n"
    company = tmp_path / "company"
    arguments = ["init", *given(tmp_path, {"lines.csv": lines}), "--company", str(company)]
    assert main([*arguments, "--map", "customer_id=client", "--map", "postal_code=area"]) == 0
    (source,) = load_sources_config(load_settings(company, environ={})).values()
    assert source.mapping["customers"].columns["postal_code"].column == "postal_code"  # type: ignore[attr-defined]
    assert source.tables["lines"].columns["postal_code"].aliases == ("area",)


def test_a_zip_with_one_file_is_looked_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, members in (("one.zip", ("a.csv", "__MACOSX/a.csv")), ("two.csv.zip", ("a.csv", "b.csv"))):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member in members:
                archive.writestr(member, LINES)
    assert main(["init", str(tmp_path / "one.zip"), "--company", str(tmp_path / "one")]) == 0
    capsys.readouterr()
    assert main(["init", str(tmp_path / "two.csv.zip"), "--company", str(tmp_path / "two")]) == 2
    assert "two.csv.zip: 2 files are in it, and one is expected. Unpack it." in capsys.readouterr().err


def test_a_zip_with_a_password_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        archive.writestr("a.csv", LINES)
    content = bytearray((tmp_path / "a.csv.zip").read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(start) + flags] |= 1
    (tmp_path / "a.csv.zip").write_bytes(content)
    assert main(["init", str(tmp_path / "a.csv.zip"), "--company", str(tmp_path / "company")]) == 2
    assert "a.csv.zip: locked by a password" in capsys.readouterr().err


def test_a_zone_is_found_from_offsets_from_a_name_or_by_the_country(tmp_path: Path) -> None:
    zones = {}
    for name, export in {"shopify": SHOPIFY, "square": SQUARE, "woocommerce": WOOCOMMERCE}.items():
        (tmp_path / name).mkdir()
        company = tmp_path / name / "company"
        assert main(["init", *given(tmp_path / name, export.files), "--company", str(company)]) == 0
        settings = load_settings(company, environ={})
        zones[name] = (settings.business_timezone, settings.base_currency)
    assert zones == {
        "shopify": ("Europe/Berlin", "EUR"),
        "square": ("America/New_York", "EUR"),
        "woocommerce": ("Europe/Berlin", "EUR"),
    }


def test_a_column_that_is_said_goes_before_one_that_is_found(tmp_path: Path) -> None:
    lines = b"order,booked,sold,qty,price\n1,2024-05-01,2024-04-30,2,3.00\n2,2024-05-02,2024-05-01,1,4.00\n"
    company = tmp_path / "company"
    arguments = ["init", *given(tmp_path, {"lines.csv": lines}), "--company", str(company)]
    assert main([*arguments, "--map", "ordered_at=booked", "--timezone", "Asia/Tokyo", "--currency", "jpy"]) == 0
    settings = load_settings(company, environ={})
    assert (settings.business_timezone, settings.base_currency) == ("Asia/Tokyo", "JPY")
    (source,) = load_sources_config(settings).values()
    columns = source.mapping["order_lines"].columns
    assert columns["ordered_at"].column == "booked" and columns["gross_amount"].column == "gross"  # type: ignore[attr-defined]


def test_customers_that_come_later_are_added_and_what_was_changed_by_hand_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, customers = tmp_path / "orders_export_1.csv", tmp_path / "customers_export.csv"
    orders.write_bytes(SHOPIFY.files["orders_export_1.csv"])
    company = tmp_path / "company"
    assert main(["init", str(orders), "--company", str(company)]) == 0
    file = company / "sources" / "shopify.yml"
    file.write_text(file.read_text(encoding="utf-8") + "# seen by Ann\n", encoding="utf-8")
    customers.write_bytes(CUSTOMERS.replace(b",", b";"))
    capsys.readouterr()
    assert main(["init", str(customers), "--company", str(company)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "customers_export.csv: Shopify, customers" in said and "Checked: the files have these columns" in said
    source = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert source["tables"]["customers"]["files"] == ["customers_export*.csv"]
    assert source["tables"]["customers"]["delimiter"] == ";"
    assert source["tables"]["orders"]["files"] == ["orders_export*.csv"]
    assert file.read_text(encoding="utf-8").endswith("# seen by Ann\n")
    assert main(["init", str(customers), "--company", str(company)]) == 2, "no table waits for it any more"
    elsewhere = tmp_path / "elsewhere" / "company"
    assert main(["init", str(orders), "--company", str(elsewhere)]) == 0
    (tmp_path / "inbox").mkdir()
    orders.rename(tmp_path / "inbox" / orders.name)
    settings = elsewhere / "settings.yml"
    text = settings.read_text(encoding="utf-8").replace(f"input_path: {tmp_path}", f"input_path: {tmp_path / 'inbox'}")
    settings.write_text(text, encoding="utf-8")
    assert main(["init", str(customers), "--company", str(elsewhere)]) == 2
    assert f"it has to lie in {tmp_path / 'inbox'}" in " ".join(capsys.readouterr().err.split())


def test_customers_of_an_unknown_system_that_come_later_are_given_with_the_orders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, customers, company = (tmp_path / name for name in ("orders.csv", "customers.csv", "company"))
    orders.write_bytes(b"order,day,client,qty,price\n1,2024-05-01,c1,2,3.00\n2,2024-05-02,c2,1,4.00\n")
    customers.write_bytes(b"client,mail,country\nc1,ann@example.org,DE\nc2,bo@example.org,DE\n")
    assert main(["init", str(orders), "--company", str(company), "--map", "customer_id=client"]) == 0
    capsys.readouterr()
    assert main(["init", str(customers), "--company", str(company)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    command = f"loyalty init {orders} {customers} --company {company} --force"
    assert f"To add it to the company, give it together with the files that are there: `{command}`" in said, said
    assert main(command.split()[1:]) == 0
    assert "customers.csv: customers, joined by client" in " ".join(capsys.readouterr().out.split())
