import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from ml.churn.calibration import CalibratedModel


def known_truth(rows: int, seed: int):
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(rows, 3))
    truth = expit(-1.0 + 1.5 * x[:, 0])
    return x, truth, (draws.random(rows) < truth).astype(int), np.arange(rows)


@pytest.mark.parametrize("base", [LinearSVC(dual=False), DecisionTreeClassifier(min_samples_leaf=3, random_state=0)])
def test_margins_and_overconfident_leaves_become_probabilities(base):
    x, _, y, groups = known_truth(4_000, seed=1)
    new, truth, _, _ = known_truth(4_000, seed=2)
    calibrated = CalibratedModel(base).fit(x, y, groups).predict_proba(new)[:, 1]
    assert np.ptp(calibrated) > 0.4
    for rows in np.array_split(np.argsort(calibrated), 4):
        assert calibrated[rows].mean() == pytest.approx(truth[rows].mean(), abs=0.05)


def test_both_rows_of_a_customer_are_held_out_together():
    """Labels that belong to customers, not to x: nothing can be learned of a customer who is left out."""
    draws = np.random.default_rng(3)
    x = np.repeat(draws.normal(size=(400, 2)), 2, axis=0)
    y = np.repeat(draws.integers(0, 2, 400), 2)
    memory = DecisionTreeClassifier(random_state=0)
    by_customer = CalibratedModel(clone(memory)).fit(x, y, np.repeat(np.arange(400), 2))
    by_row = CalibratedModel(clone(memory)).fit(x, y, np.arange(800))
    assert np.abs(by_customer.predict_proba(x)[:, 1] - 0.5).max() < 0.2
    assert np.abs(by_row.predict_proba(x)[:, 1] - 0.5).min() > 0.4


def test_the_direction_of_a_score_is_never_turned():
    """Few rows whose halves disagree: the held-out scores run against the labels."""
    x = np.r_[np.linspace(0, 1, 20), np.linspace(0, 1, 20)][:, None]
    y = np.r_[np.linspace(0, 1, 20) > 0.5, np.linspace(0, 1, 20) < 0.6].astype(int)
    groups = np.r_[np.zeros(20), np.ones(20)].astype(int)
    model = CalibratedModel(LogisticRegression(C=100)).fit(x, y, groups)
    assert model.slope_ > 0


def test_a_half_with_one_label_leaves_the_score_as_it_is():
    x, y = np.arange(8.0)[:, None], np.array([0, 0, 0, 0, 0, 1, 0, 1])
    model = CalibratedModel(LogisticRegression()).fit(x, y, np.arange(8))
    plain = LogisticRegression().fit(x, y)
    np.testing.assert_allclose(model.predict_proba(x), plain.predict_proba(x))
    np.testing.assert_array_equal(model.predict(x), plain.predict(x))


def test_separated_scores_have_a_finite_calibration():
    """Platt's targets: every row right, and no probability beyond what so many rows can tell."""
    x = np.r_[np.linspace(-3, -1, 100), np.linspace(1, 3, 100)][:, None]
    y = (x[:, 0] > 0).astype(int)
    model = CalibratedModel(LinearSVC(dual=False)).fit(x, y, np.arange(200))
    assert 0.05 < model.slope_ < 20
    assert (model.predict(x) == y).all()
    probability = model.predict_proba(x)[:, 1]
    assert probability[y == 1].mean() == pytest.approx(101 / 102, abs=5e-3)


def test_scores_that_are_all_alike_say_the_mean():
    x, y = np.zeros((100, 1)), (np.arange(100) % 5 == 0).astype(int)
    model = CalibratedModel(LogisticRegression()).fit(x, y, np.arange(100) // 5)
    assert model.slope_ == 1.0
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], 0.2, atol=1e-3)


def test_the_calibration_lies_at_the_optimum():
    x, _, y, groups = known_truth(2_000, seed=4)
    model = CalibratedModel(LinearSVC(dual=False)).fit(x, y, groups)
    held_out = np.empty(len(y))
    for rows in (groups % 2 == 0, groups % 2 == 1):
        held_out[rows] = LinearSVC(dual=False).fit(x[~rows], y[~rows]).decision_function(x[rows])
    error = expit(model.slope_ * held_out + model.intercept_) - y
    assert max(abs(error.mean()), abs((error * held_out).mean())) < 1e-9
