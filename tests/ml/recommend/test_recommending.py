import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.recommend.baskets import purchases_as_of
from ml.recommend.collaborative import FilteringConfig, category_tilt, item_item, user_user
from ml.recommend.product_lists import AGAIN_CANDIDATES, NEW_CANDIDATES, RankedList, rank_again, rank_new, rebuy
from ml.recommend.recommending import BASELINES, BoughtLater, RecommendConfig, recommend

AS_OF = dt.date(2024, 12, 31)
START = pd.Timestamp("2024-07-01")
CONFIG = RecommendConfig(minimum_judged_customers=50, filtering=FilteringConfig(similar_customers_count=20))


def taste_shop(customers_count=240, seed=1):
    """Four tastes of 30 products each; customers buy 20 times at random within theirs, and staples weekly."""
    random = np.random.default_rng(seed)
    frames = []
    for customer in range(customers_count):
        taste = customer % 4
        days = random.integers(0, 184, 20)
        products = [f"t{taste}_{number:02d}" for number in random.integers(0, 30, 20)]
        staple = f"staple_{customer % 8}"
        weekly = np.arange(customer % 7, 184, 7)
        frames.append(pd.DataFrame({"product_id": products, "day": days}).assign(customer_id=f"c{customer:04d}"))
        frames.append(pd.DataFrame({"product_id": staple, "day": weekly}).assign(customer_id=f"c{customer:04d}"))
    orders = pd.concat(frames, ignore_index=True)
    orders["order_date"] = START + pd.to_timedelta(orders["day"], unit="D")
    names = sorted(orders["product_id"].unique())
    products = pd.DataFrame({"product_id": names, "category": [name.split("_")[0] for name in names]})
    return orders[["customer_id", "product_id", "order_date"]], products


@pytest.fixture(scope="module")
def shop():
    return taste_shop()


@pytest.fixture(scope="module")
def recommended(shop):
    return recommend(*shop, AS_OF, CONFIG)


def small(orders, as_of_date="2024-03-01", categories=None, **options):
    rows = pd.DataFrame(orders, columns=["customer_id", "product_id", "order_date"])
    names = sorted(rows["product_id"].unique())
    products = pd.DataFrame({"product_id": names, "category": [(categories or {}).get(name) for name in names]})
    options = {"half_life_days": 30, "on_sale_days": 90} | options
    return purchases_as_of(rows, products, pd.Timestamp(as_of_date).date(), **options)


def ids(ranked, purchases, customer):
    chosen = ranked.product[ranked.customer == list(purchases.customers).index(customer)]
    return list(purchases.products[chosen])


def test_pairs_count_days_and_know_their_age():
    purchases = small(
        [
            ("b", "milk", "2024-02-01"),
            ("a", "milk", "2024-01-31"),
            ("a", "milk", "2024-01-31"),
            ("a", "milk", "2024-03-01"),
            ("a", "salt", "2024-01-01"),
            ("a", "tea", "2024-03-02"),
        ]
    )
    assert list(purchases.customers) == ["a", "b"]
    assert list(purchases.products) == ["milk", "salt"]
    pairs = list(zip(purchases.customer, purchases.product, purchases.days_count, purchases.age, strict=True))
    assert pairs == [(0, 0, 2, 0), (0, 1, 1, 60), (1, 0, 1, 29)]
    np.testing.assert_allclose(purchases.recent_count, [1.5, 0.25, 0.5 ** (29 / 30)])
    assert purchases.matrix(purchases.days_count, 1).toarray().tolist() == [[2], [1]]


def test_item_item_adds_up_cosines():
    purchases = small(
        [("a", "x", "2024-02-01"), ("a", "y", "2024-02-01"), ("b", "x", "2024-02-01"), ("c", "z", "2024-02-01")]
    )
    scores = item_item(purchases, FilteringConfig())(np.array([1]))
    by_product = dict(zip(purchases.products, scores[0], strict=True))
    assert by_product == pytest.approx({"x": 0, "y": 1 / np.sqrt(2), "z": 0})


def test_user_user_asks_the_nearest_and_never_oneself():
    purchases = small(
        [
            ("a", "x", "2024-02-01"),
            ("b", "x", "2024-02-01"),
            ("b", "y", "2024-02-01"),
            ("c", "x", "2024-02-01"),
            ("c", "z", "2024-02-01"),
            ("c", "w", "2024-02-01"),
        ]
    )
    scores = user_user(purchases, FilteringConfig())(np.array([0]))[0]
    near, far = 1 / np.sqrt(2), 1 / np.sqrt(3)
    by_product = dict(zip(purchases.products, scores, strict=True))
    assert by_product == pytest.approx(
        {"x": 1, "y": near / (near + far), "z": far / (near + far), "w": far / (near + far)}
    )
    nearest = user_user(purchases, FilteringConfig(similar_customers_count=1))(np.array([0]))[0]
    assert dict(zip(purchases.products, nearest, strict=True)) == pytest.approx({"x": 1, "y": 1, "z": 0, "w": 0})


