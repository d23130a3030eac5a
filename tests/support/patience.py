"""How long tests wait for what should happen soon."""

import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

# Seconds. Machines differ, and others work on them: what is not there by then hangs.
PATIENCE = 900

Found = TypeVar("Found")


def wait_until(
    find: Callable[[], Found], process: "subprocess.Popen[Any] | None" = None, told: Callable[[], str] = str
) -> Found:
    """What `find` finds, as soon as it finds something. Fails with what `told` tells where that takes too long, or the
    process that should bring it about has ended."""
    until = time.monotonic() + PATIENCE
    while not (found := find()):
        assert time.monotonic() < until and (process is None or process.poll() is None), told()
        time.sleep(0.05)
    return found
