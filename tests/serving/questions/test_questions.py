"""Metrics by name, on the command line and for assistants: what is told is what the mart says."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from duckdb import DuckDBPyConnection
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from dagster_project.cli.metric import print_metric
from serving.publication.publish import publish
from serving.publication.reader import opened_publication
from serving.questions import published
from serving.questions.mcp_server import build_server
from serving.questions.metric import Condition, metric_query, parse_condition
from tests.serving.publication.test_publish import ABOUT, no_report
from warehouse import builds
from warehouse.errors import UserError
from warehouse.settings import Settings

MARTS = """
create schema marts;
create table marts.rpt_segments as
    select * from (values
        (date '2024-01-31', 'lifetime', 'Loyal', 3::bigint, 0.6::decimal(18, 2)),
        (date '2024-02-29', 'lifetime', 'Loyal', 4, 0.75), (date '2024-02-29', 'lifetime', 'Lost', 2, null),
        (date '2024-02-29', '365d', 'Loyal', 6, 1)
    ) as t (as_of_date, rfm_window, segment, customers_count, share_rate);
comment on table marts.rpt_segments is 'One row per day, window and segment.';
comment on column marts.rpt_segments.customers_count is 'Customers of the segment.';
create table marts.rpt_months as
    select (date '2024-01-01' + interval (i) month)::date as month, c as channel,
        (i / 10 + 0.1)::decimal(18, 2) as return_rate
    from range(3) as t (i), (values ('web'), ('shop')) as s (c);
create table marts.fct_metric_definitions as
    select * from (values
        ('share_rate', 'Customers over all.', 'rpt_segments', 'One row per segment.'),
        ('return_rate', 'Returned over sold.', 'rpt_months', 'One row per month.')
    ) as t (name, definition, model, grain);
create table marts.fct_many as select i as many_id, 1 as n from range(1500) as t (i);
"""
KEYS = {"rpt_segments": ["as_of_date", "rfm_window", "segment"], "rpt_months": ["month", "channel"],
        "fct_many": ["many_id"], "fct_metric_definitions": ["name"]}  # fmt: skip
TODAY = {"latest": "as_of_date", "where": {"rfm_window": "lifetime"}}
COLUMNS = dict.fromkeys(["as_of_date", "rfm_window"])


@pytest.fixture
def shop(settings: Settings, warehouse: DuckDBPyConnection, tmp_path: Path) -> Settings:
    """A company with a small publication."""
    nodes: dict[str, Any] = {}
    for name, key in KEYS.items():
        meta = {"today": TODAY} if name == "rpt_segments" else {}
        nodes[name] = {"resource_type": "model", "schema": "marts", "name": name, "columns": COLUMNS,
                       "original_file_path": name, "config": {"meta": meta}}  # fmt: skip
        test = {"name": "sound_rows", "kwargs": {"key": key}}
        nodes[f"test.{name}"] = {"resource_type": "test", "attached_node": name, "test_metadata": test}
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"nodes": nodes}))
    warehouse.execute(MARTS)
    builds.pass_build(warehouse, builds.open_build(warehouse, "run-1", ABOUT["as_of_date"]), {"check"}, {"check"})
    publish(settings, warehouse, ABOUT, report=no_report, manifest=manifest)
    return settings


def answer(settings: Settings, name: str, by: Sequence[str] = (), where: Sequence[Condition] = ()) -> published.Rows:
    """A metric's rows, as an assistant gets them."""
    with opened_publication(settings) as connection:
        asked = metric_query(settings, connection, name, by, where)
        return published.select(connection, asked.query, asked.values)


@pytest.mark.parametrize(
    ("name", "by", "where", "rows"),
    [
        ("share_rate", [], [], [["Lost", None], ["Loyal", "0.75"]]),
        ("share_rate", ["segment"], ["rfm_window=365d"], [["Loyal", "1.00"]]),
        ("share_rate", ["segment"], ["as_of_date=2024-01-31"], [["Loyal", "0.60"]]),
        ("share_rate", ["as_of_date"], ["segment=Loyal"], [["2024-01-31", "0.60"], ["2024-02-29", "0.75"]]),
        ("rpt_segments.customers_count", ["segment"], ["customers_count>2"], [["Loyal", 4]]),
        ("return_rate", [], ["month >= 2024-03-01"], [["2024-03-01", "shop", "0.30"], ["2024-03-01", "web", "0.30"]]),
        ("return_rate", ["month"], ["channel=web", "month<2024-02-01"], [["2024-01-01", "0.10"]]),
        ("return_rate", [], ["month=2024-02-01", "channel!=web"], [["shop", "0.20"]]),
    ],
)  # fmt: skip
def test_a_metric_is_told_at_the_grain_of_its_mart(shop: Settings, name: str, by: Any, where: Any, rows: Any) -> None:
    assert answer(shop, name, by, [parse_condition(text) for text in where]).rows == rows


