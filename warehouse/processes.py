"""Which process has a file open, or listens at a port, so that an error can name it.

Read from /proc, so only on Linux and only for processes that may be inspected; elsewhere no process is named.
"""

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"


def file_users(path: Path) -> list[int]:
    """The numbers of other processes that have a file open."""
    wanted = str(path.resolve())
    return sorted({pid for pid, target in _open_files() if target == wanted and pid != os.getpid()})


def port_user(port: int) -> int | None:
    """The number of the process that listens at a TCP port of this machine."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(PROC / "net" / table, port)}
    return next((pid for pid, target in _open_files() if target in sockets), None)


def process_name(pid: int) -> str:
    """A process for a message: its number, and its program where that may be seen."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        words = []
    program = Path(words[0].decode(errors="replace")).name if words and words[0] else ""
    return f"process {pid} ({program})" if program else f"process {pid}"


def named(pids: list[int]) -> str:
    """Processes for a message: which they are, or that they are not known."""
    return " and ".join(map(process_name, pids)) or "another process"


def _open_files() -> Iterator[tuple[int, str]]:
    for folder in PROC.glob("[0-9]*/fd"):
        try:
            links = list(folder.iterdir())
        except OSError:
            continue
        for link in links:
            try:
                yield int(folder.parent.name), str(link.readlink())
            except OSError:
                continue


def _listening(table: Path, port: int) -> Iterator[str]:
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return
    for fields in map(str.split, lines):
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
            yield fields[9]
