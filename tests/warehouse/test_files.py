"""Atomic writes, and hashes of what files hold."""

import hashlib
import os
from pathlib import Path

import pytest

from warehouse.errors import UserError
from warehouse.files import csv_cell, hash_files, read_note, write_atomically, write_out, write_private


def permissions(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file.json"
    write_atomically(file, "café")
    assert file.read_bytes() == "café".encode()
    before = file.open("rb")
    write_atomically(file, b"other")
    with before:
        assert before.read() == "café".encode(), "a reader of the old file keeps it"
    assert file.read_bytes() == b"other"
    assert list(file.parent.iterdir()) == [file]


def test_permissions_are_those_asked_for_or_what_the_umask_leaves(tmp_path: Path) -> None:
    earlier = os.umask(0o027)
    try:
        write_atomically(tmp_path / "plain", b"")
        write_atomically(tmp_path / "open", b"", mode=0o644)
        write_private(tmp_path / "folder" / "private", "secret")
    finally:
        os.umask(earlier)
    found = {path.name: permissions(path) for path in tmp_path.iterdir()}
    assert found == {"plain": 0o640, "open": 0o644, "folder": 0o700}
    assert permissions(tmp_path / "folder" / "private") == 0o600


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    write_atomically(file, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old" and list(tmp_path.iterdir()) == [file]


def test_content_is_on_disk_before_the_name_points_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, seen = tmp_path / "file", []
    write_atomically(file, b"old")
    flush = os.fsync

    def look(descriptor: int) -> None:
        flush(descriptor)
        seen.append(file.read_bytes())

    monkeypatch.setattr(os, "fsync", look)
    write_atomically(file, b"new")
    assert seen == [b"old", b"new"], "first the content is flushed, then the folder"


def test_a_hash_is_of_names_and_contents_without_what_tools_leave(tmp_path: Path) -> None:
    def digest() -> str:
        found = hashlib.sha256()
        hash_files(found, tmp_path)
        return found.hexdigest()

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.sql").write_text("select 1")
    first = digest()
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "__pycache__" / "one.pyc").write_text("x")
    assert digest() == first
    (tmp_path / "a" / "one.sql").rename(tmp_path / "a" / "two.sql")
    renamed = digest()
    (tmp_path / "a" / "two.sql").write_text("select 2")
    assert len({first, renamed, digest()}) == 3


def test_what_is_asked_for_follows_no_link_and_replaces_nothing_without_force(tmp_path: Path) -> None:
    other, link, dangling = tmp_path / "other", tmp_path / "link", tmp_path / "dangling"
    other.write_text("kept")
    link.symlink_to(other)
    dangling.symlink_to(tmp_path / "nothing")
    (tmp_path / "real" / "below").mkdir(parents=True)
    folder = tmp_path / "folder"
    folder.symlink_to(tmp_path / "real")
    for path in (link, dangling, folder / "x", folder / "below" / "x", folder / ".." / "x"):
        for force in (False, True):
            with pytest.raises(UserError, match="symbolic link"):
                write_out(path, "new", force=force)
    assert not [*(tmp_path / "real").rglob("x")] and not (tmp_path / "x").exists()
    with pytest.raises(UserError, match="--force"):
        write_out(other, "new", force=False)
    with pytest.raises(UserError, match="not a file"):
        write_out(tmp_path, "new", force=True)
    with pytest.raises(UserError, match="no such folder"):
        write_out(tmp_path / "none" / "file", "new", force=True)
    assert other.read_text() == "kept" and not (tmp_path / "nothing").exists()
    write_out(other, "new", force=True, is_private=True)
    write_out(tmp_path / "fresh", b"new", force=False, is_private=True)
    assert [(file.read_text(), permissions(file)) for file in (other, tmp_path / "fresh")] == [("new", 0o600)] * 2


def test_a_cell_that_a_spreadsheet_would_compute_is_quoted() -> None:
    assert [csv_cell(value) for value in ("=1", "-2", -2, "a=1", "", None, "\x1b")] == [
        "'=1", "'-2", -2, "a=1", "", None, "\\x1b",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"\0{", b"[1]", b"null", b"\xff", b"[" * 100_000, b'{"a": '])
def test_a_damaged_note_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    assert read_note(tmp_path / "note.json") == {}
    (tmp_path / "note.json").write_bytes(content)
    assert read_note(tmp_path / "note.json") == {}
