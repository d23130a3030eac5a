"""From lines to spine to marts nothing is lost or counted twice: every total agrees, to the cent, on messy data."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.properties.company import Company, table_rows
from tests.properties.conftest import FEATURES
from tests.properties.deliveries import Mess, deliver_mess, deliver_people
from tests.properties.graph import CompiledGraph, bare_copy
from tests.properties.reference import (
    Raw,
    Spine,
    accepted_lines,
    counted_lines,
    is_return,
    row_statuses,
    spine,
    valid_orders,
)

AS_OF = date(2024, 6, 10)
HORIZON = 30


@pytest.fixture(scope="module", params=[31, pytest.param(32, marks=pytest.mark.campaign)])
def messy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, generated_manifests: Path
) -> Company:
    company, mess = (
        Company(tmp_path_factory.mktemp("messy") / "company", generated_manifests, as_of_date=AS_OF),
        Mess(request.param),
    )
    for number in (1, 2, 3):
        deliver_mess(company, mess, number, new=60)
    deliver_people(company, mess)
    company.load()
    return company


@pytest.fixture(scope="module")
def marts(messy: Company, graph: CompiledGraph) -> duckdb.DuckDBPyConnection:
    connection = bare_copy(messy)
    graph.run(connection, as_of=AS_OF)
    return connection


@pytest.fixture(scope="module")
def lines(marts: duckdb.DuckDBPyConnection) -> list[Raw]:
    """The standing lines up to the day, by the reference."""
    return [line for line in accepted_lines(row_statuses(marts).values()) if line["order_date"] <= AS_OF]


@pytest.fixture(scope="module")
def days(lines: list[Raw]) -> Spine:
    return spine(lines)


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def test_order_lines_and_orders_are_the_reference(marts: duckdb.DuckDBPyConnection, lines: list[Raw]) -> None:
    found = ask(marts, "select order_line_id, net_amount, is_valid from marts.fct_order_lines order by all")
    completed = counted_lines(lines)
    counted = {line["order_line_id"] for line in completed}
    assert found == sorted(
        (line["order_line_id"], line["net_amount"], line["order_line_id"] in counted) for line in lines
    )
    orders = ask(marts, "select order_id, customer_id, order_date from marts.fct_orders where is_valid order by all")
    assert orders == sorted((order, *whose) for order, whose in valid_orders(completed).items())
    assert ask(marts, "select count(*), count(distinct order_id) from marts.fct_orders") == [
        (len({line["order_id"] for line in lines if not is_return(line)}),) * 2
    ]


def test_every_months_revenue_is_that_of_its_lines(marts: duckdb.DuckDBPyConnection, lines: list[Raw]) -> None:
    revenue: dict[date, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for line in counted_lines(lines):
        revenue[line["order_date"].replace(day=1)][line["customer_id"] is None] += line["net_amount"]
    expected = [(month, known, known + guests) for month, (known, guests) in sorted(revenue.items())]
    assert (
        ask(
            marts,
            "select cast(date_trunc('month', order_date) as date) as month,"
            " coalesce(sum(net_amount) filter (customer_id is not null), 0), sum(net_amount)"
            " from marts.fct_order_lines where is_valid group by month order by month",
        )
        == expected
    )
    covered = ask(
        marts,
        "select month, identified_net_amount, cohort_net_amount + outside_cohorts_net_amount"
        " from marts.rpt_cohort_coverage_monthly order by 1",
    )
    assert covered == [(month, known, known) for month, known, _ in expected]


def test_the_spine_is_the_reference(marts: duckdb.DuckDBPyConnection, days: Spine) -> None:
    found = ask(
        marts,
        "select customer_id, order_date, orders_count, net_amount, return_amount"
        " from intermediate.int_customer_daily order by all",
    )
    assert found == sorted((*key, *values) for key, values in days.items())


def test_segments_and_cohorts_sum_to_the_spine(marts: duckdb.DuckDBPyConnection, days: Spine) -> None:
    segments = ask(
        marts,
        "select as_of_date, rfm_window, sum(orders_count), sum(net_amount) from marts.rpt_rfm_segments group by all"
        " order by all",
    )
    assert len(segments) == 12
    for as_of, window, orders, net in segments:
        first = as_of - timedelta(days=365) if window == "365d" else date.min
        inside = [values for (_, day), values in days.items() if first < day <= as_of]
        assert (orders, net) == (sum(values[0] for values in inside), sum(values[1] for values in inside))
    first_orders = first_order_dates(days)
    assert ask(
        marts,
        "select cohort_month, cohort_size from marts.fct_cohort_retention where period_unit = 'month' and period = 0"
        " order by all",
    ) == sorted(Counter(day.replace(day=1) for day in first_orders.values()).items())


def first_order_dates(days: Spine) -> dict[str, date]:
    ordered = sorted((day, customer) for (customer, day), values in days.items() if values[0])
    return {customer: day for day, customer in reversed(ordered)}


def test_labels_are_the_orders_of_the_horizon(marts: duckdb.DuckDBPyConnection, lines: list[Raw], days: Spine) -> None:
    learned_from = min(line["order_date"] for line in lines) + timedelta(days=90)
    purchases = [(customer, day) for (customer, day), values in days.items() if values[0]]
    expected = []
    for snapshot in (date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31), AS_OF):
        if snapshot < learned_from:
            continue
        end = snapshot + timedelta(days=HORIZON)
        eligible = {who for who, day in purchases if snapshot - timedelta(days=365) < day <= snapshot}
        stay = {who for who, day in purchases if snapshot < day <= end}
        expected += [(snapshot, who, None if end > AS_OF else who not in stay) for who in eligible]
    found = ask(marts, "select snapshot_date, customer_id, churned from intermediate.int_churn_features order by 1, 2")
    assert found == sorted(expected, key=lambda row: row[:2])
    assert {row[2] for row in found} == {True, False, None}


@pytest.mark.slow
def test_the_checks_of_the_marts_hold_on_messy_data(messy: Company, graph: CompiledGraph) -> None:
    manifest = messy.project.manifest()
    built = {f"{model.kind}.loyalty_warehouse.{name}" for name, model in graph.models.items()}
    checks = [
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and set(node["depends_on"]["nodes"]) <= built
    ]
    assert len(checks) > 10
    messy.build([*graph.models, *checks])
    connection = bare_copy(messy)
    graph.run(connection, as_of=AS_OF)
    with messy.warehouse() as kept:
        for name in [*graph.marts, *FEATURES]:
            assert table_rows(kept, name) == table_rows(connection, name), name