@pytest.mark.parametrize(
    ("name", "by", "where", "said"),
    [
        ("share_rat", [], [], r'There is no metric "share_rat" \(did you mean "share_rate"\?\)\. .*mart\.column'),
        ("rpt_segment.n", [], [], r'There is no mart "rpt_segment" \(did you mean "rpt_segments"\?\)'),
        ("rpt_segments.custmers_count", [], [], r'no column custmers_count \(did you mean "customers_count"\?\)'),
        ("share_rate", ["segmet"], [], r'has no column segmet \(did you mean "segment"\?\)\. It has: as_of_date,'),
        ("return_rate", ["month"], [], r"for each month, channel\. Say which channel \(where\), or show it as well"),
        ("share_rate", [], ["as_of_date=soon"], r'as_of_date is date, and "soon" is none'),
        ("share_rate", [], ["x=1"], "has no column x"),
        ("share_rate; drop table", [], [], "There is no metric"),
        ('rpt_segments.share_rate"', [], [], "has no column"),
    ],
)
def test_what_cannot_be_told_says_why(shop: Settings, name: str, by: Any, where: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        answer(shop, name, by, [parse_condition(text) for text in where])


def test_conditions() -> None:
    assert parse_condition("channel= a = b ") == Condition("channel", "=", "a = b")
    assert parse_condition("n<=3") == Condition("n", "<=", "3")
    for text in ("channel", "a-b=1", "=1", "a like b"):
        with pytest.raises(UserError, match="is no condition"):
            parse_condition(text)


def test_values_are_bound(shop: Settings) -> None:
    assert answer(shop, "share_rate", [], [Condition("segment", "=", "x' or 'a' = 'a")]).rows == []


def test_the_command_prints_each_form(shop: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    print_metric(shop, "share_rate", [], [], "csv")
    assert capsys.readouterr().out == "segment,share_rate\nLost,\nLoyal,0.75\n"
    print_metric(shop, "share_rate", [], [], "json")
    assert json.loads(capsys.readouterr().out.splitlines()[1]) == {"segment": "Loyal", "share_rate": 0.75}
    print_metric(shop, "share_rate", [], [], "table")
    shown = capsys.readouterr().out
    of = "(marts.rpt_segments, latest as_of_date, rfm_window lifetime)"
    assert "Loyal" in shown and f"Customers over all. {of}" in shown
    print_metric(shop, "fct_many.n", [], [], "csv")
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1_501
    assert answer(shop, "fct_many.n").is_cut and len(answer(shop, "fct_many.n").rows) == published.MOST_ROWS


def test_before_the_first_publication_it_says_so(settings: Settings) -> None:
    with pytest.raises(UserError, match=r"nothing is published yet; start `loyalty .*run`"):
        answer(settings, "share_rate")


def ask(server: Any, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """The answers of a server, by the package's own client: (whether it is an error, what it said)."""

    async def talk() -> list[Any]:
        async with Client(server) as client:
            results = [await client.call_tool(name, arguments) for name, arguments in calls]
        return [(bool(one.is_error), one.structured_content or one.content[0].text) for one in results]  # type: ignore[union-attr]

    return anyio.run(talk)


def test_an_assistant_gets_what_the_marts_say(shop: Settings) -> None:
    about, metrics, metric, tables, described, queried = ask(
        build_server(shop),
        ("about", {}),
        ("list_metrics", {"contains": "RETURNED"}),
        ("metric", {"name": "share_rate", "by": ["segment"], "where": ["segment=Loyal"]}),
        ("list_tables", {}),
        ("describe_table", {"table": "rpt_segments"}),
        ("query", {"sql": "select sum(customers_count)::bigint as n from today.rpt_segments"}),
    )
    assert about[1]["as_of_date"] == "2017-12-31" and about[1]["company"] == shop.company
    assert [row[0] for row in metrics[1]["rows"]] == ["return_rate"]
    assert metric[1] == {
        "metric": "share_rate", "definition": "Customers over all.", "columns": ["segment", "share_rate"],
        "of": "marts.rpt_segments, latest as_of_date, rfm_window lifetime", "rows": [["Loyal", "0.75"]],
        "is_cut": False,
    }  # fmt: skip
    assert ["rpt_segments", "One row per day, window and segment.", True] in tables[1]["rows"]
    assert ["customers_count", "BIGINT", "Customers of the segment."] in described[1]["rows"]
    assert queried[1]["rows"] == [[6]]


def test_an_assistant_reads_this_one_file_and_for_so_long(shop: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "MOST_SECONDS", 0.3)
    secret = shop.home / "secret.csv"
    secret.write_text("a\n1\n")
    forever = "select count(*) from range(10000000) as a (i), range(10000000) as b (j) where i + j = 3"
    refused = [
        "delete from marts.rpt_segments", "create table t as select 1", f"copy marts.rpt_segments to '{secret}'",
        "select 1; select 2", f"select * from '{secret}'", f"attach '{secret}' as x", "install httpfs",
        "set memory_limit = '1GB'", "select * from nowhere", "", forever,
        "select getenv('HOME')",
    ]  # fmt: skip
    answers = ask(build_server(shop), *(("query", {"sql": sql}) for sql in refused),
                  ("metric", {"name": "nothing"}), ("describe_table", {"table": "x"}))  # fmt: skip
    assert [is_error for is_error, _ in answers] == [True] * (len(refused) + 2), answers
    assert "longer than" in answers[refused.index(forever)][1] and "Traceback" not in str(answers)
    assert secret.read_text() == "a\n1\n"


def test_it_serves_on_standard_input_and_output(shop: Settings) -> None:
    command = str(Path(sys.executable).with_name("loyalty"))
    server = StdioServerParameters(command=command, args=["mcp"], env={**os.environ, "LOYALTY_HOME": str(shop.home)})
    ((is_error, about),) = ask(server, ("about", {}))
    assert not is_error and about["company"] == shop.company
