"""Numeric libraries made to give the same digits each time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits


@contextmanager
def steady(threads: int = 1) -> Iterator[None]:
    """A number of threads for everything within, and silence about what is bounded on purpose.

    One thread adds up in the same order each time, and on a busy machine it is the fastest.
    """
    with threadpool_limits(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # features that a company has no data for, or not yet at an early origin, are dropped where they are empty
        warnings.filterwarnings("ignore", message="All-NaN|Degrees of freedom|Skipping features without any observed")
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger than sample size")
        yield
