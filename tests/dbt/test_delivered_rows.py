"""What becomes of delivered rows: ids in one spelling, what is impossible rejected, and every row accounted for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from dagster_project.dbt_runner import variables
from dagster_project.dbt_runner.failures import failure_sentences
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.prepare import prepare_warehouse
from warehouse.ingest.load import load_source
from warehouse.ingest.row_reports import order_sentences, other_sentences, stray_sentences, tells_of_rejected
from warehouse.ingest.sources import load_sources_config, read_source
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

KIOSK = """
name: kiosk
description: The kiosk.
canonical: true
key_prefix: "k-"
shared_keys: [customer_id]
tables:
  order_lines:
    files: "lines-*.csv"
    version: channel
    columns: {order_line_id: {}, order_id: {}, customer_id: {}, ordered_at: {type: timestamp}, product_id: {},
      quantity: {}, gross_amount: {}, discount_amount: {}, net_amount: {}, currency: {}, channel: {}}
  customers: {files: "customers-*.csv", optional: true}
  exchange_rates: {files: "rates-*.csv", optional: true}
  campaign_arms: {files: "arms-*.csv", optional: true}
  campaign_members: {files: "members-*.csv", optional: true}
"""
HEAD = (
    "order_line_id,order_id,customer_id,ordered_at,product_id,quantity,gross_amount,discount_amount,net_amount,currency,"
    "channel"
)
# The line's id, then what differs from a plain line.
CASES: dict[str, dict[str, str]] = {
    "plain": {},
    "blank": {"customer_id": " C1 "},
    "nbsp": {"customer_id": "C1\u00a0"},
    "zero-width": {"customer_id": "\u200bC1\u200b"},
    "tab": {"customer_id": "C1\t"},
    "direction": {"customer_id": "\u202aC1\u202c\u200e\u00ad"},
    "float": {"customer_id": "12345.0"},
    "floats": {"customer_id": "12345.00"},
    "whole": {"customer_id": "12345"},
    "zeros": {"customer_id": "007"},
    "dot": {"customer_id": "jane.doe"},
    "case": {"customer_id": "c1"},
    "empty": {"customer_id": ""},
    "is-null": {"customer_id": "NULL"},
    "is-nan": {"customer_id": "nan"},
    "zero": {"customer_id": "0"},
    "zero-float": {"customer_id": "0.0"},
    "backslash": {"customer_id": "\\N"},
    "not-any": {"customer_id": "n/a"},
    "hex": {"customer_id": "1E5"},
    "scientific": {"customer_id": "1.23E+11"},
    "scientific-product": {"product_id": "4,5E+12"},
    "java": {"order_id": "1.2345678E7"},
    "missing-1-3": {},
    "": {},
    "no-order": {"order_id": " "},
    "old": {"ordered_at": "1899-12-31"},
    "year-one": {"ordered_at": "0001-01-01"},
    "ahead": {"ordered_at": "2199-01-01"},
    "large": {"gross_amount": "99999999999999.9999", "net_amount": "99999999999999.9999"},
    "many": {"quantity": "9223372036854775807"},
    "dollar": {"currency": " usd "},
    "foreign": {"currency": "JPY", "gross_amount": "9e9", "net_amount": "8e9", "discount_amount": "1e9"},
    "rateless": {"currency": "CHF"},
    "no-currency": {"currency": "ann@example.com"},
}
VERSIONS = "intermediate.int_order_line_versions"
BUILT = [
    "path:models/staging", "stg_kiosk__order_lines", "stg_kiosk__customers", "stg_kiosk__exchange_rates",
    "stg_kiosk__campaign_arms", "stg_kiosk__campaign_members",
    "path:models/intermediate/entities", "int_changed_order_lines", "int_order_line_versions", "int_order_line_batches",
    "fct_ingest_reconciliation", "fct_rejected_rows", "rows_are_accepted", "fct_ingest_reconciliation_is_sound",
    "fct_rejected_rows_is_sound",
]  # fmt: skip
# k1 names its arms, k2 has a treatment and a control.
ARMS = """campaign_id,arm,is_control,planned_share
k1,letter,false,0.4
k1,nothing,true,0.6
k1,phone,false,0
k1,holdout,true,0.1
"""
MEMBERS = """campaign_id,customer_id,arm
k1,C1,letter
k1,C2,nothing
k1,C3,phone
k1,C4,control
k2,C1,treatment
k2,C2,control
k2,C3,letter
k2,C4,holdout
"""
GUESTS = {"empty", "is-null", "is-nan", "zero", "zero-float", "backslash", "not-any"}
REASONS = {
    "scientific": ("customer_id is a number in scientific notation, whose digits are lost", "1.23E+11"),
    "scientific-product": ("product_id is a number in scientific notation, whose digits are lost", "4,5E+12"),
    "java": ("order_id is a number in scientific notation, whose digits are lost", "1.2345678E7"),
    "no-order": ("order_id is missing", None),
    "old": ("ordered_at is before 1990-01-01 (earliest_date)", "1899-12-31 00:00:00"),
    "year-one": ("ordered_at is before 1990-01-01 (earliest_date)", "0001-01-01 00:00:00"),
    "ahead": ("ordered_at lies after its delivery", "2199-01-01 00:00:00"),
    "large": ("gross_amount is larger than 10000000000", "##############.####"),
    "foreign": ("an amount is too large in the base currency", None),
    "rateless": ("no exchange rate for CHF on 2024-05-01", None),
    "no-currency": ("no exchange rate for xxx@xxxxxxx.xxx on 2024-05-01", None),
}


@dataclass(frozen=True)
class Delivered:
    """A kiosk's company, built up to the reconciliation."""

    settings: Settings
    failures: list[str]
    failures_of_strict: list[str]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with connect(self.settings.warehouse_path, read_only=True) as connection:
            return connection.execute(query).fetchall()


