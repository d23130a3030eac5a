"""What `loyalty sources check` finds, without loading anything."""

import gzip
from pathlib import Path

import openpyxl

from tests.warehouse.ingest.landing import Landing
from warehouse.ingest.check import check_source

REQUIRED = {"columns": {"id": {"required": True}}}


def found(here: Landing) -> list[tuple[str, str | None, str | None]]:
    return [(finding.level, finding.table, finding.file) for finding in check_source(here.source, here.settings)]


def test_all_problems_at_once(tmp_path: Path) -> None:
    here = Landing(
        tmp_path,
        {
            "text": {"files": ["*.csv", "*.csv.gz"], **REQUIRED},
            "typed": {"files": "*.parquet", **REQUIRED},
            "json": {"files": "*.jsonl", **REQUIRED},
            "book": {"files": "*.xlsx", **REQUIRED},
            "absent": {"files": "*.ndjson", **REQUIRED},
            "maybe": {"files": "maybe/*.csv", "optional": True, **REQUIRED},
        },
    )
    here.write("1-good.csv", "id\n1\n")
    here.write("2-empty.csv", "")
    here.write("3-other.csv", "name\n1\n")
    here.write("4-cut.csv.gz", gzip.compress(b"id\n" * 100)[:-9])
    here.write("1-good.jsonl", 'broken\n{"id": 1}\n')
    here.write("2-other.jsonl", '{"name": 1}\n')
    here.write_parquet("1-good.parquet", "select 1 as id, 2 as extra")
    here.write_parquet("2-other.parquet", "select 1 as name")
    here.write("3-cut.parquet", (here.folder / "1-good.parquet").read_bytes()[:-10])
    here.write("EXPORT.DAT", "id\n1\n")
    book = openpyxl.Workbook()
    book.create_sheet("second")
    book.save(here.folder / "book.xlsx")
    assert found(here) == [
        ("error", "text", "2-empty.csv"),
        ("error", "text", "3-other.csv"),
        ("error", "text", "4-cut.csv.gz"),
        ("note", "typed", "1-good.parquet"),
        ("error", "typed", "2-other.parquet"),
        ("error", "typed", "3-cut.parquet"),
        ("error", "json", "2-other.jsonl"),
        ("error", "book", "book.xlsx"),
        ("error", "absent", None),
        ("note", None, "EXPORT.DAT"),
    ]
    assert not here.settings.warehouse_path.exists()


def test_a_missing_folder_or_package_is_the_only_finding(tmp_path: Path) -> None:
    here = Landing(tmp_path, {"lines": {"files": "*.csv"}})
    here.folder.rmdir()
    [finding] = check_source(here.source, here.settings)
    assert finding.is_error and "LOYALTY_INPUT_PATH_TILL" in str(finding)
    here = Landing(tmp_path, {"lines": {"files": "*.csv"}}, package="no_such_package")
    [finding] = check_source(here.source, here.settings)
    assert "the package no_such_package is not installed" in str(finding)


def test_nothing_to_say_is_an_empty_list(tmp_path: Path) -> None:
    here = Landing(tmp_path, {"lines": {"files": "*.csv", **REQUIRED}})
    here.write("a.csv", "ID\n1\nragged,line\n")
    assert check_source(here.source, here.settings) == []
