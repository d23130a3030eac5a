"""Clusters: customers grouped by how they buy, ordered by value, with stable names.

k-means on logged, scaled features. RFM counts in full, other behaviour by half, so that clusters differ mainly in
customers' value. Nothing depends on the order of rows: customers are sorted, and samples drawn by checksum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.clusters.cluster_count import STABILITY_COLUMNS, choose_count, compare_counts
from ml.clusters.cluster_fit import KEYS, Customers, by_value, fit_centers, make_customers, nearest
from ml.clusters.cluster_names import Matching, Roles, match_clusters, name_clusters
from ml.common.determinism import deterministic
from ml.common.frames import empty, typed
from ml.common.model_runs import METRIC_COLUMNS, fingerprint, model_run_id
from ml.common.outliers import mark_outliers

TASK = "segments"
MODEL = "kmeans"
OK = "ok"
INSUFFICIENT_CUSTOMERS = "insufficient_customers"

ASSIGNMENT_COLUMNS = [
    "customer_id",
    "as_of_date",
    "cluster_id",
    "cluster_name",
    "distance",
    "is_outlier",
    "model_run_id",
]
PROFILE_COLUMNS = [
    "model_run_id",
    "cluster_id",
    "cluster_name",
    "customers_count",
    "share_rate",
    "feature",
    "mean",
    "median",
    "population_median",
]
DRIFT_COLUMNS = [
    "model_run_id",
    "cluster_id",
    "cluster_name",
    "is_matched",
    "centre_shift",
    "share_rate",
    "previous_share_rate",
]


@dataclass(frozen=True)
class ClusterConfig:
    """How customers are grouped.

    features: columns to group by (all but the keys by default). value, frequency, recency: their columns, counted in
    full; the others by `behaviour_weight`. fewest_k, most_k: the range that k is chosen from. most_*: bounds on the
    customers that are fitted, compared for k, and looked at for outliers; all are assigned.
    """

    features: tuple[str, ...] | None = None
    value: str = "monetary_amount"
    frequency: str = "frequency"
    recency: str = "recency_days"
    behaviour_weight: float = 0.5
    fewest_k: int = 3
    most_k: int = 8
    repeats: int = 8
    minimum_customers: int = 100
    most_fitted: int = 20_000
    most_compared: int = 2_000
    most_outlier_sample: int = 3_000
    seed: int = 20170101
    threads: int = 1

    def __post_init__(self) -> None:
        if not 2 <= self.fewest_k <= self.most_k:
            raise ValueError(
                f"clusters are chosen from at least 2, up to no fewer: not {self.fewest_k} to {self.most_k}"
            )

    def weights(self, features: Sequence[str]) -> dict[str, float]:
        """How much each feature counts in a distance; those that say value, frequency and recency have to be there."""
        full = (self.value, self.frequency, self.recency)
        return {**dict.fromkeys(features, self.behaviour_weight), **dict.fromkeys(full, 1.0)}


@dataclass(frozen=True)
class Centroids:
    """The part of a run that the next one needs to recognise its clusters.

    centers: (k, f) means of the logged features, unscaled; shares: of customers per cluster.
    """

    model_run_id: str
    features: tuple[str, ...]
    names: tuple[str, ...]
    shares: tuple[float, ...]
    centers: np.ndarray

    def state(self) -> dict[str, Any]:
        """Plain containers to be stored."""
        return {
            "model_run_id": self.model_run_id,
            "features": list(self.features),
            "names": list(self.names),
            "shares": list(self.shares),
            "centers": self.centers,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Centroids:
        """The opposite of `state`."""
        return cls(
            state["model_run_id"],
            tuple(state["features"]),
            tuple(state["names"]),
            tuple(state["shares"]),
            np.asarray(state["centers"], dtype=float),
        )


@dataclass(frozen=True)
class ClusterResult:
    """assignments: ASSIGNMENT_COLUMNS, a row per customer; cluster 1 is worth most. profile: PROFILE_COLUMNS, a row per
    cluster and feature, in the features' own units. stability: STABILITY_COLUMNS, a row per k compared. drift:
    DRIFT_COLUMNS, a row per cluster, against the previous run. metrics: METRIC_COLUMNS. centroids: for the next run;
    None without customers enough.
    """

    assignments: pd.DataFrame
    profile: pd.DataFrame
    stability: pd.DataFrame
    drift: pd.DataFrame
    metrics: pd.DataFrame
    run: Mapping[str, Any]
    centroids: Centroids | None
    status: str


@dataclass(frozen=True)
class _Found:
    """The clusters of one run, best first: label (n,) from 0, distance (n,) to its own centre, one name each."""

    labels: np.ndarray
    distance: np.ndarray
    names: tuple[str, ...]
    matching: Matching

    @property
    def shares(self) -> np.ndarray:
        """(k,) share of the customers in each."""
        return np.bincount(self.labels, minlength=len(self.names)) / len(self.labels)


def cluster_customers(features: pd.DataFrame, config: ClusterConfig, previous: Centroids | None) -> ClusterResult:
    """Group the customers of one day.

    features: a row per customer_id, with as_of_date (one day) and numeric columns, NaN where unknown. previous: the
    centroids of the run before, or None. Raises ValueError for missing columns or a customer that occurs twice.
    """
    with deterministic(config.threads):
        names = config.features or tuple(sorted(column for column in features.columns if column not in KEYS))
        customers = make_customers(features, names, config.weights(names))
        run = _record(customers, config, previous)
        if len(customers) < max(config.minimum_customers, 2 * config.fewest_k):
            return _nothing(run, f"{len(customers)} customers are too few to group")
        return _cluster(customers, config, previous if previous and previous.features == names else None, run)


def _record(customers: Customers, config: ClusterConfig, previous: Centroids | None) -> dict[str, Any]:
    parameters = {key: value for key, value in asdict(config).items() if key not in ("features", "threads")}
    data = pd.DataFrame(customers.raw, columns=list(customers.features)).assign(customer_id=customers.ids)
    came_from = previous.model_run_id if previous else None
    inputs = {**parameters, "as_of": customers.as_of_date, "previous": came_from, "data": fingerprint(data)}
    run_id = model_run_id(f"{TASK}/{MODEL}", inputs)
    return {
        "model_run_id": run_id,
        "task": TASK,
        "model": MODEL,
        "version": f"{customers.as_of_date}.{run_id[:6]}",
        "as_of_date": customers.as_of_date or None,
        "snapshot_from": customers.as_of_date or None,
        "snapshot_to": customers.as_of_date or None,
        "rows": len(customers),
        "is_champion": True,
        "status": OK,
        "detail": "",
        "parameters": parameters,
        "features": list(customers.features),
    }


def _cluster(
    customers: Customers, config: ClusterConfig, previous: Centroids | None, run: Mapping[str, Any]
) -> ClusterResult:
    outliers = mark_outliers(customers.scaled(customers.logged), customers.sample(config.most_outlier_sample))
    points = customers.clipped(customers.logged)
    compared = points[customers.sample(config.most_compared, ~outliers)]
    most_k = min(config.most_k, len(compared) // 2, len(np.unique(compared, axis=0)))
    if most_k < config.fewest_k:
        return _nothing(run, f"{len(customers)} customers are too much alike to group")
    stability = _choose(compared, most_k, config, previous)
    k = int(stability.loc[stability["is_chosen"], "k"].iloc[0])
    found = _find(customers, config, points, ~outliers, k, previous)
    run_id = run["model_run_id"]
    drift = _drift(run_id, found, previous)
    return ClusterResult(
        assignments=_assignments(run_id, customers, found, outliers),
        profile=_profile(run_id, customers, found),
        stability=stability,
        drift=drift,
        metrics=_metrics(stability, outliers, drift),
        run={**run, "parameters": {**run["parameters"], "k": k}},
        centroids=_centroids(run_id, customers, found),
        status=OK,
    )


def _choose(points: np.ndarray, most_k: int, config: ClusterConfig, previous: Centroids | None) -> pd.DataFrame:
    """STABILITY_COLUMNS for every k that the customers allow."""
    counts = range(config.fewest_k, most_k + 1)
    compared = compare_counts(points, counts, config.seed, repeats=config.repeats)
    k = choose_count(compared, len(previous.names) if previous else None)
    return typed(compared.assign(is_chosen=compared["k"] == k), STABILITY_COLUMNS)


def _find(
    customers: Customers,
    config: ClusterConfig,
    points: np.ndarray,
    typical: np.ndarray,
    k: int,
    previous: Centroids | None,
) -> _Found:
    """Fit on typical customers, assign everybody, order by value, and name."""
    old = customers.clipped(previous.centers) if previous else None
    centers = fit_centers(points[customers.sample(config.most_fitted, typical)], k, config.seed, old)
    labels, distance = nearest(points, centers)
    labels, centers = by_value(labels, centers, customers.column(config.value))
    matching = match_clusters(centers, old if old is not None else centers[:0])
    kept = [previous.names[p] if previous and p >= 0 else None for p in matching.previous]
    medians = np.array([np.median(customers.raw[labels == cluster], axis=0) for cluster in range(len(centers))])
    roles = Roles(config.value, config.frequency, config.recency)
    names = name_clusters(medians, customers.raw, customers.features, roles, kept)
    return _Found(labels, distance, names, matching)


def _assignments(run_id: str, customers: Customers, found: _Found, outliers: np.ndarray) -> pd.DataFrame:
    columns = {
        "customer_id": customers.ids,
        "as_of_date": pd.Timestamp(customers.as_of_date),
        "cluster_id": found.labels + 1,
        "cluster_name": np.array(found.names, dtype=object)[found.labels],
        "distance": np.round(found.distance, 6),
        "is_outlier": outliers,
        "model_run_id": run_id,
    }
    return typed(pd.DataFrame(columns), ASSIGNMENT_COLUMNS)


def _centroids(run_id: str, customers: Customers, found: _Found) -> Centroids:
    means = [customers.logged[found.labels == cluster].mean(axis=0) for cluster in range(len(found.names))]
    shares = tuple(float(share) for share in found.shares)
    return Centroids(run_id, customers.features, found.names, shares, np.array(means))


def _profile(run_id: str, customers: Customers, found: _Found) -> pd.DataFrame:
    overall = np.median(customers.raw, axis=0)
    rows = []
    for cluster, name in enumerate(found.names):
        own = customers.raw[found.labels == cluster]
        same = (run_id, cluster + 1, name, len(own), len(own) / len(customers))
        figures = zip(customers.features, own.mean(axis=0), np.median(own, axis=0), overall, strict=True)
        rows += [(*same, *figure) for figure in figures]
    return typed(pd.DataFrame(rows, columns=PROFILE_COLUMNS), PROFILE_COLUMNS)


def _drift(run_id: str, found: _Found, previous: Centroids | None) -> pd.DataFrame:
    matched = found.matching.previous
    columns = {
        "model_run_id": run_id,
        "cluster_id": np.arange(1, len(found.names) + 1),
        "cluster_name": list(found.names),
        "is_matched": matched >= 0,
        "centre_shift": found.matching.distance,
        "share_rate": found.shares,
        "previous_share_rate": [previous.shares[p] if previous and p >= 0 else np.nan for p in matched],
    }
    return typed(pd.DataFrame(columns), DRIFT_COLUMNS)


def population_stability(shares: np.ndarray, previous: np.ndarray) -> float:
    """Population stability index `sum (q - p) ln(q / p)`; NaN where a share is unknown or 0."""
    if not np.all(np.isfinite(previous)) or np.any(previous <= 0) or np.any(shares <= 0):
        return math.nan
    return float(np.sum((shares - previous) * np.log(shares / previous)))


def _metrics(stability: pd.DataFrame, outliers: np.ndarray, drift: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (MODEL, metric, f"k={row['k']}", row[metric])
        for row in stability.to_dict("records")
        for metric in ("silhouette", "stability")
    ]
    chosen = stability[stability["is_chosen"]].iloc[0]
    rows += [(MODEL, metric, "chosen", float(chosen[metric])) for metric in ("k", "silhouette", "stability")]
    psi = population_stability(drift["share_rate"].to_numpy(), drift["previous_share_rate"].to_numpy(dtype=float))
    rows += [(MODEL, "outlier_rate", "all", float(outliers.mean())), (MODEL, "share_psi", "all", psi)]
    return typed(pd.DataFrame(rows, columns=METRIC_COLUMNS[:4]).assign(baseline=np.nan), METRIC_COLUMNS)


def _nothing(run: Mapping[str, Any], detail: str) -> ClusterResult:
    return ClusterResult(
        assignments=empty(ASSIGNMENT_COLUMNS),
        profile=empty(PROFILE_COLUMNS),
        stability=empty(STABILITY_COLUMNS),
        drift=empty(DRIFT_COLUMNS),
        metrics=empty(METRIC_COLUMNS),
        run={**run, "is_champion": False, "status": INSUFFICIENT_CUSTOMERS, "detail": detail},
        centroids=None,
        status=INSUFFICIENT_CUSTOMERS,
    )
