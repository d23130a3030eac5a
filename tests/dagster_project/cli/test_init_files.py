"""What `loyalty init` makes of files as programs write them, and whether the company that it writes loads them."""

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from dagster_project.cli.main import main
from warehouse.ingest.landing import find_files
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import SourceConfig, load_sources_config
from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.proposal import patterns
from warehouse.settings import load_settings
from warehouse.sql import connect

HEADER = ["Order No", "Date", "Product", "Quantity", "Price", "Total"]
LINES = [["1001", "2025-01-13", "Tea", 3, 8.9, 26.7], ["1002", "2025-01-14", "Mug", 2, 14.95, 29.9]]


def text_of(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def written(file: Path) -> tuple[SourceConfig, tuple[int, int]]:
    """The source that init writes for a file, and how many of its rows are loaded and malformed."""
    company = file.parent / "company"
    assert main(["init", str(file), "--company", str(company)]) == 0
    settings = load_settings(company, environ={})
    (source,) = load_sources_config(settings).values()
    with connect() as connection:
        (report,) = load_source(connection, source, settings)
    return source, (report.rows_loaded, report.rows_malformed)


@pytest.mark.parametrize("days", [("13-01-2025", "14-01-2025"), ("13-Jan-2025", "14-Jan-2025")])
def test_the_year_of_a_day_is_no_offset_from_utc(tmp_path: Path, days: tuple[str, str]) -> None:
    file = tmp_path / "a.csv"
    rows = [f"100{n},{day},Tea,2,8.90,17.80" for n, day in enumerate(days)]
    file.write_text(text_of(",".join(HEADER), *rows), encoding="utf-8")
    assert written(file)[1] == (2, 0)
    assert load_settings(tmp_path / "company", environ={}).business_timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("moment", "zone"),
    [
        ("2025-01-{:02} 10:30:00 -0500", "America/New_York"),
        ("2025-01-{:02}T10:30-05:00", "America/New_York"),
        ("2025-01-{:02} 10:30:00.123 -0500", "America/New_York"),
        # as which day it is stays open, it tells no zone
        ("{:02}.01.2025 10:30:00 -0500", "Europe/Berlin"),
    ],
)
def test_an_offset_behind_a_time_of_day_tells_the_zone(tmp_path: Path, moment: str, zone: str) -> None:
    file = tmp_path / "a.csv"
    rows = [f"10{n},{moment.format(n)},Tea,2,8.90,17.80" for n in range(13, 17)]
    file.write_text(text_of(",".join(HEADER), *rows), encoding="utf-8")
    written(file)
    assert load_settings(tmp_path / "company", environ={}).business_timezone == zone


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_objects_is_a_file_of_rows(tmp_path: Path, indent: int | None) -> None:
    file = tmp_path / "orders.json"
    rows = [dict(zip(HEADER, line, strict=True)) for line in LINES]
    file.write_text(json.dumps(rows, indent=indent), encoding="utf-8")
    assert written(file)[1] == (2, 0)


@pytest.mark.parametrize("content", ["[1]", '{\n"orders": []\n}'])
def test_json_without_rows_is_refused_in_words(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.json"
    file.write_text(content, encoding="utf-8")
    assert main(["init", str(file), "--company", str(tmp_path / "company")]) == 2
    said = capsys.readouterr().err
    assert "orders.json: no row could be found: of JSON, rows are the objects of a list" in said
    assert "select" not in said.lower()


@pytest.mark.parametrize("above", ["", "Sales;of;the;shop\n"])
def test_rows_that_end_in_one_delimiter_more_are_read(
    tmp_path: Path, above: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    rows = [";".join(map(str, line)) + ";" for line in LINES]
    file.write_text(above + text_of(";".join(HEADER), *rows), encoding="utf-8")
    source, counts = written(file)
    assert counts == (2, 0) and source.tables["lines"].preamble == bool(above)
    assert "a delimiter behind the last value of each row, which is skipped" in " ".join(
        capsys.readouterr().out.split()
    )


def test_rows_that_do_not_fit_the_header_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text_of(";".join(HEADER), *(";".join(map(str, line)) + ";x" for line in LINES)), encoding="utf-8")
    assert main(["init", str(file), "--company", str(tmp_path / "company")]) == 2
    assert "a.csv: the header has 6 values, the rows 7. Export it again." in capsys.readouterr().err


def workbook(file: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(file)
    return file


SUMMARY = [["Month", "Total"], ["January", 56.6], ["February", 56.6], ["March", 56.6], ["April", 56.6]]


@pytest.mark.parametrize("above", [[], [["Sales of the shop"], []]])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_sheet_of_another_layout_is_left_out_and_told(
    tmp_path: Path, above: list[list[str]], is_first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    months = {f"Sales {month}": [*above, HEADER, *LINES] for month in ("2025-01", "2025-02")}
    others = {"Summary": SUMMARY, "Table3": []}
    file = workbook(tmp_path / "a.xlsx", {**others, **months} if is_first else {**months, **others})
    source, counts = written(file)
    assert counts == (4, 0) and source.tables["lines"].sheets == ("Sales *-*",)
    said = " ".join(capsys.readouterr().out.split())
    assert 'sheets "Sales 2025-01", "Sales 2025-02"; not read, as the columns are others: "Summary", "Table3"' in said


def test_one_sheet_of_several_is_read_by_its_name(tmp_path: Path) -> None:
    source, counts = written(workbook(tmp_path / "a.xlsx", {"Sheet1": [HEADER, *LINES], "Sheet2": SUMMARY}))
    assert counts == (2, 0) and source.tables["lines"].sheets == ("Sheet1",)


def test_sheets_with_a_column_more_are_read_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheets = {"January": [HEADER, *LINES], "February": [[*HEADER, "Note"], *([*line, "x"] for line in LINES)]}
    source, counts = written(workbook(tmp_path / "a.xlsx", sheets))
    assert counts == (4, 0) and source.tables["lines"].sheets == ("*",)
    assert "2 sheets, all of them read" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("name", "pattern", "later"),
    [
        ("Umsatz 01.01.2025-28.02.2025.csv", "Umsatz*.csv", "Umsatz 01.03.2025-31.03.2025.csv"),
        ("account.move.xlsx", "account.move*.xlsx", "account.move (1).xlsx"),
        ("sales.2025-01.CSV.gz", "sales.*.CSV.gz", "sales.2025-02.csv.gz"),
        ("sales.v2.zip", "sales.v*.zip", "sales.v3.zip"),
        ("sales.jsonl.zip", "sales*.jsonl.zip", "sales_2.jsonl.zip"),
        ("orders_2025.parquet", "orders*.parquet", "orders_2026.parquet"),
        ("12.05.tsv", "12.05*.tsv", "12.05 (1).tsv"),
    ],
)
def test_a_pattern_of_a_name_fits_the_next_export(tmp_path: Path, name: str, pattern: str, later: str) -> None:
    assert patterns([Sample(tmp_path / name, (), (), {})], tmp_path.resolve()) == [pattern]
    for file in (name, later):
        (tmp_path / file).touch()
    assert set(find_files([pattern], tmp_path)) == {name, later}


def test_a_file_of_blank_lines_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_bytes(b"\n\n\n")
    assert main(["init", str(tmp_path / "a.csv"), "--company", str(tmp_path / "company")]) == 2
    assert "a.csv: " in capsys.readouterr().err


def test_an_empty_list_shows_no_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text("[]", encoding="utf-8")
    assert main(["init", str(tmp_path / "a.json"), "--company", str(tmp_path / "company")]) == 2
    assert "a.json: the list in it is empty, and shows no columns" in capsys.readouterr().err
