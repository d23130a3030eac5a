"""JSON lines: an object on each line."""

import json
from pathlib import Path
from typing import BinaryIO

import duckdb

from warehouse.ingest.formats.csv import RECORD_LIMIT_BYTES, read_chunks, write_rejected
from warehouse.ingest.formats.reading import Reading, Tally, scratch_scan, split_to_scratch
from warehouse.ingest.sources import TableConfig
from warehouse.sql import quote_identifier, quote_literal

LINES = "_json_lines"
REASON = """case
    when not coalesce(json_valid(line) and json_type(try_cast(line as json)) = 'OBJECT', false)
        then 'not a JSON object on one line'
    when len(json_keys(line)) > len(list_distinct(json_keys(line))) then 'a key that comes twice'
end"""


def open_rows(connection: duckdb.DuckDBPyConnection, path: Path, _: TableConfig, work: Path) -> list[Reading]:
    """Every key of any line becomes a column of text: strings and numbers bare, nested values as JSON."""
    tally, sound, rejects = split_to_scratch(work, lambda good, bad: split_json_lines(path, good, bad))
    scan = scratch_scan(sound, {"n": "bigint", "line": "varchar"}, ",", parallel=False)
    connection.execute(f"create or replace temp table {LINES} as select n, line, {REASON} as reason from {scan}")
    found = connection.execute(
        f"select distinct unnest(json_keys(line)) as key from {LINES} where reason is null order by key"
    ).fetchall()
    keys = [key for (key,) in found]
    shape = json.dumps(dict.fromkeys(keys, "VARCHAR"), ensure_ascii=False)
    parsed = f"from_json(line, {quote_literal(shape)})" if keys else "null"
    fields = [f"fields[{quote_literal(key)}] as {quote_identifier(key or 'unnamed')}" for key in keys]
    broken = f"select n, reason, line from {LINES} where reason is not null"
    reading = Reading(
        columns=dict.fromkeys([key or "unnamed" for key in keys], "VARCHAR"),
        rows=f"select {', '.join([*fields, 'n as _row_number'])}"
        f" from (select n, {parsed} as fields from {LINES} where reason is null)",
        rejects=f"{rejects} union all {broken}" if tally.malformed else broken,
        rows_read=tally.sound + tally.malformed,
    )
    return [reading]


def columns(_: duckdb.DuckDBPyConnection, path: Path, __: TableConfig) -> list[dict[str, str]]:
    """The keys of the first mebibyte, as columns of text."""
    return [dict.fromkeys(_first_keys(path), "VARCHAR")]


def _first_keys(path: Path) -> list[str]:
    keys: dict[str, None] = {}
    for _, chunk in read_chunks(path):
        for line in chunk.splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            keys.update(dict.fromkeys(record if isinstance(record, dict) else ()))
        break
    return [key or "unnamed" for key in keys]


def split_json_lines(path: Path, sound: BinaryIO, malformed: BinaryIO) -> Tally:
    """The lines of a JSON lines file that are text at all, as `<line number>,"<line>"`; DuckDB judges the JSON.

    Raises UserError as `read_chunks` does.
    """
    tally = Tally()
    for number, chunk in read_chunks(path):
        for i, line in enumerate(chunk.removesuffix(b"\n").split(b"\n"), number):
            content = line.strip(b" \t\r")
            if not content:
                continue
            reason = _no_text(content)
            if reason:
                write_rejected(malformed, i, reason, line.decode("utf-8", "backslashreplace"))
                tally.malformed += 1
            else:
                sound.write(b'%d,"%b"\n' % (i, content.replace(b'"', b'""')))
                tally.sound += 1
    return tally


def _no_text(content: bytes) -> str | None:
    if len(content) > RECORD_LIMIT_BYTES:
        return "longer than a mebibyte"
    if b"\0" in content:
        return "a NUL byte"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return f"not utf-8: byte 0x{error.object[error.start]:02x}"
    return None
