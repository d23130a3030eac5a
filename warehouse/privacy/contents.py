"""The content of a file, as far as it can be opened: archives and compressed files are unpacked, Parquet is read."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from warehouse.files import DAMAGED
from warehouse.sql import connect, quote_identifier, quote_literal

PARQUET = b"PAR1"
# What a file may unfold into, and how deep archives may lie in each other; beyond that it counts as not looked into.
MOST_BYTES, DEEPEST = 2**30, 4
# Formats that nothing here opens, by their first bytes.
CLOSED = {
    b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\x04\x22\x4d\x18": "lz4",
    b"-----BEGIN PGP": "PGP", b"Salted__": "OpenSSL", b"PARE": "encrypted Parquet",
}  # fmt: skip


@dataclass(frozen=True)
class Content:
    """A part of a file, and its place for people. Without bytes, it could not be looked into: `why`."""

    place: str
    data: bytes | None
    why: str = ""


def contents(path: Path) -> Iterator[Content]:
    """The file itself, and everything in it that is compressed or packed."""
    data = path.read_bytes()
    if data.startswith(PARQUET):
        yield _parquet(path)
    yield from _within(str(path), data, DEEPEST)


def _within(place: str, data: bytes, depth: int) -> Iterator[Content]:
    yield Content(place, data)
    closed = next((name for start, name in CLOSED.items() if data.startswith(start)), None)
    if closed:
        yield Content(place, None, closed)
    for start, unpack in UNPACK.items():
        if data.startswith(start):
            if depth == 0:
                yield Content(place, None, "archives in archives")
            else:
                yield from _unpacked(place, data, unpack, depth - 1)


def _unpacked(place: str, data: bytes, unpack: "Unpack", depth: int) -> Iterator[Content]:
    try:
        for name, part in unpack(data):
            inner = f"{place} ({name})"
            if part is None:
                yield Content(inner, None, "too large, or locked by a password")
            else:
                yield from _within(inner, part, depth)
    except (OSError, ValueError, RuntimeError, lzma.LZMAError, *DAMAGED):
        yield Content(place, None, "damaged")


Unpack = Callable[[bytes], Iterator[tuple[str, bytes | None]]]


def _gzip(data: bytes) -> Iterator[tuple[str, bytes | None]]:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        yield "unpacked", _limited(stream)


def _bzip(data: bytes) -> Iterator[tuple[str, bytes | None]]:
    with bz2.BZ2File(io.BytesIO(data)) as stream:
        yield "unpacked", _limited(stream)


def _xz(data: bytes) -> Iterator[tuple[str, bytes | None]]:
    with lzma.LZMAFile(io.BytesIO(data)) as stream:
        yield "unpacked", _limited(stream)


def _zip(data: bytes) -> Iterator[tuple[str, bytes | None]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            yield "name", member.filename.encode()
            if not member.is_dir():
                try:
                    with archive.open(member) as stream:
                        yield member.filename, _limited(stream)
                except RuntimeError:  # it asks for a password
                    yield member.filename, None


def _limited(stream: IO[bytes] | io.BufferedIOBase) -> bytes | None:
    data = stream.read(MOST_BYTES + 1)
    return data if len(data) <= MOST_BYTES else None


UNPACK: dict[bytes, Unpack] = {b"\x1f\x8b": _gzip, b"BZh": _bzip, b"\xfd7zXZ\x00": _xz, b"PK\x03\x04": _zip}


def _parquet(path: Path) -> Content:
    """Every distinct text of a Parquet file, one a line: its own bytes are compressed."""
    try:
        with connect() as connection:
            # an escaped path, as read_parquet takes it for a pattern
            source = f"read_parquet({quote_literal(_literal_path(path))})"
            names = [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]
            texts: set[str] = set()
            for name in names:
                column = f"cast({quote_identifier(name)} as varchar)"
                rows = connection.execute(
                    f"select distinct {column} from {source} where {column} is not null"
                ).fetchall()
                texts |= {text for (text,) in rows}
    except duckdb.Error:
        return Content(str(path), None, "Parquet that cannot be read")
    return Content(f"{path} (rows)", "\n".join([*names, *sorted(texts)]).encode())


def _literal_path(path: Path) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))
