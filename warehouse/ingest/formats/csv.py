"""Text files, line by line: sound and malformed records, each with its line number.

DuckDB's own CSV reader drops or repairs some malformed lines silently (a trailing delimiter too many, a line after an
unclosed quote), so records are judged here, on bytes: every non-blank line ends up in exactly one sound or one
malformed record. Sound records go to a scratch file, each behind its line number, for DuckDB to read; malformed ones go
to a second scratch file with their reason. The line number is that of the record's first physical line, also behind
values that contain line breaks.

A record is malformed when its number of values is not the header's, when a quote is not closed (the first line
alone is given up, and reading resumes at the next), when text follows a closing quote, or when it holds a NUL byte,
a carriage return outside quotes, bytes that are not in the declared encoding, or more than a mebibyte. Blank lines
are no records. Quotes inside a value that does not start with one are part of the value.

Some programs end every row, but not the header, in one delimiter more. Whether a file is so is told by its first
record, for all of them: then a delimiter at a record's end ends its last value, rather than one more that is empty. If
a later record has a value there, the header lacks a name, values are not under theirs, and the file is refused.
"""

import codecs
import errno
import gzip
import re
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import duckdb

from warehouse.errors import UserError
from warehouse.files import DAMAGED
from warehouse.ingest.columns import letters, wanted_columns
from warehouse.ingest.formats.reading import Reading, Tally, named_columns, scratch_scan, split_to_scratch
from warehouse.ingest.sources import TableConfig
from warehouse.settings import IngestSettings
from warehouse.sql import quote_identifier

CHUNK_BYTES = 1 << 20
RECORD_LIMIT_BYTES = 1 << 20
LINE_LIMIT_BYTES = 1 << 26
REJECTED_TEXT_LIMIT = 1 << 16
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
UTF32_MARKS = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
# What files begin with that are something else, whatever their names say, and what to do.
OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook. Unpack it, or name it .xlsx",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls). Save it as .xlsx or CSV",
    b"%PDF": "a PDF. Export the orders as CSV or Excel",
    b"<!doctype": "a web page, maybe that of a login. Export the file again",
    b"<html": "a web page, maybe that of a login. Export the file again",
    b"<?xml": "XML. Export the orders as CSV or Excel",
    b"\x1f\x8b": "packed with gzip. Name it .csv.gz",
    b"\x89PNG": "a picture. Export the orders as CSV or Excel",
    b"PAR1\x15": "Parquet. Name it .parquet",
}
# In these, no letter holds the byte of a delimiter, a quote or a line feed.
SPLIT_BY_BYTES = {"utf-8", "latin-1", "cp1252"}
# In these a letter beyond ASCII is one byte, and hardly any text is UTF-8 by chance.
ONE_BYTE = ("cp125", "iso8859", "mac")
MARKED = "loyalty_marked"
BARE_RETURN = "a carriage return that ends no line"
# How programs write a text for Excel that it would take for a number: ="00123".
FORMULA = b'="'
EXCEL_HINT = re.compile(rb"sep=(.)", re.IGNORECASE)
LIMITS = IngestSettings()
# So many lines may stand above a header; then it is not looked for any more, and what is missing in it is told.
MOST_PREAMBLE = 100


class Line(NamedTuple):
    """A physical line without its line feed, and its number in the file, from 1."""

    number: int
    content: bytes


class MalformedError(Exception):
    """Why a record cannot be split into its values."""


class _UnclosedError(Exception):
    """The record goes on behind the end of this line, or its quote is never closed."""


