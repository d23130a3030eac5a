"""What is expensive to make and never changed: made by the first worker that asks, read or copied by the others."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

DONE = "made"


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A temporary folder of this run of the suite that all its workers see."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The shared folder `name`, which `make` filled; another worker that makes it is waited for."""
    folder = shared_folder(factory) / "shared" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.parent / f"{name}.{DONE}"
        if not done.exists():
            make(folder)
            done.touch()
    return folder
