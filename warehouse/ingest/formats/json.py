"""JSON: an object on each line, or a list of objects.

Of a list, the elements are judged as lines are, each numbered by its position. Where a bracket or a quote is not
closed, or the list breaks off, its elements cannot be told apart, and the file is refused: a part of it would be lost
unseen.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import duckdb

from warehouse.errors import UserError
from warehouse.identity.shown_text import masked_sql
from warehouse.ingest.formats.csv import (
    CHUNK_BYTES,
    LIMITS,
    LINE_LIMIT_BYTES,
    RECORD_LIMIT_BYTES,
    read_chunks,
    read_pieces,
    refuse_too_many,
    write_rejected,
)
from warehouse.ingest.formats.reading import Reading, Tally, scratch_scan, split_to_scratch
from warehouse.ingest.sources import TableConfig
from warehouse.settings import IngestSettings
from warehouse.sql import quote_identifier, quote_literal

LINES = "_json_lines"
BRACKETS = re.compile(rb"[\[\]{}]")
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"')
BLANKS = b" \t\r\n"
# Up to the next bracket, and up to the next bracket or comma, that stands in no string.
WITHIN = re.compile(rb'[^"\[\]{}]*+(?:"(?:[^"\\]|\\.)*+"[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL)
BETWEEN = re.compile(rb'[^"\[\]{},]*+(?:"(?:[^"\\]|\\.)*+"[^"\[\]{},]*+)*+([\[\]{},])', re.DOTALL)
REASON = """case
    when not coalesce(json_valid(line) and json_type(try_cast(line as json)) = 'OBJECT', false)
        then 'not a JSON object{on_one_line}'
    when len(json_keys(line)) > len(list_distinct(json_keys(line))) then 'a key that comes twice'
end"""


def open_rows(
    connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, limits: IngestSettings, work: Path
) -> list[Reading]:
    """Every key of any object becomes a column of text: strings and numbers bare, nested values as JSON. An empty list
    has no rows, as on a day without orders."""
    tally, sound, rejects = split_to_scratch(
        work, lambda good, bad: split_json(path, good, bad, table.encoding, limits)
    )
    scan = scratch_scan(sound, {"n": "bigint", "line": "varchar"}, ",", parallel=False)
    is_list = _is_list(path, table.encoding)
    reason = REASON.format(on_one_line="" if is_list else " on one line")
    connection.execute(f"create or replace temp table {LINES} as select n, line, {reason} as reason from {scan}")
    found = connection.execute(
        f"select distinct unnest(json_keys(line)) as key from {LINES} where reason is null order by key"
    ).fetchall()
    keys = [key for (key,) in found]
    if is_list and not (tally.sound or tally.malformed):
        return []
    if not keys:
        raise _without_rows(path)
    shape = json.dumps(dict.fromkeys(keys, "VARCHAR"), ensure_ascii=False)
    parsed = f"from_json(line, {quote_literal(shape)})"
    fields = [f"fields[{quote_literal(key)}] as {quote_identifier(key or 'unnamed')}" for key in keys]
    broken = f"select n, reason, line, {masked_sql('line')} from {LINES} where reason is not null"
    reading = Reading(
        columns=dict.fromkeys([key or "unnamed" for key in keys], "VARCHAR"),
        rows=f"select {', '.join([*fields, 'n as _row_number'])}"
        f" from (select n, {parsed} as fields from {LINES} where reason is null)",
        rejects=f"{rejects} union all {broken}" if tally.malformed else broken,
        rows_read=tally.sound + tally.malformed,
    )
    return [reading]


def columns(_: duckdb.DuckDBPyConnection, path: Path, table: TableConfig) -> list[dict[str, str]]:
    """The keys of the first mebibyte, as columns of text."""
    if keys := _first_keys(path, table.encoding):
        return [dict.fromkeys(keys, "VARCHAR")]
    if _is_list(path, table.encoding) and next(_records(path, table.encoding, LIMITS), None) is None:
        return []
    raise _without_rows(path)


def _without_rows(path: Path) -> UserError:
    return UserError(
        f"{path}: no row could be found: of JSON, rows are the objects of a list, or one object on each line. Export it"
        " again in one of these forms."
    )


def _first_keys(path: Path, encoding: str) -> list[str]:
    keys: dict[str, None] = {}
    size = 0
    for _, content in _records(path, encoding, LIMITS):
        if size > CHUNK_BYTES:
            break
        size += len(content)
        if _no_text(content, LIMITS):
            continue
        try:
            record = json.loads(content)
        except ValueError:
            continue
        keys.update(dict.fromkeys(record if isinstance(record, dict) else ()))
    return [key or "unnamed" for key in keys]


def split_json(
    path: Path, sound: BinaryIO, malformed: BinaryIO, encoding: str = "utf-8", limits: IngestSettings = LIMITS
) -> Tally:
    """The lines or elements of a file that are valid text, as `<number>,"<text>"`; DuckDB judges the JSON.

    Raises UserError as `read_chunks` does, and for a list that is broken itself.
    """
    tally = Tally()
    for number, content in _records(path, encoding, limits):
        reason = _no_text(content, limits)
        if reason:
            write_rejected(malformed, number, reason, content.decode("utf-8", "backslashreplace"))
            tally.malformed += 1
            refuse_too_many(path, tally.malformed, number, reason, limits)
        else:
            sound.write(b'%d,"%b"\n' % (number, content.replace(b'"', b'""')))
            tally.sound += 1
    return tally


def _records(path: Path, encoding: str, limits: IngestSettings) -> Iterator[tuple[int, bytes]]:
    """The file's lines or, if it is a list, its elements, by their numbers; none of them is blank."""
    found = _elements(path, encoding, limits) if _is_list(path, encoding) else _lines(path, encoding, limits)
    return ((number, content) for number, line in found if (content := line.strip(BLANKS)))


