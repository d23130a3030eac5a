"""Files as programs write them, and files that are damaged or too much: read, or refused in words that help."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError
from warehouse.ingest.check import check_source
from warehouse.ingest.row_reports import load_sentences

Make = Callable[..., Landing]
TEXT = "id,name\n1,Jürgen 张三\n2,Zoë\n"


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", TEXT.encode("utf-16")),
        ("utf-16-le", TEXT.encode("utf-16-le")),
        ("utf-16-be", TEXT.encode("utf-16-be")),
        ("gb18030", TEXT.encode("gb18030")),
        ("utf-8", ("\ufeff" + TEXT).encode()),
    ],
)
def test_encodings(landing: Make, encoding: str, content: bytes) -> None:
    here = landing(encoding=encoding)
    here.write("a.csv", content)
    here.load()
    assert here.rows("id, name, _row_number") == [("1", "Jürgen 张三", 2), ("2", "Zoë", 3)]


def test_letters_that_hold_the_bytes_of_others(landing: Make) -> None:
    """In gb18030 and Shift-JIS a second byte may be that of | or a backslash."""
    here = landing(encoding="shift_jis", delimiter="|")
    here.write("a.csv", "id|name\n1|ソポ能\n".encode("shift_jis"))
    here.load()
    assert here.rows("id, name") == [("1", "ソポ能")]


def test_a_byte_that_is_no_text_costs_its_line(landing: Make) -> None:
    here = landing(encoding="gb18030")
    here.write("a.csv", "id,name\n1,张\n".encode("gb18030") + b"2,\xff\n3,x\n")
    here.load()
    assert [row for (row,) in here.rows("id")] == ["1", "3"]
    assert [(row, reason) for _, row, reason, _ in here.rejected()] == [(3, "not gb18030")]


@pytest.mark.parametrize(
    ("content", "table", "message"),
    [
        (b"sep=;\nid;v\n1;2\n", {}, r'line 1 is Excel\'s separator hint "sep=;"\. Say `delimiter: ";"`'),
        ("id,v\n1,2\n".encode("utf-16-le"), {}, "the file is UTF-16 without a mark. Say `encoding: utf-16-le`"),
        ("id,备注\n1,好\n".encode("gb18030"), {}, "line 1: the header is not utf-8: .* try `encoding: gb18030`"),
        ("id,Größe\n1,2\n".encode("cp1252"), {}, "line 1: the header is not utf-8: byte 0xf6; try `encoding: cp1252`"),
        (b"id,a\0b\n1,2\n", {}, "column 2 has a NUL byte in its name"),
        (b"Jane Doe,jane@example.org\nJoe,joe@example.org\n", {"columns": {"id": {}}}, '"xxxx xxx", "xxxx@xx.* Does'),
    ],
)  # fmt: skip
def test_words_for_files_that_are_refused(landing: Make, content: bytes, table: dict[str, Any], message: str) -> None:
    here = landing(**table)
    here.write("a.csv", content)
    with pytest.raises(UserError, match=message):
        here.load()


def test_the_separator_hint_is_skipped_where_it_is_true(landing: Make) -> None:
    here = landing(delimiter=";")
    here.write("a.csv", b"\xef\xbb\xbfsep=;\r\nid;v\r\n1;2\r\n")
    here.load()
    assert here.rows("id, v, _row_number") == [("1", "2", 3)]


def test_texts_that_are_written_as_formulas_are_what_excel_shows(landing: Make) -> None:
    here = landing(columns={"paid": {"type": "decimal(18,4)"}})
    here.write("a.csv", 'id,paid,note\n="00123","=""4.50""",a="1"\n"=""7""",3,=\n')
    here.load()
    assert here.rows("id, cast(paid as varchar), note") == [("00123", "4.50", 'a="1"'), ("7", "3", "=")]


def test_a_run_says_what_is_wrong_with_lines(landing: Make) -> None:
    here = landing(columns={"id": {}, "v": {}})
    here.write("a.csv", "id,v\n1,größe\n2,größer\n".encode("cp1252"))
    report = here.load()
    with here.warehouse() as connection:
        told = load_sentences(connection, report)
    assert len(told) == 1
    assert told[0].startswith(
        'till.lines: 2 lines read, 0 loaded, 2 malformed ("not utf-8: byte 0xf6; try `encoding: cp1252`" (a.csv row'
    )


