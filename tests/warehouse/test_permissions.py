"""Everything a home folder holds is its owner's alone, whatever the umask; one group may read what is published."""

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.errors import UserError
from warehouse.files import write_out
from warehouse.permissions import close_home, let_through, open_to_readers, private_files
from warehouse.settings import PublishSettings, Settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask() -> Iterator[None]:
    earlier = os.umask(0o022)
    yield
    os.umask(earlier)


@pytest.mark.usefixtures("open_umask")
def test_what_is_made_is_private_and_what_is_asked_for_is_as_the_user_wants_it(tmp_path: Path) -> None:
    with private_files():
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "file").touch()
        write_out(tmp_path / "picture.html", "x", force=False)
        write_out(tmp_path / "members.csv", "x", force=False, is_private=True)
    assert [mode(tmp_path / name) for name in ("made", "made/file")] == [0o700, 0o600]
    assert [mode(tmp_path / name) for name in ("picture.html", "members.csv")] == [0o644, 0o600]


@pytest.mark.usefixtures("open_umask")
def test_a_home_of_an_earlier_version_is_closed_and_what_sources_bring_is_let_be(settings: Settings) -> None:
    for name in ("dagster/storage/runs.db", "outbox/messages.jsonl", "landing/a.csv"):
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    settings.warehouse_path.touch()
    close_home(settings)
    found = {str(path.relative_to(settings.home)): mode(path) for path in settings.home.rglob("*")}
    assert found == {
        "dagster": 0o700, "dagster/storage": 0o700, "dagster/storage/runs.db": 0o600, "outbox": 0o700,
        "outbox/messages.jsonl": 0o600, "warehouse.duckdb": 0o600, "landing": 0o755, "landing/a.csv": 0o644,
    }  # fmt: skip


def test_one_group_may_read_what_is_published(settings: Settings) -> None:
    own = grp.getgrgid(os.getgid()).gr_name
    file = settings.published_dir / "loyalty.duckdb"
    settings.home.chmod(0o700)
    settings.published_dir.mkdir()
    file.touch()
    for group, expected in ((None, (0o700, 0o700, 0o400)), (own, (0o710, 0o2750, 0o440))):
        chosen = settings.model_copy(update={"publish": PublishSettings(group=group)})
        let_through(chosen)
        open_to_readers(chosen, settings.published_dir)
        open_to_readers(chosen, file)
        assert tuple(map(mode, (settings.home, settings.published_dir, file))) == expected
    with pytest.raises(UserError, match=r"publish\.group: there is no group nobody-here"):
        open_to_readers(settings.model_copy(update={"publish": PublishSettings(group="nobody-here")}), file)