def test_categories_tilt_towards_what_a_customer_buys_more_of():
    categories = {"f1": "food", "f2": "food", "t1": "toys", "t2": "toys"}
    purchases = small(
        [("a", "f1", "2024-02-01"), ("b", "t1", "2024-02-01"), ("c", "f2", "2024-02-01"), ("c", "t2", "2024-02-01")],
        categories=categories,
    )
    config = FilteringConfig(category_weight=1.0, category_prior=0.5)
    factors = category_tilt(purchases, config)(np.array([0]))[0]
    lift = dict(zip(purchases.products, factors, strict=True))
    assert lift["f1"] == lift["f2"] == pytest.approx((1 + 0.5 * 0.5) / (1.5 * 0.5))
    assert lift["t1"] == lift["t2"] == pytest.approx(0.5 * 0.5 / (1.5 * 0.5))


def test_lists_leave_out_what_is_not_on_sale_and_rank_equals_by_popularity():
    purchases = small(
        [
            ("a", "old", "2024-01-01"),
            ("b", "old", "2024-01-01"),
            ("a", "x", "2024-02-20"),
            ("b", "y", "2024-02-20"),
            ("c", "y", "2024-02-20"),
            ("c", "z", "2024-02-20"),
        ],
        on_sale_days=30,
    )
    everyone = np.arange(3)
    config = FilteringConfig()
    new = rank_new(purchases, ["popularity"], everyone, config, length=10, chunk_size=2)["popularity"]
    assert ids(new, purchases, "a") == ["y", "z"]
    assert ids(new, purchases, "c") == ["x"]
    assert new.rank.tolist() == [1, 2, 1, 2, 1]
    assert ids(rank_again(purchases, "bought_before_frequency", everyone, 10), purchases, "a") == ["x"]


def test_buying_again_by_recency_frequency_and_repeats():
    rows = [("a", "bread", f"2024-02-{day:02d}") for day in (1, 8, 15)]
    rows += [("a", "lamp", "2024-02-28"), ("a", "oven", "2023-12-20"), ("a", "oven", "2023-12-21")]
    rows += [(customer, "bread", f"2024-02-{day:02d}") for customer in "bcdef" for day in (3, 10)]
    purchases = small(rows, on_sale_days=365)
    first = {name: ids(rank_again(purchases, name, np.array([0]), 3), purchases, "a") for name in AGAIN_CANDIDATES}
    assert first["bought_before_recency"] == ["lamp", "bread", "oven"]
    assert first["bought_before_frequency"] == ["bread", "oven", "lamp"]
    assert first["rebuy"][0] == "bread"
    assert rebuy(purchases).shape == purchases.days_count.shape


def test_recall_counts_everything_bought_also_what_could_not_be_listed():
    purchases = small(
        [("a", "x", "2024-02-01"), ("a", "y", "2024-02-01"), ("b", "z", "2024-02-01"), ("c", "w", "2024-02-01")]
    )
    later = pd.DataFrame(
        [("a", "x"), ("a", "z"), ("a", "unseen"), ("b", "x"), ("b", "x"), ("newcomer", "x")],
        columns=["customer_id", "product_id"],
    )
    truth = BoughtLater(purchases, later, judged_customers_count=100)
    assert (truth.judged_count("new"), truth.judged_count("again")) == (2, 1)
    a, b = 0, 1
    x, z = (list(purchases.products).index(name) for name in "xz")
    ranked = RankedList(np.array([a, a, b]), np.array([z, x, x]), np.array([1, 2, 1]), np.ones(3))
    assert truth.recall("new", ranked) == pytest.approx((1 / 2 + 1) / 2)
    assert truth.recall("again", ranked) == 1
    assert truth.coverage(ranked) == 2 / 4


def test_lists_are_what_they_say(shop, recommended):
    orders, _ = shop
    lists = recommended.recommendations
    bought = pd.MultiIndex.from_frame(orders[["customer_id", "product_id"]].drop_duplicates())
    listed = pd.MultiIndex.from_frame(lists[["customer_id", "product_id"]])
    assert (listed.isin(bought) == (lists["list"] == "again")).all()
    assert not lists.duplicated(["customer_id", "list", "product_id"]).any()
    by_list = lists.groupby(["customer_id", "list"])
    assert (by_list["rank"].max() == by_list.size()).all()
    assert (by_list["rank"].max() <= 10).all()
    assert (by_list["score"].diff().dropna() <= 0).all()
    assert lists["customer_id"].nunique() == orders["customer_id"].nunique()


def test_taste_beats_popularity_and_is_published(recommended):
    published = recommended.run["published_models"]
    assert published["new"] not in BASELINES["new"]
    new = recommended.recommendations.query("list == 'new' and rank <= 5")
    taste = new["customer_id"].str[1:].astype(int) % 4
    own = new["product_id"].str.startswith("t") & (new["product_id"].str[1] == taste.astype(str))
    assert own.mean() > 0.95
    again = recommended.recommendations.query("list == 'again' and rank == 1")
    assert again["product_id"].str.startswith("staple").all()


