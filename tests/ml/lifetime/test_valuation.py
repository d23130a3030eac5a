import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.lifetime.backtest import (
    FittedModels,
    backtest_models,
    forecast_metrics,
    group_summaries,
    normalised_gini,
    order_amounts,
    tie_safe_deciles,
)
from ml.lifetime.purchase_histories import summarise_backtest, summarise_purchases
from ml.lifetime.purchase_models import DropoutModel, NaiveRate, Nbd, group_histories
from ml.lifetime.scores import ModelChoice, discounted, score_customers
from ml.lifetime.valuation import choose_models, value_lifetimes, value_summaries
from tests.ml.lifetime.simulated_purchases import CONFIG, DATA_FROM, Truth, shop


def mean_metric(result, model, metric):
    rows = result.metrics
    chosen = rows[(rows["model"] == model) & (rows["metric"] == metric) & (rows["slice"] == "mean")]
    return chosen.iloc[0]


def test_drop_out_that_shows_itself_is_published(valued):
    assert valued.run["published_model"] in ("bg_nbd", "mbg_nbd")
    assert valued.run["p_alive_status"] == "ok"
    assert valued.scores["p_alive"].between(0, 1).all()
    assert set(valued.scores["status"]) == {"ok"}
    assert valued.scores.notna().drop(columns=["expected_next_order_date", "due_date", "overdue_date"]).all(axis=None)


def test_what_is_published_never_loses_to_the_naive_rate(valued):
    model = valued.run["published_model"]
    for metric in ("total_ratio_error", "mae"):
        row = mean_metric(valued, model, metric)
        assert row["value"] <= row["baseline"] == mean_metric(valued, "naive_rate", metric)["value"]
    assert mean_metric(valued, model, "total_ratio")["value"] == pytest.approx(1, abs=0.1)
    assert mean_metric(valued, model, "value_normalised_gini")["value"] > 0.5


def test_metrics_and_curves_cover_every_model_and_origin(valued):
    origins = {str(origin) for origin in valued.run["origin_dates"]}
    assert len(origins) == 4
    per_origin = valued.metrics[valued.metrics["metric"] == "mae"]
    for _, rows in per_origin.groupby("model"):
        assert set(rows["slice"]) == origins | {"mean"}
    assert set(per_origin["model"]) == {"naive_rate", "nbd", "cnbd_k", "bg_nbd", "mbg_nbd", "bg_cnbd_k", "mbg_cnbd_k"}
    assert not valued.metrics.duplicated(["model", "metric", "slice"]).any()
    totals = valued.curves.groupby(["origin_date", "ranked_by", "model"])[["customers_count", "actual_orders"]].sum()
    assert (totals.groupby("origin_date").nunique() == 1).all(axis=None)


class ThreeAMonth(NaiveRate):
    """Three orders a month of everybody, for exact arithmetic."""

    def expected_orders(self, x, t_x, age, weeks):
        return np.tile(3 * weeks / (365.25 / 84), (len(x), 1))


def test_a_rhythm_is_published_where_it_forecasts_better(regular):
    model = regular.run["published_model"]
    assert model == regular.run["timing_model"] and model in ("bg_cnbd_k", "mbg_cnbd_k")
    assert (
        mean_metric(regular, model, "mae")["value"]
        < mean_metric(regular, model.replace("cnbd_k", "nbd"), "mae")["value"]
    )
    assert set(regular.scores["model"]) == {model}
    assert regular.scores["p_alive"].between(0, 1).all()
    soon = regular.scores["expected_next_order_date"].notna() & regular.scores["overdue_date"].notna()
    gone = regular.scores["overdue_date"] < pd.Timestamp("2023-12-29") - pd.Timedelta(days=60)
    assert soon.mean() > 0.5 and (regular.scores.loc[gone, "p_alive"] < 0.2).all() and gone.sum() > 20


def test_discounting_is_at_the_end_of_the_month():
    histories = group_histories([1], [2.0], [10.0], [0.7])
    orders, present = discounted(ThreeAMonth(), histories, 0.10)
    np.testing.assert_allclose(orders[0], [9, 36, 72])
    by_hand = [sum(3 / 1.1 ** (month / 12) for month in range(1, last + 1)) for last in (3, 12, 24)]
    np.testing.assert_allclose(present[0], by_hand)
    np.testing.assert_allclose(discounted(ThreeAMonth(), histories, 0.0)[1][0], [9, 36, 72])


