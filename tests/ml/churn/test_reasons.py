import dataclasses

import numpy as np
import pytest

from ml.churn import reason_texts
from ml.churn.backtest import fit
from ml.churn.candidates import BASELINE, CANDIDATES
from ml.churn.reason_texts import say, themes_of
from ml.churn.reasons import (
    ALL_ELSE,
    CONTRIBUTION_COLUMNS,
    SHOWN_COUNT,
    contribution_rows,
    contributions,
    explain,
    typical_values,
)
from tests.ml.churn.generated_customers import churn_frame, labelled_panel


@pytest.fixture(scope="module")
def matrix():
    return labelled_panel(churn_frame(months=4))


@pytest.fixture(scope="module")
def model(matrix):
    return fit(CANDIDATES["logistic_regression"], {"shape": "linear", "c": 1.0}, matrix, 1)


def explained(model, matrix, features):
    typical = typical_values(matrix)
    return explain(matrix, typical, contributions(model, matrix, features, typical))


def head(found, count):
    return dataclasses.replace(found, parts=found.parts[:count])


@pytest.fixture(scope="module", params=["linear", "curved", "decision_tree", "hist_gradient_boosting", "network"])
def fitted(request, matrix):
    """Models without interactions, and with them."""
    if request.param in ("linear", "curved"):
        return fit(CANDIDATES["logistic_regression"], {"shape": request.param, "c": 1.0}, matrix, 1)
    name = "neural_network" if request.param == "network" else request.param
    return fit(CANDIDATES[name], CANDIDATES[name].defaults, matrix, 1)


def test_contributions_add_up_to_the_score_of_any_model(matrix, fitted):
    found = contributions(fitted, matrix, matrix.features, typical_values(matrix))
    np.testing.assert_allclose(found.log_odds, fitted.log_odds(matrix.x), atol=1e-7)
    rows = contribution_rows(matrix.rows(np.arange(50)), typical_values(matrix), head(found, 50))
    total = rows.groupby("customer_id")["contribution"].sum()
    np.testing.assert_allclose(found.base + total[matrix.customer[:50]], fitted.log_odds(matrix.x[:50]), atol=4e-6)


def test_without_interactions_a_part_is_the_change_of_its_theme_alone(matrix, model):
    typical = typical_values(matrix)
    found = contributions(model, matrix, matrix.features, typical)
    for number, places in enumerate(themes_of(matrix.features).values()):
        alone = np.tile(typical, (len(matrix), 1))
        alone[:, places] = matrix.x[:, places]
        np.testing.assert_allclose(found.parts[:, number], model.log_odds(alone) - found.base, atol=1e-7)


@dataclasses.dataclass(frozen=True)
class Pairwise:
    """Log-odds with an interaction of two features: 3 a b + c."""

    def log_odds(self, x):
        return 3 * x[:, 0] * x[:, 1] + x[:, 2]


def test_the_part_of_an_interaction_is_shared_by_halves(matrix):
    """From (0, 0, 0) to (1, 2, 5), 3 a b is 6: three of it each, by Shapley, and 5 is that of c alone."""
    names = ("own_a", "own_b", "own_c")
    three = dataclasses.replace(matrix.rows(np.array([0])), x=np.array([[1.0, 2.0, 5.0]]), features=names)
    found = contributions(Pairwise(), three, names, np.zeros(3))
    assert [theme.name for theme in found.themes] == list(names)
    assert found.base == 0 and found.parts.tolist() == [[3.0, 3.0, 5.0]]


@dataclasses.dataclass(frozen=True)
class Weighted:
    """Log-odds that are a weighted sum."""

    weights: tuple[float, ...]

    def log_odds(self, x):
        return x @ np.array(self.weights)


def test_the_five_strongest_stand_alone_and_the_rest_together(matrix):
    names = tuple(f"own_{letter}" for letter in "abcdefg")
    seven = dataclasses.replace(matrix.rows(np.array([0, 1])), x=np.array([np.ones(7), np.zeros(7)]), features=names)
    found = contributions(Weighted((1, -7, 3, 0.5, -4, 6, 2)), seven, names, np.zeros(7))
    rows = contribution_rows(seven, np.zeros(7), found)
    assert list(rows.columns) == CONTRIBUTION_COLUMNS
    first = rows[rows["customer_id"] == seven.customer[0]]
    assert first["theme"].tolist() == ["own_b", "own_f", "own_e", "own_c", "own_g", ALL_ELSE]
    assert first["contribution"].tolist() == [-7, 6, -4, 3, 2, 1.5]
    assert first["contribution_rank"].tolist() == [1, 2, 3, 4, 5, SHOWN_COUNT + 1]
    assert first["sentence"].iloc[0] == "Own b: 1, a typical customer 0" and first["sentence"].isna().sum() == 1
    assert rows.loc[rows["customer_id"] == seven.customer[1], "contribution"].tolist() == [0] * 6


def test_what_drives_the_truth_drives_the_reasons(matrix, model):
    parts = contributions(model, matrix, matrix.features, typical_values(matrix)).parts
    strength = dict(zip([t.name for t in themes_of(matrix.features)], np.abs(parts).mean(axis=0), strict=True))
    told = strength["frequency"] + strength["spend"]  # both follow the pace of orders
    assert told > strength["timing"] > 3 * max(strength["weekday habits"], strength["zodiac_number"])


