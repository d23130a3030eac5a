"""Customers whose churn probability and whose segment are known, because they were made that way."""

import datetime as dt

import numpy as np
import pandas as pd
from scipy.special import expit

from ml.churn.champion import Champion
from ml.churn.config import ChurnConfig
from ml.churn.feature_matrix import FeatureMatrix, make_feature_matrix
from ml.churn.training import ChurnResult, train_and_score

HORIZON = 30
FIRST_MONTH = pd.Timestamp("2024-01-31")


def month_ends(count: int) -> list[dt.date]:
    return [day.date() for day in pd.date_range(FIRST_MONTH, periods=count, freq="ME")]


def trained(features: pd.DataFrame, config: ChurnConfig, champion: Champion | None = None) -> ChurnResult:
    """`train_and_score` as of the last snapshot."""
    last = pd.to_datetime(features["snapshot_date"]).max() if len(features) else FIRST_MONTH
    return train_and_score(features, config, champion, last.date())


def churn_frame(customers: int = 420, months: int = 9, *, seed: int = 1, pace_weight: float = -1.6) -> pd.DataFrame:
    """Monthly snapshots with `true_probability` of churning, the last one without a label.

    The truth is logistic in the logarithms of recency and of the pace of orders; `pace_weight` 0 leaves recency alone.
    Drop `true_probability` before training.
    """
    draws = np.random.default_rng(seed)
    days = np.repeat(np.array(month_ends(months), dtype="datetime64[s]"), customers)
    count = len(days)
    recency = np.floor(draws.exponential(17.0, count))
    pace = np.exp(draws.normal(0.0, 0.8, count))
    odds = -1.4 + 0.9 * (np.log1p(recency) - 2.3) + pace_weight * np.log(pace)
    truth = expit(odds)
    churned = pd.array(draws.random(count) < truth, dtype="boolean")
    churned[days == days.max()] = pd.NA
    return pd.DataFrame(
        {
            "snapshot_date": days,
            "customer_id": np.tile([f"c{number:05d}" for number in range(customers)], months),
            "is_active": recency < HORIZON,
            "churned": churned,
            "recency_days": recency,
            "orders_per_week_90d": pace,
            "gap_mean_days": np.where(draws.random(count) < 0.1, np.nan, 7 / pace),
            "net_amount_per_week_90d": pace * np.exp(draws.normal(3.0, 0.3, count)),
            "weekend_rate": draws.random(count),
            "zodiac_number": draws.integers(1, 13, count),
            "true_probability": truth,
        }
    )


def features_of(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns="true_probability")


def labelled_panel(frame: pd.DataFrame) -> FeatureMatrix:
    return make_feature_matrix(features_of(frame[frame["churned"].notna()]))


SEGMENTS = {
    # name: customers, recency, frequency, amount of an order, discount rate
    "rich": (150, 5.0, 60.0, 80.0, 0.05),
    "thrifty": (250, 8.0, 45.0, 15.0, 0.40),
    "gone": (300, 200.0, 3.0, 30.0, 0.10),
}


def segment_frame(seed: int = 1, noise: float = 0.15) -> pd.DataFrame:
    """Customers of one day in three well separated groups, named in `truth`; drop it before clustering."""
    draws = np.random.default_rng(seed)
    parts = []
    for truth, (count, recency, frequency, order_amount, discount) in SEGMENTS.items():
        orders = frequency * np.exp(draws.normal(0, noise, count))
        amount = order_amount * np.exp(draws.normal(0, noise, count))
        parts.append(
            pd.DataFrame(
                {
                    "recency_days": recency * np.exp(draws.normal(0, noise, count)),
                    "frequency": orders,
                    "monetary_amount": orders * amount,
                    "net_amount_per_order": amount,
                    "discount_rate": discount + draws.normal(0, 0.02, count),
                    "truth": truth,
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    frame.insert(0, "customer_id", [f"s{number:05d}" for number in range(len(frame))])
    frame.insert(1, "as_of_date", pd.Timestamp("2024-12-31"))
    return frame
