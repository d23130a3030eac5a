"""The command line on a built company: what it prints, and exit codes that scripts rely on."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
import yaml

from dagster_project.runs import IN_PROGRESS, PID_TAG, open_instance
from tests.support.company import LOYALTY, Company, company, is_free
from tests.support.patience import wait_until
from warehouse.lock import holder

FOUR_ROWS = """
select * from (values
    (1, 'a "b", c', 12345678901234.5678::decimal(18, 4), date '2024-01-31', true),
    (2, '中文', -0.1000, null, false),
    (null, null, 0, date '2024-02-29', null)
) as t(number, text, amount, day, flag)
order by number nulls last
"""


@pytest.fixture
def own(built: Company, tmp_path: Path) -> Company:
    return built.copy(tmp_path / "home")


@pytest.fixture
def empty(tmp_path: Path, own_environment: None) -> Company:
    """A company that was never run."""
    values = {
        "company": "empty", "sources": {"online_retail": {"input_path": str(tmp_path / "landing")}},
        "business_timezone": "UTC", "base_currency": "GBP", "churn_horizon_days": 60,
    }  # fmt: skip
    return company(tmp_path / "home", values)


def test_sql_prints_a_table(built: Company) -> None:
    done = built.loyalty("sql", "select count(*) as orders from fct_orders")
    count = built.published("select count(*) from marts.fct_orders")[0][0]
    assert done.code == 0 and "orders" in done.out and str(count) in done.out
    text = built.loyalty("sql", "select '[red]not markup[/red]' as text").out
    assert "[red]not markup[/red]" in text


def test_sql_prints_csv_exactly(built: Company) -> None:
    done = built.loyalty("sql", FOUR_ROWS, "--format", "csv")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "number,text,amount,day,flag",
        '1,"a ""b"", c",12345678901234.5678,2024-01-31,true',
        "2,中文,-0.1000,,false",
        ",,0.0000,2024-02-29,",
    ]


def test_sql_prints_json_lines(built: Company) -> None:
    done = built.loyalty("sql", FOUR_ROWS, "--format", "json")
    rows = [json.loads(line, parse_float=Decimal) for line in done.out.splitlines()]
    assert rows == [
        {"number": 1, "text": 'a "b", c', "amount": Decimal("12345678901234.5678"), "day": "2024-01-31", "flag": True},
        {"number": 2, "text": "中文", "amount": Decimal("-0.1"), "day": None, "flag": False},
        {"number": None, "text": None, "amount": Decimal(0), "day": "2024-02-29", "flag": None},
    ]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("select * from fct_order", "fct_order"),
        ("selec 1", "selec"),
        ("create table marts.mine as select 1", "a statement that reads is expected"),
        ("delete from fct_orders", "a statement that reads is expected"),
    ],
)
def test_sql_that_cannot_be_answered_is_an_error(built: Company, query: str, told: str) -> None:
    marts = built.marts()
    done = built.loyalty("sql", query)
    assert done.code == 2 and done.out == "" and told in done.err and "Traceback" not in done.err
    assert built.marts() == marts


def test_before_the_first_publication_commands_say_so(empty: Company) -> None:
    done = empty.loyalty("sql", "select 1")
    assert done.code == 2 and "nothing is published yet" in done.err
    status = empty.loyalty("status")
    assert (
        status.code == 0 and "nothing yet: start `loyalty --company " in status.text and "last run none" in status.text
    )
    assert empty.loyalty("rollback").code == 2
    assert not empty.settings.warehouse_path.exists()


def test_a_pipe_that_is_closed_early_is_no_error(built: Company) -> None:
    query = "select a.order_line_id from fct_order_lines as a, range(50)"
    command = [str(LOYALTY), "--company", str(built.file), "sql", query, "--format", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == "order_line_id\n"
        process.stdout.close()
        told = process.stderr.read()
    assert (process.returncode, told) == (0, "")


def test_status_says_what_is_published_and_who_writes(built: Company) -> None:
    done = built.loyalty("status")
    publication, as_of = built.published("select publication_id, as_of_date from marts.publication")[0]
    assert done.code == 0
    assert f"published {publication}, as of {as_of}, live since 2" in done.text
    assert "writing nobody" in done.text and "success" in done.text


def test_status_opens_no_database_that_a_run_may_be_writing(built: Company) -> None:
    """Another process holds the warehouse's file for writing, as a run does."""
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    command = [sys.executable, "-c", code, str(built.settings.warehouse_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin and writer.stdout and writer.stdout.readline() == "open\n"
        assert built.loyalty("status").code == 0
        assert built.loyalty("sql", "select 1").code == 0
        writer.stdin.close()


def test_sources_are_checked_without_loading(built: Company, empty: Company) -> None:
    done = built.loyalty("sources", "check")
    assert done.code == 0 and "shop: no problems" in done.text and "till: no problems" in done.text

    landing = empty.settings.sources["online_retail"].input_path
    assert landing
    done = empty.loyalty("sources", "check")
    assert done.code == 1 and str(landing) in done.out
    landing.mkdir()
    (landing / "bad.csv").write_text("InvoiceNo,Quantity,InvoiceDate,UnitPrice,CustomerID,Colour\n")
    done = empty.loyalty("sources", "check")
    assert done.code == 1 and "bad.csv" in done.out and "StockCode" in done.out
    assert not empty.settings.warehouse_path.exists()


@pytest.mark.slow
def test_rollback_goes_back_to_what_was_published_before(changed: Company, built: Company, tmp_path: Path) -> None:
    own = changed.copy(tmp_path / "home")
    assert own.marts() != built.marts()
    done = own.loyalty("rollback")
    before = built.published("select publication_id from marts.publication")[0][0]
    assert done.code == 0 and before in done.out
    assert own.marts() == built.marts()
    assert own.loyalty("rollback").code == 2
    done = own.loyalty("rollback", "--to", "nonsense")
    assert done.code == 2 and '"nonsense" is not kept' in done.err and before in done.err


@pytest.mark.slow
def test_a_selected_part_is_run_and_nothing_else(own: Company) -> None:
    written = "select table_name from duckdb_tables() where schema_name = 'marts' and comment = 'old' order by all"
    for (table,) in own.warehouse("select table_name from duckdb_tables() where schema_name = 'marts'"):
        own.warehouse(f"comment on table marts.{table} is 'old'")
    old = {table for (table,) in own.warehouse(written)}
    done = own.loyalty("run", "--force", "--select", "fct_orders or group:retention")
    assert done.code == 0, done.text
    built_anew = old - {table for (table,) in own.warehouse(written)}
    assert {"fct_orders", "fct_cohort_retention"} <= built_anew
    assert not {"dim_dates", "fct_customer_rfm"} & built_anew
    assert "whole run" in done.out and is_free(own.settings.warehouse_path)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--select", "fct_order"], 'no asset is called "fct_order" (did you mean "fct_orders"?)'),
        (["run", "--as-of", "31.12.2024"], "31.12.2024"),
        (["run", "--wait", "long"], "--wait"),
        (["rum"], 'unknown command "rum" (did you mean "run"?)'),
        (["sql"], "query"),
        ([], "command"),
    ],
)
def test_wrong_usage_is_exit_code_2(built: Company, arguments: list[str], told: str) -> None:
    done = built.loyalty(*arguments)
    assert done.code == 2 and told in done.err and "Traceback" not in done.err


