"""Customers unlike any others: the noise of a density clustering (DBSCAN), at a cost that stays linear in customers."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.neighbors import NearestNeighbors

_CHUNK = 20_000
# Distances by differences, exact also between near neighbours, however many features there are.
_SEARCH = "kd_tree"
# 3.5 robust standard deviations (Iglewicz and Hoaglin, 1993); 1.4826 makes the median deviation one of a normal.
_FAR = 3.5 * 1.4826


def mark_outliers(points: np.ndarray, sample: np.ndarray, min_samples: int = 10) -> np.ndarray:
    """(n,) True for noise: points that have no core point of DBSCAN within its radius.

    points: (n, f) scaled. sample: row numbers that DBSCAN runs on; with all rows the answer is DBSCAN's own. The radius
    comes from the sampled distances to the `min_samples`-th neighbour: their median on a logarithmic scale, and 3.5
    robust standard deviations beyond. Memory grows with sample times neighbours, never with n squared.
    """
    chosen = points[sample]
    if len(chosen) <= min_samples:
        return np.zeros(len(points), dtype=bool)
    radius = _usual_radius(chosen, min_samples)
    clustering = DBSCAN(eps=radius, min_samples=min_samples, algorithm=_SEARCH).fit(chosen)
    cores = chosen[clustering.core_sample_indices_]
    if not len(cores):
        return np.zeros(len(points), dtype=bool)
    nearest = NearestNeighbors(n_neighbors=1, algorithm=_SEARCH).fit(cores)
    starts = range(0, len(points), _CHUNK)
    distances = [nearest.kneighbors(points[start : start + _CHUNK])[0][:, 0] for start in starts]
    return np.concatenate(distances) > radius


def _usual_radius(points: np.ndarray, min_samples: int) -> float:
    distances = NearestNeighbors(n_neighbors=min_samples, algorithm=_SEARCH).fit(points).kneighbors(points)[0][:, -1]
    logged = np.log(np.maximum(distances, 1e-9))
    middle = np.median(logged)
    return float(np.exp(middle + _FAR * np.median(np.abs(logged - middle))))
