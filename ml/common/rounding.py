"""Numbers without the noise of their computation: rounded to their valid digits, and compared with a tolerance.

Processors sum in different orders, so the last digits of a fit differ between them. Values are rounded before further
use, and decisions compare them with a tolerance far above that noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_DIGITS = 10
# A spread below this share of the largest value is what rounding leaves of equal numbers.
_SPREAD = 1e-9


def significant(values: ArrayLike, digits: int = _DIGITS) -> NDArray[np.float64]:
    """`values` rounded to a number of significant digits, in their shape; zeros, NaN and infinities stay."""
    numbers = np.asarray(values, dtype=np.float64)
    flat = [float(f"{number:.{digits - 1}e}") for number in numbers.ravel().tolist()]
    return np.array(flat, dtype=np.float64).reshape(numbers.shape)


def varies(values: Any) -> bool:
    """Whether numbers, shape (n,), differ by more than rounding; false without numbers. NaN counts as equal to every
    number."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return bool(len(known)) and bool(np.ptp(known) > _SPREAD * np.abs(known).max())