def line(key: str, changes: dict[str, str]) -> str:
    plain = {
        "order_line_id": key, "order_id": f"o-{key}", "customer_id": "C1", "ordered_at": "2024-05-01 10:00:00",
        "product_id": "p", "quantity": "1", "gross_amount": "10", "discount_amount": "0", "net_amount": "10",
        "currency": "EUR", "channel": "",
    }  # fmt: skip
    return ",".join(f'"{value}"' for value in {**plain, **changes}.values())


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivered]:
    folder = tmp_path_factory.mktemp("delivered")
    (folder / "kiosk.yml").write_text(KIOSK, encoding="utf-8")
    lines = [line(key, changes) for key, changes in CASES.items()]
    versions = [
        line("changed", {"channel": "2", "net_amount": "7", "gross_amount": "7"}),
        line("changed", {"channel": "10"}),
    ]
    (folder / "lines-1.csv").write_text("\n".join([HEAD, *lines, *versions]) + "\n", encoding="utf-8")
    (folder / "lines-2.csv").write_text("\n".join([HEAD, line("changed", {"channel": "9", "net_amount": "8"})]) + "\n")
    (folder / "rates-1.csv").write_text(
        "rate_date,currency,rate\n2024-05-01,usd,0.9\n2024-05-01,JPY,10900\n9999-12-31,USD,1\n"
    )
    (folder / "arms-1.csv").write_text(ARMS)
    (folder / "members-1.csv").write_text(MEMBERS)
    settings = load_settings(
        environ={}, home=folder, base_currency="EUR", business_timezone="UTC",
        sources={"kiosk": {"input_path": str(folder)}},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variables, "load_sources_config", partial(load_sources_config, folder=folder))
        with connect(settings.warehouse_path) as connection:
            prepare_warehouse(connection, DbtProject(settings).manifest())
            load_source(connection, read_source("kiosk", folder), settings)
        results = DbtProject(settings).build(BUILT)
        strict = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"rejected_share": 0})})
        strict_results = DbtProject(strict).build(["rows_are_accepted"])
    assert [result.message for result in results if result.status == "error"] == []
    with connect(settings.warehouse_path) as connection:
        failures, of_strict = (
            failure_sentences(connection, [result for result in each if not result.is_good], settings)
            for each in (results, strict_results)
        )
    yield Delivered(settings, failures, of_strict)


