"""Customers as points, and the k-means centres among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.churn.candidates import signed_log
from ml.churn.feature_matrix import customer_groups
from ml.clusters.cluster_count import fit_kmeans
from ml.common.rounding import significant, varies

KEYS = ("customer_id", "as_of_date")
# Beyond four standard deviations a customer is far away, no matter how far: one giant must not be a cluster.
CLIP = 4.0
_CHUNK = 50_000


@dataclass(frozen=True)
class Customers:
    """Customers by customer_id.

    ids (n,); raw (n, f) with gaps filled by the median; logged (n, f); mean and spread (f,) of the logged features,
    the spread divided by the feature's weight; order (n,) checksums to sample by.
    """

    ids: np.ndarray
    as_of_date: str
    features: tuple[str, ...]
    raw: np.ndarray
    logged: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    order: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def scaled(self, logged: np.ndarray) -> np.ndarray:
        """Logged features on the scale on which distances are measured."""
        return (logged - self.mean) / self.spread

    def clipped(self, logged: np.ndarray) -> np.ndarray:
        """`scaled`, within four standard deviations (of an unweighted feature)."""
        return np.clip(self.scaled(logged), -CLIP, CLIP)

    def column(self, feature: str) -> np.ndarray:
        """(n,) a feature in its own unit."""
        return self.raw[:, self.features.index(feature)]

    def sample(self, most: int, among: np.ndarray | None = None) -> np.ndarray:
        """A limited number of row numbers (of a mask), those with the smallest checksums, in ascending order."""
        rows = np.arange(len(self)) if among is None else np.flatnonzero(among)
        return np.sort(rows[np.argsort(self.order[rows], kind="stable")[:most]])


def make_customers(frame: pd.DataFrame, features: Sequence[str], weights: Mapping[str, float]) -> Customers:
    """The frame's customers, sorted. Raises ValueError for a missing column, a repeated customer or several days."""
    missing = [column for column in dict.fromkeys((*KEYS, *features, *weights)) if column not in frame.columns]
    if missing:
        raise ValueError(f"the features to cluster by lack {', '.join(missing)}; there are {', '.join(frame.columns)}")
    ordered = frame.assign(customer_id=frame["customer_id"].astype(str)).sort_values("customer_id")
    if ordered["customer_id"].duplicated().any() or ordered["as_of_date"].nunique() > 1:
        raise ValueError("the features to cluster by hold a customer twice, or more than one as_of_date")
    raw = np.column_stack([_filled(ordered[name].to_numpy(dtype=float, na_value=np.nan)) for name in features])
    logged = signed_log(raw)
    ids = ordered["customer_id"].to_numpy(dtype=object)
    mean = logged.mean(axis=0) if len(ids) else np.zeros(len(features))
    deviation = [column.std() if varies(column) else 1.0 for column in logged.T]
    return Customers(
        ids=ids,
        as_of_date=str(pd.Timestamp(ordered["as_of_date"].iloc[0]).date()) if len(ids) else "",
        features=tuple(features),
        raw=raw,
        logged=logged,
        mean=mean,
        spread=np.array(deviation) / np.array([weights[name] for name in features]),
        order=customer_groups(ids),
    )


def _filled(values: np.ndarray) -> np.ndarray:
    """Unknown values become the median of the known, or 0 where nothing is known."""
    known = values[np.isfinite(values)]
    return np.where(np.isfinite(values), values, np.median(known) if len(known) else 0.0)


def fit_centers(points: np.ndarray, k: int, seed: int, old: np.ndarray | None) -> np.ndarray:
    """(k, f) centres, from the previous ones where those lead to a solution as good as a fresh one (within 1%)."""
    fresh = fit_kmeans(points, k, seed, starts=10)
    if old is not None and len(old) == k:
        continued = fit_kmeans(points, k, seed, init=old)
        if continued.inertia_ <= 1.01 * fresh.inertia_:
            return significant(continued.cluster_centers_)
    return significant(fresh.cluster_centers_)


def nearest(points: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position of and distance to the nearest centre, a chunk of points at a time."""
    labels, distances = np.empty(len(points), dtype=int), np.empty(len(points))
    for start in range(0, len(points), _CHUNK):
        part = slice(start, start + _CHUNK)
        apart = np.sqrt(((points[part, None, :] - centers[None, :, :]) ** 2).sum(axis=2))
        labels[part], distances[part] = apart.argmin(axis=1), apart.min(axis=1)
    return labels, distances


def by_value(labels: np.ndarray, centers: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clusters renumbered from the highest mean value down; empty ones are dropped."""
    present = np.unique(labels)
    worth = np.array([value[labels == cluster].mean() for cluster in present])
    order = present[np.argsort(-worth, kind="stable")]
    number = np.zeros(len(centers), dtype=int)
    number[order] = np.arange(len(order))
    return number[labels], centers[order]
