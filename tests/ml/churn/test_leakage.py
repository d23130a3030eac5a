"""What is taken for a leak: nothing that chance or habit explains."""

import numpy as np

from ml.churn.feature_matrix import FeatureMatrix
from ml.churn.leakage import leaking_features


def matrix_of(label: np.ndarray, **features: np.ndarray) -> FeatureMatrix:
    """One snapshot of active customers with these labels and features."""
    count = len(label)
    return FeatureMatrix(
        snapshot=np.full(count, np.datetime64("2024-06-30")),
        customer=np.array([f"c{number}" for number in range(count)], dtype=object),
        active=np.ones(count, dtype=bool),
        label=label.astype(float),
        group=np.arange(count, dtype=np.uint64),
        x=np.column_stack(list(features.values())),
        features=tuple(features),
    )


def test_pure_noise_of_a_small_company_is_no_leak():
    """With ten rows and one churner, one of eight features of noise separates the two in most companies."""
    draws = np.random.default_rng(0)
    for count, churners in ((5, 1), (10, 1), (10, 2), (20, 2), (50, 2)):
        label = np.arange(count) < churners
        for _ in range(60):
            noise = {f"noise_{number}": draws.normal(size=count) for number in range(8)}
            assert leaking_features(matrix_of(label, **noise)) == {}


def test_the_habits_of_monthly_buyers_beside_one_time_buyers_are_no_leak():
    draws = np.random.default_rng(1)
    label = np.arange(400) < 100
    often = np.where(label, 1.0, draws.integers(6, 13, 400))
    habits = {"orders_per_week_365d": often, "gap_mean_days": 365 / often, "recency_days": draws.integers(0, 30, 400)}
    assert leaking_features(matrix_of(label, **habits)) == {}


def test_what_says_much_more_than_the_day_knows_is_a_leak():
    draws = np.random.default_rng(2)
    label = np.arange(400) < 100
    known = {"recency_days": label * 5 + draws.normal(0, 5, 400), "noise": draws.normal(size=400)}
    found = leaking_features(matrix_of(label, **known, orders_to_come=-1.0 * label + draws.normal(0, 0.1, 400)))
    assert list(found) == ["orders_to_come"]