def open_text(path: Path) -> BinaryIO:
    """The file's bytes, unpacked if its name ends in .gz, or in .zip with one file in it. Raises UserError."""
    name = path.name.lower()
    if name.endswith(".zip"):
        return _only_member(path)
    return gzip.open(path, "rb") if name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _only_member(path: Path) -> BinaryIO:
    with zipfile.ZipFile(path) as archive:
        names = [one.filename for one in archive.infolist() if not one.is_dir() and not _is_left_by_mac(one.filename)]
        if len(names) != 1:
            raise UserError(f"{path}: {len(names):,} files are in it, and one is expected. Unpack it.")
        try:
            return archive.open(names[0])  # type: ignore[return-value]
        except RuntimeError as error:
            raise UserError(
                f"{path}: locked by a password, or packed in a way that is not known. Unpack it."
            ) from error
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise zipfile.BadZipFile("its list of contents names a place outside of it") from error


def _is_left_by_mac(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.endswith(".DS_Store")


def read_chunks(path: Path, encoding: str = "utf-8", limits: IngestSettings = LIMITS) -> Iterator[tuple[int, bytes]]:
    """Whole lines as (number of the first one, bytes), about a mebibyte at a time, without a byte order mark.

    Text of an encoding whose letters may hold the bytes of others (gb18030, UTF-16) comes as UTF-8; bytes that are not
    valid in that encoding keep a byte that is invalid in UTF-8. Raises UserError for an empty file, undeclared UTF-16
    without a mark, a compressed file that is damaged, truncated or too large when unpacked, and endless lines.
    """
    yield from _whole_lines(read_pieces(path, encoding, limits), path)


def read_pieces(path: Path, encoding: str = "utf-8", limits: IngestSettings = LIMITS) -> Iterator[bytes]:
    """The bytes that `read_chunks` gives, wherever a mebibyte of them ends. Raises UserError as it does, but not for
    lines."""
    try:
        with open_text(path) as stream:
            yield from _chunks(stream, path, encoding, limits)
    except DAMAGED as error:
        raise UserError(
            f"{path}: not a whole packed file ({error}). Was it copied to the end? Export it again."
        ) from error


def _chunks(stream: BinaryIO, path: Path, encoding: str, limits: IngestSettings) -> Iterator[bytes]:
    """The file's bytes in pieces, of the declared encoding, or as UTF-8 where that one cannot be split by its bytes."""
    decoder: codecs.IncrementalDecoder | None = None
    read = 0
    while chunk := stream.read(CHUNK_BYTES):
        if not read:
            encoding = _found_encoding(chunk, path, encoding)
            decoder = None if encoding in SPLIT_BY_BYTES else codecs.getincrementaldecoder(encoding)(MARKED)
            chunk = chunk.removeprefix(UTF8_MARK) if encoding == "utf-8" else chunk
        read += len(chunk)
        if read > limits.unpacked_gigabytes * 1e9:
            raise UserError(
                f"{path}: more than {limits.unpacked_gigabytes:g} GB of text. If that is what it should hold, raise"
                " ingest.unpacked_gigabytes in the settings."
            )
        yield _as_utf8(decoder.decode(chunk)) if decoder else chunk
    if decoder:
        yield _as_utf8(decoder.decode(b"", final=True))


def _as_utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape").removeprefix(UTF8_MARK)


def _mark_fault(error: UnicodeError) -> tuple[str, int]:
    """In the place of bytes that are no text, one that makes the line no UTF-8."""
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


codecs.register_error(MARKED, _mark_fault)


def _found_encoding(start: bytes, path: Path, encoding: str) -> str:
    """The encoding that a file begins in: UTF-16 says so by its mark; without one it has to be declared.

    Raises UserError where a file is not what was declared.
    """
    refuse_other_formats(start, path)
    lines = start[: start.rfind(b"\n") + 1]
    if codecs.lookup(encoding).name.startswith(ONE_BYTE) and not lines.isascii() and is_utf8(lines):
        raise UserError(
            f"{path}: the file is UTF-8, and the table in the source's YAML says `encoding: {encoding}`. Save it as"
            " that, or all files as UTF-8 and leave `encoding` out."
        )
    if start.startswith(UTF32_MARKS):
        return "utf-32"
    if start.startswith(UTF16_MARKS):
        return "utf-16"
    sample = start[:1000]
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if encoding in SPLIT_BY_BYTES and len(sample) >= 8 and sample[first::2].count(0) > len(sample) / 6:
            raise UserError(
                f"{path}: the file is UTF-16 without a mark. Say `encoding: {name}` at the table in the source's"
                " YAML, or save the file as UTF-8."
            )
    return encoding


def is_utf8(lines: bytes) -> bool:
    """Whether bytes, which end with a line, are text in UTF-8."""
    try:
        lines.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def refuse_other_formats(start: bytes, path: Path, others: Mapping[bytes, str] = OTHERS) -> None:
    """Raises UserError where a file that is called text begins as something else does."""
    begins = start[:100].removeprefix(UTF8_MARK).lstrip().lower()
    for beginning, what in others.items():
        if begins.startswith(beginning.lower()):
            raise UserError(f"{path}: its ending says text, but it is {what}.")


def likely_encoding(content: bytes) -> str | None:
    """The most likely encoding of bytes that are not UTF-8, judged by one line."""
    runs = re.findall(rb"[A-Za-z]?[\x80-\xff]+[A-Za-z]?", content)
    try:
        content.decode("gb2312")
        # letters of Chinese take two bytes each, and do not stand between Latin ones as an umlaut does
        if runs and all(len(run) % 2 == 0 and run[0] > 127 and run[-1] > 127 for run in runs):
            return "gb18030"
    except UnicodeDecodeError:
        pass
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return None
    return "cp1252"


def _whole_lines(chunks: Iterator[bytes], path: Path) -> Iterator[tuple[int, bytes]]:
    number, rest = 1, b""
    is_empty = True
    for chunk in chunks:
        is_empty = is_empty and not chunk
        whole, feed, tail = chunk.rpartition(b"\n")
        if feed:
            whole = rest + whole + feed
            yield number, whole
            number += whole.count(b"\n")
            rest = tail
        else:
            rest += tail
        if len(rest) > LINE_LIMIT_BYTES:
            raise UserError(f"{path}: line {number} is longer than {LINE_LIMIT_BYTES >> 20} MiB: this is no text file.")
    if is_empty:
        raise UserError(f"{path}: the file is empty, without even a header. Remove it or export it again.")
    if rest:
        yield number, rest


class Splitter:
    """Splits one delimited file into sound and malformed records. Use it once."""

    def __init__(
        self,
        delimiter: str = ",",
        encoding: str = "utf-8",
        limits: IngestSettings = LIMITS,
        wanted: Sequence[frozenset[str]] = (),
    ):
        """`wanted`: of a file with lines above its header, the letters of the spellings of each column that it has."""
        self.delimiter = delimiter.encode("ascii")
        self.declared = encoding
        # what comes from read_chunks in another encoding is UTF-8 by then
        self.encoding = encoding if encoding in SPLIT_BY_BYTES else "utf-8"
        self.limits = limits
        self.wanted = wanted
        self._path = Path()
        self.tally = Tally()
        self._width = self._above = 0
        self._ending: bytes | None = None
        d = re.escape(self.delimiter)
        body = rb'[^"]*+(?:""[^"]*+)*+'
        self._quoted = re.compile(rb' *"(' + body + rb')" *(?=' + d + rb"|\Z)")
        self._plain = re.compile(rb'(?! *")[^\r\n' + d + rb"]*+(?=" + d + rb"|\Z)")
        self._open = re.compile(rb' *"' + body + rb"\Z")
        self._closing = re.compile(body + rb'" *(?=' + d + rb"|\Z)")
        self._still_open = re.compile(body + rb"\Z")
        self._starts_quoted = re.compile(rb' *"')
        self._needs_quotes = re.compile(rb'["\r\n' + d + rb"]|\A | \Z")
        self._faultless = re.compile(rb"(?!)")

    def split(self, path: Path, sound: BinaryIO, malformed: BinaryIO) -> Tally:
        """Writes the file's records to the two scratch files; the first record is the header and goes to neither.

        `sound` gets `<line number><delimiter><record>`, `malformed` gets `<line number>,<reason>,<record>` as CSV.
        Raises UserError as `read_chunks` does, and for a header that cannot be read.
        """
        waiting: deque[Line] = deque()
        self._path = path
        for number, chunk in read_chunks(path, self.declared, self.limits):
            self.tally.has_formulas |= FORMULA in chunk
            if not waiting and self._ending is not None and self._is_plain(chunk):
                self._split_plain(number, chunk, sound, malformed)
            else:
                contents = chunk.removesuffix(b"\n").split(b"\n")
                waiting.extend(Line(number + i, content) for i, content in enumerate(contents))
                self._split_carefully(waiting, sound, malformed, path, final=False)
            self._refuse_other_order(number, chunk)
        self._split_carefully(waiting, sound, malformed, path, final=True)
        if not self.tally.header:
            raise UserError(f"{path}: the file has no header, only blank lines. Remove it or export it again.")
        return self.tally

    def header(self, path: Path) -> list[str]:
        """The header's values alone. Raises UserError as `split` does."""
        waiting: deque[Line] = deque()
        for number, chunk in read_chunks(path, self.declared, self.limits):
            contents = chunk.removesuffix(b"\n").split(b"\n")
            waiting.extend(Line(number + i, content) for i, content in enumerate(contents))
            if self._find_header(waiting, path, final=False):
                return self.tally.header
        if not self._find_header(waiting, path, final=True):
            raise UserError(f"{path}: the file has no header, only blank lines. Remove it or export it again.")
        return self.tally.header

    def _is_plain(self, chunk: bytes) -> bool:
        if b'"' in chunk or b"\0" in chunk or chunk.count(b"\r") != chunk.count(b"\r\n"):
            return False
        try:
            chunk.decode(self.encoding)
        except UnicodeDecodeError:
            return False
        return True

    def _split_plain(self, number: int, chunk: bytes, sound: BinaryIO, malformed: BinaryIO) -> None:
        """The fast way for a chunk without quotes or oddities: a record's values are its delimiters plus one."""
        lines = chunk.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
        d, width = self.delimiter, self._width
        if self.encoding != "utf-8":
            lines = [line.decode(self.encoding).encode() for line in lines]
        records = [line.removesuffix(d) for line in lines] if self._ending else lines
        if b"" not in lines and {record.count(d) for record in records} == {width - 1} and self._short(lines):
            sound.write(b"".join([b"%d%b%b\n" % (i, d, record) for i, record in enumerate(records, number)]))
            self.tally.sound += len(lines)
            return
        for i, (line, record) in enumerate(zip(lines, records, strict=True), number):
            if not line:
                continue
            if record.count(d) == width - 1 and len(line) <= RECORD_LIMIT_BYTES:
                sound.write(b"%d%b%b\n" % (i, d, record))
                self.tally.sound += 1
            else:
                self._expect_no_shift(Line(i, line), record.count(d) + 1)
                self._reject(Line(i, line), self._count_reason(record.count(d) + 1, line), malformed, "utf-8")

    def _refuse_other_order(self, number: int, chunk: bytes) -> None:
        """Raises UserError for a second header with the columns in another order: rows behind it would be misread."""
        names = [name.encode(self.encoding) for name in self.tally.header]
        if len(names) < 2 or not all(name in chunk for name in names):
            return
        length = sum(map(len, names)) + len(names) - 1
        for i, line in enumerate(chunk.split(b"\n"), number):
            if length <= len(line) <= length + 4 * len(names):
                found = [value.strip(b' "\r') for value in line.split(self.delimiter)]
                if found != names and sorted(found) == sorted(names):
                    raise UserError(
                        f"{self._path}: line {i} names the columns again, in another order than the header. Make two"
                        " files of it, each with its own header."
                    )

    @staticmethod
    def _short(lines: list[bytes]) -> bool:
        return max(map(len, lines)) <= RECORD_LIMIT_BYTES

    def _split_carefully(
        self, waiting: deque[Line], sound: BinaryIO, malformed: BinaryIO, path: Path, *, final: bool
    ) -> None:
        if not self.tally.header and not self._find_header(waiting, path, final=final):
            return
        while waiting:
            number, content = waiting[0]
            if self._faultless.match(content) and len(content) <= RECORD_LIMIT_BYTES and self._is_utf8(content):
                waiting.popleft()
                self._ending = self._ending or b""
                record = content.removesuffix(b"\r").removesuffix(self._ending)
                sound.write(b"%d%b%b\n" % (number, self.delimiter, record))
                self.tally.sound += 1
                continue
            try:
                taken = self._take_record(waiting, final=final)
            except _UnclosedError:
                return  # the rest of this record is in the next chunk
            except MalformedError as reason:
                self._reject(waiting.popleft(), str(reason), malformed, self.encoding)
                continue
            self._judge(taken, sound, malformed)

    def _is_utf8(self, content: bytes) -> bool:
        """Whether the bytes can go to the scratch file as they are."""
        if content.isascii():
            return True
        try:
            content.decode()
        except UnicodeDecodeError:
            return False
        return self.encoding == "utf-8"

    def _find_header(self, waiting: deque[Line], path: Path, *, final: bool) -> bool:
        while self._next_header(waiting, path, final=final):
            there = {letters(name) for name in self.tally.header}
            if self._above >= MOST_PREAMBLE or all(spellings & there for spellings in self.wanted):
                self._faultless = self._faultless_line()
                return True
            self._above += 1
            self.tally.header = []
        return False

    def _next_header(self, waiting: deque[Line], path: Path, *, final: bool) -> bool:
        """Whether a line could be read as the header; it is taken out of those that wait."""
        self._skip_to_header(waiting, path)
        if not waiting:
            return False
        first = waiting[0]
        try:
            record = self._take_record(waiting, final=final)
            values = self._values(record.content)
            self.tally.header = [value.decode(self.encoding).strip() for value in values]
        except _UnclosedError:
            return False
        except MalformedError as error:
            mend = " Where nothing else ends a line, save it with line feeds." if str(error) == BARE_RETURN else ""
            raise UserError(f"{path}: line {first.number}: the header cannot be read: {error}.{mend}") from error
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: line {first.number}: the header is {self._no_text(error)}.") from error
        self._width = len(values)
        if self._width > self.limits.columns:
            raise UserError(
                f"{path}: line {first.number}: {self._width:,} columns, and a table may have {self.limits.columns:,}."
                f" Is it"
                " the right file? If so, raise ingest.columns in the settings."
            )
        return True

    def _skip_to_header(self, waiting: deque[Line], path: Path) -> None:
        """Leaves out blank lines, and the line by which Excel tells itself the separator."""
        while waiting:
            content = waiting[0].content.strip(b"\r ")
            hint = EXCEL_HINT.fullmatch(content)
            if content and not hint:
                return
            if hint and hint[1] != self.delimiter:
                shown = hint[1].decode("ascii", "replace").replace("\t", "\\t")
                raise UserError(
                    f'{path}: line {waiting[0].number} is Excel\'s separator hint "sep={shown}". Say'
                    f' `delimiter: "{shown}"` at the table in the source\'s YAML.'
                )
            waiting.popleft()

    def _no_text(self, error: UnicodeDecodeError) -> str:
        """That bytes are not of the declared encoding, and of which they may be."""
        if self.declared not in SPLIT_BY_BYTES:
            return f"not {self.declared}"
        likely = likely_encoding(error.object)
        hint = f"; try `encoding: {likely}`" if likely and likely != self.declared else ""
        return f"not {self.declared}: byte 0x{error.object[error.start]:02x}{hint}"

    def _faultless_line(self) -> "re.Pattern[bytes]":
        """A line that is a whole sound record, written just as a scratch file needs it: most lines are."""
        d = re.escape(self.delimiter)
        value = rb'(?:"[^"\0]*+(?:""[^"\0]*+)*+"|[^"\r\n\0' + d + rb"]*+)"
        more = d + value
        ending = re.escape(self._ending or b"")
        return re.compile(rb"(?!\r?\Z)" + value + rb"(?:" + more + rb"){%d}" % (self._width - 1) + ending + rb"\r?\Z")

    def _take_record(self, waiting: deque[Line], *, final: bool) -> Line:
        """Removes and returns the next record, whose values can be told apart.

        Raises MalformedError (nothing removed: only the first line is to be given up) and _UnclosedError.
        """
        first = waiting[0]
        parts: list[bytes] = []
        size, inside = 0, False
        for line in waiting:
            parts.append(line.content)
            size += len(line.content) + 1
            if size > RECORD_LIMIT_BYTES and len(parts) > 1:
                raise MalformedError("a quote is not closed within a mebibyte")
            inside = self._is_open_behind(line.content.removesuffix(b"\r"), inside)
            if not inside:
                for _ in parts:
                    waiting.popleft()
                return Line(first.number, b"\n".join(parts).removesuffix(b"\r"))
        if final:
            raise MalformedError("a quote is not closed")
        raise _UnclosedError

    def _is_open_behind(self, content: bytes, inside: bool) -> bool:
        """Whether a quote is open behind this line, given whether one was before it. Raises MalformedError."""
        position = 0
        if inside:
            closing = self._closing.match(content)
            if not closing:
                if self._still_open.match(content):
                    return True
                raise MalformedError("text behind a closing quote")
            if closing.end() == len(content):
                return False
            position = closing.end() + 1
        elif b'"' not in content:
            return False
        return self._read_values(content, position)[1]

    def _values(self, record: bytes) -> list[bytes]:
        """The values of a whole record. Raises MalformedError."""
        if b'"' not in record:
            if b"\r" in record:
                raise MalformedError(BARE_RETURN)
            return record.split(self.delimiter)
        return self._read_values(record, 0)[0]

    def _read_values(self, content: bytes, position: int) -> tuple[list[bytes], bool]:
        """The values from `position` on, and whether a quote is left open behind them. Raises MalformedError."""
        values: list[bytes] = []
        while True:
            if match := self._quoted.match(content, position):
                values.append(match[1].replace(b'""', b'"'))
            elif match := self._plain.match(content, position):
                values.append(match[0])
            elif self._open.match(content, position):
                return values, True
            elif self._starts_quoted.match(content, position):
                raise MalformedError("text behind a closing quote")
            else:
                raise MalformedError(BARE_RETURN)
            if match.end() == len(content):
                return values, False
            position = match.end() + 1

    def _note_ending(self, content: bytes, found: int) -> None:
        """Whether records end in one delimiter more than the header: the first of them, of `found` values, tells it."""
        has_more = found == self._width + 1 and content.endswith(self.delimiter)
        self._ending = self.delimiter if has_more else b""
        self._faultless = self._faultless_line()

    def _expect_no_shift(self, record: Line, found: int) -> None:
        """Raises UserError where records that end in one delimiter more are those of a header that lacks a name."""
        if self._ending and found == self._width + 1 and not record.content.rstrip(b"\r").endswith(self._ending):
            raise UserError(
                f"{self._path}: line {record.number} has a value behind the last column, and the first record none: the"
                f" header has {self._width} names, and may lack that of the first column. Mend the header."
            )

    def _judge(self, record: Line, sound: BinaryIO, malformed: BinaryIO) -> None:
        content = record.content
        if not content:
            return
        try:
            values = self._values(content)
            if self._ending is None:
                self._note_ending(content, len(values))
            if self._ending and content.endswith(self._ending):
                values.pop()
            if b"\0" in content:
                raise MalformedError("a NUL byte")
            self._expect_no_shift(record, len(values))
            if len(content) > RECORD_LIMIT_BYTES or len(values) != self._width:
                raise MalformedError(self._count_reason(len(values), content))
            text = self.delimiter.join(self._written(value) for value in values).decode(self.encoding)
        except MalformedError as error:
            return self._reject(record, str(error), malformed, self.encoding)
        except UnicodeDecodeError as error:
            return self._reject(record, self._no_text(error), malformed, self.encoding)
        sound.write(b"%d%b%b\n" % (record.number, self.delimiter, text.encode()))
        self.tally.sound += 1
        self.tally.multiline += b"\n" in content
        return None

    def _written(self, value: bytes) -> bytes:
        return b'"' + value.replace(b'"', b'""') + b'"' if self._needs_quotes.search(value) else value

    def _count_reason(self, found: int, content: bytes) -> str:
        if len(content) > RECORD_LIMIT_BYTES:
            return "longer than a mebibyte"
        return f"{self._width} values expected, {found} found"

    def _reject(self, record: Line, reason: str, malformed: BinaryIO, encoding: str) -> None:
        write_rejected(malformed, record.number, reason, record.content.decode(encoding, "backslashreplace"))
        self.tally.malformed += 1
        refuse_too_many(self._path, self.tally.malformed, record.number, reason, self.limits)


def refuse_too_many(path: Path, malformed: int, line: int, reason: str, limits: IngestSettings) -> None:
    """Raises UserError for a file with more malformed lines than one may have."""
    if malformed > limits.malformed_lines:
        raise UserError(
            f"{path}: more than {limits.malformed_lines:,} lines are malformed, the last of them line {line}"
            f" ({reason})."
            " Is it the right file? If so, raise ingest.malformed_lines in the settings."
        )


def write_rejected(malformed: BinaryIO, number: int, reason: str, record: str) -> None:
    """One line of the scratch file of malformed records: NUL bytes made visible, very long ones cut off."""
    text = record[:REJECTED_TEXT_LIMIT].replace("\0", "\\x00").replace('"', '""')
    malformed.write(f'{number},"{reason}","{text}"\n'.encode())


def open_rows(
    _: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, limits: IngestSettings, work: Path
) -> list[Reading]:
    """Every value as text; `_row_number` is the record's first line in the file."""
    splitter = Splitter(table.delimiter, table.encoding, limits, wanted_columns(table))
    tally, sound, rejects = split_to_scratch(work, lambda good, bad: splitter.split(path, good, bad))
    header = named_columns(tally.header)
    columns = {f"c{position}": "varchar" for position in range(len(header))}
    scan = scratch_scan(sound, {"n": "bigint", **columns}, table.delimiter, parallel=not tally.multiline)
    selected = [
        f"{_without_formula(f'c{position}') if tally.has_formulas else f'c{position}'} as {quote_identifier(name)}"
        for position, name in enumerate(header)
    ]
    reading = Reading(
        columns=dict.fromkeys(header, "VARCHAR"),
        rows=f"select {', '.join(selected)}, n as _row_number from {scan}",
        rejects=rejects if tally.malformed else None,
        rows_read=tally.sound + tally.malformed,
        has_types=False,
        is_slow=True,
    )
    return [reading]


def _without_formula(value: str) -> str:
    """The text (SQL) that a formula of Excel stands for; any other value as it is."""
    return f"""regexp_replace({value}, '^="(.*)"$', '\\1')"""


def columns(_: duckdb.DuckDBPyConnection, path: Path, table: TableConfig) -> list[dict[str, str]]:
    """The header, as columns of text."""
    header = Splitter(table.delimiter, table.encoding, wanted=wanted_columns(table)).header(path)
    return [dict.fromkeys(named_columns(header), "VARCHAR")]