def two_customers():
    summary = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "x": [4, 0],
            "t_x": [20.0, 0.0],
            "T": [22.0, 30.0],
            "log_waits": [6.0, 0.0],
            "mean_repeat_amount": [50.0, np.nan],
            "return_rate": [0.1, 0.0],
        }
    )
    return summary, group_summaries(summary)


def test_scores_follow_the_definitions():
    summary, histories = two_customers()
    model = DropoutModel(0.8, 6.0, 0.5, 3.0, first_may_be_last=False)
    terms = replace(CONFIG, churn_horizon_days=90).terms(dt.date(2024, 12, 31), DATA_FROM)
    scores = score_customers(summary, histories, order_amounts(summary), ModelChoice(model, model, "ok"), terms)
    a, b = scores.iloc[0], scores.iloc[1]
    month = np.arange(1, 25) * 365.25 / 84
    orders = model.expected_orders(np.array([4.0]), np.array([20.0]), np.array([22.0]), month)[0]
    value = 50 * 0.9
    clv = [
        sum((orders[t] - (orders[t - 1] if t else 0)) * value * 0.3 / 1.1 ** ((t + 1) / 12) for t in range(months))
        for months in (3, 12, 24)
    ]
    assert [a["clv_3m_amount"], a["clv_12m_amount"], a["clv_24m_amount"]] == pytest.approx(clv)
    assert [a["expected_orders_3m"], a["expected_orders_24m"]] == pytest.approx([orders[2], orders[23]])
    assert (a["expected_order_amount"], b["expected_order_amount"]) == (45.0, 50.0)
    assert b["order_amount_status"] == "population_mean"
    wait = (6 + 22) * (2 ** (1 / 4.8) - 1)
    assert a["expected_next_order_date"] == pd.Timestamp("2024-12-31") + pd.Timedelta(days=np.ceil(wait * 7))
    assert pd.isna(b["expected_next_order_date"])
    wait = (6 + 20) * (20 ** (1 / 4.8) - 1)
    assert a["overdue_date"] == pd.Timestamp("2024-12-31") + pd.Timedelta(days=np.ceil((wait - 2) * 7))
    assert pd.isna(b["overdue_date"])
    wait = (6 + 20) * (2 ** (1 / 4.8) - 1)
    assert a["due_date"] == pd.Timestamp("2024-12-31") + pd.Timedelta(days=np.ceil((wait - 2) * 7))


def test_a_horizon_longer_than_the_history_has_no_numbers():
    summary, histories = two_customers()
    terms = CONFIG.terms(dt.date(2024, 12, 31), data_from=dt.date(2024, 1, 2))
    assert terms.observed_days == 365
    choice = ModelChoice(NaiveRate(), NaiveRate(), "ok")
    scores = score_customers(summary, histories, order_amounts(summary), choice, terms)
    assert scores[["clv_24m_amount", "expected_orders_24m"]].isna().all(axis=None)
    assert scores[["clv_12m_amount", "expected_orders_12m"]].notna().all(axis=None)
    assert set(scores["status"]) == {"not_backtestable"}
    assert set(scores["clv_24m_status"]) == {"not_backtestable"} and set(scores["clv_12m_status"]) == {"ok"}


def test_drop_out_that_does_not_show_itself_has_no_p_alive():
    days = shop(Truth(1.5, 6.0, 0, 1), 600, 60, seed=11)
    result = value_lifetimes(days, dt.date(2023, 2, 20), DATA_FROM, CONFIG)
    ratios = result.metrics[result.metrics["metric"] == "likelihood_ratio"]
    assert (ratios["value"] < ratios["baseline"]).all()
    assert result.run["p_alive_status"] == "dropout_not_identified"
    assert result.scores["p_alive"].isna().all()
    assert result.scores["status"].str.contains("dropout_not_identified").all()
    assert result.run["published_model"] in ("nbd", "naive_rate")


WORSE = (0.3, 1.2)


