"""Purchases by customer and product, with their days and counts, in the coded form that recommenders use.

Customers are coded by sorted id and products by falling popularity, so the order of rows and columns has no influence,
and the first k columns are the k most popular products.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

Codes = NDArray[np.int64]
UNKNOWN_CATEGORY = "unknown"


@dataclass(frozen=True)
class Purchases:
    """Pairs of customer and product as of a day, sorted by customer and product code.

    `customer`, `product`, `days_count` (distinct days bought), `age` (days since the last one) and `recent_count`
    (days bought, each halved every `half_life_days`) have one value a pair. `customers` and `products` hold the ids
    by code, `category` the category code by product, `on_sale` whether the product was sold lately.
    """

    customers: NDArray[np.object_]
    products: NDArray[np.object_]
    category: Codes
    on_sale: NDArray[np.bool_]
    customer: Codes
    product: Codes
    days_count: NDArray[np.float64]
    age: NDArray[np.float64]
    recent_count: NDArray[np.float64]

    @property
    def customers_by_product(self) -> NDArray[np.int64]:
        """How many customers have bought each product, shape (products,)."""
        return np.bincount(self.product, minlength=len(self.products))

    def matrix(self, values: NDArray[np.float64], products_count: int) -> sp.csr_array:
        """Customers by the first `products_count` products, one of the pair columns (or ones) as values."""
        head = self.product < products_count
        shape = (len(self.customers), products_count)
        return sp.csr_array((values[head], (self.customer[head], self.product[head])), shape=shape)


def require_columns(orders: pd.DataFrame, products: pd.DataFrame) -> None:
    """Raise ValueError where `orders` or `products` lack a column."""
    for frame, name, columns in (
        (orders, "orders", ("customer_id", "product_id", "order_date")),
        (products, "products", ("product_id", "category")),
    ):
        missing = [column for column in columns if column not in frame]
        if missing:
            raise ValueError(f"{name} lack the columns {missing}; they have {list(frame.columns)}")


def purchases_as_of(
    orders: pd.DataFrame,
    products: pd.DataFrame,
    as_of_date: dt.date,
    *,
    half_life_days: float,
    on_sale_days: int,
) -> Purchases:
    """Code the purchases up to `as_of_date`.

    `orders`: customer_id, product_id, order_date, purchases only (returns are left out); repeated rows of a day count
    once. `products`: product_id, category; products without one share an unknown category.

    Raises:
        ValueError: a column is missing, or nothing was bought by then.
    """
    require_columns(orders, products)
    age = (pd.Timestamp(as_of_date) - pd.to_datetime(orders["order_date"])).dt.days.to_numpy()
    known = age >= 0
    if not known.any():
        raise ValueError(f"nothing was bought up to {as_of_date}, there is nothing to recommend from")
    customer, customers = pd.factorize(orders["customer_id"][known], sort=True)
    product, product_ids = pd.factorize(orders["product_id"][known], sort=True)
    days = _distinct(customer, product, age[known].astype(np.int64))
    pair_customer, pair_product, first_row = _pairs(*days[:2])
    buyers = np.bincount(pair_product, minlength=len(product_ids))
    by_popularity = np.argsort(-buyers, kind="stable")
    code = np.empty(len(by_popularity), dtype=np.int64)
    code[by_popularity] = np.arange(len(by_popularity))
    order = np.lexsort((code[pair_product], pair_customer))
    measures = {
        "days_count": np.diff(np.append(first_row, len(days[0]))).astype(np.float64),
        "age": days[2][first_row].astype(np.float64),
        "recent_count": np.add.reduceat(0.5 ** (days[2] / half_life_days), first_row),
    }
    last_sold = np.full(len(product_ids), np.iinfo(np.int64).max)
    np.minimum.at(last_sold, pair_product, days[2][first_row])
    ids = np.asarray(product_ids, dtype=object)[by_popularity]
    return Purchases(
        customers=np.asarray(customers, dtype=object),
        products=ids,
        category=_categories(ids, products),
        on_sale=last_sold[by_popularity] < on_sale_days,
        customer=pair_customer[order],
        product=code[pair_product][order],
        **{name: values[order] for name, values in measures.items()},
    )


def _distinct(customer: Codes, product: Codes, age: Codes) -> tuple[Codes, Codes, Codes]:
    """Distinct (customer, product, day), sorted, the latest day of a pair first."""
    products, ages = product.max() + 1, age.max() + 1
    key = np.sort((customer * products + product) * ages + age)
    pair, age = np.divmod(key[np.append(True, np.diff(key) != 0)], ages)
    return *np.divmod(pair, products), age


def _pairs(customer: Codes, product: Codes) -> tuple[Codes, Codes, Codes]:
    """Distinct pairs of sorted rows, and the row each starts at."""
    changes = (np.diff(customer) != 0) | (np.diff(product) != 0)
    first_row = np.concatenate([[0], np.flatnonzero(changes) + 1])
    return customer[first_row], product[first_row], first_row


def _categories(product_ids: NDArray[np.object_], products: pd.DataFrame) -> Codes:
    by_name = products.sort_values(["product_id", "category"]).drop_duplicates("product_id")
    known = by_name.set_index("product_id")["category"]
    names = known.reindex(product_ids).astype(object).fillna(UNKNOWN_CATEGORY).astype(str)
    return pd.factorize(names.to_numpy(), sort=True)[0].astype(np.int64)
