"""Scores of every popular product for every customer: popularity, item-item and user-user collaborative filtering.

A scorer is fitted to `Purchases` and gives dense scores for a few customers at a time. Judging and choosing between
scorers belongs to `ml.recommend.recommending`.

Sources: Sarwar et al. (2001) (item-item); Resnick et al. (1994) (user-user); cosine similarity in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ml.recommend.baskets import Codes, Purchases

Scores = NDArray[np.float64]
Scorer = Callable[[Codes], Scores]
_BLOCK = 500


@dataclass(frozen=True)
class FilteringConfig:
    """Sizes that bound the cost, and the strength of the category level.

    `products_count` most popular products can be recommended; `similar_products_count` and
    `similar_customers_count` neighbours are kept, the latter out of at most `reference_customers_count`.
    """

    products_count: int = 3000
    similar_products_count: int = 200
    similar_customers_count: int = 50
    reference_customers_count: int = 3000
    category_weight: float = 0.1
    category_prior: float = 0.2


def popularity(purchases: Purchases, config: FilteringConfig) -> Scorer:
    """Share of customers who have bought the product, the same for everyone."""
    head = head_size(purchases, config)
    share = purchases.customers_by_product[:head] / len(purchases.customers)
    return lambda customers: np.tile(share, (len(customers), 1))


def item_item(purchases: Purchases, config: FilteringConfig) -> Scorer:
    """Sum of the cosine similarities between a product and those the customer has bought."""
    bought = purchases.matrix(np.ones(len(purchases.customer)), head_size(purchases, config))
    similar = _similar_products(_normalised(bought, axis=0), config.similar_products_count).T.tocsr()
    return lambda customers: (bought[customers] @ similar).toarray()


def user_user(purchases: Purchases, config: FilteringConfig) -> Scorer:
    """Share of the most similar customers, weighted by similarity, who have bought the product.

    Similarity is the cosine of log(1 + days bought) per product. Neighbours are searched among reference customers
    spread evenly over the sorted ids, or among all if there are few.
    """
    head = head_size(purchases, config)
    profile = _normalised(purchases.matrix(np.log1p(purchases.days_count), head), axis=1)
    everyone = len(purchases.customers)
    references_count = min(everyone, config.reference_customers_count)
    references = np.linspace(0, everyone - 1, references_count).round().astype(np.int64)
    bought = purchases.matrix(np.ones(len(purchases.customer)), head)[references]
    reference_profile = profile[references].T.tocsr()

    def score(customers: Codes) -> Scores:
        similarity = (profile[customers] @ reference_profile).toarray()
        similarity[customers[:, None] == references[None, :]] = 0.0
        nearest = _largest_of_each_row(similarity, config.similar_customers_count)
        total = np.asarray(nearest.sum(axis=1)).reshape(-1, 1)
        return (nearest @ bought).toarray() / np.where(total > 0, total, 1.0)

    return score


def category_tilt(purchases: Purchases, config: FilteringConfig) -> Scorer:
    """Factors by which a customer's scores tilt towards the categories that they buy more of than others do.

    `((share + prior * everyone's share) / ((1 + prior) * everyone's share)) ** weight`, with the share of a category
    in the customer's log(1 + products bought). The whole catalogue counts here, and so do the many products bought too
    rarely for a similarity of their own.
    """
    head = head_size(purchases, config)
    shape = (len(purchases.customers), int(purchases.category.max()) + 1)
    counts = sp.csr_array(
        (np.ones(len(purchases.customer)), (purchases.customer, purchases.category[purchases.product])), shape=shape
    )
    counts.sum_duplicates()
    counts.data = np.log1p(counts.data)
    totals = np.asarray(counts.sum(axis=1)).reshape(-1, 1)
    shares = sp.csr_array(counts.multiply(1 / totals))
    everyone = np.asarray(shares.mean(axis=0)).ravel()
    of_product = purchases.category[:head]

    def factors(customers: Codes) -> Scores:
        expected = config.category_prior * everyone
        lift = (shares[customers].toarray() + expected) / (everyone + expected)
        return (lift**config.category_weight)[:, of_product]

    return factors


def head_size(purchases: Purchases, config: FilteringConfig) -> int:
    """How many of the most popular products are scored."""
    return min(config.products_count, len(purchases.products))


def _normalised(matrix: sp.csr_array, axis: int) -> sp.csr_array:
    """Rows (axis 1) or columns (axis 0) of length one; empty ones stay empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=axis)).ravel())
    scale = sp.diags_array(1 / np.where(lengths > 0, lengths, 1.0))
    return sp.csr_array(scale @ matrix if axis == 1 else matrix @ scale)


def _similar_products(columns: sp.csr_array, neighbours_count: int) -> sp.csr_array:
    """Cosines between products, the largest of each row, worked out a block of products at a time."""
    products_count = columns.shape[1]
    transposed = columns.T.tocsr()
    blocks = []
    for start in range(0, products_count, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, products_count))
        cosine = (transposed[rows] @ columns).toarray()
        cosine[rows - start, rows] = 0.0
        blocks.append(_largest_of_each_row(cosine, neighbours_count))
    return sp.csr_array(sp.vstack(blocks))


def _largest_of_each_row(values: Scores, count: int) -> sp.csr_array:
    """The `count` largest values of each row, positive ones only; of equal ones the first."""
    count = min(count, values.shape[1])
    least = np.maximum(np.partition(values, values.shape[1] - count, axis=1)[:, [values.shape[1] - count]], 0.0)
    above, tied = values > least, (values == least) & (least > 0)
    room = count - above.sum(axis=1, keepdims=True)
    return sp.csr_array(np.where(above | (tied & (np.cumsum(tied, axis=1) <= room)), values, 0.0))
