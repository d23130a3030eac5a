"""Which records of a delimited file are sound, and where they stand."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.errors import UserError
from warehouse.ingest.formats import csv as csv_format
from warehouse.ingest.formats.csv import Splitter, Tally


def split(
    content: bytes, folder: Path, name: str = "a.csv", **dialect: str
) -> tuple[Tally, list[str], list[list[str]]]:
    """The tally, the sound records with their line numbers, and the malformed ones."""
    path = folder / name
    path.write_bytes(content)
    sound, malformed = io.BytesIO(), io.BytesIO()
    tally = Splitter(**dialect).split(path, sound, malformed)
    rejected = list(csv.reader(io.StringIO(malformed.getvalue().decode(), newline="")))
    return tally, sound.getvalue().decode().splitlines(), rejected


def verdicts(content: bytes, folder: Path, **dialect: str) -> tuple[list[str], list[tuple[int, str]]]:
    _, sound, rejected = split(content, folder, **dialect)
    return sound, [(int(number), reason) for number, reason, _ in rejected]


@pytest.mark.parametrize(
    ("body", "sound", "malformed"),
    [
        (b"1,2,3\n4,5,6", ["2,1,2,3", "3,4,5,6"], []),
        (b"1,2,3\r\n4,5,6\r\n", ["2,1,2,3", "3,4,5,6"], []),
        (b"1,2,3\n4,5,6\r\n", ["2,1,2,3", "3,4,5,6"], []),
        (b"\n1,2,3\n\r\n\n4,5,6\n\n", ["3,1,2,3", "6,4,5,6"], []),
        (b"1,2\n4,5,6\n", ["3,4,5,6"], [(2, "3 values expected, 2 found")]),
        (b"4,5,6\n1,2,3,\n", ["2,4,5,6"], [(3, "3 values expected, 4 found")]),
        (b"1,2,3,4\n4,5,6,\n", [], [(2, "3 values expected, 4 found"), (3, "3 values expected, 4 found")]),
        (b'1,"2",3\n', ['2,1,"2",3'], []),
        (b'1, "2" ,3\n', ["2,1,2,3"], []),
        ('1,"Müller",3\n'.encode(), ['2,1,"Müller",3'], []),
        (b'1,"a,b",3\n', ['2,1,"a,b",3'], []),
        (b'1, "a,b" ,3\n', ['2,1,"a,b",3'], []),
        (b'1,"say ""hi""",3\n', ['2,1,"say ""hi""",3'], []),
        (b'1,5" pipe,3\n', ['2,1,"5"" pipe",3'], []),
        (b'1,"x"y,3\n4,5,6\n', ["3,4,5,6"], [(2, "text behind a closing quote")]),
        (b'1,"x,3\n4,5,6\n', ["3,4,5,6"], [(2, "a quote is not closed")]),
        (b'4,5,6\n1,2,"x\n', ["2,4,5,6"], [(3, "a quote is not closed")]),
        (b'1,"x,3\n4,"y",6\n', ['3,4,"y",6'], [(2, "text behind a closing quote")]),
        (b"1,\xe9,3\n4,5,6\n", ["3,4,5,6"], [(2, "not utf-8: byte 0xe9; try `encoding: cp1252`")]),
        (b"1,a\0b,3\n4,5,6\n", ["3,4,5,6"], [(2, "a NUL byte")]),
        (b"1,a\rb,3\n4,5,6\n", ["3,4,5,6"], [(2, "a carriage return that ends no line")]),
        (b"  \n4,5,6\n", ["3,4,5,6"], [(2, "3 values expected, 1 found")]),
        (b",,\n", ["2,,,"], []),
        (b"1;2;3\n", [], [(2, "3 values expected, 1 found")]),
    ],
)
def test_each_line_gets_one_verdict(
    tmp_path: Path, body: bytes, sound: list[str], malformed: list[tuple[int, str]]
) -> None:
    assert verdicts(b"a,b,c\n" + body, tmp_path) == (sound, malformed)