def test_a_run_says_that_a_file_holds_no_row(landing: Make) -> None:
    here = landing(columns={"id": {}, "v": {}})
    here.write("a.csv", "id,v\n")
    with here.warehouse() as connection:
        assert load_sentences(connection, here.load()) == ["till.lines: 0 lines read (a.csv)"]
        assert load_sentences(connection, here.load()) == [], "it is known"


def limited(here: Landing, **limits: Any) -> Landing:
    here.settings = here.settings.model_copy(update={"ingest": here.settings.ingest.model_copy(update=limits)})
    return here


@pytest.mark.parametrize(
    ("name", "content", "limits", "message"),
    [
        (
            "a.csv",
            b",".join(b"c%d" % i for i in range(5000)) + b"\n1\n",
            {},
            "5,000 columns, and a table may have 1,000",
        ),
        (
            "a.csv.gz",
            gzip.compress(b"a,b\n" + b"x\n" * 50, mtime=0),
            {"malformed_lines": 20},
            "more than 20 lines are malformed",
        ),
        (
            "a.csv.gz",
            gzip.compress(b"a\n" * 10**6, mtime=0),
            {"unpacked_gigabytes": 0.001},
            "more than 0.001 GB of text",
        ),
    ],
)
def test_limits(landing: Make, name: str, content: bytes, limits: dict[str, Any], message: str) -> None:
    here = limited(landing(files=["*.csv", "*.csv.gz"]), **limits)
    here.write(name, content)
    with pytest.raises(UserError, match=message):
        here.load()


def test_values_that_lie_too_deep_are_rejected(landing: Make) -> None:
    here = landing(files="*.jsonl", columns={"id": {}})
    deep = "[" * 20_000 + "]" * 20_000
    here.write("a.jsonl", f'{{"id": 1}}\n{{"id": {deep}}}\n{{"id": "[[[[["}}\n')
    assert [finding for finding in check_source(here.source, here.settings) if finding.is_error] == []
    here.load()
    assert [row for (row,) in here.rows("id")] == ["1", "[[[[["]
    assert [reason for _, _, reason, _ in here.rejected()] == ["nested deeper than 100 levels"]


def test_columns_of_json_need_names(landing: Make) -> None:
    here = landing(files="*.jsonl")
    here.write("a.jsonl", '{"": 1, "a": {"": 2}, "b\\u0000": 3}\n')
    with pytest.raises(UserError, match="NUL byte in its name"):
        here.load()


def test_a_column_may_be_called_like_the_readers_own(landing: Make) -> None:
    here = landing(files="*.parquet")
    here.write_parquet("1.parquet", "select i as file_row_number from range(7, 10) as r(i)")
    here.load()
    assert here.rows("file_row_number, _row_number") == [(7, 1), (8, 2), (9, 3)]


def _book(path: Path) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["id"])
    book.active.append([1])
    book.save(path)
    return path


@pytest.mark.parametrize("damage", ["cut", "middle", "workbook", "sheet", "text"])
def test_damaged_workbooks_are_named(landing: Make, tmp_path: Path, damage: str) -> None:
    here = landing(files="*.xlsx")
    whole = _book(tmp_path / "whole.xlsx").read_bytes()
    target = here.folder / "a.xlsx"
    if damage in ("cut", "middle", "text"):
        target.write_bytes(
            {"cut": whole[:-40], "middle": whole[:300] + b"\0" * 2000 + whole[2300:], "text": b"id\n1\n"}[damage]
        )
    else:
        part = {"workbook": "xl/workbook.xml", "sheet": "xl/worksheets/sheet1.xml"}[damage]
        with zipfile.ZipFile(tmp_path / "whole.xlsx") as old, zipfile.ZipFile(target, "w") as new:
            for item in old.infolist():
                new.writestr(item, old.read(item)[:40] if item.filename == part else old.read(item))
    with pytest.raises(UserError, match=r"a\.xlsx: (no Excel workbook|cannot be read as excel)"):
        here.load()


def test_other_columns_are_left_where_they_are(landing: Make) -> None:
    here = landing(columns={"id": {}}, other_columns="ignore")
    here.write("a.csv", "id,email\n1,jane@example.org\n")
    assert here.load().new_columns == ()
    assert here.query("select column_name from duckdb_columns() where schema_name = 'raw_till' order by 1") == [
        ("_batch_id",), ("_file",), ("_row_number",), ("id",),
    ]  # fmt: skip
