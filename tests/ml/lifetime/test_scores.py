"""What is said of each customer, from models whose answers are written down here."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from ml.lifetime.backtest import OrderAmounts
from ml.lifetime.purchase_models import Histories, NaiveRate
from ml.lifetime.scores import (
    DROPOUT_NOT_IDENTIFIED,
    INSUFFICIENT_HISTORY,
    NOT_BACKTESTABLE,
    OK,
    POPULATION_MEAN,
    ModelChoice,
    ScoringTerms,
    score_customers,
)

TERMS = ScoringTerms(
    dt.date(2024, 1, 31), observed_days=400, churn_horizon_days=105, margin_rate=0.25, discount_rate=0.1
)
# Two histories of 20 weeks: 2 repeat purchases, the last after 10 weeks, and 4, the last today. b has the first.
HISTORIES = Histories(
    np.array([2.0, 4.0]), np.array([10.0, 20.0]), np.array([20.0, 20.0]), np.array([1.0, 2.0]), np.array([1, 0, 1]), 0.0
)
CUSTOMERS = pd.DataFrame({"customer_id": ["a", "b", "c"]})
AMOUNTS = OrderAmounts(np.array([10.0, 20.0, 30.0]), np.array([True, False, True]), 20.0, None)


def asked_about_histories(x, t_x, age):
    assert [column.tolist() for column in (x, t_x, age)] == [[2, 4], [10, 20], [20, 20]]


@dataclass(frozen=True)
class Written(NaiveRate):
    """Answers about `HISTORIES`: the weeks to half and to 95% of the next orders, and who is alive."""

    halfway: tuple[float, float] = (1.5, 30.0)
    nearly: tuple[float, float] = (12.0, 3.0)

    def p_alive(self, *history):
        asked_about_histories(*history)
        return np.array([0.4, 0.9])

    def expected_orders(self, x, t_x, age, weeks):
        asked_about_histories(x, t_x, age)
        return super().expected_orders(x, t_x, age, weeks)

    def median_wait(self, *history):
        asked_about_histories(*history)
        return np.array(self.halfway)

    def wait_quantile(self, x, t_x, age, share):
        asked_about_histories(x, t_x, age)
        return np.array(self.nearly) * share / 0.95


def scores(timing=None, terms=TERMS, p_alive_status=OK):
    choice = ModelChoice(Written(), timing or Written(), p_alive_status)
    return score_customers(CUSTOMERS, HISTORIES, AMOUNTS, choice, terms).set_index("customer_id")


def test_customers_have_the_numbers_of_their_history():
    found = scores()
    assert found["p_alive"].tolist() == [0.9, 0.4, 0.9]
    assert found["expected_order_amount"].tolist() == [10, 20, 30]
    # a fifth of an order a week, and a tenth
    year = 365.25 / 7
    assert found["expected_orders_12m"].tolist() == pytest.approx([year / 5, year / 10, year / 5])
    assert found["expected_orders_3m"].tolist() == pytest.approx([year / 20, year / 40, year / 20])
    assert (found["as_of_date"] == pd.Timestamp("2024-01-31")).all()
    assert (found["model"] == "naive_rate").all()


def test_value_is_discounted_margin_from_the_end_of_each_month():
    monthly, discount = 365.25 / 7 / 12 / 5, 1.1 ** (-1 / 12)
    for months in (3, 12):
        orders = monthly * discount * (1 - discount**months) / (1 - discount)
        value = scores()[f"clv_{months}m_amount"].tolist()
        assert value == pytest.approx([orders * 2.5, orders / 2 * 5, orders * 7.5])


def test_a_horizon_longer_than_the_history_is_left_out():
    found = scores()
    assert found[["expected_orders_24m", "clv_24m_amount"]].isna().all(axis=None)
    statuses = found[["clv_3m_status", "clv_12m_status", "clv_24m_status", "p_alive_status", "status"]]
    assert statuses.drop_duplicates().to_numpy().tolist() == [[OK, OK, NOT_BACKTESTABLE, OK, NOT_BACKTESTABLE]]
    days = {365: [OK, OK], 364: [OK, NOT_BACKTESTABLE]}
    for observed, expected in days.items():
        terms = ScoringTerms(TERMS.as_of_date, observed, 105, 0.25, 0.1)
        assert [terms.horizon_status(months) for months in (3, 12)] == expected


def test_statuses_that_hold_for_everyone_are_joined():
    found = scores(p_alive_status=DROPOUT_NOT_IDENTIFIED)
    assert found["p_alive"].isna().all()
    assert set(found["status"]) == {f"{DROPOUT_NOT_IDENTIFIED}; {NOT_BACKTESTABLE}"}
    short = ScoringTerms(TERMS.as_of_date, 10, 105, 0.25, 0.1)
    assert set(scores(terms=short, p_alive_status=INSUFFICIENT_HISTORY)["status"]) == {
        f"{INSUFFICIENT_HISTORY}; {NOT_BACKTESTABLE}"
    }
    long = ScoringTerms(TERMS.as_of_date, 800, 105, 0.25, 0.1)
    assert set(scores(terms=long)["status"]) == {OK}


def test_whose_amount_is_that_of_all_customers_is_told():
    assert scores()["order_amount_status"].tolist() == [OK, POPULATION_MEAN, OK]


def test_the_next_order_is_due_within_twice_the_churn_horizon():
    """11 days are 1.5 weeks rounded up; 30 weeks are exactly twice the horizon, a day more is beyond it."""
    assert scores()["expected_next_order_date"].tolist() == [
        pd.Timestamp("2024-08-28"),
        pd.Timestamp("2024-02-11"),
        pd.Timestamp("2024-08-28"),
    ]
    beyond = scores(Written(halfway=(np.inf, 30.01)))["expected_next_order_date"]
    assert beyond.isna().all()


def test_who_is_overdue_counts_from_the_last_order():
    """b last ordered 10 weeks ago, and 95% order again within 12: in two weeks. With 5 weeks it is over."""
    assert scores()["overdue_date"].tolist() == [
        pd.Timestamp("2024-02-21"),
        pd.Timestamp("2024-02-14"),
        pd.Timestamp("2024-02-21"),
    ]
    assert scores(Written(nearly=(5.0, 3.0)))["overdue_date"]["b"] == pd.Timestamp("2023-12-27")
