"""Pairs against chance: exact fractions, and companies whose baskets are drawn."""

import datetime as dt
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.pairs import compare_pairs

AS_OF = dt.date(2024, 12, 31)


def pairs_of(baskets: np.ndarray) -> pd.DataFrame:
    """The pairs of orders by products (booleans) that are in 20 orders or more."""
    sizes = baskets.sum(axis=0)
    frequent = np.flatnonzero(sizes >= 20)
    counted = [
        (
            max(one, other, key=sizes.item),
            min(one, other, key=sizes.item),
            int((baskets[:, one] & baskets[:, other]).sum()),
        )
        for one, other in combinations(frequent.tolist(), 2)
    ]
    rows = [
        ("product", f"p{first}", f"p{second}", len(baskets), int(sizes[first]), int(sizes[second]), joint)
        for first, second, joint in counted
        if joint >= 20
    ]
    names = ["group_kind", "first_value", "second_value", "orders_count", "first_orders_count", "second_orders_count",
             "joint_orders_count"]  # fmt: skip
    pairs = pd.DataFrame(rows, columns=names).assign(comparisons_count=len(counted))
    return pairs.astype({name: "int64" for name in pairs if name.endswith("_count")})


def chance_of(joint: int, orders: int, first: int, second: int) -> Fraction:
    """Of so many joint orders or more, as a fraction of all ways to lay the second product into orders."""
    ways = sum(comb(first, both) * comb(orders - first, second - both) for both in range(joint, second + 1))
    return Fraction(ways, comb(orders, second))


@given(orders=st.integers(20, 400), data=st.data())
def test_the_chance_of_a_pair_is_exact(orders: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(20, orders))
    second = data.draw(st.integers(20, first))
    joint = data.draw(st.integers(max(0, first + second - orders), second))
    pairs = pd.DataFrame({
        "group_kind": ["product"], "first_value": ["a"], "second_value": ["b"], "orders_count": [orders],
        "first_orders_count": [first], "second_orders_count": [second], "joint_orders_count": [joint],
        "comparisons_count": [3],
    })  # fmt: skip
    found = compare_pairs(pairs, AS_OF).pairs.iloc[0]
    exact = float(chance_of(joint, orders, first, second))
    assert found.p_value == pytest.approx(exact, rel=1e-7, abs=1e-290)
    assert found.holm_p_value == pytest.approx(min(1, 3 * exact), rel=1e-7, abs=1e-290)


def test_kinds_are_adjusted_by_themselves() -> None:
    """20 of 20 and 20 orders of 1,000 cannot be chance; ten pairs were compared of products, and one of categories."""
    pairs = pd.DataFrame({
        "group_kind": ["category", "product"], "first_value": "a", "second_value": "b", "orders_count": 1_000,
        "first_orders_count": 100, "second_orders_count": 100, "joint_orders_count": 20, "comparisons_count": [1, 10],
    })  # fmt: skip
    result = compare_pairs(pairs, AS_OF)
    category, product = result.pairs.itertuples()
    assert category.p_value == product.p_value == category.holm_p_value < 0.002
    assert product.holm_p_value == pytest.approx(10 * product.p_value)
    assert result.metrics[["slice", "value"]].to_numpy().tolist() == [["category", 1.0], ["product", 1.0]]
    assert (result.run["rows"], result.run["status"]) == (2, "ok")


def test_without_pairs_there_is_nothing_to_say() -> None:
    result = compare_pairs(pairs_of(np.zeros((30, 2), dtype=bool)), AS_OF)
    assert result.pairs.empty and result.metrics.empty
    assert (result.run["rows"], result.run["status"]) == (0, "insufficient_history")


def findings(seeds: range, planted: float) -> list[set[tuple[str, str]]]:
    """What is found in companies of 400 orders and ten products; of orders with p0, `planted` get p1 as well."""
    found = []
    for seed in seeds:
        chance = np.random.default_rng(seed)
        baskets = chance.random((400, 10)) < 0.3
        baskets[:, 1] |= baskets[:, 0] & (chance.random(400) < planted)
        pairs = compare_pairs(pairs_of(baskets), AS_OF).pairs
        above = pairs[pairs.holm_p_value < 0.05]
        found.append({(min(pair), max(pair)) for pair in zip(above.first_value, above.second_value, strict=True)})
    return found


def test_a_pair_that_belongs_together_is_found() -> None:
    found = findings(range(40), planted=0.5)
    assert sum(("p0", "p1") in pairs for pairs in found) >= 38


@pytest.mark.parametrize("seeds", [100, pytest.param(1_000, marks=pytest.mark.campaign)])
def test_where_products_are_independent_little_is_found(seeds: int) -> None:
    """At most 5% of the companies, and three standard errors of that share."""
    false = sum(bool(pairs) for pairs in findings(range(seeds), planted=0.0))
    assert false / seeds <= 0.05 + 3 * (0.05 * 0.95 / seeds) ** 0.5
