"""Linear classifiers at their optimum, also on data that would have none without the penalty."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from ml.common.classifiers import SteadyLogistic, SteadyNetwork, SteadySvm
from ml.common.determinism import deterministic
from ml.common.rounding import significant


def logistic(c=1.0):
    return SteadyLogistic(C=c, solver="newton-cholesky", tol=1e-10, max_iter=200)


def svm(c=1.0):
    return SteadySvm(C=c, dual=False, random_state=0)


def rows(seed=1, count=400):
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(count, 4))
    return x, (draws.random(count) < 1 / (1 + np.exp(1 - 2 * x[:, 0]))).astype(int)


def overlapping():
    return rows()


def separated():
    x, _ = rows()
    return x, (x[:, 0] > 0.3).astype(int)


def dependent():
    x, y = rows()
    return np.column_stack([x, x[:, 0], x[:, 1] - x[:, 2], np.full(len(x), 3.0)]), y


def gradient(model, x, y):
    """Of the penalised loss by each weight, over the size of what it is the sum of; 0 at the optimum."""
    sign, weights = np.where(y == 1, 1.0, -1.0), model.coef_[0]
    margin = sign * model.decision_function(x)
    if isinstance(model, LogisticRegression):
        pull, held = -sign / (1 + np.exp(margin)), 0.0
    else:
        pull, held = -2 * sign * np.maximum(0.0, 1 - margin), model.intercept_[0]
    slopes = np.append(weights + model.C * x.T @ pull, held + model.C * pull.sum())
    return np.abs(slopes) / (model.C * np.abs(pull).sum())


@pytest.mark.parametrize("data", [overlapping, separated, dependent])
@pytest.mark.parametrize("build", [logistic, svm])
@pytest.mark.parametrize("c", [0.01, 3.0])
def test_nothing_pulls_at_the_optimum(data, build, c):
    x, y = data()
    assert gradient(build(c).fit(x, y), x, y).max() < 1e-8


def test_the_answers_are_those_of_scikit_learn_to_its_tolerance():
    x, y = overlapping()
    for ours, theirs in ((logistic(), LogisticRegression()), (svm(), LinearSVC(dual=False))):
        np.testing.assert_allclose(ours.fit(x, y).coef_, theirs.fit(x, y).coef_, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("build", [logistic, svm])
@pytest.mark.parametrize("data", [overlapping, separated, dependent])
def test_the_order_of_rows_changes_no_digit_that_is_kept(build, data):
    x, y = data()
    order = np.random.default_rng(5).permutation(len(x))
    one, other = build().fit(x, y), build().fit(x[order], y[order])
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=2e-9, atol=1e-13)
    np.testing.assert_array_equal(one.coef_, significant(one.coef_))


@pytest.mark.parametrize("build", [logistic, svm])
def test_one_class_is_refused(build):
    x, y = overlapping()
    with pytest.raises(ValueError, match="class"):
        build().fit(x, np.zeros_like(y))


def test_a_network_keeps_ten_digits():
    x, y = overlapping()
    with deterministic():
        model = SteadyNetwork(hidden_layer_sizes=(3,), max_iter=5, random_state=0).fit(x, y)
    for weights in (*model.coefs_, *model.intercepts_):
        np.testing.assert_array_equal(weights, significant(weights))