@pytest.mark.parametrize("quoted", [b"", b'"x,y","",\'z\',\n'])
@pytest.mark.parametrize("chunk", [3, 20, 1 << 20])
@pytest.mark.parametrize("feed", [b"\n", b"\r\n"])
def test_a_delimiter_behind_the_last_value_is_told_by_the_first_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quoted: bytes, chunk: int, feed: bytes
) -> None:
    """A record of as many values as the header whose last one is empty lacks one: it is not read with a gap."""
    monkeypatch.setattr(csv_format, "CHUNK_BYTES", chunk)
    body = b"\n1,2,3,\n4,,,\n7,8,9\n,,,\n1,2,\n1,2,3,,\n,\n" + quoted
    sound, malformed = verdicts(b"a,b,c\n" + body.replace(b"\n", feed), tmp_path)
    assert sound == ["3,1,2,3", "4,4,,", "5,7,8,9", "6,,,", *(['10,"x,y","",\'z\''] if quoted else [])]
    assert malformed == [
        (7, "3 values expected, 2 found"),
        (8, "3 values expected, 4 found"),
        (9, "3 values expected, 1 found"),
    ]


def test_the_first_record_that_can_be_told_tells_the_ending(tmp_path: Path) -> None:
    assert verdicts(b'a,b\n1,"x"y,\n1,2,\n', tmp_path) == (["3,1,2"], [(2, "text behind a closing quote")])
    assert verdicts('a;b\n1;Müller;\n2;"ß";\n'.encode("cp1252"), tmp_path, delimiter=";", encoding="cp1252") == (
        ["2;1;Müller", "3;2;ß"],
        [],
    )


def test_line_numbers_count_line_breaks_inside_quotes(tmp_path: Path) -> None:
    tally, sound, rejected = split(b'a,b\n1,"x\ny\r\nz"\n2,plain\n3,"p\nq",too much\n4,e\n', tmp_path)
    assert sound[0] == '2,1,"x' and sound[-2:] == ["5,2,plain", "8,4,e"]
    assert rejected == [["6", "2 values expected, 3 found", '3,"p\nq",too much']]
    assert (tally.sound, tally.malformed, tally.multiline) == (3, 1, 1)