def test_a_theme_that_is_typical_contributes_nothing(matrix, model):
    typical = typical_values(matrix)
    usual = dataclasses.replace(matrix, x=np.tile(typical, (len(matrix), 1)))
    np.testing.assert_allclose(contributions(model, usual, matrix.features, typical).parts, 0, atol=1e-12)


def test_the_strongest_theme_on_the_customers_side_comes_first(matrix, model):
    typical = typical_values(matrix)
    parts = contributions(model, matrix, matrix.features, typical).parts
    risky = model.log_odds(matrix.x) >= model.log_odds(typical[None, :])
    first = np.where(risky, parts.argmax(axis=1), parts.argmin(axis=1))
    speaks = np.where(risky, parts.max(axis=1) > 1e-9, parts.min(axis=1) < -1e-9)
    reasons = explained(model, matrix, matrix.features)
    values = dict(zip(matrix.features, matrix.x.T, strict=True))
    medians = dict(zip(matrix.features, typical, strict=True))
    for number, theme in enumerate(themes_of(matrix.features)):
        rows = np.flatnonzero((first == number) & speaks)
        assert reasons[rows, 0].tolist() == say(theme, values, medians, rows)
    assert risky.mean() > 0.2 and (~risky).mean() > 0.2 and speaks.mean() > 0.95


def test_no_theme_is_given_twice(matrix, model):
    reasons = explained(model, matrix, matrix.features)
    given = [[reason.split()[0] for reason in row if reason] for row in reasons[:300]]
    assert all(len(first_words) == len(set(first_words)) for first_words in given)


def test_a_model_of_one_feature_has_one_reason(matrix):
    recency = fit(BASELINE, BASELINE.defaults, matrix, 1)
    reasons = explained(recency, matrix, ("recency_days",))
    assert set(reasons[:, 1]) == set(reasons[:, 2]) == {None}
    assert all(reason is None or reason.startswith("Last bought") for reason in reasons[:, 0])


def test_sentences():
    values = {
        "recency_days": np.array([45.0, 0.0, 1.0]),
        "gap_mean_days": np.array([9.0, 3.4, np.nan]),
        "orders_per_week_90d": np.array([0.0, 2.5, 0.5]),
        "orders_trend": np.array([0.6, 1.02, np.nan]),
        "net_amount_per_week_365d": np.array([12.5, 1234.5, 0.0]),
        "shoe_size": np.array([44.0, np.nan, 38.0]),
    }
    typical = {name: float(np.nanmedian(column)) for name, column in values.items()}
    rows = np.arange(3)
    said = {theme.name: say(theme, values, typical, rows) for theme in themes_of(tuple(values))}
    assert said == {
        "timing": [
            "Last bought 45 days ago, usually every 9 days",
            "Last bought today, usually every 3 days",
            "Last bought 1 day ago",
        ],
        "frequency": [
            "Bought never in 90 days, a typical customer 6 times",
            "Bought 32 times in 90 days, a typical customer 6 times",
            "Bought 6 times in 90 days, a typical customer 6 times",
        ],
        "order trend": [
            "Orders of the last 30 days are 40% below the customer's own pace",
            "Orders of the last 30 days are in line with the customer's own pace",
            "Unusual order trend",
        ],
        "spend": [
            "Spends 12.50 a week over a year, a typical customer 12.50",
            "Spends 1,234.50 a week over a year, a typical customer 12.50",
            "Spends 0.00 a week over a year, a typical customer 12.50",
        ],
        "shoe_size": [
            "Shoe size: 44, a typical customer 41",
            "Unusual shoe size",
            "Shoe size: 38, a typical customer 41",
        ],
    }


def test_like_is_compared_with_like_only_where_nothing_else_can_be_said():
    values = {
        "orders_per_week_90d": np.array([1.0, 1.0, 0.5]),
        "orders_per_week_30d": np.array([2.0, 1.0, 1.0]),
    }
    theme = next(iter(themes_of(tuple(values))))
    assert say(theme, values, dict.fromkeys(values, 1.0), np.arange(3)) == [
        "Bought 9 times in 30 days, a typical customer 4 times",
        "Bought 13 times in 90 days, a typical customer 13 times",
        "Bought 6 times in 90 days, a typical customer 13 times",
    ]


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (reason_texts.often, 1.0, "once a week"),
        (reason_texts.often, 0.1, "every 70 days"),
        (reason_texts.often, 0.0, "never"),
        (reason_texts.often, 1.4, "1.4 times a week"),
        (reason_texts.times, 1.0, "once"),
        (reason_texts.times, 0.0, "never"),
        (reason_texts.contacts, 0.0, "No campaign contact"),
        (reason_texts.contacts, 1.0, "1 campaign contact"),
        (reason_texts.redemptions, 2.0, "2 rewards redeemed"),
        (reason_texts.redemptions, 0.0, "No reward redeemed"),
        (reason_texts.times, 3.0, "3 times"),
        (reason_texts.percent, 0.185, "18%"),
        (reason_texts.pace, 1.5, "50% above"),
        (reason_texts.number, 1234.0, "1,234"),
    ],
)
def test_numbers_in_words(write, value, text):
    assert write(value) == text


def test_every_feature_has_exactly_one_theme():
    names = ("recency_days", "gap_std_days", "orders_per_week_30d", "net_amount_trend", "discount_rate", "novel_thing")
    found = themes_of(names)
    assert sorted(position for positions in found.values() for position in positions) == list(range(len(names)))
    assert [theme.name for theme in found] == ["timing", "frequency", "spend trend", "discounts", "novel_thing"]
