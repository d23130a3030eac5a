"""JSON as lines and as a list: what is a row, what is rejected, and that nothing is lost in between."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError
from warehouse.ingest.check import check_source
from warehouse.ingest.formats import csv as csv_format
from warehouse.ingest.formats import json as json_format
from warehouse.ingest.formats.json import split_json

Make = Callable[..., Landing]
SCALARS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def verdicts(here: Landing) -> list[tuple[int, str]]:
    return [(row, reason) for _, row, reason, _ in here.rejected()]


def split(content: bytes, folder: Path) -> list[str]:
    path = folder / "a.json"
    path.write_bytes(content)
    sound = io.BytesIO()
    split_json(path, sound, io.BytesIO())
    return sound.getvalue().decode().splitlines()


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_is_read_as_rows(
    landing: Make, indent: int | None, pack: Callable[[bytes], bytes], encoding: str
) -> None:
    here = landing(files=["*.json", "*.json.gz"], columns={"id": {"required": True}, "total": {}, "tags": {}})
    rows = [
        {"id": 1, "total": 26.7, "tags": ["a", {"b": "],"}]},
        {"id": "2", "note": 'say "x", {y}\\'},
        {"id": "3 Müller", "total": None},
    ]
    text = "\n" + json.dumps(rows, indent=indent, ensure_ascii=False) + "\n"
    here.write("a.json.gz" if pack is gzip.compress else "a.json", pack(text.encode(encoding)))
    assert [one for one in check_source(here.source, here.settings) if one.is_error] == []
    report = here.load()
    assert (report.rows_read, report.rows_loaded, report.rows_malformed) == (3, 3, 0)
    assert here.rows("id, total, tags, note, _row_number") == [
        ("1", "26.7", '["a",{"b":"],"}]', None, 1),
        ("2", None, None, 'say "x", {y}\\', 2),
        ("3 Müller", None, None, None, 3),
    ]


def test_elements_that_are_no_rows_are_rejected_by_their_place(landing: Make) -> None:
    deep = "[" * 101 + "]" * 101
    elements = [
        b'4, {"id": 1}', b'{"id": 2, "id": 3}', b"[5]", b'{"id": "\0"}', b'{"id": "\xe9"}',
        b'{"id": %b}' % deep.encode(), b'{"id" 6}', b'{"id": 7} {"id": 8}', b'"a, [b"', b'{"id": 9}',
    ]  # fmt: skip
    here = landing(files="*.json", columns={"id": {"required": True}})
    here.write("a.json", b"[" + b",\n".join(elements) + b",]")
    report = here.load()
    assert here.rows("id, _row_number") == [("1", 2), ("9", 11)]
    assert verdicts(here) == [
        (1, "not a JSON object"),
        (3, "a key that comes twice"),
        (4, "not a JSON object"),
        (5, "a NUL byte"),
        (6, "not utf-8: byte 0xe9"),
        (7, "nested deeper than 100 levels"),
        (8, "not a JSON object"),
        (9, "not a JSON object"),
        (10, "not a JSON object"),
    ]
    assert (report.rows_read, report.rows_loaded, report.rows_malformed) == (11, 2, 9)


def test_an_empty_list_is_a_day_without_orders(landing: Make) -> None:
    here = landing(files="*.json", columns={"id": {"required": True}})
    here.write("a.json", " []\n")
    assert [one for one in check_source(here.source, here.settings) if one.is_error] == []
    report = here.load()
    assert (report.rows_read, report.files_new) == (0, ("a.json",))


def test_an_element_longer_than_a_mebibyte_is_rejected(landing: Make) -> None:
    here = landing(files="*.json", columns={"id": {"required": True}})
    here.write("a.json", json.dumps([{"id": 1}, {"id": "x" * (csv_format.RECORD_LIMIT_BYTES + 1)}, {"id": 3}]))
    here.load()
    assert here.rows("id, _row_number") == [("1", 1), ("3", 3)]
    assert verdicts(here) == [(2, "longer than a mebibyte")]


def test_a_list_on_the_first_of_several_lines_is_a_malformed_line(landing: Make) -> None:
    here = landing(files="*.jsonl", columns={"id": {"required": True}})
    here.write("a.jsonl", '[{"id": 1}]\n{"id": 2}\n')
    here.load()
    assert here.rows("id, _row_number") == [("2", 2)]
    assert verdicts(here) == [(1, "not a JSON object on one line")]


@pytest.mark.parametrize(
    "content",
    [
        b'[{"id": 1}, {"id": 2}',
        b'[{"id": 1},',
        b'[{"id": 1}, {"id": "2}]',
        b'[{"id": 1}, {"id": [2}]',
        b'[{"id": 1}}',
        b'[{"id": 1}] x',
        b'[\n{"id": 1}\n]\n{"id": 2}\n',
    ],
)
def test_a_list_that_is_broken_is_refused(landing: Make, content: bytes) -> None:
    """What stands behind the fault could not be counted, so that more than a row would be lost."""
    here = landing(files="*.json", columns={"id": {"required": True}})
    here.write("a.json", content)
    with pytest.raises(UserError, match=r"a\.json: the list in it is cut off, or a bracket or quote of it is"):
        here.load()


@pytest.mark.parametrize("content", ["[1, 2]", '{\n"orders": [\n{"id":\n1}]}', "[{}]", '"x"\n'])
def test_a_file_without_an_object_is_refused_in_words(landing: Make, content: str) -> None:
    here = landing(files="*.json", columns={"id": {"required": True}})
    here.write("a.json", content)
    (found,) = check_source(here.source, here.settings)
    assert found.is_error and "no row could be found" in found.message
    with pytest.raises(
        UserError, match=r"a\.json: no row could be found: of JSON, rows are the objects of a list, or one"
    ):
        here.load()


def test_an_element_may_span_pieces_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps([{"id": n, "note": 'a "b", [c]\\', "tags": [[n], {}]} for n in range(50)]).encode()
    whole = split(content, tmp_path)
    assert len(whole) == 50
    for size in (1, 7, 64):
        monkeypatch.setattr(csv_format, "CHUNK_BYTES", size)
        # how a file begins is told by its first piece
        monkeypatch.setattr(json_format, "_is_list", lambda *_: True)
        assert split(content, tmp_path) == whole


@given(st.lists(VALUES), st.sampled_from([None, 1]), st.booleans())
def test_no_element_of_any_list_is_lost(
    tmp_path_factory: pytest.TempPathFactory, values: list[object], indent: int | None, is_ascii: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_bytes(text)
    found = [
        (number, json.loads(content)) for number, content in json_format._records(path, "utf-8", csv_format.LIMITS)
    ]
    assert found == list(enumerate(values, 1))