def test_wrong_settings_are_exit_code_2(built: Company, tmp_path: Path) -> None:
    values = yaml.safe_load(built.file.read_text(encoding="utf-8"))
    file = tmp_path / "wrong.yml"
    file.write_text(yaml.safe_dump({**values, "churn_horizon": 30}))
    done = Company(file).loyalty("status")
    assert done.code == 2
    line = 1 + sorted([*values, "churn_horizon"]).index("churn_horizon")
    assert (
        done.err == f'loyalty: {file}: line {line}: unknown key "churn_horizon" (did you mean "churn_horizon_days"?).\n'
    )


def test_an_unknown_variable_is_exit_code_2(built: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOYALTY_HOEM", "/x")
    done = built.loyalty("status")
    assert done.code == 2 and 'LOYALTY_HOEM (did you mean "LOYALTY_HOME"?)' in done.err


def ended(process: "subprocess.Popen[str]") -> str:
    """What a process has said, which is ended if it has not."""
    process.kill()
    return process.communicate()[0]


@pytest.mark.slow
def test_of_two_runs_the_second_ends_at_its_limit_and_the_next_closes_a_killed_one(own: Company) -> None:
    first = own.start("run", "--force")
    try:
        held = wait_until(lambda: holder(own.settings), first, lambda: ended(first))
        assert held
        second = own.loyalty("run", "--force", "--wait", "1")
        assert second.code == 3, second.text
        assert f"Waiting for the warehouse, held by run {held.run_id} (process {first.pid}" in second.text
        assert "waited 1 s for the warehouse" in second.text and f"end process {first.pid}" in second.text
        assert f"writing run {held.run_id} (process {first.pid}" in own.loyalty("status").text
    finally:
        first.kill()
        first.communicate()
    told = own.loyalty("status").text
    assert "writing nobody" in told and "The process of this run is gone." in told and "marks it failed" in told

    with open_instance(own.settings) as instance:
        killed = instance.get_run_by_id(held.run_id)
        assert killed and killed.status in IN_PROGRESS, "it was closed before, so the test shows nothing"
    own.run("--select", "dim_dates")
    with open_instance(own.settings) as instance:
        closed = instance.get_run_by_id(held.run_id)
        assert closed and closed.status.value == "FAILURE"
        assert instance.get_runs_count(dg.RunsFilter(statuses=IN_PROGRESS)) == 0


@pytest.mark.slow
def test_a_run_that_dagster_starts_by_itself_is_the_same(own: Company) -> None:
    """As from the UI or the schedule: a process of Dagster's own, which finds the company in the environment."""
    own.warehouse("comment on table marts.dim_dates is 'old'")
    own.warehouse("update ops.node_states set input_key = null")
    dagster = Path(sys.executable).with_name("dagster")
    command = [
        str(dagster),
        "asset",
        "materialize",
        "--select",
        "key:marts/dim_dates",
        "-m",
        "dagster_project.definitions",
    ]
    with open_instance(own.settings) as instance:
        environment = {**os.environ, "LOYALTY_COMPANY": str(own.file)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        run = instance.get_runs(limit=1)[0]
    assert run.status == dg.DagsterRunStatus.SUCCESS and PID_TAG in run.tags
    assert own.warehouse("select comment from duckdb_tables() where table_name = 'dim_dates'") != [("old",)]
    assert is_free(own.settings.warehouse_path) and holder(own.settings) is None
