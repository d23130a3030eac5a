"""A backup is whole or not there, and a restored home is the one that was backed up."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from warehouse import backup
from warehouse.backup import CONTENTS, Backup, back_up, read_backup, restore
from warehouse.errors import UserError
from warehouse.identity.erasure_register import make_salt
from warehouse.lock import WarehouseBusyError, hold_warehouse
from warehouse.register import DeliveryRecord, ErasureRecord, Register
from warehouse.settings import Settings
from warehouse.sql import connect

FIRST, SECOND = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def fill(settings: Settings, *orders: str) -> None:
    with connect(settings.warehouse_path) as connection:
        connection.execute("create table if not exists orders (id varchar)")
        connection.executemany("insert into orders values (?)", [[order] for order in orders])


def orders(settings: Settings) -> list[str]:
    with connect(settings.warehouse_path, read_only=True) as connection:
        return [row[0] for row in connection.execute("from orders order by 1").fetchall()]


def elsewhere(settings: Settings, home: Path) -> Settings:
    return settings.model_copy(update={"home": home})


def erasure(name: str) -> ErasureRecord:
    return ErasureRecord(name, f"hash-{name}", "salt", FIRST, FIRST, "{}")


def delivery(message: str, at: datetime) -> DeliveryRecord:
    return DeliveryRecord(message, at, "sent", None)


@pytest.fixture
def made(settings: Settings, tmp_path: Path) -> Backup:
    """A backup of a home with orders, a model, a register and what a run makes again."""
    fill(settings, "A", "B")
    for name in (
        "models/churn/model.skops", "published/loyalty.duckdb", "dagster/runs.db", "rows.json", "spark/x", "tmp/x",
    ):  # fmt: skip
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    make_salt(settings)
    Register(settings).add_erasures([erasure("erased-1")], {"spelled": "erased-1"})
    Register(settings).add_deliveries([delivery("M1", FIRST)])
    return back_up(settings, tmp_path.parent / f"{tmp_path.name}-backups", print)


def test_a_backup_holds_what_cannot_be_made_again_for_its_owner_alone(made: Backup, settings: Settings) -> None:
    assert [file.path for file in made.files] == [
        "models/churn/model.skops", "privacy/register.sqlite", "privacy/salt", "rows.json", "warehouse.duckdb",
    ]  # fmt: skip
    assert read_backup(made.folder) == made and made.company == settings.company
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [made.folder, *made.folder.rglob("*")]}
    assert modes == {0}


def test_a_restored_home_is_the_one_that_was_backed_up(made: Backup, settings: Settings, tmp_path: Path) -> None:
    new = elsewhere(settings, tmp_path / "new")
    restore(new, made.folder, print)
    assert orders(new) == ["A", "B"]
    for file in made.files:
        assert (new.home / file.path).stat().st_size == file.size
    assert Register(new).erasures() == Register(settings).erasures()
    assert {path.name for path in new.home.iterdir()} == {
        "models", "privacy", "rows.json", "warehouse.duckdb", "warehouse.lock",
    }  # fmt: skip


def test_what_is_there_is_moved_aside_and_its_register_stays(made: Backup, settings: Settings) -> None:
    fill(settings, "C")
    register = Register(settings)
    register.add_erasures([erasure("erased-2")], {})
    register.forget_messages(["M1"])
    register.add_deliveries([delivery("M2", SECOND)])
    with pytest.raises(UserError, match=r"has models, rows\.json, warehouse\.duckdb already.*--force"):
        restore(settings, made.folder, print)
    assert orders(settings) == ["A", "B", "C"]
    told: list[str] = []
    restore(settings, made.folder, told.append, force=True)
    assert orders(settings) == ["A", "B"]
    assert {one.pseudonym for one in register.erasures()} == {"erased-1", "erased-2"}
    assert register.sent() == ["M1", "M2"]
    (aside,) = settings.home.glob("before-restore-*")
    assert str(aside) in told[0]
    assert orders(elsewhere(settings, aside)) == ["A", "B", "C"]
    assert (settings.home / "published" / "loyalty.duckdb").exists(), "readers keep what is published"
    assert not settings.spark_path.exists(), "Spark may know later batches"


def test_a_damaged_backup_restores_nothing(made: Backup, settings: Settings, tmp_path: Path) -> None:
    new = elsewhere(settings, tmp_path / "new")
    (made.folder / "rows.json").write_text("rows.jsoN")
    with pytest.raises(UserError, match=r"rows\.json: missing or not as it was written"):
        restore(new, made.folder, print)
    note = json.loads((made.folder / CONTENTS).read_text())
    (made.folder / CONTENTS).write_text(json.dumps({**note, "files": [{**note["files"][0], "path": "../secret"}]}))
    with pytest.raises(UserError, match="names a file outside the backup"):
        restore(new, made.folder, print)
    (made.folder / CONTENTS).write_text("{}")
    with pytest.raises(UserError, match="damaged, so that nobody can tell"):
        restore(new, made.folder, print)
    (made.folder / CONTENTS).unlink()
    with pytest.raises(UserError, match="A backup that was cut off has none"):
        restore(new, made.folder, print)
    assert not new.home.exists()


def test_another_company_and_another_salt_are_refused(made: Backup, settings: Settings, tmp_path: Path) -> None:
    new = elsewhere(settings, tmp_path / "new")
    with pytest.raises(UserError, match="a backup of complete_journey, not of corner_shop"):
        restore(new.model_copy(update={"company": "corner_shop"}), made.folder, print)
    make_salt(new)
    with pytest.raises(UserError, match="not the salt of the backup"):
        restore(new, made.folder, print)
    assert not new.warehouse_path.exists()


def test_a_restore_that_was_cut_off_is_done_again(
    made: Backup, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = elsewhere(settings, tmp_path / "new")

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(backup, "_put_in_place", cut_off)
        restore(new, made.folder, print)
    assert not new.warehouse_path.exists(), "no run starts on half a home"
    restore(new, made.folder, print)
    assert orders(new) == ["A", "B"]


def test_only_the_last_backups_of_the_company_are_kept(
    made: Backup, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made.folder.parent
    other = folder / f"another-{made.folder.name}"
    made_by_hand = folder / f"{settings.company}-by_hand"
    for kept in (other, made_by_hand):
        kept.mkdir()
        (kept / CONTENTS).write_text("{}")
    monkeypatch.setattr(backup, "TIME", "29991231T%H%M%SZ")  # a later one, within the same second
    later = back_up(settings, folder, print, keep=1)
    assert set(folder.iterdir()) == {later.folder, other, made_by_hand}


def test_where_nothing_can_be_backed_up_that_is_told(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to back up"):
        back_up(settings, tmp_path / "backups", print)
    fill(settings, "A")
    with pytest.raises(UserError, match="inside the home folder"):
        back_up(settings, settings.home / "backups", print)
    file = tmp_path.parent / f"{tmp_path.name}-file"
    file.write_text("")
    with pytest.raises(UserError, match="the backup cannot be written"):
        back_up(settings, file, print)
    with hold_warehouse(settings, "a run"), pytest.raises(WarehouseBusyError, match="a run"):
        back_up(settings.model_copy(update={"lock_wait_seconds": 0}), tmp_path.parent, print)
