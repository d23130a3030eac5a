"""Numbers without the noise of their computation: rounded to the digits that hold, and told apart beyond rounding.

Processors add up in orders of their own, so the last digits of a fit differ between them. What is used further on is
rounded first; what decides anything is compared with a tolerance far above that noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_DIGITS = 10
# A spread below this share of the largest value is what rounding leaves of equal numbers.
_SPREAD = 1e-9


def significant(values: ArrayLike, digits: int = _DIGITS) -> NDArray[np.float64]:
    """`values` rounded to so many significant digits, in their shape; zeros, NaN and infinities stay."""
    numbers = np.asarray(values, dtype=np.float64)
    flat = [float(f"{number:.{digits - 1}e}") for number in numbers.ravel().tolist()]
    return np.array(flat, dtype=np.float64).reshape(numbers.shape)


def varies(values: Any) -> bool:
    """Whether numbers, shape (n,), differ by more than rounding; not where there are none. NaN differs from nothing."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return bool(len(known)) and bool(np.ptp(known) > _SPREAD * np.abs(known).max())
