"""Numeric libraries made to give the same digits each time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits


@contextmanager
def deterministic(threads: int = 1) -> Iterator[None]:
    """A number of threads for everything within, without warnings about searches that are limited on purpose.

    One thread sums in the same order each time, and on a busy machine it is the fastest.
    """
    with threadpool_limits(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # features that a company has no data for, or not yet at an early origin, are dropped where they are empty
        warnings.filterwarnings("ignore", message="All-NaN|Degrees of freedom|Skipping features without any observed")
        # batches and a forest's samples are sized for many rows, and judged beside the other models on few
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger than sample size")
        warnings.filterwarnings("ignore", "Using the fractional value max_samples")
        yield


def side_by_side(work: Callable[..., Any], calls: Iterable[tuple[Any, ...]], threads: int = 1) -> list[Any]:
    """The results of `work` for each tuple of arguments, in that order, as many at once as there are processors.

    Each call sums in its own `threads`, so the digits are the same as for one call after another.
    """

    def limited(arguments: tuple[Any, ...]) -> Any:
        with threadpool_limits(threads):  # OpenMP keeps its number of threads by thread
            return work(*arguments)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(limited, calls))
