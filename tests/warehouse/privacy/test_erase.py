"""Erasing on a small warehouse: what comes again stays erased, who is unknown is said so, and files are private."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import sqlite3
import stat
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from serving.publication.published_copies import PublishedCopies
from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError
from warehouse.identity.erasure_register import salt_path
from warehouse.lock import WarehouseBusyError, hold_warehouse
from warehouse.lost import require_warehouse
from warehouse.privacy.erase import Erasure, erase, reapply, require_current, unfinished_path
from warehouse.privacy.export import export
from warehouse.register import register_path
from warehouse.sql import connect

CUSTOMER = "cust-0815"
COLUMNS = {"customer_id": {"required": True}, "email": {}, "points": {}}
FIRST = f"customer_id,email,points\n{CUSTOMER},erika@muster.example,3\ncust-0816,otto@normal.example,4\n"
SECOND = f"customer_id,email,points\ncust-0817,anna@fall.example,5\n{CUSTOMER},erika@muster.example,6\n"


@pytest.fixture
def shop(tmp_path: Path) -> Landing:
    here = Landing(tmp_path, {"customers": {"files": "*.csv", "key": "customer_id", "columns": COLUMNS}})
    here.write("a.csv", FIRST)
    here.load()
    return here


def gone(here: Landing, customer_id: str = CUSTOMER) -> Erasure:
    return erase(here.settings, customer_id, PublishedCopies(here.settings), lambda message: None)


def rows(here: Landing) -> list[tuple[object, ...]]:
    return here.query("select customer_id, email, points from raw_till.customers order by points")


def test_what_is_delivered_again_gets_the_pseudonym_and_no_identifiers(shop: Landing) -> None:
    name = gone(shop).pseudonym
    assert rows(shop) == [(name, None, "3"), ("cust-0816", "otto@normal.example", "4")]
    shop.write("b.csv", SECOND)
    shop.load()
    assert rows(shop)[2:] == [("cust-0817", "anna@fall.example", "5"), (name, None, "6")]
    shop.load(full_refresh=True)
    assert rows(shop)[::3] == [(name, None, "3"), (name, None, "6")]
    assert b"erika" not in shop.settings.warehouse_path.read_bytes()


def test_a_line_that_cannot_be_read_is_not_kept_when_it_names_somebody_erased(shop: Landing) -> None:
    gone(shop)
    shop.write("b.csv", f"customer_id,email,points\n{CUSTOMER},erika,1,2\ncust-08150,anna,1,2\n")
    shop.load()
    assert [record for *_, record in shop.rejected()] == [None, "cust-08150,anna,1,2"]


def test_two_customers_who_come_in_one_file_keep_their_own_pseudonyms(shop: Landing) -> None:
    names = [gone(shop).pseudonym, gone(shop, "cust-0816").pseudonym]
    shop.write("b.csv", FIRST.replace(",3", ",5").replace(",4", ",6"))
    shop.load()
    assert [customer for customer, *_ in rows(shop)] == [*names, *names]


def test_the_record_proves_the_erasure_to_who_has_the_salt_and_nothing_to_others(shop: Landing) -> None:
    name = gone(shop).pseudonym
    salt = salt_path(shop.settings)
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    erasure = "select pseudonym, customer_hash, row_counts, finished_at >= erased_at from ops.erasures"
    hashed = hashlib.sha256((salt.read_text() + CUSTOMER).encode()).hexdigest()
    assert shop.query(erasure) == [(name, hashed, '{"raw_till.customers": 1}', True)]
    assert name.startswith("erased-") and not unfinished_path(shop.settings).exists()


def test_a_salt_of_the_environment_is_kept_nowhere(shop: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOYALTY_HASH_SALT", "pepper-and-salt")
    gone(shop)
    assert not salt_path(shop.settings).exists()
    shop.write("b.csv", SECOND)
    monkeypatch.delenv("LOYALTY_HASH_SALT")
    with pytest.raises(UserError, match="not the salt that customers were erased under"):
        shop.load()
    with pytest.raises(UserError, match="not the salt"):
        gone(shop, "cust-0816")


def test_an_erasure_may_be_repeated(shop: Landing) -> None:
    first = gone(shop)
    again = gone(shop)
    assert again.pseudonym == first.pseudonym and again.row_counts == {}
    assert shop.query("select count(*) from ops.erasures") == [(1,)]


def test_files_of_the_sources_are_told_and_left_alone(shop: Landing) -> None:
    shop.write("copy.csv", FIRST)
    shop.load()
    assert gone(shop).source_files == (str(shop.folder / "a.csv"), str(shop.folder / "copy.csv"))
    assert (shop.folder / "a.csv").read_text() == FIRST


def test_logs_and_other_databases_of_the_home_folder_are_cleaned(shop: Landing) -> None:
    home = shop.settings.home
    (home / "dagster").mkdir()
    (home / "dagster" / "compute.log").write_text(f"row of {CUSTOMER}: bad e-mail Erika@Muster.example\ncust-08150\n")
    with sqlite3.connect(home / "dagster" / "runs.db") as log:
        log.execute("create table events (body text)")
        log.execute("insert into events values (?)", [json.dumps({"message": f"no such customer {CUSTOMER}"})])
    log.close()
    with sqlite3.connect(home / "dagster" / "runs.db") as log:  # as a process leaves it that was killed
        log.execute("pragma journal_mode = wal")
    log.close()
    (home / "dagster" / "runs.db-shm").write_bytes(bytes(32768))
    (home / "dagster" / "runs.db-wal").touch()
    (home / "tmp" / "ingest").mkdir(parents=True)
    (home / "tmp" / "ingest" / "sound").write_text(FIRST)
    name = gone(shop).pseudonym
    assert (home / "dagster" / "compute.log").read_text() == f"row of {name}: bad e-mail erased\ncust-08150\n"
    assert CUSTOMER.encode() not in (home / "dagster" / "runs.db").read_bytes()
    assert not (home / "tmp" / "ingest").exists()


def test_a_message_that_was_handed_over_cannot_be_told_by_its_key_either(shop: Landing) -> None:
    key = hashlib.md5(CUSTOMER.encode(), usedforsecurity=False).hexdigest()
    outbox = shop.settings.home / "outbox.jsonl"
    outbox.write_text(json.dumps({"message_id": key, "address": "erika@muster.example", "text": "4 points"}))
    with shop.warehouse() as connection:
        connection.execute(f"create table ops.messages as select '{key}' as message_id, '{CUSTOMER}' as customer_id")
        connection.execute(f"create table raw_till.clicks as select '{key}' as reference, '{CUSTOMER}' as customer_id")
    gone(shop)
    assert json.loads(outbox.read_text()) == {"message_id": "erased", "address": "erased", "text": "4 points"}
    ((new,),) = shop.query("select message_id from ops.messages")
    assert new != key and shop.query("select reference from raw_till.clicks") == [(new,)]


def test_what_cannot_be_cleaned_is_named(shop: Landing) -> None:
    foreign = shop.settings.home / "picture.bin"
    foreign.write_bytes(b"\xff\x00" + CUSTOMER.encode() + b"\xff")
    with pytest.raises(UserError, match=r"still stands in:\n.*picture\.bin"):
        gone(shop)
    assert unfinished_path(shop.settings).exists()
    foreign.unlink()
    gone(shop)
    assert not unfinished_path(shop.settings).exists()


def test_an_erasure_that_was_cut_off_is_finished_by_the_next_one(
    shop: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    log = shop.settings.home / "log.txt"
    log.write_text(f"{CUSTOMER} erika@muster.example")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("serving.publication.published_copies.republish", cut)
        gone(shop)
    assert stat.S_IMODE(unfinished_path(shop.settings).stat().st_mode) == 0o600
    name = rows(shop)[0][0]
    gone(shop, "cust-0816")
    assert log.read_text() == f"{name} erased" and not unfinished_path(shop.settings).exists()
    assert shop.query("select count(*) from ops.erasures where finished_at is not null") == [(2,)]


@pytest.mark.parametrize("customer_id", ["cust-081", "CUST-0815", "", "'; drop table x"])
def test_an_unknown_customer_is_an_error_and_nothing_is_written(shop: Landing, customer_id: str) -> None:
    before = shop.settings.warehouse_path.read_bytes()
    with pytest.raises(UserError, match="no row is of a customer"):
        gone(shop, customer_id)
    with pytest.raises(UserError, match="no row is of a customer"):
        export(shop.settings, customer_id, shop.folder, print)
    assert shop.settings.warehouse_path.read_bytes() == before and not salt_path(shop.settings).exists()


def test_before_the_first_run_there_is_nobody(tmp_path: Path) -> None:
    here = Landing(tmp_path, {"customers": {"files": "*.csv"}})
    with pytest.raises(UserError, match="there is no warehouse yet"):
        gone(here)
    with pytest.raises(UserError, match="there is no warehouse yet"):
        export(here.settings, CUSTOMER, tmp_path, print)


def test_nothing_happens_while_a_run_holds_the_warehouse(shop: Landing) -> None:
    settings = shop.settings.model_copy(update={"lock_wait_seconds": 0.1})
    with hold_warehouse(settings, "a-run"), pytest.raises(WarehouseBusyError):
        erase(settings, CUSTOMER, PublishedCopies(settings), lambda message: None)
    assert rows(shop)[0][0] == CUSTOMER


def test_an_export_holds_the_rows_and_what_they_mean_for_its_owner_alone(shop: Landing) -> None:
    with shop.warehouse() as connection:
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.points as select '{CUSTOMER}' as customer_id, 0.10::decimal(18, 4) as amount"
        )
        connection.execute("comment on column marts.points.amount is 'What the points are worth.'")
        connection.execute(
            f"insert into ops.rejected_lines values (1, 'till', 'customers', 'a', 1, 'why', '{CUSTOMER};x', 'x;x')"
        )
    target, tables, count = export(shop.settings, CUSTOMER, shop.folder, print)
    assert target == shop.folder / f"customer-{CUSTOMER}.json" and stat.S_IMODE(target.stat().st_mode) == 0o600
    assert '"amount":0.1000' in target.read_text() and (tables, count) == (3, 3)
    told = json.loads(target.read_text())["tables"]
    assert told["raw_till.customers"]["rows"][0]["email"] == "erika@muster.example"
    assert told["marts.points"]["columns"]["amount"] == "What the points are worth."
    assert "cust-0816" not in target.read_text() and told["ops.rejected_lines"]["rows"][0]["record"] == f"{CUSTOMER};x"


def test_an_export_into_the_home_folder_is_refused(shop: Landing) -> None:
    with pytest.raises(UserError, match="inside the home folder"):
        export(shop.settings, CUSTOMER, shop.settings.home / "me.json", print)
    with pytest.raises(UserError, match="no such folder"):
        export(shop.settings, CUSTOMER, shop.folder / "none" / "me.json", print)


def test_a_source_whose_customer_column_is_not_declared_is_an_error_before_anything_is_done(shop: Landing) -> None:
    with shop.warehouse() as connection:
        connection.execute("alter table raw_till.customers rename customer_id to buyer")
        connection.execute("create schema staging")
        connection.execute(
            "create view staging.stg_till__customers as select buyer as customer_id from raw_till.customers"
        )
    with pytest.raises(
        UserError, match=r"till\.yml: staging\.stg_till__customers knows the customer.*customer_columns"
    ):
        gone(shop)
    assert shop.query("select count(*) from raw_till.customers where buyer = 'cust-0815'") == [(1,)]
    with pytest.raises(UserError, match=r"knows the customer, but no raw table does.*hash_of"):
        export(shop.settings, CUSTOMER, shop.folder / "me.json", print)
    assert not (shop.folder / "me.json").exists()


@pytest.mark.parametrize(
    "spelled",
    [f"{CUSTOMER} ", f"\t{CUSTOMER}", f"{CUSTOMER}\u200b", CUSTOMER.upper(), f"\u00a0{CUSTOMER}", f"{CUSTOMER}\u202e",
     f"{CUSTOMER[:3]}\u00ad{CUSTOMER[3:]}", f"{CUSTOMER}\ufe0f", f"\u3164{CUSTOMER}",
     f"{CUSTOMER[:2]}\u034f{CUSTOMER[2:]}"],
)  # fmt: skip
def test_another_spelling_does_not_bring_the_person_back(shop: Landing, spelled: str) -> None:
    name = gone(shop).pseudonym
    shop.write("b.csv", f'customer_id,email,points\n"{spelled}",erika@muster.example,6\n')
    shop.load()
    assert rows(shop)[2] == (name, None, "6")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"customer": 1}'])
def test_a_damaged_note_of_an_erasure_is_told_in_words(shop: Landing, text: str) -> None:
    gone(shop)
    unfinished_path(shop.settings).write_text(text)
    with pytest.raises(UserError, match=r"unfinished\.json: damaged.*start that erasure again"):
        gone(shop, "cust-0816")


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_an_accent_that_is_written_otherwise_does_not_bring_the_person_back(
    shop: Landing, forms: tuple[Literal["NFC", "NFD"], ...]
) -> None:
    first, second = (unicodedata.normalize(form, "Çelik-é7") for form in forms)
    shop.write("b.csv", f"customer_id,email,points\n{first},erika@muster.example,5\n")
    shop.load()
    name = gone(shop, first).pseudonym
    shop.write("c.csv", f"customer_id,email,points\n{second.upper()},erika@muster.example,6\n")
    shop.load()
    assert rows(shop)[2:] == [(name, None, "5"), (name, None, "6")]


def test_a_customer_whose_id_differs_in_case_alone_stays_and_is_told(shop: Landing) -> None:
    other = CUSTOMER.upper()
    shop.write("b.csv", f"customer_id,email,points\n{other},anna@fall.example,5\n")
    shop.load()
    assert gone(shop).others == (other,)
    shop.write("c.csv", f"customer_id,email,points\n{other},anna@fall.example,6\n")
    shop.load()
    assert rows(shop)[2:] == [(other, "anna@fall.example", "5"), (other, "anna@fall.example", "6")]
    gone(shop, other)
    shop.write("d.csv", f"customer_id,email,points\n{other},anna@fall.example,7\n")
    shop.load()
    assert {who for who, email, _ in rows(shop) if email == "anna@fall.example"} == set()


def test_where_case_does_not_matter_every_spelling_is_the_same_customer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {"customers": {"files": "*.csv", "key": "customer_id", "columns": COLUMNS}}
    here = Landing(tmp_path, tables, id_case="upper")
    monkeypatch.setattr("warehouse.privacy.erase.every_source", lambda _settings: {"till": here.source})
    here.write("a.csv", FIRST)
    here.load()
    done = gone(here, CUSTOMER.upper())
    assert done.others == () and done.pseudonym == done.pseudonym.upper()
    assert rows(here)[0] == (done.pseudonym, None, "3")
    here.write("b.csv", SECOND)
    here.load()
    assert rows(here)[-1] == (done.pseudonym, None, "6")


def test_two_keys_never_become_one(shop: Landing) -> None:
    """Spellings that only a machine tells apart are both erased, and stay two where tables hold them as two."""
    with shop.warehouse() as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.dim_customers (customer_id varchar primary key, orders bigint)")
        connection.execute(f"insert into marts.dim_customers values ('{CUSTOMER}', 1), ('{CUSTOMER} ', 2), ('x', 3)")
    name = gone(shop).pseudonym
    found = dict(shop.query("select orders, customer_id from marts.dim_customers"))
    assert found[1] == name and found[2].startswith("erased-") and found[2] != name and found[3] == "x"
    shop.write("b.csv", f'customer_id,email,points\n"{CUSTOMER} ",erika@muster.example,6\n')
    shop.load()
    assert rows(shop)[2] == (found[2], None, "6")


def test_a_lost_warehouse_does_not_undo_an_erasure(shop: Landing) -> None:
    name = gone(shop).pseudonym
    shop.settings.warehouse_path.unlink()
    with pytest.raises(UserError, match=r"missing, though .*--new-warehouse"):
        require_warehouse(shop.settings)
    require_warehouse(shop.settings, start_anew=True)
    shop.load()
    assert rows(shop)[0] == (name, None, "3")
    with shop.warehouse() as connection:
        require_current(connection, shop.settings)
    assert shop.query("select pseudonym from ops.erasures") == [(name,)]


def test_without_its_register_a_lost_warehouse_is_not_begun_anew(shop: Landing) -> None:
    gone(shop)
    shop.settings.warehouse_path.unlink()
    register_path(shop.settings).unlink()
    with pytest.raises(UserError, match=r"register\.sqlite is missing as well"):
        require_warehouse(shop.settings, start_anew=True)


def test_a_warehouse_from_a_backup_is_stopped_and_erased_again(shop: Landing) -> None:
    backup = shop.settings.warehouse_path.read_bytes()
    name = gone(shop).pseudonym
    shop.settings.warehouse_path.write_bytes(backup)
    with shop.warehouse() as connection, pytest.raises(UserError, match="privacy reapply"):
        require_current(connection, shop.settings)
    assert reapply(shop.settings, PublishedCopies(shop.settings), lambda message: None) == 1
    assert rows(shop)[0] == (name, None, "3")
    with shop.warehouse() as connection:
        require_current(connection, shop.settings)


def test_an_erasure_of_a_version_without_a_register_is_taken_over(shop: Landing) -> None:
    name = gone(shop).pseudonym
    register_path(shop.settings).unlink()
    shop.write("b.csv", SECOND)
    shop.load()
    assert rows(shop)[-1] == (name, None, "6") and register_path(shop.settings).exists()


def test_the_register_is_private_and_holds_no_id(shop: Landing) -> None:
    gone(shop)
    register = register_path(shop.settings)
    assert stat.S_IMODE(register.stat().st_mode) == 0o600
    assert CUSTOMER.encode() not in register.read_bytes()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda data: zipped({"inner.txt": data}),
    "xlsx": lambda data: zipped({"xl/sharedStrings.xml": data}),
    "zip of gz": lambda data: zipped({"inner.gz": gzip.compress(data)}),
    "name in zip": lambda data: zipped({f"{CUSTOMER}.txt": b"x"}),
    "utf-16": lambda data: data.decode().encode("utf-16"),
    "utf-16-be": lambda data: data.decode().encode("utf-16-be"),
    "utf-32": lambda data: data.decode().encode("utf-32"),
    "gz of utf-16": lambda data: gzip.compress(data.decode().encode("utf-16-le")),
}


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize("way", PACKED)
def test_the_proof_looks_into_what_is_packed_or_of_another_encoding(shop: Landing, way: str) -> None:
    file = shop.settings.home / "kept.bin"
    file.write_bytes(PACKED[way](f"a line of {CUSTOMER} in a file".encode()))
    with pytest.raises(UserError, match=r"still stands in:\n.*kept\.bin"):
        gone(shop)
    file.write_bytes(PACKED[way](b"a line of nobody") if way != "name in zip" else zipped({"a": b"b"}))
    assert gone(shop).unseen == ()


def test_the_proof_reads_parquet(shop: Landing) -> None:
    file = shop.settings.home / "kept.parquet"
    with connect() as connection:
        connection.execute(f"copy (select '{CUSTOMER}' as who from range(9)) to '{file}' (compression zstd)")
    with pytest.raises(UserError, match=r"kept\.parquet"):
        gone(shop)


def test_what_the_proof_cannot_look_into_is_named(shop: Landing) -> None:
    (shop.settings.home / "a.zst").write_bytes(b"\x28\xb5\x2f\xfd" + b"x" * 50)
    (shop.settings.home / "b.gz").write_bytes(b"\x1f\x8b" + b"x" * 50)
    assert [Path(place.partition(":")[0]).name for place in gone(shop).unseen] == ["a.zst", "b.gz"]


def test_somebody_known_from_rejected_text_alone_is_handed_it_and_erased(shop: Landing) -> None:
    shop.write("b.csv", "customer_id,email,points\ncust-0999,vera@allein.example,1,2\n")
    shop.load()
    target, _, count = export(shop.settings, "cust-0999", shop.folder, print)
    assert count >= 1 and "vera@allein.example" in target.read_text()
    assert sum(gone(shop, "cust-0999").row_counts.values()) >= 1
    assert b"cust-0999" not in shop.settings.warehouse_path.read_bytes()
