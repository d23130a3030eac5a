"""Ranked lists of products: new to a customer, or to buy again, by any of the candidates named here.

Which candidate is published is decided in `ml.recommend.recommending`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ml.recommend.baskets import Codes, Purchases
from ml.recommend.collaborative import (
    FilteringConfig,
    Scorer,
    Scores,
    category_tilt,
    head_size,
    item_item,
    popularity,
    user_user,
)

FloatArray = NDArray[np.float64]

# Less than any difference between scores that means something: equal scores rank by popularity.
_TIE_BREAK = 1e-9
# As many customers of average behaviour stand behind the repeat rate of every product.
_PRIOR_CUSTOMERS = 10.0


@dataclass(frozen=True)
class RankedList:
    """Codes of customers and products, the best product of a customer first; all of shape (rows,)."""

    customer: Codes
    product: Codes
    rank: Codes
    score: FloatArray


def last_bought(purchases: Purchases) -> FloatArray:
    """The later bought, the higher; 1 today."""
    return 1 / (1 + purchases.age)


def most_bought(purchases: Purchases) -> FloatArray:
    """Days bought, the later one first among equals."""
    return purchases.days_count + last_bought(purchases) / 2


def rebuy(purchases: Purchases) -> FloatArray:
    """Days bought, with older days counting less, times the root of the product's repeat rate.

    The repeat rate is the share of a product's customers who bought it on another day too, shrunk towards that of all
    products, so that occasional purchases rank below consumables.
    """
    repeated = purchases.days_count > 1
    repeaters = np.bincount(purchases.product, weights=repeated, minlength=len(purchases.products))
    rate = (repeaters + _PRIOR_CUSTOMERS * repeated.mean()) / (purchases.customers_by_product + _PRIOR_CUSTOMERS)
    return purchases.recent_count * np.sqrt(rate[purchases.product])


# Baselines first: of equals the first is published. A candidate is the product of its scorers.
NEW_CANDIDATES: dict[str, tuple[Callable[[Purchases, FilteringConfig], Scorer], ...]] = {
    "popularity": (popularity,),
    "item_item": (item_item,),
    "item_item_category": (item_item, category_tilt),
    "user_user": (user_user,),
    "user_user_category": (user_user, category_tilt),
}
AGAIN_CANDIDATES: dict[str, Callable[[Purchases], FloatArray]] = {
    "bought_before_frequency": most_bought,
    "bought_before_recency": last_bought,
    "rebuy": rebuy,
}


def rank_new(
    purchases: Purchases,
    candidates: Sequence[str],
    customers: Codes,
    config: FilteringConfig,
    length: int,
    chunk_size: int,
) -> dict[str, RankedList]:
    """By candidate: products on sale that a customer has never bought, for the given customer codes (sorted).

    What several candidates score by is worked out once.
    """
    makers = {maker for name in candidates for maker in NEW_CANDIDATES[name]}
    scorers = {maker: maker(purchases, config) for maker in makers}
    head = head_size(purchases, config)
    bought = purchases.matrix(np.ones(len(purchases.customer)), head)
    base = np.where(purchases.on_sale[:head], _TIE_BREAK * (1 - np.arange(head) / head), -np.inf)
    lists: dict[str, list[RankedList]] = {name: [] for name in candidates}
    for start in range(0, max(len(customers), 1), chunk_size):  # one empty chunk where there is nobody
        chunk = customers[start : start + chunk_size]
        scores = {maker: scorer(chunk) for maker, scorer in scorers.items()}
        own = bought[chunk].tocoo()
        for name in candidates:
            offered = reduce(np.multiply, [scores[maker] for maker in NEW_CANDIDATES[name]]) + base
            offered[own.row, own.col] = -np.inf
            lists[name].append(_best_of_chunk(chunk, offered, length))
    return {name: _joined(parts) for name, parts in lists.items()}


def _best_of_chunk(customers: Codes, scores: Scores, length: int) -> RankedList:
    product, score = _best(scores, length)
    rank = np.broadcast_to(np.arange(1, product.shape[1] + 1), product.shape)
    offered = np.isfinite(score)
    customer = np.broadcast_to(customers[:, None], product.shape)
    return RankedList(customer[offered], product[offered], rank[offered], score[offered])


def _joined(parts: Sequence[RankedList]) -> RankedList:
    columns = ([part.customer, part.product, part.rank, part.score] for part in parts)
    return RankedList(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def rank_again(purchases: Purchases, candidate: str, customers: Codes, length: int) -> RankedList:
    """Products on sale that a customer has bought, for the given customer codes (sorted)."""
    wanted = np.zeros(len(purchases.customers), dtype=bool)
    wanted[customers] = True
    rows = np.flatnonzero(wanted[purchases.customer] & purchases.on_sale[purchases.product])
    customer, product = purchases.customer[rows], purchases.product[rows]
    score = AGAIN_CANDIDATES[candidate](purchases)[rows]
    order = np.lexsort((product, -score, customer))
    customer, product, score = customer[order], product[order], score[order]
    rank = np.arange(len(order)) - np.searchsorted(customer, customer) + 1
    kept = rank <= length
    return RankedList(customer[kept], product[kept], rank[kept], score[kept])


def _best(scores: FloatArray, length: int) -> tuple[Codes, FloatArray]:
    """Columns and values of the highest scores of each row, best first."""
    length = min(length, scores.shape[1])
    columns = np.argpartition(-scores, length - 1, axis=1)[:, :length]
    values = np.take_along_axis(scores, columns, axis=1)
    order = np.lexsort((columns, -values), axis=1)
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)
