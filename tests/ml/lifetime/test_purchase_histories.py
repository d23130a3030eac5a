import datetime as dt
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.lifetime.purchase_histories import backtest_origins, summarise_backtest, summarise_purchases

DAYS = pd.DataFrame(
    [
        ("b", "2024-01-01", 10.0, 0.0),
        ("a", "2024-01-01", 50.0, 0.0),
        ("a", "2024-01-15", 30.0, 0.0),
        ("a", "2024-01-15", 10.0, 0.0),
        ("a", "2024-01-29", 20.0, -5.0),
        ("a", "2024-02-02", 0.0, -20.0),
        ("c", "2024-01-10", 0.0, -3.0),
        ("a", "2024-02-20", 99.0, 0.0),
    ],
    columns=["customer_id", "order_date", "net_amount", "return_amount"],
)


def test_summary_of_a_customer():
    a = summarise_purchases(DAYS, dt.date(2024, 2, 5)).set_index("customer_id").loc["a"]
    assert (a["x"], a["t_x"], a["T"]) == (2, 4.0, 5.0)
    assert a["mean_repeat_amount"] == 30.0
    assert a["log_waits"] == pytest.approx(2 * math.log(2))


def test_one_purchase_has_no_repeat_amount_and_returns_alone_make_no_customer():
    summary = summarise_purchases(DAYS, dt.date(2024, 2, 5)).set_index("customer_id")
    assert list(summary.index) == ["a", "b"]
    assert (summary.loc["b", "x"], summary.loc["b", "t_x"]) == (0, 0.0)
    assert pd.isna(summary.loc["b", "mean_repeat_amount"])
    assert summary.loc["b", "log_waits"] == 0


def test_return_rate_is_drawn_towards_everyones():
    """a returned 25 of 110 and b nothing of 10: 25 of 120 in all, with the weight of an average customer's 60."""
    summary = summarise_purchases(DAYS, dt.date(2024, 2, 5)).set_index("customer_id")
    everyones = 25 / 120
    assert summary.loc["a", "return_rate"] == pytest.approx((25 + everyones * 60) / (110 + 60))
    assert summary.loc["b", "return_rate"] == pytest.approx((0 + everyones * 60) / (10 + 60))


def test_what_came_after_is_not_seen_and_is_counted_in_the_backtest():
    window = summarise_backtest(DAYS, [dt.date(2024, 1, 20)], horizon_days=30).set_index("customer_id")
    before = DAYS[DAYS["order_date"] <= "2024-01-20"]
    known = summarise_purchases(before, dt.date(2024, 1, 20)).set_index("customer_id")
    pd.testing.assert_frame_equal(window[known.columns], known)
    assert window.loc["a", "actual_orders"] == 1
    assert window.loc["a", "actual_amount"] == pytest.approx(20 - 5 - 20)
    assert window.loc["b", "actual_orders"] == 0


def test_no_origin_no_window():
    windows = summarise_backtest(DAYS, [], horizon_days=30)
    assert len(windows) == 0
    assert {"origin_date", "x", "t_x", "T", "actual_orders"} <= set(windows.columns)


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="return_amount"):
        summarise_purchases(DAYS.drop(columns="return_amount"), dt.date(2024, 2, 5))


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(len(DAYS))))
def test_row_order_changes_no_byte(order):
    pd.testing.assert_frame_equal(
        summarise_purchases(DAYS.iloc[order], dt.date(2024, 2, 5)),
        summarise_purchases(DAYS, dt.date(2024, 2, 5)),
        check_exact=True,
    )


def test_origins_leave_room_on_both_sides():
    origins = backtest_origins(
        dt.date(2024, 1, 1),
        dt.date(2024, 12, 31),
        horizon_days=91,
        step_days=60,
        minimum_training_days=91,
        at_most=6,
    )
    assert origins == [dt.date(2024, 4, 4), dt.date(2024, 6, 3), dt.date(2024, 8, 2), dt.date(2024, 10, 1)]
