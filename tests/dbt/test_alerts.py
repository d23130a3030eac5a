"""Alerts on made-up shops: quiet years stay quiet, and planted faults are found on their day."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.company import generated_settings
from tests.support.compiled import CompiledWarehouse, compile_models

MODELS = (
    "int_alert_days", "int_alert_reference_days", "int_alert_values", "int_alert_first_judgements",
    "int_alert_judgements", "fct_alerts",
)  # fmt: skip
INPUTS = {
    "int_run_dates": "data_from date, data_through date, as_of_date date",
    "int_sales_daily": "source varchar, channel varchar, date_day date, orders_count bigint,"
    " new_customers_count bigint, discounted_orders_count bigint, returned_lines_count bigint, ordered_amount double,"
    " gross_amount double, discount_amount double, net_amount double, sold_amount double, returned_amount double",
    "int_rows_daily": "source varchar, date_day date, rows_count bigint, rejected_count bigint",
}
LAST = date(2025, 9, 27)  # a Saturday
# 80 weeks; in the last 52 every day has all of its references
DAYS, YEAR, MONTHS = 560, 364, 12
FIRST = LAST - timedelta(days=DAYS - 1)
WEEKDAYS = (0.9, 0.8, 0.9, 1.0, 1.3, 1.6, 0.5)
JUDGED = "select * from intermediate.int_alert_judgements where date_day > $first order by all"


@pytest.fixture(scope="module")
def alerts(generated_manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompiledWarehouse]:
    settings = generated_settings(tmp_path_factory.mktemp("company"), generated_manifests)
    made = CompiledWarehouse(compile_models(settings, MODELS), INPUTS, {})
    made.fill({"int_run_dates": [(FIRST, LAST, LAST)]})
    made.connection.execute("create schema staging")
    made.table("staging.stg_ops__holidays", "date_day date, name varchar", [])
    yield made
    made.connection.close()


def quiet_shop(draw: np.random.Generator, name: str, orders_a_day: float) -> pd.DataFrame:
    """Days on which nothing happens but chance: orders around a weekday's mean; amounts, discounts and returns order by
    order; some three lines an order, of which one in 500 is rejected."""
    days = [FIRST + timedelta(days=number) for number in range(DAYS)]
    orders = draw.poisson([orders_a_day * WEEKDAYS[day.weekday()] for day in days])
    discounted, returned = draw.binomial(orders, 0.2), draw.binomial(orders, 0.06)
    gross, returns = amounts(draw, orders, 40), amounts(draw, returned, 30)
    discount = np.minimum(amounts(draw, discounted, 6), gross)
    rows = orders + draw.poisson(2.0 * orders)
    values = {
        "orders_count": orders,
        "new_customers_count": draw.binomial(orders, 0.3),
        "discounted_orders_count": discounted,
        "returned_lines_count": returned,
        "ordered_amount": gross - discount,
        "gross_amount": gross,
        "discount_amount": discount,
        "net_amount": gross - discount - returns,
        "sold_amount": gross - discount,
        "returned_amount": returns,
        "rows_count": rows,
        "rejected_count": draw.binomial(rows, 0.002),
    }
    return pd.DataFrame({"source": name, "channel": "web", "date_day": days, **values})


def amounts(draw: np.random.Generator, counts: np.ndarray, mean: float) -> np.ndarray:
    """Sums of as many amounts, each gamma with a standard deviation of 0.8 of its mean."""
    shape = 1 / 0.8**2
    return draw.gamma(np.maximum(counts, 1) * shape, mean / shape) * (counts > 0)


def judge(alerts: CompiledWarehouse, days: pd.DataFrame) -> pd.DataFrame:
    """What the last year's days are judged to be."""
    alerts.connection.register("made_up", days)
    for table in ("int_sales_daily", "int_rows_daily"):
        columns = ", ".join(column.split()[0] for column in INPUTS[table].split(", "))
        alerts.connection.execute(f"delete from intermediate.{table}")
        alerts.connection.execute(f"insert into intermediate.{table} select {columns} from made_up")
    for name in alerts.needed(["fct_alerts"]):
        model = alerts.models[name]
        alerts.connection.execute(f"create or replace table {model.relation} as {model.sql}")
    return alerts.connection.execute(JUDGED, {"first": LAST - timedelta(days=YEAR)}).df()


