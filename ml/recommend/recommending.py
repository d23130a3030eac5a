"""Two lists per customer: products new to the customer, and products to buy again; each from the better candidate.

The lists answer different questions and are evaluated separately, on the days after a split in time: new products
against popularity, products to buy again against the products bought last or most often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.common.model_runs import METRIC_COLUMNS, model_run_id
from ml.recommend.baskets import Codes, Purchases, purchases_as_of, require_columns
from ml.recommend.collaborative import FilteringConfig
from ml.recommend.product_lists import AGAIN_CANDIDATES, NEW_CANDIDATES, RankedList, rank_again, rank_new

MODEL = "recommendations"
VERSION = 1
NEW, AGAIN = "new", "again"
LISTS = sorted((NEW, AGAIN))
OK = "ok"
INSUFFICIENT_HISTORY = "insufficient_history"
BASELINES = {NEW: ("popularity",), AGAIN: ("bought_before_frequency", "bought_before_recency")}
LIST_COLUMNS = ["customer_id", "list", "rank", "product_id", "score", "model_run_id"]


@dataclass(frozen=True)
class RecommendConfig:
    """`judged_days` after the split judge the lists, on at most `judged_customers_count` customers.

    A day bought loses half its weight every `half_life_days`; products not sold for `on_sale_days` are not offered.
    """

    judged_days: int = 30
    list_length: int = 10
    half_life_days: float = 120.0
    on_sale_days: int = 90
    judged_customers_count: int = 10_000
    minimum_judged_customers: int = 100
    chunk_size: int = 1000
    filtering: FilteringConfig = field(default_factory=FilteringConfig)


@dataclass(frozen=True)
class RecommendResult:
    """`recommendations` by customer, list and rank; `metrics` [model, metric, slice, value, baseline]; `run`."""

    recommendations: pd.DataFrame
    metrics: pd.DataFrame
    run: dict[str, Any]


def recommend(
    orders: pd.DataFrame, products: pd.DataFrame, as_of_date: dt.date, config: RecommendConfig | None = None
) -> RecommendResult:
    """Evaluate the candidates of both lists out of time, and make lists with the better ones as of `as_of_date`.

    `orders`: customer_id, product_id, order_date, a row or more per product bought (no returns); rows after
    `as_of_date` are ignored. `products`: product_id, category. Every customer gets up to `list_length` products a
    list: recommendations [customer_id, list, rank, product_id, score, model_run_id], sorted.

    Metrics, in slices new and again: recall_at_N, the mean share of the products that customers bought in the judged
    days (of that list's kind) which their list held, and coverage_at_N, the share of the catalogue that some list
    held; `baseline` is that of the better baseline. The candidate with the highest recall is published if it is
    higher than the baseline's. Where fewer than `minimum_judged_customers` bought again in the judged days the status
    is insufficient_history and the baselines are published; where nothing was bought there are no lists.

    Raises:
        ValueError: a column is missing.
    """
    config = config or RecommendConfig()
    require_columns(orders, products)
    if not (pd.to_datetime(orders["order_date"]) <= pd.Timestamp(as_of_date)).any():
        published = {kind: BASELINES[kind][0] for kind in (NEW, AGAIN)}
        run = _run_record(orders, products, as_of_date, config, published, 0)
        return RecommendResult(pd.DataFrame(columns=LIST_COLUMNS), pd.DataFrame(columns=METRIC_COLUMNS), run)
    purchases = _purchases(orders, products, as_of_date, config)
    metrics, judged_count = _judge(orders, products, as_of_date, config)
    enough = judged_count >= config.minimum_judged_customers
    published = {kind: _best_of(metrics, kind) if enough else BASELINES[kind][0] for kind in (NEW, AGAIN)}
    run = _run_record(orders, products, as_of_date, config, published, judged_count)
    everyone = np.arange(len(purchases.customers))
    lists = []
    for kind, name in published.items():
        ranked = _rank(purchases, kind, [name], everyone, config)[name]
        lists.append(_with_ids(ranked, purchases, kind))
    recommendations = pd.concat(lists, ignore_index=True)
    recommendations["model_run_id"] = run["model_run_id"]
    order = ["customer_id", "list", "rank"]
    return RecommendResult(recommendations.sort_values(order, ignore_index=True)[LIST_COLUMNS], metrics, run)


class BoughtLater:
    """Purchases of the evaluated customers after a split, as pairs new to them and pairs bought before."""

    def __init__(self, purchases: Purchases, later: pd.DataFrame, judged_customers_count: int) -> None:
        """`later`: customer_id and product_id of orders after the day of `purchases`.

        Judged are customers known before who bought again, evenly thinned out to `judged_customers_count`.
        """
        self._products_count = len(purchases.products)
        customer = pd.Index(purchases.customers).get_indexer(later["customer_id"])
        product = pd.Index(purchases.products).get_indexer(later["product_id"])
        # A product never sold before has no code: it counts as missed, under a code beyond the catalogue.
        unseen = pd.factorize(later["product_id"], sort=True)[0] + self._products_count
        product = np.where(product >= 0, product, unseen)
        returning = np.unique(customer[customer >= 0])
        picked = np.linspace(0, len(returning) - 1, min(len(returning), judged_customers_count)).round().astype(int)
        self.customers: Codes = returning[picked]
        self._stride = self._products_count + len(later)
        is_judged = _are_among(customer, self.customers)
        bought = _distinct(self._keys(customer[is_judged], product[is_judged]))
        before = _are_among(bought, self._keys(purchases.customer, purchases.product))
        self._bought = {NEW: bought[~before], AGAIN: bought[before]}

    def judged_count(self, kind: str) -> int:
        """Customers who bought something of that kind."""
        return len(np.unique(self._bought[kind] // self._stride))

    def recall(self, kind: str, ranked: RankedList) -> float:
        """Mean over customers of the share of their purchases that their list held; NaN without customers."""
        bought = self._bought[kind]
        if len(bought) == 0:
            return np.nan
        customers, bought_count = np.unique(bought // self._stride, return_counts=True)
        listed = self._keys(ranked.customer, ranked.product)
        hit = ranked.customer[_are_among(listed, bought)]
        hits = np.bincount(hit, minlength=customers.max() + 1)[customers]
        return float(np.mean(hits / bought_count))

    def coverage(self, ranked: RankedList) -> float:
        """Share of the catalogue on somebody's list."""
        return np.count_nonzero(np.bincount(ranked.product, minlength=self._products_count)) / self._products_count

    def _keys(self, customer: Codes, product: Codes) -> Codes:
        return customer * self._stride + product


def _distinct(keys: Codes) -> Codes:
    """Sorted distinct keys; numpy's own collect them in a hash table first, which is slower."""
    ordered = np.sort(keys)
    return ordered[np.append(True, np.diff(ordered) != 0)] if len(ordered) else ordered


def _are_among(keys: Codes, ordered: Codes) -> NDArray[np.bool_]:
    """Whether each of `keys` is among `ordered`, which ascend."""
    if not len(ordered):
        return np.zeros(len(keys), dtype=bool)
    place = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return ordered[place] == keys


def _judge(
    orders: pd.DataFrame, products: pd.DataFrame, as_of_date: dt.date, config: RecommendConfig
) -> tuple[pd.DataFrame, int]:
    """Metrics of every candidate on the last `judged_days`, and the customers who judge, in the list with fewer."""
    days = pd.to_datetime(orders["order_date"])
    split = as_of_date - dt.timedelta(days=config.judged_days)
    before, later = days <= pd.Timestamp(split), (days > pd.Timestamp(split)) & (days <= pd.Timestamp(as_of_date))
    if not (before.any() and later.any()):
        return pd.DataFrame(columns=METRIC_COLUMNS), 0
    purchases = _purchases(orders, products, split, config)
    truth = BoughtLater(purchases, orders[later], config.judged_customers_count)
    if not len(truth.customers):  # nobody who was known by the split came back
        return pd.DataFrame(columns=METRIC_COLUMNS), 0
    rows = []
    for kind, candidates in ((NEW, NEW_CANDIDATES), (AGAIN, AGAIN_CANDIDATES)):
        for name, ranked in _rank(purchases, kind, list(candidates), truth.customers, config).items():
            rows.append((name, f"recall_at_{config.list_length}", kind, truth.recall(kind, ranked)))
            rows.append((name, f"coverage_at_{config.list_length}", kind, truth.coverage(ranked)))
    metrics = pd.DataFrame(rows, columns=METRIC_COLUMNS[:-1])
    return _beside_baseline(metrics), min(truth.judged_count(kind) for kind in (NEW, AGAIN))


def _beside_baseline(metrics: pd.DataFrame) -> pd.DataFrame:
    baseline = {kind: _best_of(metrics, kind, BASELINES[kind]) for kind in (NEW, AGAIN)}
    values = metrics.set_index(["model", "metric", "slice"])["value"]
    beside = [values[baseline[row.slice], row.metric, row.slice] for row in metrics.itertuples()]
    return metrics.assign(baseline=beside)


def _best_of(metrics: pd.DataFrame, kind: str, names: tuple[str, ...] | None = None) -> str:
    """The candidate with the highest recall, the first of equals; baselines stand first."""
    chosen = metrics[(metrics["slice"] == kind) & metrics["metric"].str.startswith("recall")]
    if names is not None:
        chosen = chosen[chosen["model"].isin(names)]
    return str(chosen["model"].to_numpy()[np.argmax(chosen["value"].fillna(-1.0).to_numpy())])


def _purchases(orders: pd.DataFrame, products: pd.DataFrame, as_of_date: dt.date, config: RecommendConfig) -> Purchases:
    return purchases_as_of(
        orders, products, as_of_date, half_life_days=config.half_life_days, on_sale_days=config.on_sale_days
    )


def _rank(
    purchases: Purchases, kind: str, candidates: Sequence[str], customers: Codes, config: RecommendConfig
) -> dict[str, RankedList]:
    if kind == AGAIN:
        return {name: rank_again(purchases, name, customers, config.list_length) for name in candidates}
    return rank_new(purchases, candidates, customers, config.filtering, config.list_length, config.chunk_size)


def _with_ids(ranked: RankedList, purchases: Purchases, kind: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": pd.Categorical.from_codes(ranked.customer, purchases.customers),
            "list": pd.Categorical.from_codes(np.full(len(ranked.rank), LISTS.index(kind)), LISTS),
            "rank": ranked.rank,
            "product_id": pd.Categorical.from_codes(ranked.product, purchases.products),
            "score": ranked.score,
        }
    )


def _run_record(
    orders: pd.DataFrame,
    products: pd.DataFrame,
    as_of_date: dt.date,
    config: RecommendConfig,
    published: dict[str, str],
    judged_count: int,
) -> dict[str, Any]:
    known = pd.to_datetime(orders["order_date"]) <= pd.Timestamp(as_of_date)
    used = orders.loc[known, ["customer_id", "product_id", "order_date"]].drop_duplicates()
    parameters = {"version": VERSION, "as_of_date": as_of_date, **asdict(config)}
    return {
        "model_run_id": model_run_id(MODEL, parameters, used, products[["product_id", "category"]]),
        "model": MODEL,
        "version": VERSION,
        "as_of_date": as_of_date,
        "rows": len(used),
        "judged_customers_count": judged_count,
        "published_models": published,
        "status": OK if judged_count >= config.minimum_judged_customers else INSUFFICIENT_HISTORY,
        "parameters": parameters,
    }
