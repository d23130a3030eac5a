"""The right to write the warehouse. One process has it at a time, others can wait for it, and it ends with the process.

The right is an exclusive flock on `settings.lock_path`. The kernel holds it for as long as the process that took it
lives, so that a killed run never blocks the next one. The content of the file (process, run, start) only tells people
who the holder is; it decides nothing. The file itself is never deleted, because a lock on a deleted file guards
nothing.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from warehouse.errors import UserError
from warehouse.processes import file_users, named
from warehouse.settings import Settings

POLL_SECONDS = 0.1
# A reader that asks for the holder touches the lock for microseconds; only a longer wait is worth a message.
QUIET_SECONDS = 0.3
REPEAT_SECONDS = 30.0


class WarehouseBusyError(UserError):
    """Another process held the warehouse for as long as this one was to wait."""

    exit_code = 3


@dataclass(frozen=True)
class Holder:
    """The holder of the warehouse. `process_start` distinguishes a process from a later one with the same number."""

    pid: int
    run_id: str
    process_start: str | None
    started_at: str
    host: str

    def is_alive(self) -> bool:
        """Whether that very process still runs on this machine."""
        return self.host == socket.gethostname() and is_running(self.pid, self.process_start)

    def __str__(self) -> str:
        return f"run {self.run_id} (process {self.pid} on {self.host}, since {self.started_at})"


@contextmanager
def hold_warehouse(
    settings: Settings,
    run_id: str,
    wait_seconds: float | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> Iterator[Holder]:
    """Hold the warehouse for the length of the block.

    Waits up to `wait_seconds` (default: `settings.lock_wait_seconds`) and tells `on_wait`, once it has to wait and
    then every 30 seconds, who holds it. Raises WarehouseBusyError naming the holder at the limit. Not reentrant: a
    process that asks a second time waits for itself.
    """
    limit = settings.lock_wait_seconds if wait_seconds is None else wait_seconds
    settings.lock_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = _wait_for(settings.lock_path, limit, on_wait)
    try:
        holder = Holder(os.getpid(), run_id, process_start(os.getpid()), _now(), socket.gethostname())
        _write(descriptor, json.dumps(asdict(holder)))
        yield holder
    finally:
        os.ftruncate(descriptor, 0)
        os.close(descriptor)


def holder(settings: Settings) -> Holder | None:
    """The run that holds the warehouse now, or None when none does or it has left no name. Never waits."""
    return _read(settings.lock_path) if is_held(settings) else None


def is_held(settings: Settings) -> bool:
    """Whether a process holds the warehouse now, of the product or not. Never waits."""
    try:
        descriptor = os.open(settings.lock_path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _take(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def who_holds(settings: Settings) -> str | None:
    """The same for people, who are told of any process that holds it, by its number where it left no name."""
    return _held_by(settings.lock_path) if is_held(settings) else None


def was_killed(settings: Settings) -> bool:
    """Whether the last holder was killed: its name is still in the file, and the next run has to close its run."""
    return not is_held(settings) and _read(settings.lock_path) is not None


def process_start(pid: int) -> str | None:
    """A mark of the moment process `pid` began, unique on this machine; None when there is no such process.

    Boot and clock ticks since, from /proc; where there is no /proc, the mark is empty and only the number counts.
    """
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    if not boot_id.exists():
        return "" if _has_process(pid) else None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    if state in ("Z", "X"):  # killed, and not yet collected by its parent
        return None
    return f"{boot_id.read_text().strip()}:{fields[18]}"


def is_running(pid: int, start: str | None) -> bool:
    """Whether the process `pid` that began at the mark `start` (see `process_start`) still runs."""
    return start is not None and process_start(pid) == start


def _wait_for(path: Path, limit: float, on_wait: Callable[[str], None] | None) -> int:
    began = time.monotonic()
    next_message = began + QUIET_SECONDS
    while True:
        descriptor = _try(path)
        if descriptor is not None:
            return descriptor
        now = time.monotonic()
        if now - began >= limit:
            raise WarehouseBusyError(_refusal(path, limit))
        if on_wait and now >= next_message:
            on_wait(f"Waiting for the warehouse, held by {_held_by(path)}.")
            next_message = now + REPEAT_SECONDS
        time.sleep(min(POLL_SECONDS, max(0.0, began + limit - now)))


def _try(path: Path) -> int | None:
    """A descriptor that holds the lock of the file now at `path`, or None."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.fstat(descriptor).st_mode & 0o077 and os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)  # whoever may read a file may hold its lock
    if _take(descriptor, fcntl.LOCK_EX) and _is_at(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether `path` still names the open file: somebody may have cleared the home folder meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None  # between taking the lock and writing the name


def _held_by(path: Path) -> str:
    """The run whose name stands in the file, unless it has ended: then, or without a name, who has the file open."""
    holder = _read(path)
    is_at_work = holder is not None and (holder.is_alive() or holder.host != socket.gethostname())
    return str(holder) if is_at_work else named(file_users(path))


def _refusal(path: Path, limit: float) -> str:
    holder = _read(path)
    advice = "Wait for that run to end, or raise lock_wait_seconds in the settings"
    if holder and holder.is_alive():
        advice += f"; to stop it, end process {holder.pid}"
    return f"{path}: waited {limit:g} s for the warehouse, which is held by {_held_by(path)}. {advice}."


def _has_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