def fitted_and_metrics(*, error=0.01, ratio=500.0, k=2, **errors):
    """Fits of which all drop-out models gain `ratio` over NBD, and (total_ratio_error, mae) by model.

    `error` is that of p_alive, of all models or by name; models without errors are as good as the naive rate, those
    with a rhythm of `k` stages worse.
    """
    lasting = (Nbd(1, 5, -1000.0), Nbd(1, 5, -900.0, k=k, k_is_chosen=True))
    dropout_models = tuple(
        DropoutModel(1, 5, 1, 3, flag, model.log_likelihood + ratio / 2, k=model.k, k_is_chosen=model.k_is_chosen)
        for model in lasting
        for flag in (False, True)
    )
    models = FittedModels(NaiveRate(), lasting, dropout_models, {k: -900.0, 1: -1000.0})
    rows = []
    for model in models.all:
        known = errors.get(model.name, WORSE if model.name.endswith("_k") else (0.1, 1.0))
        values = dict(zip(("total_ratio_error", "mae"), known, strict=True))
        if isinstance(model, DropoutModel):
            values["p_alive_calibration_error"] = error[model.name] if isinstance(error, dict) else error
        rows += [(model.name, metric, "mean", value) for metric, value in values.items()]
    return models, pd.DataFrame(rows, columns=["model", "metric", "slice", "value"])


@pytest.mark.parametrize(
    ("case", "orders", "timing", "status"),
    [
        ({"bg_nbd": (0.1, 0.9), "mbg_nbd": (0.1, 0.8)}, "mbg_nbd", "mbg_nbd", "ok"),
        ({"bg_nbd": (0.1, 0.8), "mbg_nbd": (0.1, 0.8)}, "bg_nbd", "bg_nbd", "ok"),
        ({"bg_nbd": (0.2, 0.8), "mbg_nbd": (0.1, 0.9)}, "mbg_nbd", "bg_nbd", "ok"),
        ({"bg_nbd": (0.2, 0.8), "mbg_nbd": (0.1, 1.1)}, "nbd", "bg_nbd", "ok"),
        ({"bg_nbd": (0.2, 0.8), "mbg_nbd": (0.1, 1.1), "nbd": (0.1, 1.1)}, "naive_rate", "bg_nbd", "ok"),
        (
            {"bg_nbd": (np.nan, 0.8), "mbg_nbd": (np.nan, 0.9), "nbd": (np.nan, 1), "naive_rate": (np.nan, 1)},
            "naive_rate",
            "bg_nbd",
            "ok",
        ),
        ({"bg_nbd": (0.1, 0.8), "error": 0.06}, "bg_nbd", "bg_nbd", "dropout_not_identified"),
        ({"bg_nbd": (0.1, 0.8), "error": np.nan}, "bg_nbd", "bg_nbd", "dropout_not_identified"),
        ({"bg_nbd": (0.1, 0.8), "ratio": 5.9}, "nbd", "nbd", "dropout_not_identified"),
        ({"bg_nbd": (0.1, 0.8), "ratio": 6.1}, "bg_nbd", "bg_nbd", "ok"),
        ({"mbg_cnbd_k": (0.1, 0.7), "bg_nbd": (0.1, 0.8)}, "mbg_cnbd_k", "mbg_cnbd_k", "ok"),
        ({"mbg_cnbd_k": (0.2, 0.7), "bg_nbd": (0.1, 0.8)}, "bg_nbd", "mbg_cnbd_k", "ok"),
        ({"cnbd_k": (0.1, 0.7), "ratio": 5.9}, "cnbd_k", "cnbd_k", "dropout_not_identified"),
        ({"mbg_cnbd_k": (0.1, 0.7), "bg_nbd": (0.1, 0.8), "k": 1}, "bg_nbd", "bg_nbd", "ok"),
        (
            {
                "mbg_cnbd_k": (0.1, 0.7),
                "bg_nbd": (0.1, 0.8),
                "error": {"mbg_cnbd_k": 0.06, "bg_nbd": 0.05, "bg_cnbd_k": 0.06, "mbg_nbd": 0.01},
            },
            "mbg_cnbd_k",
            "bg_nbd",
            "ok",
        ),
    ],
)
def test_choice_between_models(case, orders, timing, status):
    choice = choose_models(*fitted_and_metrics(**case), CONFIG)
    assert (choice.orders.name, choice.timing.name, choice.p_alive_status) == (orders, timing, status)


@pytest.mark.parametrize(("customers_count", "as_of_date"), [(60, dt.date(2024, 6, 1)), (800, dt.date(2022, 8, 1))])
def test_too_little_history_publishes_the_naive_rate(customers_count, as_of_date):
    days = shop(Truth(1.0, 5.0, 0.8, 3.0), customers_count, 120, seed=21)
    result = value_lifetimes(days, as_of_date, DATA_FROM, CONFIG)
    assert result.run["published_model"] == "naive_rate"
    assert result.scores["p_alive"].isna().all()
    assert result.scores["status"].str.startswith("insufficient_history").all()
    assert result.scores["expected_orders_3m"].notna().all()
    assert len(result.curves) == 0


