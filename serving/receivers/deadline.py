"""A receiver that sends a byte now and then never lets a socket's own timeout pass: the whole exchange has an end."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.1


@contextmanager
def deadline(seconds: float, current: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Break the connection off if the block takes longer; `current` then returns its socket.

    Code that waits for the socket then raises OSError, or reads its end; if that looks like an answer, TimeoutError is
    raised. A socket that is made later is broken off as well.
    """
    done, passed = threading.Event(), threading.Event()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            passed.set()
            wait = LOOK_SECONDS
            found = current()
            if found is not None:
                with contextlib.suppress(OSError):
                    found.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=watch, name="deadline", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if passed.is_set():
        raise TimeoutError(f"no answer within {seconds:g} s")
