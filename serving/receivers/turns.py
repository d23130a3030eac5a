"""One delivery at a time: two at once would hand everything over twice."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from duckdb import DuckDBPyConnection

from warehouse.errors import UserError
from warehouse.settings import Settings

# Holds and opens the warehouse for the length of a block; it is free while a receiver answers.
OpenWarehouse = Callable[[], AbstractContextManager[DuckDBPyConnection]]


class DeliveringError(UserError):
    """Another process delivers from this warehouse."""

    exit_code = 3


@contextmanager
def one_at_a_time(settings: Settings, what: str) -> Iterator[None]:
    """Hold the turn of `what`, a word for a file name. Raises DeliveringError while another process holds it."""
    path = settings.home / "privacy" / f"{what}.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise DeliveringError(f"{path}: another delivery goes on. Wait for its end.") from error
    finally:
        os.close(descriptor)
