"""How many clusters: well separated (silhouette), and found again in other customers alike (bootstrap stability)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

STABILITY_COLUMNS = ["k", "silhouette", "stability", "is_chosen"]
STABLE = 0.8
_LENIENCE = 0.1
_AS_GOOD = 0.02


def fit_kmeans(points: np.ndarray, k: int, seed: int, *, starts: int = 4, init: Any = "k-means++") -> KMeans:
    """k-means on (n, f) points, until no point changes its cluster; `init` may be (k, f) centres to start from."""
    given = isinstance(init, np.ndarray)
    return KMeans(k, init=init, n_init=1 if given else starts, max_iter=1000, tol=0, random_state=seed).fit(points)


def compare_counts(points: np.ndarray, counts: Sequence[int], seed: int, *, repeats: int) -> pd.DataFrame:
    """STABILITY_COLUMNS without the choice, one row per k.

    silhouette: mean over the points. stability: mean adjusted Rand index between the clusters of the points as found
    on all of them and as found on each of `repeats` bootstrap samples (Hennig, 2007).
    """
    # Distances by differences: from products of matrices those of near neighbours would be rounding.
    distances = cdist(points, points)
    rows = []
    for k in counts:
        labels = fit_kmeans(points, k, seed).labels_
        apart = float(silhouette_score(distances, labels, metric="precomputed")) if len(set(labels)) > 1 else 0.0
        rows.append((k, apart, _stability(points, labels, k, seed, repeats)))
    return pd.DataFrame(rows, columns=STABILITY_COLUMNS[:3])


def _stability(points: np.ndarray, labels: np.ndarray, k: int, seed: int, repeats: int) -> float:
    draws = np.random.default_rng([seed, k])
    agreements = []
    for repeat in range(repeats):
        sample = draws.integers(0, len(points), len(points))
        again = fit_kmeans(points[sample], k, seed + repeat, starts=2).predict(points)
        agreements.append(adjusted_rand_score(labels, again))
    return float(np.mean(agreements))


def choose_count(compared: pd.DataFrame, previous: int | None) -> int:
    """The k of the best silhouette among the stable ones: at least 0.8, or within 0.1 of the most stable.

    The previous k stays while it is nearly stable (0.1 less) and its silhouette within 0.02 of the best, so that
    segments do not come and go with the month.
    """
    needed = min(STABLE, compared["stability"].max() - _LENIENCE)
    stable = compared[compared["stability"] >= needed]
    best = stable.sort_values(["silhouette", "k"], ascending=[False, True]).iloc[0]
    as_good = compared["silhouette"] >= best["silhouette"] - _AS_GOOD
    kept = compared[(compared["k"] == previous) & (compared["stability"] >= needed - _LENIENCE) & as_good]
    return int(kept["k"].iloc[0]) if len(kept) else int(best["k"])
