"""What goes with good customers, against scipy and statsmodels on customers themselves and on made-up companies."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ttest_ind

from ml.drivers import compare_first_orders

AS_OF = dt.date(2024, 12, 31)


def grouped(customers: pd.DataFrame, shift: float = 0.0) -> pd.DataFrame:
    """Customers (attribute, attribute_value, age_days, repurchased, margin) as the sums that are compared."""
    away = customers.margin - shift
    rows = customers.assign(
        margin_sum=away, margin_squares_sum=away**2, repurchased_customers_count=customers.repurchased
    )
    rows["customers_count"], rows["margin_shift"] = 1, shift
    named = {name: "sum" for name in rows.columns if name.endswith(("_sum", "_count"))} | {"margin_shift": "first"}
    by_value = rows.groupby(["attribute", "attribute_value", "age_days"], as_index=False).agg(named)
    whole = rows.groupby(["attribute", "age_days"], as_index=False).agg(named).assign(attribute_value=None)
    return pd.concat([by_value, whole], ignore_index=True)


def company(seed: int, size: int = 400, values: int = 5, uplift: float = 0.0) -> pd.DataFrame:
    """Customers whose first product is drawn; those of product 0 come back more often and earn more by `uplift`."""
    chance = np.random.default_rng(seed)
    product = chance.integers(0, values, size)
    came_back = chance.random(size) < 0.3 + uplift * (product == 0)
    margin = np.round(chance.gamma(1.5, 10, size) * (1 + came_back + 2 * uplift * (product == 0)), 2)
    return pd.DataFrame({
        "attribute": "first_product", "attribute_value": [f"p{number}" for number in product], "age_days": 90,
        "repurchased": came_back.astype(int), "margin": margin,
    })  # fmt: skip


@given(st.integers(0, 10_000), st.sampled_from([0.0, 1234.5]))
def test_differences_are_those_of_the_customers_themselves(seed: int, shift: float) -> None:
    customers = company(seed, size=300, values=3)
    drivers = compare_first_orders(grouped(customers, shift), AS_OF).drivers
    assert len(drivers) == 6
    for row in drivers.to_dict("records"):
        is_one = customers.attribute_value == row["attribute_value"]
        one, rest = customers[is_one], customers[~is_one]
        column = "repurchased" if row["metric"] == "repurchase_rate" else "margin"
        assert (row["customers_count"], row["others_count"]) == (len(one), len(rest))
        assert row["value"] == pytest.approx(one[column].mean())
        assert row["others_value"] == pytest.approx(rest[column].mean())
        assert row["difference"] == pytest.approx(one[column].mean() - rest[column].mean())
        if column == "margin":
            welch = ttest_ind(one.margin, rest.margin, equal_var=False)
            interval = welch.confidence_interval(0.95)
            found = (row["p_value"], row["difference_low"], row["difference_high"])
            assert found == pytest.approx((welch.pvalue, interval.low, interval.high))


def test_the_interval_of_two_rates_is_newcombes() -> None:
    """Newcombe (1998), method 10, example (a): 56 of 70 against 48 of 80 is .20, from .0524 to .3339."""
    customers = pd.DataFrame({
        "attribute": "channel", "attribute_value": ["web"] * 70 + ["shop"] * 80, "age_days": 90,
        "repurchased": [1] * 56 + [0] * 14 + [1] * 48 + [0] * 32, "margin": 1.0,
    })  # fmt: skip
    drivers = compare_first_orders(grouped(customers), AS_OF).drivers.set_index(["attribute_value", "metric"])
    web = drivers.loc[("web", "repurchase_rate")]
    assert (round(web.difference, 4), round(web.difference_low, 4), round(web.difference_high, 4)) == (
        0.2,
        0.0524,
        0.3339,
    )
    assert drivers.loc[("web", "cumulative_margin_amount_per_customer")].status == "no_variation"


@pytest.mark.parametrize("web", [0, 31, 70])
def test_rates_are_compared_as_a_chi_squared_test_does(web: int) -> None:
    """Also where all or none of one value came back."""
    customers = pd.DataFrame({
        "attribute": "channel", "attribute_value": ["web"] * 70 + ["shop"] * 80, "age_days": 90,
        "repurchased": [1] * web + [0] * (70 - web) + [1] * 48 + [0] * 32, "margin": 1.0,
    })  # fmt: skip
    drivers = compare_first_orders(grouped(customers), AS_OF).drivers.set_index(["attribute_value", "metric"])
    expected = chi2_contingency([[web, 70 - web], [48, 32]], correction=False).pvalue
    assert drivers.loc[("web", "repurchase_rate")].p_value == pytest.approx(expected)
    assert drivers.loc[("web", "repurchase_rate")].status == "ok"


def test_few_customers_and_nobody_else_are_told_apart() -> None:
    customers = company(1, size=100, values=2)
    few = customers.assign(attribute_value=["p0"] * 29 + ["p1"] * 71)
    told = compare_first_orders(grouped(few), AS_OF).drivers
    assert set(told.status) == {"too_few_customers"} and told.holm_p_value.isna().all()
    alone = compare_first_orders(grouped(customers.assign(attribute_value="p0")), AS_OF)
    assert alone.drivers.empty and alone.run["rows"] == 100
    nobody = compare_first_orders(grouped(customers.iloc[:0]), AS_OF)
    assert nobody.drivers.empty and nobody.run["rows"] == 0


def findings(seeds: range, uplift: float) -> list[set[str]]:
    found = []
    for seed in seeds:
        drivers = compare_first_orders(grouped(company(seed, uplift=uplift)), AS_OF).drivers
        found.append(set(drivers.attribute_value[drivers.holm_p_value < 0.05]))
    return found


def test_a_product_that_brings_better_customers_is_found() -> None:
    found = findings(range(50), uplift=0.3)
    assert sum("p0" in names for names in found) >= 48


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [200, pytest.param(1_000, marks=pytest.mark.campaign)])
def test_where_nothing_is_different_little_is_found(seeds: int) -> None:
    """At most 5% of the companies, and three standard errors of that share."""
    false = sum(bool(names) for names in findings(range(seeds), uplift=0.0))
    assert false / seeds <= 0.05 + 3 * (0.05 * 0.95 / seeds) ** 0.5
