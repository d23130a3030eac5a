"""Scores of each customer today by the chosen models, and missing values where the models give none."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.common.likelihood import FloatArray
from ml.lifetime.backtest import OrderAmounts
from ml.lifetime.purchase_models import Histories, PurchaseModel

HORIZON_MONTHS = (3, 12, 24)
DAYS_PER_MONTH = 365.25 / 12
WEEKS_PER_MONTH = DAYS_PER_MONTH / 7
_DUE, _OVERDUE = 0.5, 0.95

OK = "ok"
INSUFFICIENT_HISTORY = "insufficient_history"
DROPOUT_NOT_IDENTIFIED = "dropout_not_identified"
NOT_BACKTESTABLE = "not_backtestable"
POPULATION_MEAN = "population_mean"


@dataclass(frozen=True)
class ModelChoice:
    """`orders` forecasts orders and value; `timing` gives p_alive and the date of the next order."""

    orders: PurchaseModel
    timing: PurchaseModel
    p_alive_status: str


@dataclass(frozen=True)
class ScoringTerms:
    """The day and the terms of the value; rates are shares, `discount_rate` is per year."""

    as_of_date: dt.date
    observed_days: int
    churn_horizon_days: int
    margin_rate: float
    discount_rate: float

    def horizon_status(self, months: int) -> str:
        """Whether as many months have been observed as are to be forecast."""
        return OK if int(months * DAYS_PER_MONTH) <= self.observed_days else NOT_BACKTESTABLE


def score_customers(
    customers: pd.DataFrame,
    histories: Histories,
    amounts: OrderAmounts,
    choice: ModelChoice,
    terms: ScoringTerms,
) -> pd.DataFrame:
    """One row per customer, in the order of `customers`, from which `histories` and `amounts` come.

    Numbers without support are NaN (NaT for the date). `order_amount_status` is population_mean if the customer's own
    purchases do not show the value of an order; `status` lists the restrictions for all customers, or is 'ok'.
    """
    p_alive = choice.timing.p_alive(histories.x, histories.t_x, histories.age)[histories.index]
    orders, discounted_orders = discounted(choice.orders, histories, terms.discount_rate)
    scores = {
        "customer_id": customers["customer_id"].to_numpy(),
        "as_of_date": pd.Timestamp(terms.as_of_date).as_unit("us"),
        "p_alive": p_alive if choice.p_alive_status == OK else np.nan,
        "expected_order_amount": amounts.amount,
        "expected_next_order_date": _next_order_dates(choice.timing, histories, terms),
        "due_date": _dates_after_last_order(choice.timing, histories, terms, _DUE),
        "overdue_date": _dates_after_last_order(choice.timing, histories, terms, _OVERDUE),
    }
    horizon_statuses = {months: terms.horizon_status(months) for months in HORIZON_MONTHS}
    for column, (months, status) in enumerate(horizon_statuses.items()):
        supported = 1.0 if status == OK else np.nan
        worth = amounts.amount * terms.margin_rate * supported
        scores[f"expected_orders_{months}m"] = orders[histories.index, column] * supported
        scores[f"discounted_orders_{months}m"] = discounted_orders[histories.index, column] * supported
        scores[f"clv_{months}m_amount"] = discounted_orders[histories.index, column] * worth
        scores[f"clv_{months}m_status"] = status
    scores["p_alive_status"] = choice.p_alive_status
    scores["order_amount_status"] = np.where(amounts.is_own, OK, POPULATION_MEAN)
    scores["model"] = choice.orders.name
    scores["status"] = _joined([choice.p_alive_status, *horizon_statuses.values()])
    return pd.DataFrame(scores)


def scoring_inputs(customers: pd.DataFrame, amounts: OrderAmounts, scores: pd.DataFrame) -> pd.DataFrame:
    """What the value of each customer comes from, so that it can be worked out by hand from the fitted parameters.

    One row per customer: repeat_days_count (x), active_span_days (t_x in days), observed_days (T in days),
    repeat_amount (their sales), return_rate, is_own_amount (whether the amount of an order comes from own ones too),
    and discounted_orders_3m/12m/24m, of which a value is the product with expected_order_amount and margin rate.
    """
    weeks = customers[["t_x", "T"]].to_numpy(np.float64)
    days = np.rint(7 * weeks).astype(np.int64)
    own = {
        "customer_id": customers["customer_id"].to_numpy(),
        "repeat_days_count": customers["x"].to_numpy(np.int64),
        "active_span_days": days[:, 0],
        "observed_days": days[:, 1],
        "repeat_amount": (customers["x"] * customers["mean_repeat_amount"].fillna(0.0)).to_numpy(np.float64).round(4),
        "return_rate": customers["return_rate"].to_numpy(np.float64),
        "is_own_amount": amounts.is_own,
    }
    counted = {name: scores[name].to_numpy() for name in (f"discounted_orders_{m}m" for m in HORIZON_MONTHS)}
    return pd.DataFrame({**own, **counted})


def scoring_terms(amounts: OrderAmounts, terms: ScoringTerms) -> pd.DataFrame:
    """One row: margin_rate, discount_rate (a year's) and population_amount, the mean amount of an order over
    customers."""
    row = {
        "margin_rate": terms.margin_rate,
        "discount_rate": terms.discount_rate,
        "population_amount": amounts.population_mean,
    }
    return pd.DataFrame([row])


def discounted(model: PurchaseModel, histories: Histories, discount_rate: float) -> tuple[FloatArray, FloatArray]:
    """Orders, and orders discounted from the end of the month they fall in, per distinct history and horizon.

    Both of shape (g, 3) for 3, 12 and 24 months: `sum_t E[orders in month t] / (1 + d)^(t / 12)`.
    """
    month = np.arange(1.0, max(HORIZON_MONTHS) + 1)
    orders = model.expected_orders(histories.x, histories.t_x, histories.age, month * WEEKS_PER_MONTH)
    increments = np.diff(orders, axis=1, prepend=0.0)
    present = (increments / (1 + discount_rate) ** (month / 12)).cumsum(axis=1)
    ends = np.array(HORIZON_MONTHS) - 1
    return orders[:, ends], present[:, ends]


def _next_order_dates(timing: PurchaseModel, histories: Histories, terms: ScoringTerms) -> pd.DatetimeIndex:
    """The day by which half of such customers, if alive, have ordered; NaT beyond twice the churn horizon."""
    return _days_ahead(timing.median_wait(histories.x, histories.t_x, histories.age), histories, terms)


def _dates_after_last_order(
    timing: PurchaseModel, histories: Histories, terms: ScoringTerms, share: float
) -> pd.DatetimeIndex:
    """The day by which that share of such customers, if they stay, order again after their last order; it may be over.

    NaT beyond twice the churn horizon from today.
    """
    wait = timing.wait_quantile(histories.x, histories.t_x, histories.age, share)
    return _days_ahead(wait - (histories.age - histories.t_x), histories, terms)


def _days_ahead(weeks: FloatArray, histories: Histories, terms: ScoringTerms) -> pd.DatetimeIndex:
    """The day that so many weeks from today end on, per customer; NaT beyond twice the churn horizon."""
    days = np.ceil(7 * weeks)[histories.index]
    near = days <= 2 * terms.churn_horizon_days
    wait = pd.to_timedelta(np.where(near, days, 0).astype(np.int64), unit="D")
    return (pd.Timestamp(terms.as_of_date) + wait).where(near)


def _joined(statuses: list[str]) -> str:
    reasons = dict.fromkeys(status for status in statuses if status != OK)
    return "; ".join(reasons) or OK
