"""A plain script for comparison: features by pandas from the order lines, and scikit-learn's models on them.

`benchmarks.models` compares with it. Each part reads the Parquet files anew, as each model step reads its tables anew.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Part = Callable[[Path, int], pd.DataFrame]
COLUMNS = ["customer_id", "order_id", "ordered_at", "net_amount", "quantity", "order_status"]
WINDOWS = (30, 90, 180, 365)
SNAPSHOTS = 6


def purchase_days(lines: Path) -> pd.DataFrame:
    """A row per customer and day with an order: net amount and orders."""
    read = pd.read_parquet(lines, columns=COLUMNS)
    sold = read[(read["order_status"] == "completed") & (read["quantity"] > 0) & read["customer_id"].notna()]
    sold = sold.assign(day=sold["ordered_at"].dt.floor("D"), net_amount=sold["net_amount"].astype(float))
    days = sold.groupby(["customer_id", "day"], sort=False)
    return days.agg(net_amount=("net_amount", "sum"), orders=("order_id", "nunique")).reset_index()


def features_at(days: pd.DataFrame, snapshot: pd.Timestamp) -> pd.DataFrame:
    """A row per customer with an order in the year before the snapshot: recency, tenure, and sums over windows."""
    past = days[(days["day"] <= snapshot) & (days["day"] > snapshot - pd.Timedelta(days=365))]
    ages = (snapshot - past["day"]).dt.days
    by_customer = past.assign(age=ages).groupby("customer_id")
    found = by_customer.agg(recency=("age", "min"), tenure=("age", "max"), days=("age", "size"))
    for window in WINDOWS:
        sums = past[ages < window].groupby("customer_id")[["net_amount", "orders"]].sum()
        found = found.join(sums.add_suffix(f"_{window}"))
    found["gap"] = (found["tenure"] - found["recency"]) / (found["days"] - 1).clip(lower=1)
    return found.fillna(0.0)


def churn(lines: Path, horizon_days: int) -> pd.DataFrame:
    """Two classifiers on the last snapshots whose horizon is over; the probability of the last snapshot's customers."""
    days = purchase_days(lines)
    end = days["day"].max()
    frames = []
    for number in range(SNAPSHOTS):
        snapshot = end - pd.Timedelta(days=horizon_days + 30 * number)
        later = days[(days["day"] > snapshot) & (days["day"] <= snapshot + pd.Timedelta(days=horizon_days))]
        found = features_at(days, snapshot)
        frames.append(found.assign(churned=~found.index.isin(later["customer_id"].unique())))
    training, current = pd.concat(frames), features_at(days, end)
    x, y = training.drop(columns="churned"), training["churned"]
    scores = pd.DataFrame(index=current.index)
    for model in (
        make_pipeline(StandardScaler(), LogisticRegression()),
        HistGradientBoostingClassifier(random_state=0),
    ):
        scores[type(model).__name__] = model.fit(x, y).predict_proba(current)[:, 1]
    return scores


def clusters(lines: Path, horizon_days: int) -> pd.DataFrame:
    """k-means of the logged and scaled features, k of the best inertia elbow left to the reader: five."""
    days = purchase_days(lines)
    found = features_at(days, days["day"].max())
    points = StandardScaler().fit_transform(np.log1p(found.clip(lower=0)))
    return pd.DataFrame({"cluster": KMeans(5, n_init=3, random_state=0).fit_predict(points)}, index=found.index)


PARTS: dict[str, Part] = {"churn_scores": churn, "customer_clusters": clusters}
