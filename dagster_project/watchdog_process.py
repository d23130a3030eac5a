"""The process beside a run that ends it: on SIGTERM, and once a clock has run out.

It runs as a script and imports nothing but the standard library, so that it starts in 20 ms. The run tells it over its
standard input, a line of JSON each, what it is doing and until when:

    {"clock": "step", "seconds": 7200, "cause": "..."}   a clock starts; without seconds it stops
    {"at": "step dbt, model fct_orders"}                   where the run stands
    {"stop": true}                                         the run is over

The C handlers of signals write to `wakeup` without the GIL, so this process hears of them even when no Python code of
the run can. It writes down why the run ends and the stack of every thread, asks the run to end (a line on standard
output), and kills it when it has not ended some seconds later.
"""

import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

STACK_SIGNAL = signal.SIGUSR2  # faulthandler answers it with the stacks of all threads
STACK_SECONDS = 0.5
# How long the run has, after it was asked, until it is killed. Others wait ten seconds for the end after SIGTERM.
TERM_SECONDS = 7.0
# A failure is also reported to a webhook, which may take ten seconds to answer.
LIMIT_SECONDS = 20.0
# Dagster answers an interrupt by itself, where it can.
INTERRUPT_SECONDS = 5.0
MOST_STACK = 16_000


class Watch:
    """The state of the run, and the actions that end it."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.pid: int = about["pid"]
        self.run_id: str = about["run_id"]
        self.wakeup: int = about["wakeup"]
        self.note = Path(about["note"])
        self.stack = Path(about["stack"])
        self.clocks: dict[str, tuple[float, str, int, float]] = {}
        self.at = "its start"
        self.ending: dict[str, Any] | None = None
        self.killed_at = float("inf")
        self._text = b""

    def run(self) -> None:
        """Watch until the run is over, or gone."""
        while os.getppid() == self.pid:
            ready, _, _ = select.select([0, self.wakeup], [], [], self._patience())
            if self.wakeup in ready:  # before the orders: a run that was asked to end may say that it is over
                self._hear_signals(os.read(self.wakeup, 256))
            if 0 in ready and not self._obey(os.read(0, 65_536)):
                return
            self._look_at_clocks()

    def _patience(self) -> float:
        ends = [deadline for deadline, *_ in self.clocks.values()] if self.ending is None else [self.killed_at]
        return max(0.0, min([1.0, *(end - time.monotonic() for end in ends)]))

    def _hear_signals(self, numbers: bytes) -> None:
        if signal.SIGTERM in numbers:
            self._end("it was ended by SIGTERM", 128 + signal.SIGTERM, TERM_SECONDS)
        elif signal.SIGINT in numbers:
            deadline = time.monotonic() + INTERRUPT_SECONDS
            cause = "it was interrupted and went on"
            self.clocks["interrupt"] = (deadline, cause, 128 + signal.SIGINT, INTERRUPT_SECONDS)

    def _obey(self, text: bytes) -> bool:
        """Record a message of the run. Returns whether the run goes on."""
        *lines, self._text = (self._text + text).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "clock" in order:
                self._set_clock(**order)
            elif "at" in order:
                self.at = order["at"]
            elif self.ending is None:
                return False
        return bool(text)

    def _set_clock(self, clock: str, seconds: float | None = None, cause: str = "") -> None:
        if seconds is None:
            self.clocks.pop(clock, None)
        else:
            self.clocks[clock] = (time.monotonic() + seconds, cause, 1, LIMIT_SECONDS)

    def _look_at_clocks(self) -> None:
        now = time.monotonic()
        for deadline, cause, code, patience in list(self.clocks.values()):
            if deadline <= now:
                self._end(cause, code, patience)
        if self.ending and self.killed_at <= now:
            self._kill()

    def _end(self, cause: str, code: int, patience: float) -> None:
        if self.ending:
            return
        told = f"Run {self.run_id[:8]}: {cause}. It stood at {self.at}. The last publication stays live."
        self.ending = {"run_id": self.run_id, "told": told, "code": code, "stack": self._ask_for_stack()}
        self.killed_at = time.monotonic() + patience
        self._write_note()
        os.write(1, json.dumps(self.ending).encode() + b"\n")

    def _ask_for_stack(self) -> str:
        """The stacks of the run's threads, which its C code writes into a file without the GIL."""
        os.kill(self.pid, STACK_SIGNAL)
        until, text = time.monotonic() + STACK_SECONDS, ""
        while time.monotonic() < until:
            time.sleep(0.05)
            earlier, text = text, self.stack.read_text(encoding="utf-8", errors="replace")
            if text and text == earlier:
                break
        self.stack.unlink(missing_ok=True)
        return text[:MOST_STACK]

    def _write_note(self) -> None:
        step = self.note.with_name(f".{self.note.name}.next")
        step.write_text(json.dumps(self.ending), encoding="utf-8")
        step.replace(self.note)

    def _kill(self) -> None:
        assert self.ending
        self.ending["told"] += " It did not answer, so it was killed."
        self._write_note()
        os.write(2, f"loyalty: {self.ending['told']}\n".encode())
        os.kill(self.pid, signal.SIGKILL)
        self.killed_at = float("inf")


def main() -> None:
    """Watch the run that the argument, JSON, speaks of."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
    ):  # meant for the run, and often sent to its whole group
        signal.signal(number, signal.SIG_IGN)
    Watch(json.loads(sys.argv[1])).run()


if __name__ == "__main__":
    main()