def test_the_fast_way_and_the_careful_way_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks without oddities take another path through the code; a quote elsewhere must not change a verdict."""
    body = b"".join(b"%d,x%d,%s\n" % (i, i, b"z" if i % 97 else b"z,superfluous") for i in range(2000))
    monkeypatch.setattr(csv_format, "CHUNK_BYTES", 500)
    fast = verdicts(b"a,b,c\n" + body, tmp_path)
    monkeypatch.setattr(Splitter, "_is_plain", lambda *_: False)
    careful = verdicts(b"a,b,c\n" + body, tmp_path)
    assert fast == careful
    assert len(fast[0]) == 1979 and len(fast[1]) == 21


def test_a_record_may_span_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'a,b\n1,"' + b"\n".join([b"long text"] * 40) + b'"\n2,short\n'
    whole = split(content, tmp_path)
    monkeypatch.setattr(csv_format, "CHUNK_BYTES", 7)
    assert split(content, tmp_path)[1:] == whole[1:]
    assert whole[0].multiline == 1


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "RECORD_LIMIT_BYTES", 1000)
    content = b'a,b\n1,"open\n' + b"2,two\n" * 5000
    sound, malformed = verdicts(content, tmp_path)
    assert len(sound) == 5000
    assert malformed == [(2, "a quote is not closed within a mebibyte")]


def test_overlong_records_are_malformed(tmp_path: Path) -> None:
    content = b"a,b\n1,2\n3," + b"x" * (csv_format.RECORD_LIMIT_BYTES + 1) + b"\n4,5\n"
    assert verdicts(content, tmp_path) == (["2,1,2", "4,4,5"], [(3, "longer than a mebibyte")])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_header_is_found_behind_a_mark_and_blank_lines(tmp_path: Path, mark: bytes) -> None:
    tally, sound, _ = split(mark + b'\n"Invoice ", "Customer ID"\n1,2\n', tmp_path)
    assert tally.header == ["Invoice", "Customer ID"]
    assert sound == ["3,1,2"]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso-8859-15", "windows-1250"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf_8_is_not_read_as_something_else(tmp_path: Path, encoding: str, mark: bytes) -> None:
    with pytest.raises(
        UserError, match=f"the file is UTF-8, and the table in the source's YAML says `encoding: {encoding}`"
    ):
        verdicts(mark + "a;b\n1;Müller\n".encode(), tmp_path, delimiter=";", encoding=encoding)


def test_other_encodings_and_delimiters(tmp_path: Path) -> None:
    content = "a;b\nMüller;3,50\n".encode("latin-1")
    assert verdicts(content, tmp_path, delimiter=";", encoding="latin-1")[0] == ["2;Müller;3,50"]


@pytest.mark.parametrize("second", [b"n,id,day", b'"n","id", "day"\r'])
def test_a_second_header_in_another_order_is_refused(tmp_path: Path, second: bytes) -> None:
    with pytest.raises(UserError, match=r"line 3 names the columns again, in another order"):
        split(b"id,n,day\n1,2,3\n" + second + b"\n5,4,3\n", tmp_path)
    again, _ = verdicts(b"id,n,day\n1,2,3\nid,n,day\n4,5,6\n", tmp_path)
    assert again == ["2,1,2,3", "3,id,n,day", "4,4,5,6"]


@pytest.mark.parametrize("first", [b"1,a,2,", b'1,"a",2,'])
def test_a_header_that_lacks_a_name_is_no_ending(tmp_path: Path, first: bytes) -> None:
    rows = first + b"\n2,b,3,\n"
    assert verdicts(b"id,name,n\n" + rows, tmp_path)[1] == []
    with pytest.raises(UserError, match="line 4 has a value behind the last column, and the first record none"):
        split(b"id,name,n\n" + rows + b"3,c,4,5\n", tmp_path)


def test_gzip_is_unpacked_and_a_cut_file_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    _, sound, _ = split(packed, tmp_path, "a.csv.gz")
    assert len(sound) == 1000
    with pytest.raises(UserError, match=r"a\.csv\.gz: not a whole packed file"):
        split(packed[:-20], tmp_path, "a.csv.gz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\r\n", "no header, only blank lines"),
        ("a,b\n1,2\n".encode("utf-16-le"), "UTF-16"),
        (b"a,b\r1,2\r", "line 1: the header cannot be read: a carriage return that ends no line. Where nothing else"),
        (b"PK\x03\x04" + bytes(90), "its ending says text, but it is a zip archive or an Excel workbook"),
        (b"\x1f\x8b\x08\0" + bytes(90), "but it is packed with gzip. Name it .csv.gz"),
        (b"\n<!DOCTYPE HTML><html>", "but it is a web page"),
        (b'"a,b\n1,2\n', "the header cannot be read: a quote is not closed"),
        (b"a,\xff\n1,2\n", "line 1: the header is not utf-8: byte 0xff"),
    ],
)
def test_files_without_a_header_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        split(content, tmp_path)


def test_utf32_says_so_by_its_mark(tmp_path: Path) -> None:
    _, sound, malformed = split("a,b\n1,ü\n".encode("utf-32"), tmp_path)
    assert (sound, malformed) == (["2,1,ü"], [])


def test_endless_lines_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "LINE_LIMIT_BYTES", 1 << 20)
    with pytest.raises(UserError, match="this is no text file"):
        split(b"a,b\n" + b"x" * (5 << 20), tmp_path)


RAGGED = st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")), max_size=30)


@given(RAGGED)
def test_no_line_of_any_bytes_is_lost(tmp_path_factory: pytest.TempPathFactory, garbage: list[bytes]) -> None:
    """Every line that is not blank is part of exactly one sound or malformed record, in the file's order."""
    folder = tmp_path_factory.getbasetemp()
    tally, _, rejected = split(b"a,b\n" + b"".join(line + b"\n" for line in garbage), folder)
    sound_numbers = [number for number, _ in _numbered(folder / "a.csv")]
    rejected_numbers = [int(number) for number, _, _ in rejected]
    starts = sorted(sound_numbers + rejected_numbers)
    assert len(starts) == len(set(starts)) == tally.sound + tally.malformed
    assert not {*sound_numbers} & {*rejected_numbers}
    covered = _covered(folder / "a.csv", rejected)
    blank = {i for i, line in enumerate(garbage, 2) if line.rstrip(b"\r") == b""}
    assert covered | blank == set(range(2, len(garbage) + 2)) | blank


def _numbered(path: Path) -> list[tuple[int, int]]:
    """Line number and count of physical lines of every sound record, from the scratch file alone."""
    sound = io.BytesIO()
    Splitter().split(path, sound, io.BytesIO())
    text = sound.getvalue().decode()
    return [(int(row[0]), 1 + sum(value.count("\n") for value in row[1:])) for row in csv.reader(io.StringIO(text, ""))]


def _covered(path: Path, rejected: list[list[str]]) -> set[int]:
    extents = _numbered(path) + [(int(number), 1 + record.count("\n")) for number, _, record in rejected]
    return {line for number, extent in extents for line in range(number, number + extent)}
