"""What holds for any input: nothing lost, nothing twice, and no matter how the rows are cut into files and runs."""

import csv
import io
import itertools
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.ingest.landing import Landing

QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
ROWS = st.lists(st.tuples(TEXT, TEXT), max_size=25)
NAMES = "abc"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("properties")


def fresh(root: Path, **table: Any) -> Landing:
    shutil.rmtree(root, ignore_errors=True)
    return Landing(
        root,
        in_memory=True,
        tables={"lines": {"files": "*.csv", "columns": {"x": {"required": True}, "y": {}}, **table}},
    )


def as_csv(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["x", "y"])
    writer.writerows(rows)
    return text.getvalue().encode()


def as_loaded(rows: list[tuple[str, ...]]) -> Counter[tuple[str | None, ...]]:
    """Empty values are NULL."""
    return Counter(tuple(value or None for value in row) for row in rows)


@QUICK
@given(rows=ROWS, cuts=st.lists(st.integers(0, 25), max_size=5), runs=st.lists(st.booleans(), min_size=6, max_size=6))
def test_cutting_rows_into_files_and_runs_changes_nothing(
    root: Path, rows: list[tuple[str, ...]], cuts: list[int], runs: list[bool]
) -> None:
    here = fresh(root)
    edges = [0, *sorted(cut for cut in set(cuts) if 0 < cut < len(rows)), len(rows)]
    parts = [rows[start:end] for start, end in itertools.pairwise(edges)]
    distinct = {as_csv(part): part for part in parts}
    for number, part in enumerate(parts):
        here.write(f"{number}.csv", as_csv(part))
        if runs[number % len(runs)]:
            here.load()
    here.load()
    expected = sum((as_loaded(part) for part in distinct.values()), Counter())
    assert Counter(here.rows("x, y")) == expected
    before = here.rows()
    assert here.load().batch_ids == () and here.rows() == before


@QUICK
@given(
    body=st.lists(st.one_of(st.binary(max_size=10), st.just(b"1,2"), st.just(b'"3","4'), st.just(b'5"')), max_size=20)
)
def test_whatever_a_file_holds_is_loaded_or_rejected(root: Path, body: list[bytes]) -> None:
    here = fresh(root, optional=True)
    here.write("a.csv", b"x,y\n" + b"\n".join(body))
    report = here.load()
    assert report.rows_read == report.rows_loaded + report.rows_malformed
    assert len(here.rows()) == report.rows_loaded and len(here.rejected()) == report.rows_malformed
    numbers = [row for (row,) in here.rows("_row_number")] + [row[1] for row in here.rejected()]
    assert len(numbers) == len(set(numbers))
    good = sum(line == b"1,2" for line in body)
    plain = not any(b'"' in line or b"\n" in line or b"\r" in line for line in body)
    if plain:
        assert len([row for row in here.rows("x, y") if row == ("1", "2")]) == good


FOLDERS = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["1", "2", "3", "4"]), max_size=3), min_size=1, max_size=5
)


@QUICK
@given(FOLDERS)
def test_replaced_files_count_once_whatever_comes_goes_and_changes(root: Path, folders: list[dict[str, str]]) -> None:
    """The live rows are those of the contents that names last held; equal contents count once."""
    here = fresh(root, optional=True)
    held: dict[str, str] = {}
    live: set[str] = set()
    for folder in folders:
        for name in NAMES:
            (here.folder / f"{name}.csv").unlink(missing_ok=True)
        for name, content in folder.items():
            here.write(f"{name}.csv", f"x,y\n{content},\n{content},\n")
        here.load()
        _expect(held, live, folder)
        assert [x for (x,) in here.live("x")] == sorted([*live, *live])


def _expect(held: dict[str, str], live: set[str], folder: dict[str, str]) -> None:
    for name in sorted(folder):
        content, old = folder[name], held.get(name)
        if old != content and old is not None and not any(held.get(o) == old for o in folder if o != name):
            live.discard(old)
        held[name] = content
        live.add(content)
