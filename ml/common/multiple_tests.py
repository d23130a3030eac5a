"""P-values of many comparisons, adjusted together.

statsmodels has the same, and collects all of Python's garbage at every call: half a second in a process that holds a
dbt project, for an answer that takes microseconds.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjustment (1979), in the order given: the k-th smallest of n times n - k + 1, never falling."""
    values = np.asarray(p_values, dtype=float)
    order = np.argsort(values)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)), 1)
    return adjusted
