"""Files into raw tables: as they are, once per content, with their drift, in one transaction each."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError
from warehouse.ingest import load as load_module
from warehouse.settings import PROJECT_ROOT

Make = Callable[..., Landing]


def test_csv_loads_as_text_with_its_place(landing: Make) -> None:
    here = landing(columns={"id": {"required": True}, "note": {}})
    here.write("b.csv", "id,note\n007,\n8, spaced \n")
    here.write("a.csv", '\ufeffid,note\r\n1,"two\r\nlines"\r\n2,""\r\n')
    report = here.load()
    assert (report.rows_read, report.rows_loaded, report.rows_malformed) == (4, 4, 0)
    assert report.files_new == ("a.csv", "b.csv") and report.batch_ids == (1, 2)
    assert here.rows("id, note, _batch_id, _file, _row_number") == [
        ("1", "two\r\nlines", 1, "a.csv", 2),
        ("2", None, 1, "a.csv", 4),
        ("007", None, 2, "b.csv", 2),
        ("8", " spaced ", 2, "b.csv", 3),
    ]


def test_ragged_lines_are_rejected_and_the_rest_loads(landing: Make) -> None:
    here = landing(columns={"id": {"required": True}})
    here.write("a.csv", b'id,x\n1,2\n3\n4,5,6\n7,"8\n9,\xff\n10,11\n')
    report = here.load()
    assert (report.rows_read, report.rows_loaded, report.rows_malformed) == (6, 2, 4)
    assert here.rows("id, x, _row_number") == [("1", "2", 2), ("10", "11", 7)]
    assert here.rejected() == [
        ("a.csv", 3, "2 values expected, 1 found", "3"),
        ("a.csv", 4, "2 values expected, 3 found", "4,5,6"),
        ("a.csv", 5, "a quote is not closed", '7,"8'),
        ("a.csv", 6, "not utf-8: byte 0xff; try `encoding: cp1252`", "9,\\xff"),
    ]
    batches = here.query("select file, rows_read, rows_loaded, rows_malformed, superseded_by from ops.batches")
    assert batches == [("a.csv", 6, 2, 4, None)]


def test_gzipped_csv_and_header_only(landing: Make) -> None:
    here = landing(files=["*.csv", "*.csv.gz"], columns={"id": {"required": True}})
    here.write("a.csv", "id\n")
    here.write("b.csv.gz", gzip.compress(b"id\n1\n\n2\n"))
    report = here.load()
    assert report.rows_loaded == 2 and len(report.batch_ids) == 2
    assert here.rows("id, _row_number") == [("1", 2), ("2", 4)]


def test_a_rerun_loads_nothing(landing: Make) -> None:
    here = landing(columns={"id": {}})
    for day in range(3):
        here.write(f"2020/{day}.csv", f"id\n{day}\n")
    here.source = here.source.model_copy(
        update={"tables": {"lines": here.source.tables["lines"].model_copy(update={"files": ("**/*.csv",)})}}
    )
    assert here.load().files_new == ("2020/0.csv", "2020/1.csv", "2020/2.csv")
    before = here.rows()
    again = here.load()
    assert again.batch_ids == () and again.rows_read == 0
    assert again.files_unchanged == ("2020/0.csv", "2020/1.csv", "2020/2.csv")
    assert here.rows() == before


def test_an_unchanged_settled_file_is_not_read_again(landing: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    here = landing(columns={"id": {}})
    path = here.write("a.csv", "id\n1\n")
    os.utime(path, (1_500_000_000, 1_500_000_000))
    here.load()
    path.chmod(0o000)
    monkeypatch.setattr(load_module, "content_hash", lambda _: pytest.fail("the file was read again"))
    assert here.load().files_unchanged == ("a.csv",)


def test_a_touched_file_with_the_same_content_loads_nothing(landing: Make) -> None:
    here = landing(columns={"id": {}})
    path = here.write("a.csv", "id\n1\n")
    here.load()
    os.utime(path, (1_500_000_000, 1_500_000_000))
    assert here.load().batch_ids == ()
    assert here.query("select modified_ns from ops.files") == [(1_500_000_000_000_000_000,)]


def test_the_same_content_under_another_name_loads_nothing(landing: Make) -> None:
    here = landing(columns={"id": {}})
    here.write("a.csv", "id\n1\n")
    here.load()
    here.write("copy.csv", "id\n1\n")
    report = here.load()
    assert report.files_duplicate == ("copy.csv",) and report.files_unchanged == ("a.csv",)
    assert len(here.rows()) == 1
    assert here.load().files_unchanged == ("a.csv", "copy.csv")


@pytest.mark.parametrize("key", [[], ["id"]])
def test_a_changed_file_is_a_new_batch(landing: Make, key: list[str]) -> None:
    """With a key both versions stay for SQL to choose from; without one the older batch is marked as superseded."""
    here = landing(columns={"id": {}, "v": {}}, key=key)
    here.write("a.csv", "id,v\n1,old\n2,old\n")
    here.load()
    here.write("a.csv", "id,v\n1,new\n")
    report = here.load()
    assert report.files_changed == ("a.csv",) and report.batch_ids == (2,)
    assert len(here.rows()) == 3
    superseded = here.query("select batch_id, superseded_by from ops.batches order by 1")
    assert superseded == ([(1, None), (2, None)] if key else [(1, 2), (2, None)])


def test_a_file_that_goes_back_to_its_first_content_is_loaded_again(landing: Make) -> None:
    here = landing(columns={"id": {}})
    for content in ("id\n1\n", "id\n2\n", "id\n1\n"):
        here.write("a.csv", content)
        here.load()
    assert here.live("id, _batch_id") == [("1", 3)]


def test_a_vanished_file_stays_loaded_and_a_renamed_one_is_known(landing: Make) -> None:
    here = landing(columns={"id": {}})
    path = here.write("a.csv", "id\n1\n")
    here.load()
    path.rename(here.folder / "b.csv")
    assert here.load().files_duplicate == ("b.csv",)
    here.write("b.csv", "id\n2\n")
    here.load()
    assert here.live("id") == [("2",)], "the renamed file's new content replaces the old"
    (here.folder / "b.csv").unlink()
    assert here.load().batch_ids == ()
    assert here.live("id") == [("2",)]


def test_a_copy_keeps_its_rows_when_the_other_file_changes(landing: Make) -> None:
    here = landing(columns={"id": {}})
    here.write("a.csv", "id\n1\n")
    here.write("b.csv", "id\n1\n")
    here.load()
    here.write("a.csv", "id\n2\n")
    here.load()
    assert here.live("id") == [("1",), ("2",)]
    here.write("b.csv", "id\n2\n")
    here.load()
    assert here.live("id") == [("2",)], "the content that both hold counts once"


def test_a_replaced_copy_that_comes_back_is_loaded_again(landing: Make) -> None:
    here = landing(columns={"id": {}})
    here.write("a.csv", "id\n1\n")
    copy = here.write("b.csv", "id\n1\n")
    os.utime(copy, (1_500_000_000, 1_500_000_000))
    here.load()
    aside = copy.rename(here.folder / "b.kept")
    here.write("a.csv", "id\n2\n")
    here.load()
    assert here.live("id") == [("2",)]
    aside.rename(copy)
    here.load()
    assert here.live("id") == [("1",), ("2",)]


def test_a_change_within_the_same_tick_of_the_clock_is_seen(landing: Make) -> None:
    here = landing(columns={"id": {}})
    path = here.write("a.csv", "id\n1\n")
    moment = path.stat().st_mtime_ns
    here.load()
    here.write("a.csv", "id\n2\n")
    os.utime(path, ns=(moment, moment))
    assert here.load().files_changed == ("a.csv",)


def test_a_header_may_be_coded_in_other_ways(landing: Make) -> None:
    here = landing(columns={"Stück": {"required": True}, "Art Nr": {"required": True}})
    here.write("a.csv", "Stu\u0308ck,Art\u00a0Nr\n3,7\n")
    here.load()
    assert here.rows('"Stück", "Art Nr"') == [("3", "7")]


def test_header_aliases_and_loose_spellings(landing: Make) -> None:
    here = landing(columns={"CustomerID": {"required": True}, "UnitPrice": {"aliases": ["Price"]}})
    here.write("a.csv", "CustomerID,UnitPrice\n1,2\n")
    here.write("b.csv", "Price,customer id\n4,3\n")
    assert here.load().new_columns == ()
    assert here.rows("CustomerID, UnitPrice") == [("1", "2"), ("3", "4")]


def test_a_new_column_is_added_and_reported(landing: Make) -> None:
    here = landing(columns={"id": {}})
    here.write("a.csv", "id\n1\n")
    here.load()
    here.write("b.csv", "id,Coupon Code\n2,X\n")
    assert here.load().new_columns == ("Coupon Code",)
    here.write("c.csv", "coupon code,id\nY,3\n")
    assert here.load().new_columns == ()
    assert here.rows('id, "Coupon Code"') == [("1", None), ("2", "X"), ("3", "Y")]


def test_a_missing_required_column_says_what_was_found(landing: Make) -> None:
    here = landing(columns={"CustomerID": {"required": True}, "Country": {}})
    here.write("a.csv", "CustomerNo,Country\n1,UK\n")
    with pytest.raises(UserError) as error:
        here.load()
    text = str(error.value)
    assert "a.csv" in text and 'the required column "CustomerID"' in text and 'did you mean "CustomerNo"' in text
    assert 'Found: "CustomerNo", "Country"' in text
    assert here.rows() == []


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id;v", 'separated by another character: `delimiter: ";"`'),
        ("id,ID,v", 'two columns are called "ID"'),
        ("_file,id", '"_file" is reserved'),
        ("I-D,i d,v", '"I-D" and "i d" could each be the column id'),
        ("nothing,known", 'none of the declared columns was found: "id", "v"'),
    ],
)
def test_headers_that_are_refused(landing: Make, header: str, message: str) -> None:
    here = landing(columns={"id": {}, "v": {}})
    here.write("a.csv", f"{header}\n1,2,3\n")
    with pytest.raises(UserError) as error:
        here.load()
    assert message in str(error.value)


def test_declared_tables_exist_without_any_file(landing: Make) -> None:
    here = landing(files="*.parquet", optional=True, columns={"id": {"type": "bigint"}, "at": {"type": "timestamp"}})
    assert here.load().files_new == ()
    shape = here.query(
        "select column_name, data_type from duckdb_columns() where schema_name = 'raw_till' order by column_index"
    )
    assert shape == [
        ("id", "BIGINT"),
        ("at", "TIMESTAMP"),
        ("_batch_id", "BIGINT"),
        ("_file", "VARCHAR"),
        ("_row_number", "BIGINT"),
    ]


def test_a_table_without_files_is_an_error_unless_optional(landing: Make) -> None:
    here = landing(columns={"id": {}})
    here.write("a.txt", "id\n")
    with pytest.raises(UserError, match=r'no file matches "\*\.csv" .* Found: a\.txt'):
        here.load()


def test_hidden_and_lock_files_are_no_input(landing: Make) -> None:
    here = landing(columns={"id": {}})
    here.write("a.csv", "id\n1\n")
    here.write(".a.csv", "broken")
    here.write("~$a.csv", "broken")
    assert here.load().files_new == ("a.csv",)


def test_parquet_keeps_its_types_and_its_order(landing: Make) -> None:
    here = landing(files="*.parquet", columns={"id": {"required": True}})
    here.write_parquet("odd [1]*.parquet", "select i as id, (i * 1.5)::decimal(9, 2) as amount from range(5000) t(i)")
    assert here.load().rows_loaded == 5000
    assert here.query("select typeof(id), typeof(amount) from raw_till.lines limit 1") == [("BIGINT", "DECIMAL(9,2)")]
    assert here.query("select count(*) from raw_till.lines where _row_number <> id + 1") == [(0,)]


def test_folder_names_are_no_columns(landing: Make) -> None:
    here = landing(files="**/*.parquet")
    here.write_parquet("year=2020/1.parquet", "select 1 as id")
    assert here.load().new_columns == ("id",)


@pytest.mark.parametrize(
    ("first", "second", "kind", "values"),
    [
        ("1::bigint", "2::double", "BIGINT", [1, 2]),
        ("1::bigint", "2.5::double", "DOUBLE", [1.0, 2.5]),
        ("1::integer", "5000000000::bigint", "BIGINT", [1, 5000000000]),
        ("1.5::decimal(4, 1)", "123.45::decimal(9, 2)", "DECIMAL(9,2)", [1.5, 123.45]),
        ("null::integer", "'x'", "VARCHAR", [None, "x"]),
        ("'x'", "null::integer", "VARCHAR", ["x", None]),
    ],
)
def test_types_widen_only_without_loss(landing: Make, first: str, second: str, kind: str, values: list[object]) -> None:
    here = landing(files="*.parquet")
    here.write_parquet("1.parquet", f"select {first} as v")
    here.load()
    before = here.query("select distinct typeof(v) from raw_till.lines")
    here.write_parquet("2.parquet", f"select {second} as v")
    report = here.load()
    assert here.query("select distinct typeof(v) from raw_till.lines") == [(kind,)]
    assert report.widened_columns == (() if before == [(kind,)] else (f"v: {before[0][0]} -> {kind}",))
    found = [value if value is None or isinstance(value, str) else float(value) for (value,) in here.rows("v")]
    assert found == values


@pytest.mark.parametrize(
    ("first", "second"),
    [("1::bigint", "'x'"), ("9007199254740993::bigint", "0.5::double"), ("timestamp '2020-01-01'", "now()")],
)
def test_types_that_do_not_fit_are_refused(landing: Make, first: str, second: str) -> None:
    here = landing(files="*.parquet")
    here.write_parquet("1.parquet", f"select {first} as v")
    here.write_parquet("2.parquet", f"select {second} as v")
    with pytest.raises(UserError, match=r'2\.parquet: the column "v" is .* Declare its `type`'):
        here.load()
    assert len(here.rows()) == 1, "the file before it stays loaded"


def test_declared_types_hold(landing: Make) -> None:
    here = landing(files="*.parquet", columns={"v": {"type": "decimal(18,4)"}, "day": {"type": "timestamp"}})
    here.write_parquet("1.parquet", "select 0.1 + 0.2::double as v, timestamptz '2020-01-01 00:00:00+02' as day")
    here.write_parquet("2.parquet", "select '1.5' as v, date '2020-01-02' as day")
    here.load()
    assert here.query("select v::varchar, day::varchar from raw_till.lines order by _batch_id") == [
        ("0.3000", "2019-12-31 22:00:00"),
        ("1.5000", "2020-01-02 00:00:00"),
    ]
    here.write_parquet("3.parquet", "select * from (values ('1'), ('a lot')) t(v)")
    report = here.load()
    assert (report.rows_loaded, report.rows_malformed) == (1, 1)
    assert here.rejected() == [("3.parquet", 2, "v is not a decimal(18,4)", '{"v":"a lot","_row_number":2}')]


def test_nested_values_become_json_where_text_is_declared(landing: Make) -> None:
    here = landing(files="*.parquet", columns={"tags": {"type": "varchar"}, "size": {"type": "varchar"}})
    here.write_parquet("1.parquet", "select ['a', 'b'] as tags, {'w': 1, 'h': null} as size")
    here.load()
    assert here.rows("tags, size") == [('["a","b"]', '{"w":1,"h":null}')]


def test_damaged_parquet_is_named(landing: Make) -> None:
    here = landing(files="*.parquet")
    path = here.write_parquet("1.parquet", "select * from range(10000)")
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError, match=r"1\.parquet: cannot be read as parquet"):
        here.load()
    assert here.query("select count(*) from ops.batches") == [(0,)]


def test_json_lines_become_text_columns(landing: Make) -> None:
    here = landing(files=["*.jsonl", "*.json.gz"], columns={"id": {"required": True}, "amount": {}})
    here.write(
        "a.jsonl", '{"id": 1, "amount": 19.99, "tags": ["a", "b"]}\n\n{"id": "2", "note": null}\r\n{"id": 3\n[4]\n'
    )
    here.write(
        "b.json.gz", gzip.compress('{"id": 5, "amount": "5,00", "name": "Müller"}\n{"id": 6, "id": 7}\n'.encode())
    )
    report = here.load()
    assert (report.rows_read, report.rows_loaded, report.rows_malformed) == (6, 3, 3)
    assert here.rows("id, amount, tags, name, _row_number") == [
        ("1", "19.99", '["a","b"]', None, 1),
        ("2", None, None, None, 3),
        ("5", "5,00", None, "Müller", 1),
    ]
    assert [row[:3] for row in here.rejected()] == [
        ("a.jsonl", 4, "not a JSON object on one line"),
        ("a.jsonl", 5, "not a JSON object on one line"),
        ("b.json.gz", 2, "a key that comes twice"),
    ]


def test_a_file_that_changes_while_it_is_read_is_refused(landing: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    here = landing(columns={"id": {}})
    path = here.write("a.csv", "id\n1\n")
    original = load_module.open_file

    def open_and_append(*arguments: object) -> object:
        opened = original(*arguments)  # type: ignore[arg-type]
        path.write_text("id\n1\n2\n")
        return opened

    monkeypatch.setattr(load_module, "open_file", open_and_append)
    with pytest.raises(UserError, match="changed while it was read"):
        here.load()
    assert here.rows() == []
    monkeypatch.undo()
    assert here.load().rows_loaded == 2


def test_full_refresh_loads_what_is_there_and_numbers_go_on(landing: Make) -> None:
    here = landing(columns={"id": {}})
    here.write("a.csv", "id\n1\n2,3\n")
    here.write("b.csv", "id\n2\n")
    here.load()
    (here.folder / "b.csv").unlink()
    report = here.load(full_refresh=True)
    assert report.files_new == ("a.csv",) and report.batch_ids == (3,)
    assert here.rows("id, _batch_id") == [("1", 3)]
    assert here.query("select batch_id from ops.batches") == [(3,)]
    assert [row[1] for row in here.rejected()] == [3]


def test_columns_declared_later_appear(landing: Make, tmp_path: Path) -> None:
    here = landing(columns={"id": {}})
    here.write("a.csv", "id\n1\n")
    here.load()
    later = Landing(tmp_path, {"lines": {"files": "*.csv", "columns": {"id": {}, "colour": {}}}})
    later.load()
    assert later.rows("id, colour") == [("1", None)]


def test_only_the_wanted_tables_are_loaded(tmp_path: Path) -> None:
    here = Landing(tmp_path, {"lines": {"files": "l.csv"}, "customers": {"files": "c.csv"}})
    here.write("l.csv", "id\n1\n")
    here.write("c.csv", "id\n1\n")
    assert here.load(tables=["customers"]).table == "customers"
    assert here.query("select table_name from ops.batches") == [("customers",)]
    with pytest.raises(UserError, match=r'unknown table "customer" \(did you mean "customers"\?\)'):
        here.load(tables=["customer"])


def test_no_scratch_is_left(landing: Make) -> None:
    here = landing(files=["*.csv", "*.jsonl"], columns={"id": {}})
    here.write("a.csv", "id\n1\n")
    here.write("a.jsonl", '{"id": 1}\n')
    with here.warehouse() as connection:
        load_module.load_source(connection, here.source, here.settings)
        assert connection.execute("select count(*) from duckdb_tables() where temporary").fetchone() == (0,)
    assert not list((here.settings.home / "tmp").iterdir())


def test_scratch_files_of_a_load_killed_behind_its_last_file_go_with_the_next_load(landing: Make) -> None:
    here = landing(columns={"id": {}})
    here.write("a.csv", "id\n1\n")
    here.load()
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        scratch = here.settings.home / "tmp" / f"ingest-{gone.pid}-0"
    scratch.mkdir()
    (scratch / "sound").write_text("id\n1\n")
    assert here.load().files_unchanged == ("a.csv",)
    assert not scratch.exists()


KILLED_LOAD = """
import sys
from pathlib import Path
from tests.warehouse.ingest.landing import Landing
Landing(Path(sys.argv[1]), {"lines": {"files": "*.csv", "columns": {"id": {}}}}).load()
"""


def test_a_killed_load_is_completed_by_the_next_one(tmp_path: Path) -> None:
    """However far it came: the tables equal those of an undisturbed load."""

    def fill(root: Path) -> Landing:
        here = Landing(root, {"lines": {"files": "*.csv", "columns": {"id": {}}}})
        for part in range(12):
            body = "".join(f"{part},{line}\n" for line in range(4000))
            here.write(f"{part:02}.csv", f"id,line\n{body}odd\n")
        return here

    calm = fill(tmp_path / "calm")
    calm.load()
    expected = calm.rows("* exclude (_file)"), calm.rejected()
    killed = fill(tmp_path / "killed")
    interrupted = 0
    for delay in (0.05, 0.1, 0.2):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED_LOAD, str(tmp_path / "killed")], cwd=PROJECT_ROOT, env={**os.environ}
        )
        while process.poll() is None and not _has_batches(killed, process):
            time.sleep(0.01)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        interrupted += process.wait() == -signal.SIGKILL
    assert interrupted, "every load ended before its kill"
    killed.load()
    assert (killed.rows("* exclude (_file)"), killed.rejected()) == expected


def _has_batches(here: Landing, process: subprocess.Popen[bytes]) -> bool:
    """Whether the load has begun to write, as far as one can see from outside: its warehouse is not empty."""
    path = here.settings.warehouse_path
    wal = path.with_name(path.name + ".wal")
    return process.poll() is None and path.exists() and (wal.exists() and wal.stat().st_size > 0)


def test_an_interrupted_transaction_leaves_nothing(landing: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    here = landing(columns={"id": {}})
    here.write("a.csv", "id\n1\n")

    def fail(*_: object) -> None:
        raise duckdb.OutOfMemoryException("out of memory")

    monkeypatch.setattr(load_module, "write_batch", fail)
    with pytest.raises(duckdb.OutOfMemoryException):
        here.load()
    assert here.rows() == [] and here.query("select count(*) from ops.batch_counter") == [(0,)]