def false_alerts_a_month(alerts: CompiledWarehouse, seed: int, shops: int) -> float:
    """Flagged series and days of a quiet shop in a month; shops have 25 to 400 orders a day."""
    draw, found = np.random.default_rng(seed), 0
    for first in range(0, shops, 50):
        sizes = np.exp(draw.uniform(np.log(25), np.log(400), min(50, shops - first)))
        batch = pd.concat(quiet_shop(draw, f"shop {number}", size) for number, size in enumerate(sizes))
        found += int(judge(alerts, batch)["is_flagged"].sum())
    return found / shops / MONTHS


@pytest.mark.slow
def test_quiet_years_raise_less_than_one_alert_a_month(alerts: CompiledWarehouse) -> None:
    assert 0 < false_alerts_a_month(alerts, seed=1, shops=25) < 1


@pytest.mark.campaign
def test_a_thousand_quiet_years_raise_less_than_one_alert_a_month(alerts: CompiledWarehouse) -> None:
    assert 0 < false_alerts_a_month(alerts, seed=2, shops=1000) < 1


def planted() -> pd.DataFrame:
    """A shop of 120 orders a day, to plant a fault in."""
    return quiet_shop(np.random.default_rng(7), "shop", 120)


@pytest.mark.parametrize(
    ("columns", "factor", "series"),
    [
        (["orders_count", "rows_count"], 0.2, {"orders", "rows_read"}),
        (["net_amount"], 2.5, {"net_sales"}),
        (["rows_count"], 2, {"rows_read"}),  # a file that came twice
        (["rejected_count"], 100, {"rows_rejected"}),
        (["new_customers_count"], 0, {"new_customers"}),
        (["ordered_amount"], 0.01, {"average_order"}),  # cents taken for units
        (["discount_amount"], 4, {"discount_rate"}),
    ],
)
def test_a_planted_fault_is_found_on_its_day(
    alerts: CompiledWarehouse, columns: list[str], factor: float, series: set[str]
) -> None:
    """The same fault on the same day of the week before does not hide it."""
    shop, day = planted(), LAST - timedelta(days=1)
    faulty = shop["date_day"].isin([day, day - timedelta(days=7)])
    for column in columns:
        kind = shop[column].dtype
        shop[column] = np.where(faulty, (shop[column] * factor).round(4), shop[column]).astype(kind)
    found = judge(alerts, shop)
    flagged = found[found["is_flagged"] & (found["date_day"].dt.date == day)]
    assert set(flagged["series"]) >= series


def test_a_holiday_is_not_judged_and_no_reference(alerts: CompiledWarehouse) -> None:
    day = LAST - timedelta(days=1)
    shop = planted()
    closed = shop["date_day"].isin([day, day - timedelta(days=7)])
    shop.loc[closed, ["orders_count", "rows_count"]] = 0
    assert judge(alerts, shop).query("is_flagged and series == 'orders'")["date_day"].dt.date.tolist()[-1] == day
    holidays = [(day, "Easter"), (day - timedelta(days=7), "Whitsun")]
    alerts.table("staging.stg_ops__holidays", "date_day date, name varchar", holidays)
    found = judge(alerts, shop)
    alerts.table("staging.stg_ops__holidays", "date_day date, name varchar", [])
    assert not (found["date_day"].dt.date == day).any()
    assert alerts.rows("fct_alerts", "status", f"date_day = date '{day}' and series = 'orders'") == [("holiday",)]
    assert not alerts.rows("int_alert_reference_days", "*", f"reference_day in (date '{day}', date '{day}' - 7)")


def test_a_months_last_day_is_compared_with_other_last_days(alerts: CompiledWarehouse) -> None:
    """Wages come on a month's last day, which has three times the sales, and is expected to have them."""
    shop = planted()
    paydays = shop["date_day"].map(lambda day: (day + timedelta(days=1)).day == 1)
    shop["net_amount"] = np.where(paydays, shop["net_amount"] * 3, shop["net_amount"])
    found = judge(alerts, shop)
    ends = found[(found["series"] == "net_sales") & found["date_day"].dt.is_month_end]
    assert len(ends) >= 11 and ends["is_flagged"].sum() <= 1
    assert (ends["expected_value"] > 2 * found[found["series"] == "net_sales"]["expected_value"].median()).all()
