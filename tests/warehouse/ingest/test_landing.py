"""Which files of a folder are a table's, in which order they follow, and where links may lead."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError
from warehouse.ingest.check import check_source
from warehouse.ingest.landing import find_files, natural_order

Make = Callable[..., Landing]


def test_names_are_counted_as_people_count_them() -> None:
    names = ["part-10.csv", "orders_export_1 (1).csv", "orders_export_1.csv", "part-2.csv", "b/1.csv", "B.csv", "a.csv"]
    assert sorted(names, key=natural_order) == [
        "a.csv", "B.csv", "orders_export_1.csv", "orders_export_1 (1).csv", "part-2.csv", "part-10.csv", "b/1.csv",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", ["A.CSV", "b.csv"]),
        ("**/*.csv", ["A.CSV", "b.csv", "x/y/d.Csv"]),
        ("x/*.csv", []),
        ("[ab].csv", ["A.CSV", "b.csv"]),
        ("[!a].csv", ["b.csv"]),
        ("?.csv", ["A.CSV", "b.csv"]),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    for name in ("A.CSV", "b.csv", "x/y/d.Csv", "x/.hidden.csv", "~$lock.csv", "c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("id\n")
    assert list(find_files([pattern], tmp_path)) == expected


@pytest.mark.parametrize(
    "name", ["s[1].parquet", "s*.parquet", "s?.parquet", "o'brien (1).parquet", "kühl.parquet", "y[2024]/s.parquet"]
)
def test_a_name_is_no_pattern(landing: Make, name: str) -> None:
    """Beside s1.parquet, which the same text would match as a pattern."""
    here = landing(files="**/*.parquet")
    here.write_parquet("s1.parquet", "select 9 as id")
    here.write_parquet("y2/s.parquet", "select 8 as id")
    path = here.folder / name
    path.parent.mkdir(exist_ok=True)
    here.write_parquet("made.parquet", "select 1 as id").rename(path)
    here.load()
    assert here.query("select id, _file from raw_till.lines order by id") == [
        (1, name),
        (8, "y2/s.parquet"),
        (9, "s1.parquet"),
    ]


def at(path: Path, day: int) -> None:
    os.utime(path, (1_700_000_000 + day * 86_400,) * 2)


def test_the_later_change_wins_and_a_conflict_with_the_names_is_told(landing: Make) -> None:
    here = landing(key=["id"], columns={"id": {}, "v": {}})
    at(here.write("orders_1.csv", "id,v\n1,new\n"), 2)
    at(here.write("orders_1 (1).csv", "id,v\n1,old\n"), 1)
    report = here.load()
    assert report.files_new == ("orders_1 (1).csv", "orders_1.csv")
    assert report.notes == (
        "orders_1.csv was changed after orders_1 (1).csv, although its name comes before; the later change wins",
    )


def test_keys_that_a_file_no_longer_holds_are_told_and_stay(landing: Make) -> None:
    here = landing(key=["id"], columns={"id": {}, "v": {}})
    here.write("a.csv", "id,v\n1,x\n2,x\n3,x\n")
    assert here.load().notes == ()
    here.write("a.csv", "id,v\n1,y\n4,y\n")
    assert here.load().notes == (
        "a.csv: keys of its earlier version that are not in the new one, and stay: 2. `on_change: replace` lets a"
        " file's new version replace the earlier one.",
    )
    here.write("a.csv", "id,v\n1,z\n4,z\n5,z\n")
    assert here.load().notes == ()


def test_files_of_one_moment_follow_their_names(landing: Make) -> None:
    here = landing(key=["id"], columns={"id": {}, "v": {}})
    for second, name in enumerate(["part-10.csv", "part-9.csv", "part-9 (1).csv"]):
        path = here.write(name, f"id,v\n1,{name}\n")
        os.utime(path, (1_700_000_000 + second,) * 2)
    report = here.load()
    assert report.files_new == ("part-9.csv", "part-9 (1).csv", "part-10.csv") and report.notes == ()


def test_a_link_out_of_the_folder_is_refused_by_name(landing: Make, tmp_path: Path) -> None:
    here = landing()
    (tmp_path / "private.csv").write_text("id\nsecret\n")
    (here.folder / "mine.csv").symlink_to(tmp_path / "private.csv")
    with pytest.raises(UserError, match=r"mine\.csv: a link that leads out of the input folder, to .*private\.csv"):
        here.load()
    assert next(iter(check_source(here.source, here.settings))).is_error


def test_a_link_to_itself_is_refused_by_name(landing: Make) -> None:
    here = landing()
    here.write("a.csv", "id\n1\n")
    (here.folder / "b.csv").symlink_to("c.csv")
    (here.folder / "c.csv").symlink_to("b.csv")
    with pytest.raises(UserError, match=r"[bc]\.csv: a link that leads (to itself|out)"):
        here.load()


@pytest.mark.parametrize(
    "name", [b"a\nshop: no problems.csv", b"a\x1b[31m.csv", b"a\xff.csv", b"a\xe2\x80\xa8.csv", b"b\n\xff.csv"]
)
def test_a_name_that_cannot_be_shown_is_refused_on_one_line(landing: Make, name: bytes) -> None:
    here = landing()
    Path(os.fsdecode(os.fsencode(here.folder) + b"/" + name)).write_text("id\n1\n")
    with pytest.raises(UserError, match="the name holds a control character or is not UTF-8") as refused:
        here.load()
    assert str(refused.value).isprintable() and next(iter(check_source(here.source, here.settings))).is_error


def test_a_linked_folder_is_refused_where_tables_reach_below(landing: Make, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.csv").write_text("id\nsecret\n")
    here = landing(files="**/*.csv")
    here.write("b.csv", "id\n1\n")
    (here.folder / "in").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(UserError, match="leads out of the input folder"):
        here.load()


def test_a_link_within_the_folder_is_followed(landing: Make) -> None:
    here = landing(files="*.csv")
    here.write("2024.txt", "id\n1\n")
    (here.folder / "latest.csv").symlink_to(here.folder / "2024.txt")
    assert here.load().files_new == ("latest.csv",)


def test_files_that_no_table_asks_for_are_told(landing: Make) -> None:
    here = landing()
    here.write("a.csv", "id\n1\n")
    here.write("b.xlsx", "")
    assert here.load().notes == (
        "1 other files of the folder are not used, since no table's `files:` names them: b.xlsx",
    )
