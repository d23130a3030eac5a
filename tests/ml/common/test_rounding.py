import numpy as np
import pytest

from ml.common.rounding import significant, varies


def test_ten_significant_digits_whatever_the_size():
    values = np.array([[1.23456789012e-7, -9.87654321098e12], [0.0, 0.1 + 0.2]])
    rounded = significant(values)
    assert rounded.shape == values.shape
    assert rounded.tolist() == [[1.234567890e-7, -9.876543211e12], [0.0, 0.3]]
    assert significant(2 / 3, 3) == 0.667


def test_what_cannot_be_rounded_stays():
    np.testing.assert_array_equal(significant([np.nan, np.inf, -np.inf]), [np.nan, np.inf, -np.inf])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([], False),
        ([5.0], False),
        ([0.1 + 0.2, 0.3], False),
        ([np.nan, np.nan], False),
        ([0.0, 0.0], False),
        ([0.3, np.nan, 0.3], False),
        ([0.0, 1e-30], True),
        ([1000.0, 1000.01], True),
        ([True, False], True),
    ],
)
def test_a_spread_is_more_than_rounding(values, told):
    assert varies(values) is told
