"""JSON lines: an object on each line."""

import json
import re
from pathlib import Path
from typing import BinaryIO

import duckdb

from warehouse.identity.shown_text import masked_sql
from warehouse.ingest.formats.csv import LIMITS, RECORD_LIMIT_BYTES, read_chunks, refuse_too_many, write_rejected
from warehouse.ingest.formats.reading import Reading, Tally, scratch_scan, split_to_scratch
from warehouse.ingest.sources import TableConfig
from warehouse.settings import IngestSettings
from warehouse.sql import quote_identifier, quote_literal

LINES = "_json_lines"
BRACKETS = re.compile(rb"[\[\]{}]")
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"')
REASON = """case
    when not coalesce(json_valid(line) and json_type(try_cast(line as json)) = 'OBJECT', false)
        then 'not a JSON object on one line'
    when len(json_keys(line)) > len(list_distinct(json_keys(line))) then 'a key that comes twice'
end"""


def open_rows(
    connection: duckdb.DuckDBPyConnection, path: Path, table: TableConfig, limits: IngestSettings, work: Path
) -> list[Reading]:
    """Every key of any line becomes a column of text: strings and numbers bare, nested values as JSON."""
    tally, sound, rejects = split_to_scratch(
        work, lambda good, bad: split_json_lines(path, good, bad, table.encoding, limits)
    )
    scan = scratch_scan(sound, {"n": "bigint", "line": "varchar"}, ",", parallel=False)
    connection.execute(f"create or replace temp table {LINES} as select n, line, {REASON} as reason from {scan}")
    found = connection.execute(
        f"select distinct unnest(json_keys(line)) as key from {LINES} where reason is null order by key"
    ).fetchall()
    keys = [key for (key,) in found]
    shape = json.dumps(dict.fromkeys(keys, "VARCHAR"), ensure_ascii=False)
    parsed = f"from_json(line, {quote_literal(shape)})" if keys else "null"
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
    return [dict.fromkeys(_first_keys(path, table.encoding), "VARCHAR")]


def _first_keys(path: Path, encoding: str) -> list[str]:
    keys: dict[str, None] = {}
    for _, chunk in read_chunks(path, encoding):
        for line in chunk.splitlines():
            if _no_text(line, LIMITS):
                continue
            try:
                record = json.loads(line)
            except ValueError:
                continue
            keys.update(dict.fromkeys(record if isinstance(record, dict) else ()))
        break
    return [key or "unnamed" for key in keys]


def split_json_lines(
    path: Path, sound: BinaryIO, malformed: BinaryIO, encoding: str = "utf-8", limits: IngestSettings = LIMITS
) -> Tally:
    """The lines of a JSON lines file that are valid text, as `<line number>,"<line>"`; DuckDB judges the JSON.

    Raises UserError as `read_chunks` does.
    """
    tally = Tally()
    for number, chunk in read_chunks(path, encoding, limits):
        for i, line in enumerate(chunk.removesuffix(b"\n").split(b"\n"), number):
            content = line.strip(b" \t\r")
            if not content:
                continue
            reason = _no_text(content, limits)
            if reason:
                write_rejected(malformed, i, reason, line.decode("utf-8", "backslashreplace"))
                tally.malformed += 1
                refuse_too_many(path, tally.malformed, i, reason, limits)
            else:
                sound.write(b'%d,"%b"\n' % (i, content.replace(b'"', b'""')))
                tally.sound += 1
    return tally


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
