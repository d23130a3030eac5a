"""Other files of the home folder that may name a customer: logs, Dagster's storage, compiled SQL, scratch files."""

import os
import re
import sqlite3
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from warehouse.errors import UserError
from warehouse.files import write_atomically
from warehouse.privacy.data_subject import DataSubject
from warehouse.sql import quote_identifier

SQLITE_MAGIC, DUCKDB_MAGIC = b"SQLite format 3\0", b"DUCK"
SQLITE_TIMEOUT_SECONDS = 60
REMOVED = "erased"
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
# A shorter word stands in compressed bytes by chance.
SHORTEST_IN_BYTES = 8


def home_files(home: Path, others: Collection[Path]) -> Iterator[Path]:
    """Every file under `home` once, except files in the folders of `others`; symbolic links are not followed."""
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(home):
        folders[:] = sorted(name for name in folders if (Path(folder) / name).resolve() not in others)
        for path in map(Path(folder).joinpath, sorted(names)):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                yield path


def is_duckdb(path: Path) -> bool:
    """Whether a file is a DuckDB database, by its first bytes."""
    with path.open("rb") as stream:
        return stream.read(12)[8:] == DUCKDB_MAGIC


def clean(path: Path, data_subject: DataSubject) -> bool:
    """Take the customer out of a file of text or of SQLite. Whether there was anything to take out.

    Raises UserError where another program holds the file.
    """
    with path.open("rb") as stream:
        is_sqlite = stream.read(16) == SQLITE_MAGIC
    if is_sqlite:
        return _clean_sqlite(path, data_subject)
    content = path.read_bytes()
    found = tells_of(content, data_subject)
    if not found or not _is_text(content):
        return False
    write_atomically(path, without(content.decode(), data_subject), mode=stat.S_IMODE(path.stat().st_mode))
    return True


def tells_of(content: bytes, data_subject: DataSubject) -> bool:
    """Whether bytes hold a word that identifies the customer: as a separate word in text, anywhere in other bytes.

    Text may be UTF-8, UTF-16 or UTF-32; in bytes that are not text, words are searched in all three encodings.
    """
    lower = content.lower()
    found = [word for word in data_subject.words if any(form in lower for form in _encoded(word))]
    if not found:
        return False
    if _is_text(content):
        return any(pattern.search(content.decode()) for pattern, _ in _patterns(data_subject))
    return any(len(word) >= SHORTEST_IN_BYTES for word in found) or any(
        pattern.search(text) for text in _wide_texts(content) for pattern, _ in _patterns(data_subject)
    )


def _encoded(word: str) -> list[bytes]:
    return [word.lower().encode(encoding) for encoding in ("utf-8", *WIDE)]


def _wide_texts(content: bytes) -> Iterator[str]:
    """The content as text of two or four bytes a letter, where it can be one, with or without a mark of its order."""
    for encoding in WIDE:
        try:
            yield content.decode(encoding)
        except UnicodeDecodeError:
            continue


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


def _patterns(data_subject: DataSubject) -> list[tuple["re.Pattern[str]", str]]:
    """What to look for, and what to write instead."""
    return [
        (
            re.compile(rf"(?<![0-9A-Za-z]){re.escape(word)}(?![0-9A-Za-z])", re.IGNORECASE),
            data_subject.distinctive_names().get(word, REMOVED),
        )
        for word in data_subject.words
    ]


def without(text: str, data_subject: DataSubject) -> str:
    """The text with what tells of the customer replaced."""
    for pattern, instead in _patterns(data_subject):
        text = pattern.sub(instead, text)
    return text


def _clean_sqlite(path: Path, data_subject: DataSubject) -> bool:
    """Change what tells of the customer, and write the file anew: SQLite keeps what was there in free pages."""
    connection = sqlite3.connect(path, timeout=SQLITE_TIMEOUT_SECONDS)
    try:
        connection.create_function("without", 1, lambda value: without(value, data_subject))
        with connection:
            changed = sum(_clean_column(connection, *column) for column in _sqlite_columns(connection))
        if changed:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
        return changed > 0
    except sqlite3.OperationalError as error:
        raise UserError(f"{path}: {error}. Close Dagster's UI and whatever else reads it, and start again.") from error
    finally:
        connection.close()


def _sqlite_columns(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = connection.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    return [
        (table, column)
        for (table,) in tables.fetchall()
        for (column,) in connection.execute("select name from pragma_table_info(?)", [table]).fetchall()
    ]


def _clean_column(connection: sqlite3.Connection, table: str, column: str) -> int:
    table, column = quote_identifier(table), quote_identifier(column)
    return connection.execute(
        f"update {table} set {column} = without({column})"
        f" where typeof({column}) = 'text' and without({column}) <> {column}"
    ).rowcount
