"""Limits and kill counters of cgroups, from files as kernels write them, and what databases take of a limit."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE
from warehouse.memory import GIB, MemoryGroup, duckdb_memory_limit, is_scarce, kills_since, memory_group, usable_bytes
from warehouse.settings import load_settings
from warehouse.sql import connect, limit_reader, limit_resources

VERSION_1 = "11:cpu,cpuacct:/shop\n4:memory:/shop/daily\n1:name=systemd:/shop\n0::/shop\n"
VERSION_2 = "0::/shop.slice/daily.service\n"
NO_LIMIT_1 = str(2**63 - 4096)


def machine(folder: Path, cgroup: str, files: dict[str, str]) -> MemoryGroup | None:
    """What is read where /proc/self/cgroup says `cgroup` and /sys/fs/cgroup holds `files`."""
    (folder / "self").mkdir(exist_ok=True)
    (folder / "self" / "cgroup").write_text(cgroup)
    for name, text in files.items():
        (folder / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "fs" / name).write_text(f"{text}\n")
    return memory_group(folder / "self", folder / "fs")


def test_version_1(tmp_path: Path) -> None:
    group = machine(
        tmp_path,
        VERSION_1,
        {
            "memory/memory.limit_in_bytes": NO_LIMIT_1,
            "memory/shop/daily/memory.limit_in_bytes": "1073741824",
            "memory/shop/daily/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3",
        },
    )
    assert group and (group.limit_bytes, group.kills) == (GIB, 3)
    assert group.folder == str(tmp_path / "fs/memory/shop/daily")


def test_version_2_takes_the_smallest_limit_of_all_above(tmp_path: Path) -> None:
    group = machine(
        tmp_path,
        VERSION_2,
        {
            "shop.slice/memory.max": "1610612736",
            "shop.slice/daily.service/memory.max": "max",
            "shop.slice/daily.service/memory.events": "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0",
        },
    )
    assert group and (group.limit_bytes, group.kills) == (1610612736, 1)


@pytest.mark.parametrize("cgroup", ["0::/\n", "0::/docker/0af1\n"], ids=["own namespace", "the host's path"])
def test_a_container_finds_its_own_limit_at_the_top(tmp_path: Path, cgroup: str) -> None:
    group = machine(tmp_path, cgroup, {"memory.max": "1073741824", "memory.events": "oom_kill 0"})
    assert group and group.limit_bytes == GIB


@pytest.mark.parametrize("limit", ["max", NO_LIMIT_1])
def test_a_group_may_have_no_limit(tmp_path: Path, limit: str) -> None:
    group = machine(tmp_path, "0::/a\n", {"a/memory.max": limit, "a/memory.events": "oom_kill 0"})
    assert group and group.limit_bytes is None


def test_where_there_is_no_cgroup_nothing_is_known(tmp_path: Path) -> None:
    assert memory_group(tmp_path / "nothing", tmp_path) is None
    assert machine(tmp_path, "0::/\n", {"cgroup.procs": ""}) is None  # the top of a machine has no limit and no counter


def test_kills_are_counted_for_as_long_as_the_group_lives(tmp_path: Path) -> None:
    files = {"a/memory.events": "oom 1\noom_kill 1"}
    earlier = machine(tmp_path, "0::/a\n", files)
    assert earlier and kills_since(earlier) == 0
    machine(tmp_path, "0::/a\n", {"a/memory.events": "oom 3\noom_kill 3"})
    assert kills_since(earlier) == 2
    (tmp_path / "fs" / "a").rename(tmp_path / "fs" / "b")
    assert kills_since(earlier) is None
    machine(tmp_path, "0::/a\n", files)
    assert kills_since(earlier) is None, "another group of that name"


@pytest.mark.parametrize(("gib", "mib"), [(1, 245), (2, 491), (4, 2129), (10, 6553)])
def test_duckdb_leaves_memory_to_python(gib: int, mib: int) -> None:
    assert duckdb_memory_limit(gib * GIB) == f"{mib}MiB"


@pytest.mark.parametrize(("gib", "expected"), [(1, True), (2, True), (3, False), (8, False)])
def test_what_is_scarce(monkeypatch: pytest.MonkeyPatch, gib: int, expected: bool) -> None:
    monkeypatch.setattr("warehouse.memory.memory_group", lambda: MemoryGroup("a", 1, 0, gib * GIB))
    assert is_scarce() is expected


@pytest.mark.parametrize("group", [None, MemoryGroup("a", 1, 0, None)], ids=["no group", "no limit"])
def test_else_there_is_the_memory_of_the_machine(monkeypatch: pytest.MonkeyPatch, group: MemoryGroup | None) -> None:
    monkeypatch.setattr("warehouse.memory.memory_group", lambda: group)
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": GIB // 2048}.__getitem__)
    assert usable_bytes() == 2 * GIB and is_scarce()


@pytest.mark.parametrize(
    ("chosen", "warehouse", "reader"),
    [("300MiB", "300.0 MiB", "256.0 MiB"), ("4GiB", "4.0 GiB", "1.0 GiB"), (None, "6.3 GiB", "1.5 GiB")],
)
def test_a_reader_takes_a_quarter_of_what_the_warehouse_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None, warehouse: str, reader: str
) -> None:
    monkeypatch.setattr("warehouse.sql.usable_bytes", lambda: 10 * GIB)
    settings = load_settings(environ={}, home=tmp_path).model_copy(update={"memory_limit": chosen})
    for limit, taken in ((limit_resources, warehouse), (limit_reader, reader)):
        with connect() as connection:
            limit(connection, settings)
            assert connection.execute("select current_setting('memory_limit')").fetchall() == [(taken,)]


SORTED = """
import sys
from pathlib import Path
from warehouse.sql import connect
for repeat in range(3):
    with connect(Path(sys.argv[1]), read_only=True) as connection:
        connection.execute("set threads = 1; set memory_limit = '40MB'")
        rows = connection.execute(
            "select count(*), count(*) filter (where text = md5(cast(n as varchar))) from"
            f" (select n, text, row_number() over (order by hash(n + {sys.argv[2]})) as place from numbers)"
            " where place > 0"
        ).fetchall()
        print(rows, len(list(Path(sys.argv[1]).parent.glob(".*.tmp"))) > 0)
"""


def test_readers_that_do_not_fit_in_memory_leave_each_other_alone(tmp_path: Path) -> None:
    """With DuckDB's own choice of a folder, two such readers of one file crash."""
    file = tmp_path / "loyalty.duckdb"
    with connect(file) as connection:
        connection.execute(
            "create table numbers as select n, md5(cast(n as varchar)) as text from range(600000) as t (n)"
        )
    script = tmp_path / "reader.py"
    script.write_text(SORTED)
    readers = [
        subprocess.Popen([sys.executable, str(script), str(file), str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    for reader in readers:
        told, _ = reader.communicate(timeout=PATIENCE)
        assert told == "[(600000, 600000)] True\n" * 3 and reader.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {file.name, script.name}, "nothing is left"