def test_each_spelling_of_an_id_is_one_customer_or_none(delivered: Delivered) -> None:
    found = dict(
        delivered.rows(
            f"select substr(order_line_id, 3), customer_id from {VERSIONS} where order_id like 'k-o-%'"
            " and (reject_reason is null or reject_reason not like '%scientific%')"
        )
    )
    expected = {
        **dict.fromkeys(("plain", "blank", "nbsp", "zero-width", "tab", "direction"), "C1"),
        **dict.fromkeys(("float", "floats", "whole"), "12345"),
        **dict.fromkeys(GUESTS),
        "zeros": "007", "dot": "jane.doe", "case": "c1", "hex": "1E5",
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected


def test_what_cannot_be_is_rejected_with_the_reason_and_the_value(delivered: Delivered) -> None:
    rows = delivered.rows(
        "select file, row_number, reason, rejected_value from marts.fct_rejected_rows where entity = 'order_lines'"
    )
    places = {key: number for number, key in enumerate(CASES, 2)}
    found = {number: (reason, value) for file, number, reason, value in rows if file == "lines-1.csv"}
    assert {key: found[places[key]] for key in REASONS} == REASONS
    assert found[places[""]][0] == "order_line_id is missing"
    assert found[places["many"]][0] == "quantity is not a decimal(18, 4)"
    assert len(found) == len(REASONS) + 2


def test_a_member_is_in_an_arm_of_the_campaign(delivered: Delivered) -> None:
    rows = delivered.rows("select file, row_number, reason from marts.fct_rejected_rows where entity like 'campaign%'")
    assert sorted(rows) == [
        ("arms-1.csv", 4, "planned_share is no share above 0, up to 1"),
        ("arms-1.csv", 5, "arm is holdout, whose customers are in no campaign"),
        ("members-1.csv", 4, "arm is none of the campaign's arms"),
        ("members-1.csv", 5, "arm is none of the campaign's arms"),
        ("members-1.csv", 8, "arm is not treatment or control"),
        ("members-1.csv", 9, "arm is not treatment or control"),
    ]
    arms = delivered.rows("select campaign_id, arm, is_control, planned_share from intermediate.int_planned_arms")
    assert sorted(arms) == [("k-k1", "letter", False, 0.4), ("k-k1", "nothing", True, 0.6)]


def test_a_real_id_that_looks_like_a_place_holder_stays(delivered: Delivered) -> None:
    assert delivered.rows(f"select row_status from {VERSIONS} where order_line_id = 'k-missing-1-3'") == [("accepted",)]


def test_a_rejected_row_bounds_nothing(delivered: Delivered) -> None:
    assert delivered.rows(f"select min(order_date)::varchar, max(order_date)::varchar from {VERSIONS}") == [
        ("2024-05-01", "2024-05-01")
    ]


def test_the_version_decides_whatever_file_comes_last(delivered: Delivered) -> None:
    assert delivered.rows(
        "select _version::int, row_status from (select *, cast(channel as int) as _version"
        f" from {VERSIONS} where order_line_id = 'k-changed') order by 1"
    ) == [(2, "superseded"), (9, "rejected"), (10, "accepted")]


def test_currencies_are_written_in_capitals(delivered: Delivered) -> None:
    assert delivered.rows(f"select currency, net_amount::varchar from {VERSIONS} where order_line_id = 'k-dollar'") == [
        ("USD", "9.0000")
    ]
    assert delivered.rows("select reason from marts.fct_rejected_rows where entity = 'exchange_rates'") == [
        ("rate_date lies after its delivery",)
    ]


def test_every_row_is_accounted_for_and_a_file_of_rejects_is_told(delivered: Delivered) -> None:
    assert delivered.rows("select sum(rows_read), max(abs(difference)) from marts.fct_ingest_reconciliation") == [
        (len(CASES) + 3 + 3 + ARMS.count("\nk") + MEMBERS.count("\nk"), 0)
    ]
    assert delivered.failures == [], "single rows of small files stop nothing"
    with connect(delivered.settings.warehouse_path) as connection:
        told, others = order_sentences(connection), other_sentences(connection)
    assert told[0].startswith("kiosk: 38 order lines: 23 accepted, 1 superseded by a later version, 14 rejected: ")
    assert tells_of_rejected(told[0])
    assert [sentence.partition(" rejected")[0] for sentence in others] == [
        "kiosk: 8 campaign members: 4 accepted, 0 superseded by a later version, 4",
        "kiosk: 4 campaign arms: 2 accepted, 0 superseded by a later version, 2",
        "kiosk: 3 exchange rates: 2 accepted, 0 superseded by a later version, 1",
    ]
    assert others[2:] == [
        "kiosk: 3 exchange rates: 2 accepted, 0 superseded by a later version, 1 rejected"
        ' "rate_date lies after its delivery" (rates-1.csv row 4, "9999-12-31")'
    ]
    assert '2 "ordered_at is before 1990-01-01 (earliest_date)" (lines-1.csv row 28, "1899-12-31 00:00:00")' in told[0]


def test_too_many_rejected_rows_are_told_with_the_first_of_them(delivered: Delivered) -> None:
    """As where the settings let no row be rejected."""
    (told,) = delivered.failures_of_strict
    assert tells_of_rejected(told)
    assert "of exchange_rates, 2 accepted, 1 rejected, for the most part" in told
    first = 'lines-1.csv row 28, "1899-12-31 00:00:00"'
    assert f'"ordered_at is before 1990-01-01 (earliest_date)" (first in {first})' in told


def test_few_lines_far_from_the_rest_are_told() -> None:
    with connect() as connection:
        connection.execute("create schema intermediate")
        connection.execute(
            f"create table {VERSIONS} as select date '2024-01-01' + i::int as order_date, 'accepted' as row_status,"
            " 'till' as _source, 'a.csv' as _file, i as _row_number from range(100) as r(i)"
            " union all select date '2005-01-01', 'accepted', 'till', 'old.csv', 7"
        )
        assert stray_sentences(connection) == [
            "1 of 101 accepted order lines lie up to 2005-01-01, and the rest begins on 2024-01-01 (till:"
            " old.csv row 7). If a clock was wrong, set earliest_date or mend the file: these lines bound what"
            " figures are told for."
        ]
        connection.execute(f"delete from {VERSIONS} where _file = 'old.csv'")
        assert stray_sentences(connection) == []
