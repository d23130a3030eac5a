import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from ml.common.quadrature import beta_quadrature


@settings(max_examples=60, deadline=None)
@given(a=st.floats(1e-5, 1e4), b=st.floats(1e-3, 1e5), power=st.integers(0, 100))
def test_powers_are_exact_for_any_beta(a, b, power):
    nodes, weights = beta_quadrature(a, np.array([1.0, b]))
    assert nodes.shape == weights.shape == (2, 64)
    assert (weights >= 0).all() and (nodes > 0).all() and (nodes <= 1).all()
    exact = np.exp(betaln(a + power, b) - betaln(a, b))
    assert weights[1] @ nodes[1] ** power == pytest.approx(exact, rel=1e-7, abs=1e-13)
