"""Ends a run: on SIGTERM within ten seconds, and once the run, a step or a delivery takes longer than the settings
allow.

Python handles signals between two of its own instructions only, so neither SIGTERM nor a timer ends a run that hangs in
C code. A small process beside the run (`watchdog_process`) notices both without the run's help. A thread in the run
does what that process asks for: it reports the reason, and ends the run. When C code holds the GIL, the thread cannot
run either, and the small process kills the run. The reason is kept in a note in the home folder, which `loyalty status`
and the next run read.
"""

import contextlib
import faulthandler
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from dagster_project import watchdog_process
from dagster_project.watchdog_process import STACK_SIGNAL
from warehouse.files import read_note
from warehouse.settings import Settings

TERMINATED = 128 + signal.SIGTERM
# How long a run that was asked to end by SIGTERM has for ending in order: closing files, giving back the warehouse.
ORDERLY_SECONDS = 3.0
FRAMES = 8


@dataclass(frozen=True)
class Ending:
    """Why a run was ended: a sentence for people, its exit code, and the stacks of its threads at that moment."""

    run_id: str
    told: str
    code: int
    stack: str


def note_path(settings: Settings) -> Path:
    """The file with the reason why the watchdog ended a run."""
    return settings.home / "ended_run.json"


def read_ending(settings: Settings, run_id: str) -> Ending | None:
    """Why the watchdog ended this run; None where it did not, or where it ended another one since."""
    try:
        ending = Ending(**read_note(note_path(settings)))
    except TypeError:
        return None
    return ending if ending.run_id == run_id else None


def tell_end(ending: Ending) -> None:
    """Print on standard error why this process ends and, unless somebody asked for it, where its main thread is."""
    own = ending.stack.partition("Current thread")[2] or ending.stack
    frames = own.splitlines()[1:FRAMES] if ending.code != TERMINATED else []
    sys.stderr.write("\n".join([f"loyalty: {ending.told}", *frames]) + "\n")
    sys.stderr.flush()


class Watchdog:
    """Watches this process for the length of the block.

    `on_end` is called, in a thread of its own, before the process is ended. Once that has begun the block must not end
    in any other way: leaving it waits for the end.
    """

    def __init__(self, settings: Settings, run_id: str, on_end: Callable[[Ending], None]) -> None:
        self._settings = settings
        self._run_id = run_id
        self._on_end = on_end
        self._is_leaving = threading.Event()
        self._telling = threading.RLock()  # dbt's threads tell where they stand, too
        self._where: dict[str, str] = {}
        self._nodes: list[str] = []

    def __enter__(self) -> Self:
        folder = self._settings.home / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        self._stack_path = folder / f"stack-{os.getpid()}"
        self._stack = self._stack_path.open("w", encoding="utf-8")
        faulthandler.register(STACK_SIGNAL, file=self._stack, all_threads=True)
        self._heard, self._wakeup = os.pipe()
        os.set_blocking(self._wakeup, False)
        self._process = self._start()
        self._thread = threading.Thread(target=self._listen, name="watchdog", daemon=True)
        self._thread.start()
        self._is_main = threading.current_thread() is threading.main_thread()
        if self._is_main:
            self._earlier = signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
            os.register_at_fork(after_in_child=self._let_go)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._send({"stop": True})
        self._is_leaving.set()
        self._thread.join()  # for ever, where the process is being ended
        if self._is_main:
            signal.set_wakeup_fd(self._earlier)
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        os.close(self._heard)
        os.close(self._wakeup)
        faulthandler.unregister(STACK_SIGNAL)
        self._stack.close()
        self._stack_path.unlink(missing_ok=True)

    def _let_go(self) -> None:
        """Signals of a forked process, such as the end of a worker, are not the run's."""
        if not self._is_leaving.is_set():
            signal.set_wakeup_fd(-1)

    @contextmanager
    def limit(self, what: str, setting: str, minutes: float) -> Iterator[None]:
        """End the process when the block takes longer than `minutes`, the value of `setting`."""
        self.start_clock(what, setting, minutes)
        try:
            yield
        finally:
            self.stop_clock(what)

    def start_clock(self, what: str, setting: str, minutes: float) -> None:
        """End the process `minutes` from now, unless `stop_clock` is called before."""
        cause = f"{what} took longer than {setting} of the settings ({minutes:g} minutes)"
        self._send({"clock": what, "seconds": minutes * 60, "cause": cause})

    def stop_clock(self, what: str) -> None:
        """The thing that a clock was started for is over."""
        self._send({"clock": what})

    def stands(self, part: str, name: str | None) -> None:
        """Record where the process is: in which step, stage or dbt node (`part`); None outside of all."""
        with self._telling:
            self._where.pop(part, None)
            if name is not None:
                self._where[part] = name
            place = ", ".join(f"{part} {name}" for part, name in self._where.items())
            self._send({"at": place or "what is between two steps"})

    def node(self, name: str, is_running: bool) -> None:
        """Record that a dbt node begins or ends; dbt runs several at once, in threads of its own."""
        with self._telling:
            self._nodes = [*(other for other in self._nodes if other != name), *([name] if is_running else [])]
            self.stands("dbt", " and ".join(self._nodes) or None)

    def _start(self) -> "subprocess.Popen[str]":
        about = {
            "pid": os.getpid(),
            "run_id": self._run_id,
            "wakeup": self._heard,
            "note": str(note_path(self._settings)),
            "stack": str(self._stack_path),
        }
        return subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog_process.__file__, json.dumps(about)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._heard],
            text=True,
        )

    def _send(self, order: dict[str, object]) -> None:
        assert self._process.stdin
        with self._telling, contextlib.suppress(BrokenPipeError):  # somebody killed the watchdog; the run goes on
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            ending = Ending(**json.loads(line))
            try:
                if ending.code == TERMINATED:
                    self._is_leaving.wait(ORDERLY_SECONDS)
                self._on_end(ending)
                sys.stdout.flush()
            finally:
                os._exit(ending.code)


@contextmanager
def terminated_in_words() -> Iterator[None]:
    """SIGTERM ends the block with a sentence and exit code 143 also where no watchdog is at work yet."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except _TerminatedError:
        sys.stderr.write("loyalty: ended by SIGTERM.\n")
        raise SystemExit(TERMINATED) from None
    finally:
        signal.signal(signal.SIGTERM, earlier)


class _TerminatedError(BaseException):
    """SIGTERM came; no `except Exception` on the way stops it."""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _TerminatedError
