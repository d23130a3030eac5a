"""Mangled data files of every format: each ends in rows, in rejected lines or in one sentence that names the file."""

import gzip
import io
import random
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import duckdb
import openpyxl
import pytest

from tests.support.messages import FORBIDDEN
from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError
from warehouse.ingest.check import check_source

TABLE = {
    "columns": {
        "id": {"required": True}, "sold": {"type": "timestamp"}, "amount": {"type": "decimal(18, 4)"},
        "pieces": {"type": "bigint"}, "note": {},
    },
    "other_columns": "ignore", "date_order": "dmy", "decimal_mark": ".",
}  # fmt: skip
ROWS = [
    {"id": f"L{number:04}", "sold": f"2024-05-{number % 28 + 1:02} 10:00:00", "amount": f"{number}.25",
     "pieces": str(number), "note": ("Käse", "plain", 'say "cheese"', "a;b,c", "two\nlines")[number % 5]}
    for number in range(60)
]  # fmt: skip
JUNK = [
    b"\0",
    b"\xff\xfe",
    b'"',
    b"\n",
    b"\r",
    b",",
    b";",
    b"{",
    b"[",
    b"\\",
    b"\x1b[31m",
    b"'",
    b"\xc3",
    b"NaN",
    b"1e999",
]
SUITE, CAMPAIGN = 50, 2_000


def as_csv(delimiter: str = ",") -> str:
    text = io.StringIO()
    text.write(delimiter.join(ROWS[0]) + "\n")
    for row in ROWS:
        values = (value.replace('"', '""') for value in row.values())
        text.write(delimiter.join(f'"{value}"' for value in values) + "\n")
    return text.getvalue()


def as_json_lines() -> bytes:
    lines = ("{" + ", ".join(f'"{name}": {quoted(value)}' for name, value in row.items()) + "}" for row in ROWS)
    return "\n".join(lines).encode()


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def as_zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lines.csv", as_csv())
    return packed.getvalue()


def as_workbook() -> bytes:
    book, packed = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(ROWS[0]))
    for row in ROWS:
        sheet.append(list(row.values()))
    book.save(packed)
    return packed.getvalue()


def as_parquet(folder: Path) -> bytes:
    path = folder / "whole.parquet"
    with duckdb.connect() as connection:
        connection.execute("create table t (id text, sold timestamp, amount decimal(18, 4), pieces bigint, note text)")
        connection.executemany("insert into t values (?, ?, ?, ?, ?)", [list(row.values()) for row in ROWS])
        connection.execute(f"copy t to '{path}' (format parquet)")
    return path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The same rows in every format, by file name."""
    lines = as_json_lines()
    return {
        "a.csv": as_csv().encode(), "semicolons.csv": as_csv(";").encode(), "latin.csv": as_csv().encode("cp1252"),
        "wide.csv": as_csv().encode("utf-16"), "a.tsv": as_csv("\t").encode(),
        "a.csv.gz": gzip.compress(as_csv().encode()), "a.zip": as_zip(), "a.jsonl": lines,
        "a.jsonl.gz": gzip.compress(lines),
        "a.json": b"[" + lines.replace(b"}\n{", b"},\n{") + b"]", "a.xlsx": as_workbook(),
        "a.parquet": as_parquet(tmp_path_factory.mktemp("whole")),
    }  # fmt: skip


def mangled(content: bytes, draw: random.Random) -> bytes:
    """The content with some of its bytes changed, left out, doubled or put in."""
    for _ in range(draw.choice([1, 1, 2, 5, 40])):
        start = draw.randrange(len(content) + 1)
        end = min(len(content), start + draw.choice([1, 1, 4, 50, 3_000]))
        change = draw.randrange(6)
        if change == 0:
            content = content[:start] + content[end:]
        elif change == 1:
            content = content[:start] + draw.randbytes(end - start) + content[end:]
        elif change == 2:
            content = content[:end] + content[start:]
        elif change == 3:
            content = content[:start] + draw.choice(JUNK) * draw.choice([1, 2, 100]) + content[start:]
        elif change == 4 and start < len(content):
            content = content[:start] + bytes([content[start] ^ 1 << draw.randrange(8)]) + content[start + 1 :]
        elif draw.random() < 0.2:
            content = content[:start]
    return content


def expect_a_sentence(error: UserError, path: Path, seed: int) -> None:
    text = str(error)
    lines = text.splitlines()
    assert lines and all(line.isprintable() for line in lines), (seed, text)
    assert path.name in lines[0] or "till" in lines[0], (seed, text)
    assert not FORBIDDEN.search(text) and max(map(len, lines)) < 1_000, (seed, text)


def outcome(root: Path, whole: dict[str, bytes], seed: int) -> str:
    """What becomes of one mangled file: it is refused, or rows of it are loaded, or none."""
    draw = random.Random(seed)
    name = draw.choice(sorted(whole))
    content = mangled(whole[name if draw.random() < 0.95 else draw.choice(sorted(whole))], draw)
    shutil.rmtree(root, ignore_errors=True)
    here = Landing(root, {"lines": {"files": name, **TABLE}}, in_memory=True)
    path = here.write(name, content)
    try:
        for finding in check_source(here.source, here.settings):
            assert not FORBIDDEN.search(str(finding)), (seed, finding)
        report = here.load()
    except UserError as error:
        expect_a_sentence(error, path, seed)
        assert not here.query("from ops.batches"), seed
        return "refused"
    else:
        assert report.rows_read == report.rows_loaded + report.rows_malformed, seed
        assert len(here.rows()) == report.rows_loaded and len(here.rejected()) == report.rows_malformed, seed
        reasons = {str(reason) for _, _, reason, _ in here.rejected()}
        assert not any(FORBIDDEN.search(reason) or not reason.isprintable() for reason in reasons), (seed, reasons)
        return "loaded" if report.rows_loaded else "empty"
    finally:
        here.close()


def test_a_mangled_file_is_loaded_rejected_by_its_lines_or_refused(tmp_path: Path, whole: dict[str, bytes]) -> None:
    found = Counter(outcome(tmp_path, whole, seed) for seed in range(SUITE))
    assert found["refused"] and found["loaded"] > SUITE // 4


@pytest.mark.parametrize("seed", [209, 234])
def test_what_once_ended_in_a_traceback_is_refused(tmp_path: Path, whole: dict[str, bytes], seed: int) -> None:
    """A zip file whose list names a place outside of it, and a Parquet file of which DuckDB says only what is wrong."""
    assert outcome(tmp_path, whole, seed) == "refused"


@pytest.mark.campaign
def test_two_thousand_mangled_data_files(tmp_path: Path, whole: dict[str, bytes]) -> None:
    found = Counter(outcome(tmp_path, whole, seed) for seed in range(SUITE, CAMPAIGN))
    assert found["refused"] and found["loaded"] > CAMPAIGN // 4
