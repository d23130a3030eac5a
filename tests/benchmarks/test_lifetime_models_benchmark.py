"""The benchmark of lifetime-value models reads a company's warehouse and sets the models beside each other."""

import pytest

from benchmarks.lifetime_models import measure
from ml.lifetime.valuation import LifetimeValueConfig
from tests.ml.lifetime.simulated_purchases import Truth, shop
from warehouse.settings import Settings
from warehouse.sql import connect


@pytest.mark.parametrize(("customers_count", "answer"), [(30, "the history is too short"), (400, "without a rhythm:")])
def test_models_stand_beside_each_other(tmp_path, capsys, customers_count, answer):
    settings = Settings.model_validate(
        {
            "company": "rhythm",
            "home": tmp_path,
            "sources": {"shop": {"input_path": tmp_path}},
            "business_timezone": "UTC",
            "base_currency": "EUR",
            "churn_horizon_days": 60,
        }
    )
    days = shop(Truth(2.0, 1.0, 0.8, 5.0, True, k=3), customers_count, 78, seed=1)
    with connect(settings.warehouse_path) as connection:
        connection.register("days", days)
        connection.execute("create schema intermediate")
        connection.execute(
            "create table intermediate.int_customer_daily as select *, net_amount as sales_net_amount,"
            " true as has_valid_order from days"
        )
        connection.execute(
            "create table intermediate.int_run_dates as"
            " select date '2022-01-01' as data_from, date '2023-06-30' as data_through"
        )
    measure(settings, LifetimeValueConfig(churn_horizon_days=60, margin_rate=0.3))
    shown = capsys.readouterr().out
    assert answer in shown
    assert (customers_count == 30) != all(f" {model} " in shown for model in ("bg_nbd", "mbg_cnbd_k", "naive_rate"))
