"""Holm's adjustment, against the one of statsmodels."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from ml.common.multiple_tests import holm


@settings(max_examples=5)  # each collects the garbage of the process
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_it_equals_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values).tolist() == multipletests(p_values, method="holm")[1].tolist()


def test_a_worked_example() -> None:
    """.01 of three comparisons counts as .03, .02 of the two that are left as .04, and .5 never as less than before."""
    assert np.round(holm([0.5, 0.01, 0.02]), 10).tolist() == [0.5, 0.03, 0.04]
    assert holm([]).tolist() == []


@settings(max_examples=5)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_comparisons_that_are_not_given_never_lower_a_p_value(given_values: list[float], others: list[float]) -> None:
    """Where all others are larger, the adjusted values are those among all of them."""
    alone = holm(given_values, len(given_values) + len(others))
    among = holm(given_values + others)[: len(given_values)]
    assert (alone >= among).all()
    if max(given_values) < min(others):
        assert alone.tolist() == among.tolist()
