"""Plain, distinct names for clusters, kept from run to run as long as a cluster is recognisably the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

# What a cluster may be called after when value and frequency do not tell it from another: (little of it, much of it).
_TRAITS: Mapping[str, tuple[str, str]] = {
    "discount_rate": ("full price", "discount seekers"),
    "return_rate": ("few returns", "many returns"),
    "weekend_rate": ("weekday shoppers", "weekend shoppers"),
    "tenure_days": ("new", "long-standing"),
    "lines_per_order": ("small baskets", "large baskets"),
    "categories_per_order": ("narrow baskets", "broad baskets"),
    "net_amount_per_order": ("small orders", "large orders"),
    "average_order_amount": ("small orders", "large orders"),
    "gap_mean_days": ("short gaps", "long gaps"),
    "gap_std_days": ("steady", "irregular"),
}


@dataclass(frozen=True)
class Roles:
    """The features for a customer's value, frequency and recency."""

    value: str
    frequency: str
    recency: str


@dataclass(frozen=True)
class Matching:
    """For each current cluster: the position of the previous one that it continues (-1: none) and the distance."""

    previous: np.ndarray
    distance: np.ndarray


def match_clusters(centers: np.ndarray, previous: np.ndarray) -> Matching:
    """Pair current (k, f) and previous (p, f) centres at the least total distance (Hungarian method).

    A pair counts when they are closer than half the way to the nearest other current centre: beyond that the old
    cluster might as well have become another one.
    """
    apart = cdist(centers, previous)
    between = cdist(centers, centers)
    np.fill_diagonal(between, np.inf)
    found, distance = np.full(len(centers), -1), np.full(len(centers), np.nan)
    for row, column in zip(*linear_sum_assignment(apart), strict=True):
        if apart[row, column] <= between[row].min() / 2:
            found[row], distance[row] = column, apart[row, column]
    return Matching(found, distance)


def name_clusters(
    medians: np.ndarray, population: np.ndarray, features: Sequence[str], roles: Roles, kept: Sequence[str | None]
) -> tuple[str, ...]:
    """A distinct name per cluster, by value, frequency, then recency and the most unusual traits.

    medians: (k, f) of each cluster; population: (n, f) to compare them with; kept: names that some already have.
    """
    standing = np.array([[_standing(population[:, f], m) for f, m in enumerate(row)] for row in medians])
    taken = {name for name in kept if name}
    names = []
    for cluster, name in enumerate(kept):
        chosen = name or next(n for n in _proposals(standing[cluster], features, roles) if n not in taken)
        taken.add(chosen)
        names.append(chosen)
    return tuple(names)


def _standing(values: np.ndarray, value: float) -> float:
    """Share of the population below `value`, those equal to it by half."""
    return float(np.mean(values < value) + np.mean(values == value) / 2)


def _proposals(standing: np.ndarray, features: Sequence[str], roles: Roles) -> Iterator[str]:
    place = dict(zip(features, standing, strict=True))
    value = _third(place[roles.value], ("Low value", "Mid value", "High value"))
    frequency = _third(place[roles.frequency], ("occasional", "regular", "frequent"))
    recency = _third(place[roles.recency], ("bought lately", "", "quiet lately"))
    plain = f"{value}, {frequency}"
    yield f"{plain}, {recency}" if recency == "quiet lately" else plain
    if recency:
        yield f"{plain}, {recency}"
    others = [name for name in features if name not in (roles.value, roles.frequency, roles.recency)]
    for name in sorted(others, key=lambda name: (-abs(place[name] - 0.5), name)):
        yield f"{plain}, {_trait(name, much=place[name] >= 0.5)}"
    number = 2
    while True:
        yield f"{plain} ({number})"
        number += 1


def _third(standing: float, words: tuple[str, str, str]) -> str:
    return words[0] if standing < 1 / 3 else words[1] if standing < 2 / 3 else words[2]


def _trait(name: str, *, much: bool) -> str:
    plain = name.replace("_", " ")
    return _TRAITS.get(name, (f"low {plain}", f"high {plain}"))[int(much)]
