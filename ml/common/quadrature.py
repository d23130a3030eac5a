"""Expectations under Beta distributions by Gauss quadrature."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh_tridiagonal

from ml.common.likelihood import FloatArray

_NODES_COUNT = 64


def beta_quadrature(a: float, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Nodes in (0, 1) and weights that sum to 1, both of shape (len(b), 64), for Beta(a, b_i).

    `E[f(p)]` is `sum(weights * f(nodes))`, exact for polynomials of degree 127. All weights are positive, so nothing
    cancels, for any a, b > 0. Source: Golub and Welsch (1969), on the recurrence of the Jacobi polynomials.
    """
    k = np.arange(_NODES_COUNT, dtype=np.float64)[1:]
    beta, alpha = a - 1.0, b[:, None] - 1.0
    twice = 2 * k + alpha + beta
    diagonal = np.empty((len(b), _NODES_COUNT))
    diagonal[:, 0] = a / (a + b)
    diagonal[:, 1:] = 0.5 + (beta**2 - alpha**2) / (2 * twice * (twice + 2))
    squared = np.empty((len(b), _NODES_COUNT - 1))
    squared[:, 0] = a * b / ((a + b) ** 2 * (a + b + 1))
    k, twice = k[1:], twice[:, 1:]
    squared[:, 1:] = k * (k + alpha) * (k + beta) * (k + alpha + beta) / (twice**2 * (twice + 1) * (twice - 1))
    nodes, weights = np.empty_like(diagonal), np.empty_like(diagonal)
    for row, (on, beside) in enumerate(zip(diagonal, np.sqrt(squared), strict=True)):
        nodes[row], vectors = eigh_tridiagonal(on, beside)
        weights[row] = vectors[0] ** 2
    return np.clip(nodes, np.finfo(np.float64).tiny, 1.0), weights
