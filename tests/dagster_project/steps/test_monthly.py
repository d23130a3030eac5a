"""A monthly step learns as of the last whole month, from tables that change when a month has closed."""

from datetime import date

import pytest

from dagster_project.steps.base import last_month_end
from dagster_project.steps.registry import STEPS
from tests.support.company import Company
from warehouse.sql import connect

MONTHLY = [step for step in STEPS if step.is_monthly]


@pytest.mark.parametrize(
    ("day", "learned"),
    [
        (date(2024, 2, 28), date(2024, 1, 31)),
        (date(2024, 2, 29), date(2024, 2, 29)),
        (date(2024, 3, 1), date(2024, 2, 29)),
        (date(2025, 1, 1), date(2024, 12, 31)),
    ],
)
def test_a_month_is_over_at_the_end_of_its_last_day(day: date, learned: date) -> None:
    assert last_month_end(day) == learned


def test_a_month_without_its_data_is_not_learned_from() -> None:
    as_of_date, data_through = date(2024, 8, 29), date(2024, 6, 30)
    with connect(":memory:") as connection:
        connection.execute("create schema intermediate")
        connection.execute(
            "create table intermediate.int_run_dates as select ?::date as as_of_date, ?::date as data_through",
            [as_of_date, data_through],
        )
        assert [step.name for step in MONTHLY] == ["forecasts"]
        assert MONTHLY[0].learned_as_of(connection) == data_through
        assert {step.learned_as_of(connection) for step in STEPS if not step.is_monthly} == {as_of_date}


def test_its_tables_hold_whole_months_alone(built: Company) -> None:
    with connect(built.settings.warehouse_path, read_only=True) as connection:
        row = connection.execute("select as_of_date, data_through from intermediate.int_run_dates").fetchone()
        learned = MONTHLY[0].learned_as_of(connection)
        assert row is not None and row[0] == row[1] and learned < row[0]
        for table, day in (("int_forecast_months", "last_day(month)"), ("int_forecast_purchase_days", "order_date")):
            found = connection.execute(f"select max({day}) from intermediate.{table}").fetchone()
            assert found is not None and found[0] <= learned, table
        assert connection.execute("select distinct as_of_date from ml.forecasts").fetchall() == [(learned,)]


def test_series_are_those_of_the_marts(built: Company) -> None:
    compared = built.published(
        """
        select sales.month, sales.net_amount, sales.orders_count, mix.new_customers_count, mix.returning_customers_count
        from marts.rpt_sales_monthly as sales
        inner join marts.rpt_sales_mix_monthly as mix on sales.month = mix.month and mix.is_all_channels
        where sales.is_complete order by sales.month
        """
    )
    series = built.warehouse(
        """
        pivot (select month, series, value from intermediate.int_forecast_months where tier = 'all')
        on series in ('net_sales', 'orders', 'new_customers', 'returning_customers') using min(value) order by month
        """
    )
    by_month = {row[0]: row[1:] for row in compared}
    assert len(series) >= 10
    for month, *values in series:
        assert all(value in (None, other) for value, other in zip(values, by_month[month], strict=True)), month
    assert any(None not in row for row in series)