def test_what_is_published_never_loses_to_its_baseline(recommended):
    assert set(recommended.metrics["model"]) == set(NEW_CANDIDATES) | set(AGAIN_CANDIDATES)
    for kind, model in recommended.run["published_models"].items():
        rows = recommended.metrics.set_index(["model", "metric", "slice"])
        row = rows.loc[model, "recall_at_10", kind]
        assert (
            row["value"]
            >= row["baseline"]
            == max(rows.loc[name, "recall_at_10", kind]["value"] for name in BASELINES[kind])
        )


def test_without_taste_popularity_is_published():
    """Everyone draws from one popularity: who bought what says nothing of what they buy next."""
    random = np.random.default_rng(7)
    weights = 1 / np.arange(1, 81)
    drawn = random.choice(80, 12_000, p=weights / weights.sum())
    orders = pd.DataFrame(
        {
            "customer_id": random.integers(0, 600, 12_000),
            "product_id": [f"p{number:02d}" for number in drawn],
            "order_date": START + pd.to_timedelta(random.integers(0, 184, 12_000), unit="D"),
        }
    )
    products = pd.DataFrame({"product_id": [f"p{number:02d}" for number in range(80)], "category": None})
    result = recommend(orders, products, AS_OF, CONFIG)
    recall = result.metrics.query("metric == 'recall_at_10' and slice == 'new'").set_index("model")["value"]
    assert recall["popularity"] > 0.9 * recall.max()
    best = result.run["published_models"]["new"]
    assert recall[best] == recall.max()


def test_too_few_customers_to_judge_publishes_the_baselines(shop):
    orders, products = shop
    few = orders[orders["customer_id"] < "c0040"]
    for case in (few, few[few["order_date"] > "2024-12-10"]):
        result = recommend(case, products, AS_OF, CONFIG)
        assert result.run["status"] == "insufficient_history"
        assert result.run["published_models"] == {"new": "popularity", "again": "bought_before_frequency"}
        assert len(result.recommendations) > 0


def test_row_order_repeats_and_later_rows_change_no_byte(shop):
    orders, products = shop
    as_of_date = dt.date(2024, 11, 30)
    some = orders[orders["customer_id"] < "c0120"]
    messy = pd.concat([some, some.head(200)]).sample(frac=1, random_state=2)
    later = messy["order_date"] > pd.Timestamp(as_of_date)
    messy.loc[later, "product_id"] = "t0_00"
    first = recommend(some, products, as_of_date, CONFIG)
    second = recommend(messy, products.sample(frac=1, random_state=3), as_of_date, CONFIG)
    pd.testing.assert_frame_equal(first.recommendations, second.recommendations, check_exact=True)
    pd.testing.assert_frame_equal(first.metrics, second.metrics, check_exact=True)
    assert first.run == second.run


@settings(max_examples=15, deadline=None)
@given(chunk_size=st.integers(1, 50), candidate=st.sampled_from(sorted(NEW_CANDIDATES)))
def test_neither_chunks_nor_other_candidates_change_a_list(shop, chunk_size, candidate):
    orders, products = shop
    few = orders[orders["customer_id"] < "c0050"]
    purchases = purchases_as_of(few, products, AS_OF, half_life_days=30, on_sale_days=90)
    customers = np.arange(len(purchases.customers))
    config = FilteringConfig(products_count=40, similar_products_count=5, similar_customers_count=5)
    whole = rank_new(purchases, [candidate], customers, config, 10, 1000)[candidate]
    parts = rank_new(purchases, list(NEW_CANDIDATES), customers, config, 10, chunk_size)[candidate]
    np.testing.assert_array_equal(whole.product, parts.product)
    np.testing.assert_array_equal(whole.score, parts.score)


def test_bad_input_is_named(shop):
    orders, products = shop
    with pytest.raises(ValueError, match="order_date"):
        recommend(orders.drop(columns="order_date"), products, AS_OF)
    with pytest.raises(ValueError, match="category"):
        recommend(orders, products.drop(columns="category"), AS_OF)


@pytest.mark.parametrize("as_of_date", [dt.date(2020, 1, 1), dt.date(2024, 2, 5), dt.date(2024, 3, 31)])
def test_nobody_who_came_back_is_too_little_history(as_of_date):
    """Before the first order there are no lists; after it those of the baselines, although nobody has bought twice."""
    orders = pd.DataFrame(
        {
            "customer_id": ["A", "B"],
            "product_id": ["P", "P"],
            "order_date": pd.to_datetime(["2024-02-05", "2024-03-28"]),
        }
    )
    result = recommend(orders, pd.DataFrame({"product_id": ["P"], "category": ["tea"]}), as_of_date)
    assert result.run["status"] == "insufficient_history"
    assert result.run["published_models"] == {"new": "popularity", "again": "bought_before_frequency"}
    assert len(result.recommendations) == (orders["order_date"] <= pd.Timestamp(as_of_date)).sum()
    assert result.metrics.empty
