"""scikit-learn's linear and network classifiers, whose fits come out the same on every processor.

The convex ones are brought to their optimum from wherever the first search stopped. All round their coefficients to ten
significant digits, which removes the effect of a processor's order of summation before anything is scored.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy.linalg import solve
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC

from ml.common.rounding import significant

_MOST_STEPS = 50


class SteadyLogistic(LogisticRegression):
    """Logistic regression, for the solver `newton-cholesky` with a tolerance that takes it to the end.

    The penalty makes the optimum unique, also for separated classes and dependent features.
    """

    coef_: np.ndarray
    intercept_: np.ndarray

    def fit(self, x: np.ndarray, y: np.ndarray) -> Self:
        """x (n, features), y (n,) of 0 and 1, both present (ValueError otherwise)."""
        super().fit(x, y)
        self.coef_, self.intercept_ = significant(self.coef_), significant(self.intercept_)
        return self


class SteadySvm(LinearSVC):
    """Linear support vector machine of squared hinge loss: liblinear's answer, taken to the optimum.

    Given the rows inside the margin, the optimum is that of a ridge regression on them. The regression is repeated
    until these rows stay the same. The intercept is penalised with the coefficients, as liblinear does.
    """

    coef_: np.ndarray
    intercept_: np.ndarray

    def fit(self, x: np.ndarray, y: np.ndarray) -> Self:
        """x (n, features), y (n,) of 0 and 1, both present (ValueError otherwise)."""
        super().fit(x, y)
        with_intercept, sign = np.column_stack([x, np.ones(len(x))]), np.where(y == self.classes_[1], 1.0, -1.0)
        start = np.append(self.coef_[0], self.intercept_)
        weights = significant(_least_squared_hinge(with_intercept, sign, self.C, start))
        self.coef_, self.intercept_ = weights[None, :-1], weights[-1:]
        return self


def _least_squared_hinge(x: np.ndarray, sign: np.ndarray, c: float, weights: np.ndarray) -> np.ndarray:
    """Weights (f,) of least `|w|^2 / 2 + c sum max(0, 1 - sign x w)^2`, from weights near it.

    Source: Keerthi and DeCoste (2005), "A modified finite Newton method for fast solution of large scale linear SVMs".
    """

    def loss(point: np.ndarray) -> float:
        return float(point @ point / 2 + c * np.sum(np.maximum(0.0, 1 - sign * (x @ point)) ** 2))

    inside = sign * (x @ weights) < 1
    for _ in range(_MOST_STEPS):
        rows = x[inside]
        curvature = np.eye(x.shape[1]) + 2 * c * rows.T @ rows
        target = solve(curvature, 2 * c * rows.T @ sign[inside], assume_a="pos")
        step = target - weights
        while np.abs(step).max() > 1e-12 and loss(weights + step) > loss(weights) * (1 + 1e-12):
            step = step / 2
        weights = weights + step
        before, inside = inside, sign * (x @ weights) < 1
        if np.array_equal(before, inside):
            break
    return weights


class SteadyNetwork(MLPClassifier):
    """A neural network whose passes over the rows end before an optimum; only its weights are rounded."""

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]

    def fit(self, x: np.ndarray, y: np.ndarray) -> Self:
        """x (n, features), y (n,) of 0 and 1."""
        super().fit(x, y)
        self.coefs_ = [significant(weights) for weights in self.coefs_]
        self.intercepts_ = [significant(weights) for weights in self.intercepts_]
        return self
