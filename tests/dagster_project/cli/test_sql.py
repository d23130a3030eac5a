"""`loyalty sql`: the published copy and nothing else, and nothing that a terminal or a spreadsheet would obey."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from dagster_project.cli.sql import print_query
from tests.support.company import Company, company
from warehouse.errors import UserError
from warehouse.lock import WarehouseBusyError, hold_warehouse
from warehouse.settings import Settings
from warehouse.sql import connect

VALUES = {"company": "Moe's [/]", "sources": {"shop": {}}, "business_timezone": "UTC", "base_currency": "EUR"}
HOSTILE = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", " =x", "\x1b[2J", "\x9b2J", "[red]x[/] :smile:", "\u202eevil"]


@pytest.fixture
def one(tmp_path: Path) -> Company:
    """A company whose published copy has a table of hostile texts."""
    made = company(tmp_path / "home", {**VALUES, "churn_horizon_days": 30})
    made.settings.published_dir.mkdir()
    with connect(made.settings.published_path) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.texts as select unnest($1) as text, -1 as number", [HOSTILE])
    return made


def outside(settings: Settings, folder: Path) -> list[str]:
    """Statements that reach for something else than what is published."""
    warehouse, file = folder / "other.duckdb", folder / "file.csv"
    connect(warehouse).close()
    file.write_text("a\n1\n")
    return [
        f"select * from read_csv('{file}')",
        f"select * from read_text('{file}')",
        f"select * from '{file}'",
        f"select * from glob('{folder}/*')",
        f"select * from sniff_csv('{file}')",
        f"attach '{warehouse}' as other",
        f"copy marts.texts to '{folder / 'out.csv'}'",
        f"export database '{folder / 'all'}'",
        f"import database '{folder}'",
        "install httpfs",
        "load postgres_scanner",
        "set enable_external_access = true",
        "reset lock_configuration",
        "select * from settings",
        "call enable_logging(storage = 'file')",
        f"select * from read_blob('{settings.warehouse_path}')",
        "select 1; select 2",
        "",
    ]


def test_a_statement_reaches_nothing_but_what_is_published(one: Company, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    for query in outside(one.settings, tmp_path):
        with pytest.raises(UserError) as refused:
            print_query(one.settings, query, "csv")
        assert str(refused.value).startswith("sql: ") and "Exception" not in str(refused.value), query
    assert {file.name for file in set(tmp_path.rglob("*")) - before} == {"other.duckdb", "file.csv"}
    assert one.loyalty("sql", "select count(*) as n from texts", "--format", "csv").out == f"n\n{len(HOSTILE)}\n"


@pytest.mark.parametrize("name", ["{0}", "{0}.wal", ".{0}.{1}.tmp/x"])
def test_no_statement_writes_beside_the_published_file_or_over_it(one: Company, name: str) -> None:
    path = one.settings.published_path
    path.with_name(f".{path.name}.{os.getpid()}.tmp").mkdir()
    before = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    copy = f"copy (select 1) to '{path.parent / name.format(path.name, os.getpid())}' (use_tmp_file false)"
    for query in (
        copy,
        f"explain analyze {copy}",
        f"EXPLAIN(analyze) {copy}",
        f"explain (analyze, format json) {copy}",
        f"explain /**/ analyze {copy}",
        f"/* /* */ explain select 1 -- */ explain analyze {copy}",
        f"create temp table x as select 1; {copy}",
        f"prepare p as {copy}",
        f"explain explain analyze {copy}",
        "create temp table x as select 1",
        "checkpoint",
    ):
        with pytest.raises(UserError, match=r"^sql: "):
            print_query(one.settings, query, "csv")
    assert {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    "query",
    ["describe texts", "summarize texts", "show tables", "from texts", "values (1)", "explain select 1",
     "explain analyze select 1", "EXPLAIN (format json) from texts", "with a as (select 1) from a", "-- a\nfrom texts",
     "pragma table_info('texts')", "pragma database_size"],
)  # fmt: skip
def test_whatever_reads_is_answered(one: Company, query: str) -> None:
    assert one.loyalty("sql", query, "--format", "csv").code == 0


def test_who_needs_files_says_so(one: Company, tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text("a\n1\n")
    done = one.loyalty("sql", "--allow-files", "--format", "csv", f"select a from read_csv('{tmp_path / 'file.csv'}')")
    assert (done.code, done.out) == (0, "a\n1\n")


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_nothing_that_is_printed_is_obeyed(one: Company, output: str) -> None:
    done = one.loyalty("sql", "select text from texts", "--format", output)
    assert done.code == 0 and not set("\x1b\x9b\u202e\r") & set(done.out)
    assert "[red]x[/] :smile:" in done.out


def test_cells_of_csv_are_no_formulas_and_numbers_stay_numbers(one: Company) -> None:
    done = one.loyalty("sql", "select text, number from texts", "--format", "csv")
    rows = list(csv.reader(io.StringIO(done.out)))[1:]
    assert not [text for text, _ in rows if text.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {number for _, number in rows} == {"-1"} and len(rows) == len(HOSTILE)


def test_json_holds_every_text_as_it_is(one: Company) -> None:
    done = one.loyalty("sql", "select text from texts", "--format", "json")
    assert [json.loads(line)["text"] for line in done.out.splitlines()] == HOSTILE


def test_a_name_that_looks_like_markup_is_printed_as_it_is(one: Company) -> None:
    done = one.loyalty("status")
    assert done.code == 0 and "Moe's [/] in" in done.text


def test_the_warehouse_can_be_read_while_nobody_writes(one: Company, capsys: pytest.CaptureFixture[str]) -> None:
    settings = one.settings
    with pytest.raises(UserError, match="there is no warehouse yet"):
        print_query(settings, "select 1", "csv", in_warehouse=True)
    with connect(settings.warehouse_path) as connection:
        connection.execute("create schema raw_shop")
        connection.execute("create table raw_shop.lines as select 7 as quantity")
    print_query(settings, "select quantity from raw_shop.lines", "csv", in_warehouse=True)
    assert capsys.readouterr().out == "quantity\n7\n"
    with pytest.raises(UserError, match="a statement that reads"):
        print_query(settings, "delete from raw_shop.lines", "csv", in_warehouse=True)
    with hold_warehouse(settings, "a run"), pytest.raises(WarehouseBusyError, match="a run"):
        print_query(settings, "select 1", "csv", in_warehouse=True)


def test_a_row_that_does_not_fit_a_line_is_a_block(one: Company, capsys: pytest.CaptureFixture[str]) -> None:
    wide = ", ".join(f"{number} as a_column_{number}" for number in range(9))
    print_query(one.settings, f"select {wide} from range(2)", "table")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line[:1] == ["row"]] == [["row", "1"], ["row", "2"]]
    assert lines.count(["a_column_8", "8"]) == 2
    print_query(one.settings, f"select {wide} where false", "table")
    none = capsys.readouterr().out.split()
    assert none[:2] == ["no", "rows"] and none[-1] == "a_column_8"
    print_query(one.settings, "select 1 as a, 2 as b", "table")
    assert "│ 1 │ 2 │" in capsys.readouterr().out
