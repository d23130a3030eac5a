"""The memory that this process may use: that of its cgroup, version 1 or 2, or of the machine.

Containers and systemd units limit memory by a cgroup; the kernel kills a process that goes beyond, and counts it.
Without a cgroup (macOS) there is the machine's memory, and no counter.
"""

import os
from dataclasses import dataclass
from pathlib import Path

GIB = 1024**3
# Of what DuckDB may take: the rest is for the published file, which a second instance writes while the first works.
WAREHOUSE_SHARE = 0.8
# What `loyalty run` of the default company needs, see README.md.
LEAST_BYTES = 2 * GIB
DUCKDB_SHARE = 0.8
PYTHON_BYTES = 1.4 * GIB
LEAST_SHARE = 0.3
# Below, nothing is copied while models learn: both at once take up to 2.3 GB for the default company.
AMPLE_BYTES = 3 * GIB
# (file of the limit, file with the line `oom_kill <number>`)
VERSION_1 = ("memory.limit_in_bytes", "memory.oom_control")
VERSION_2 = ("memory.max", "memory.events")


@dataclass(frozen=True)
class MemoryGroup:
    """A cgroup at one moment: its folder, which has another inode once it is made anew, processes killed for memory in
    it so far, and the smallest limit of it and those above it (bytes, None without one)."""

    folder: str
    inode: int
    kills: int
    limit_bytes: int | None


def memory_group(proc: Path = Path("/proc/self"), root: Path = Path("/sys/fs/cgroup")) -> MemoryGroup | None:
    """The cgroup that this process counts in, or None where the kernel keeps none for memory."""
    try:
        lines = (proc / "cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        # version 1 keeps a tree for each controller; version 2 keeps one, whose controllers stay empty here
        if "memory" in controllers.split(","):
            return _read_group(root / "memory", path, *VERSION_1)
        if not controllers and (group := _read_group(root, path, *VERSION_2)):
            return group
    return None


def kills_since(earlier: MemoryGroup) -> int | None:
    """How many processes of the group were killed for memory since it was read; None if the group is gone."""
    folder = Path(earlier.folder)
    try:
        if folder.stat().st_ino != earlier.inode:
            return None
    except OSError:
        return None
    kills = _kills(folder / VERSION_1[1]) or _kills(folder / VERSION_2[1]) or 0
    return kills - earlier.kills


def usable_bytes() -> int:
    """The memory that this process may use at most, in bytes."""
    group = memory_group()
    return (group and group.limit_bytes) or _machine_bytes()


def is_scarce() -> bool:
    """Whether this process has so little memory that work is done one after the other instead of in parallel."""
    return usable_bytes() < AMPLE_BYTES


def duckdb_memory_limit(usable: int) -> str:
    """The warehouse's memory limit where so many bytes may be used, in DuckDB's notation.

    DuckDB's own default is 80% for each database of each process, so that two of them do not fit together, and which
    leaves Python too little where there is little. Here at least 1.4 GiB is left, or 70% of less than 2 GiB. The
    warehouse gets four fifths of DuckDB's part.
    """
    duckdb = min(usable * DUCKDB_SHARE, max(usable - PYTHON_BYTES, usable * LEAST_SHARE))
    return f"{int(duckdb * WAREHOUSE_SHARE) // 1024**2}MiB"


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _read_group(tree: Path, path: str, limit_name: str, kills_name: str) -> MemoryGroup | None:
    folder = tree / path.lstrip("/")
    if not folder.is_dir():  # a container without a namespace of its own is told its host's path
        folder = tree
    if not (folder / kills_name).exists():
        return None
    above = [one for one in (folder, *folder.parents) if one.is_relative_to(tree)]
    limits = [limit for one in above if (limit := _limit(one / limit_name)) is not None]
    return MemoryGroup(str(folder), folder.stat().st_ino, _kills(folder / kills_name) or 0, min(limits, default=None))


def _limit(file: Path) -> int | None:
    """The limit in bytes; `max`, or more than the machine has, is none."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and int(text) < _machine_bytes() else None


def _kills(file: Path) -> int | None:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
