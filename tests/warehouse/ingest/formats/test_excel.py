"""Workbooks: text as it stands, days as dates, nothing beyond the header or behind a gap lost."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError

Make = Callable[..., Landing]
HEADER = ["InvoiceNo", "InvoiceDate", "Price"]


def write_workbook(path: Path, sheets: dict[str, list[list[Any]]], hidden: tuple[str, ...] = ()) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
        for row in rows:
            sheet.append(row)
    book.save(path)


def test_cells_become_text_and_dates_stay_dates(landing: Make) -> None:
    here = landing(files="*.xlsx", columns={"InvoiceNo": {"required": True}, "InvoiceDate": {"type": "timestamp"}})
    rows = [
        HEADER,
        [536365, datetime(2010, 12, 1, 8, 26), 2.55],
        ["C536379", "2010-12-01 09:41", 27.5],
        [None, None, None],
        ["00042", datetime(2011, 12, 9), None],
    ]
    write_workbook(here.folder / "a.xlsx", {"Invoices": rows})
    report = here.load()
    assert (report.rows_read, report.rows_loaded) == (3, 3)
    assert here.rows("InvoiceNo, InvoiceDate, Price, _file, _row_number") == [
        ("536365", "2010-12-01 08:26:00", "2.55", "a.xlsx", 2),
        ("C536379", "2010-12-01 09:41", "27.5", "a.xlsx", 3),
        ("00042", "2011-12-09 00:00:00", None, "a.xlsx", 5),
    ]


def test_a_cell_that_is_no_day_rejects_its_row_alone(landing: Make) -> None:
    here = landing(files="*.xlsx", columns={"InvoiceNo": {"required": True}, "InvoiceDate": {"type": "timestamp"}})
    cells = [datetime(2010, 12, 1, 8, 26), 1714557600, "nan", "inf", -4]
    write_workbook(here.folder / "a.xlsx", {"Invoices": [HEADER, *([n, cell, 1] for n, cell in enumerate(cells))]})
    report = here.load()
    assert (report.rows_loaded, report.rows_malformed) == (1, 4)
    assert {reason for _, _, reason, _ in here.rejected()} == {"InvoiceDate is not a timestamp"}


def test_undeclared_dates_follow_the_first_row(landing: Make) -> None:
    here = landing(files="*.xlsx")
    rows = [["day", "moment", "number"], [date(2020, 2, 29), datetime(2020, 1, 1, 0, 0, 1), 40000], [date(2020, 3, 1)]]
    write_workbook(here.folder / "a.xlsx", {"x": rows})
    here.load()
    assert here.rows("day, moment, number") == [
        ("2020-02-29", "2020-01-01 00:00:01", "40000"),
        ("2020-03-01", None, None),
    ]


def test_cells_to_the_right_of_the_header_are_rejected(landing: Make) -> None:
    here = landing(files="*.xlsx", columns={"a": {}})
    write_workbook(here.folder / "a.xlsx", {"x": [["a", "b"], [1, 2], [3, 4, "astray"]]})
    report = here.load()
    assert (report.rows_loaded, report.rows_malformed) == (1, 1)
    [(file, row, reason, record)] = here.rejected()
    assert (file, row, reason) == ("a.xlsx", 3, "values to the right of the header") and "astray" in record


def test_sheets_are_chosen_and_named(landing: Make) -> None:
    here = landing(files="*.xlsx", sheets="Year *", columns={"id": {"required": True}})
    sheets = {"Year 1": [["id"], [1]], "Year 2": [["ID"], [2]], "About": [["text"]]}
    write_workbook(here.folder / "a.xlsx", sheets)
    assert here.load().batch_ids == (1,), "one file is one batch"
    assert here.rows("id, _file, _row_number") == [("1", "a.xlsx#Year 1", 2), ("2", "a.xlsx#Year 2", 2)]


def test_the_sheet_has_to_be_said_where_there_are_several(landing: Make) -> None:
    here = landing(files="*.xlsx")
    write_workbook(here.folder / "a.xlsx", {"A": [["id"]], "B": [["id"]]})
    with pytest.raises(UserError, match=r'which of its sheets\? "A", "B"'):
        here.load()


def test_hidden_sheets_are_no_data(landing: Make) -> None:
    here = landing(files="*.xlsx")
    write_workbook(here.folder / "a.xlsx", {"A": [["id"], [1]], "B": [["id"], [2]]}, hidden=("B",))
    here.load()
    assert here.rows("id, _file") == [("1", "a.xlsx")]


def test_files_that_are_no_workbook(landing: Make) -> None:
    here = landing(files="*.xlsx")
    here.write("a.xlsx", "id\n1\n")
    with pytest.raises(UserError, match=r"a\.xlsx: no Excel workbook"):
        here.load()


def test_the_header_is_the_first_row(landing: Make) -> None:
    here = landing(files="*.xlsx")
    write_workbook(here.folder / "a.xlsx", {"x": [[], ["id"], [1]]})
    with pytest.raises(UserError, match='the first row of the sheet "x" is empty'):
        here.load()


def test_a_header_below_other_rows_is_found_by_its_required_columns(landing: Make) -> None:
    columns: dict[str, dict[str, Any]] = {name: {"required": True} for name in ("Beleg", "Datum", "Betrag")}
    columns["Datum"]["type"] = "date"
    here = landing(files="*.xlsx", preamble=True, columns=columns)
    rows = [
        ["Kassenbericht"],
        ["Filiale", "Mitte"],
        [],
        ["Beleg", "Datum", "Betrag"],
        ["B-1", date(2024, 5, 1), 2.5],
        [None, "Summe", 2.5],
    ]
    write_workbook(here.folder / "a.xlsx", {"x": rows})
    report = here.load()
    assert (report.rows_loaded, report.rows_malformed) == (1, 1)
    assert here.rows("Beleg, Datum, Betrag, _row_number") == [("B-1", "2024-05-01", "2.5", 5)]


def test_a_header_of_two_rows_with_merged_cells(landing: Make) -> None:
    columns = ["Beleg", "Menge", "Preis netto", "Summe netto"]
    here = landing(files="*.xlsx", preamble=True, columns={name: {"required": True} for name in columns})
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Bericht"],
        ["Beleg", "Menge", "Preis", None, "Summe", None],
        [None, None, "netto", "brutto", "netto", "brutto"],
        ["B-1", 2, 1.5, 1.8, 3, 3.6],
    ):
        sheet.append(row)
    for cells in ("A2:A3", "B2:B3", "C2:D2", "E2:F2"):
        sheet.merge_cells(cells)
    book.save(here.folder / "a.xlsx")
    here.load()
    names = '"Beleg", "Menge", "Preis netto", "Preis brutto", "Summe netto", "Summe brutto", _row_number'
    assert here.rows(names) == [("B-1", "2", "1.5", "1.8", "3", "3.6", 4)]