def _is_list(path: Path, encoding: str) -> bool:
    """Whether the file is one list; if there are lines behind a first one that is a list by itself, it is of lines."""
    start = next(read_pieces(path, encoding), b"").lstrip(BLANKS)
    first, _, more = start.partition(b"\n")
    return start.startswith(b"[") and not (more.strip(BLANKS) and _is_json(first))


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _lines(path: Path, encoding: str, limits: IngestSettings) -> Iterator[tuple[int, bytes]]:
    for number, chunk in read_chunks(path, encoding, limits):
        yield from enumerate(chunk.removesuffix(b"\n").split(b"\n"), number)


def _elements(path: Path, encoding: str, limits: IngestSettings) -> Iterator[tuple[int, bytes]]:
    """What stands between the commas of the list, which may be no JSON. Raises UserError where that cannot be told."""
    pieces = read_pieces(path, encoding, limits)
    text = next(pieces).lstrip(BLANKS).removeprefix(b"[")
    start = place = depth = number = 0
    while True:
        step = (WITHIN if depth else BETWEEN).match(text, place)
        if step is None:  # the element goes on in the next piece
            piece = next(pieces, None)
            text, start, place = text[start:] + (piece or b""), 0, place - start
            if piece is None or len(text) > LINE_LIMIT_BYTES:
                raise _broken(path, number)
        elif depth or step[1] in b"[{":
            depth += 1 if step[1] in b"[{" else -1
            place = step.end()
        else:
            number += 1
            yield number, text[start : step.start(1)]
            start = place = step.end()
            if step[1] != b",":
                break
    if step[1] != b"]" or text[start:].strip(BLANKS) or any(piece.strip(BLANKS) for piece in pieces):
        raise _broken(path, number)


def _broken(path: Path, number: int) -> UserError:
    return UserError(
        f"{path}: the list in it is cut off, or a bracket or quote of it is not closed: only {number:,} of its elements"
        " can be told apart. Was it copied to the end? Export it again."
    )


def _no_text(content: bytes, limits: IngestSettings) -> str | None:
    if len(content) > RECORD_LIMIT_BYTES:
        return "longer than a mebibyte"
    if b"\0" in content:
        return "a NUL byte"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return f"not utf-8: byte 0x{error.object[error.start]:02x}"
    if content.count(b"[") + content.count(b"{") > limits.nesting and _depth(content) > limits.nesting:
        return f"nested deeper than {limits.nesting} levels"
    return None


def _depth(content: bytes) -> int:
    """How deep values lie inside of others; what stands in strings does not count."""
    depth = deepest = 0
    for bracket in BRACKETS.findall(STRINGS.sub(b"", content)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