def test_nobody_to_score_is_too_little_history():
    empty = pd.DataFrame(columns=["customer_id", "order_date", "net_amount", "return_amount"])
    result = value_lifetimes(empty, dt.date(2024, 1, 1), DATA_FROM, CONFIG)
    assert result.scores.empty and result.curves.empty and result.parameters.empty
    assert result.metrics["value"].isna().all()
    assert (result.run["published_model"], result.run["p_alive_status"]) == ("naive_rate", "insufficient_history")


def test_row_order_and_later_rows_change_no_byte(dropping_out):
    as_of_date = dt.date(2024, 3, 1)
    some = dropping_out[dropping_out["customer_id"] < "c000500"]
    changed = some.sample(frac=1, random_state=1)
    later = changed["order_date"] > pd.Timestamp(as_of_date)
    assert later.any()
    changed.loc[later, "net_amount"] *= 7
    first, second = (value_lifetimes(days, as_of_date, DATA_FROM, CONFIG) for days in (some, changed))
    pd.testing.assert_frame_equal(first.scores, second.scores, check_exact=True)
    pd.testing.assert_frame_equal(first.metrics, second.metrics, check_exact=True)
    pd.testing.assert_frame_equal(first.curves, second.curves, check_exact=True)
    assert first.run == second.run


def test_summaries_from_elsewhere_give_the_same(dropping_out, valued):
    as_of_date = dt.date(2024, 12, 27)
    windows = summarise_backtest(dropping_out, valued.run["origin_dates"], CONFIG.backtest_horizon_days)
    summaries = summarise_purchases(dropping_out, as_of_date)
    shuffled = [frame.sample(frac=1, random_state=4) for frame in (summaries, windows)]
    again = value_summaries(*shuffled, as_of_date, DATA_FROM, CONFIG)
    pd.testing.assert_frame_equal(again.scores, valued.scores, check_exact=True)


def test_calibrated_chances_have_no_error_and_wrong_ones_do():
    days = shop(Truth(1.0, 5.0, 0.8, 3.0), 1200, 100, seed=31)
    windows = summarise_backtest(days, [dt.date(2023, 6, 1)], 91)
    metrics, _ = backtest_models(windows, 91)
    right = metrics[metrics["metric"] == "p_alive_calibration_error"]["value"]
    asleep = windows.assign(actual_orders=0, actual_amount=0.0)
    wrong = backtest_models(asleep, 91)[0]
    wrong = wrong[wrong["metric"] == "p_alive_calibration_error"]["value"]
    assert (right < CONFIG.calibration_tolerance).all()
    assert (wrong > CONFIG.calibration_tolerance).all()


def test_deciles_share_ties_and_the_gini_averages_them():
    assert tie_safe_deciles(np.arange(20.0)).tolist() == sorted(list(range(1, 11)) * 2)
    assert tie_safe_deciles(np.array([0.0] * 15 + [1, 2, 3, 4, 5])).tolist() == [1] * 15 + [8, 9, 9, 10, 10]
    actual = np.array([0.0, 1, 2, 10])
    assert normalised_gini(actual * 3, actual) == pytest.approx(1)
    assert normalised_gini(-actual, actual) == pytest.approx(-1)
    assert normalised_gini(np.ones(4), actual) == 0
    assert np.isnan(normalised_gini(actual, np.ones(4)))


def test_forecast_metrics_by_hand():
    forecast = pd.DataFrame(
        {
            "expected_orders": [1.0, 2.0, 3.0],
            "actual_orders": [0, 2, 3],
            "expected_amount": [10.0, 20.0, 60.0],
            "actual_amount": [0.0, 25.0, 50.0],
        }
    )
    values = forecast_metrics(forecast)
    assert values["total_ratio"] == pytest.approx(1.2)
    assert values["total_ratio_error"] == pytest.approx(0.2)
    assert values["mae"] == pytest.approx(1 / 3)
    assert values["spearman"] == values["normalised_gini"] == pytest.approx(1)
    assert values["value_total_ratio"] == pytest.approx(1.2)
    nothing = forecast_metrics(forecast.assign(actual_orders=0, actual_amount=0.0))
    assert np.isnan(nothing["total_ratio"]) and np.isnan(nothing["spearman"])
