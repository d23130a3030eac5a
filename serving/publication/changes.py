"""What a publication changes: each mart beside the live publication's, on its declared key, before it is published.

Late data, a changed definition and a file that came twice look alike in a report. Here they are told apart from new
days: `ops.publication_changes` has, for each mart that changed, the rows added, removed and changed, and for each of
its numbers in how many rows it differs and by how much in all.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, astuple, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from serving.publication.declared_marts import DayColumn, DeclaredMarts
from serving.publication.published_files import CURRENT, PublishedFiles
from serving.publication.state import Publication
from warehouse.files import read_note, write_atomically
from warehouse.relations import Relation
from warehouse.settings import Settings
from warehouse.sql import quote_identifier, transaction

# The row of a mart that counts its rows; the others are about one column each.
ALL_COLUMNS = "*"
# Days that the live publication had counted already, later ones, and rows without a day of their own.
PUBLISHED_BEFORE, NEW, UNDATED = "published_before", "new", "undated"
NUMERIC = re.compile(r"U?(TINY|SMALL|BIG)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL.*")
NOTE = "held_back.json"
CREATE = """
create schema if not exists ops;
create table if not exists ops.publication_changes (
    build_id bigint, publication_id varchar, compared_with varchar, mart varchar, days varchar, column_name varchar,
    rows_before_count bigint, rows_count bigint, added_count bigint, removed_count bigint, changed_count bigint,
    differing_count bigint, difference double, restated_rate double
);
"""
# Changes are kept as long as the runs that made them.
FORGET = """
delete from ops.publication_changes
where build_id = $build_id
    or build_id in (select build_id from ops.builds where opened_at < now() - to_days($days))
"""


@dataclass(frozen=True)
class Change:
    """What changed in a mart, on days of one kind: in its rows (column_name `*`) or in one of its numbers.

    `differing_count`: rows added, removed or changed, or those in which the number differs, where a row that is not
    there has none. `difference`: the sum of the number now less the sum before. `restated_rate`: differing_count of
    days published before over the rows they had. The counts of rows are None for a number, and the last two for rows
    where they do not apply.
    """

    mart: str
    days: str
    column_name: str
    rows_before_count: int | None
    rows_count: int | None
    added_count: int | None
    removed_count: int | None
    changed_count: int | None
    differing_count: int
    difference: float | None
    restated_rate: float | None


def find_changes(
    settings: Settings,
    file: Path,
    live_file: Path,
    live: Publication,
    marts: Iterable[Relation],
    declared: DeclaredMarts,
) -> list[Change]:
    """What changes in each of `marts` from the live publication's file to `file`, by mart, days and column."""
    with closing(PublishedFiles(settings, file)) as files:
        earlier = files.attach(live_file)
        before, after = files.columns(earlier), files.columns()
        found: list[Change] = []
        for mart in sorted({*marts}):
            if mart not in before or mart not in after:
                found.append(_come_or_gone(files, mart, CURRENT if mart in after else earlier))
                continue
            common = {name: kind for name, kind in after[mart].items() if before[mart].get(name) == kind}
            key, day = declared.keys.get(mart.name, ()), declared.days.get(mart.name)
            known_day = day if day and day.column in common else None
            found += _Comparison(files, earlier, mart, common, key, known_day, live.as_of_date).changes()
    return found


def _come_or_gone(files: PublishedFiles, mart: Relation, side: str) -> Change:
    """All rows of a mart that only one side has."""
    rows = files.count(f"from {side}.{mart.sql}")
    added, removed = (rows, 0) if side == CURRENT else (0, rows)
    return Change(mart.name, UNDATED, ALL_COLUMNS, removed, added, added, removed, 0, rows, None, None)


class _Comparison:
    """A mart on both sides: in the columns that both have in one type, on those of them that tell its rows apart."""

    def __init__(
        self,
        files: PublishedFiles,
        earlier: str,
        mart: Relation,
        columns: Mapping[str, str],
        key: Sequence[str],
        day: DayColumn | None,
        as_of: date | None,
    ) -> None:
        self.files, self.mart, self.columns, self.day = files, mart, columns, day
        self.before, self.after = f"{earlier}.{mart.sql}", f"{CURRENT}.{mart.sql}"
        # with a key that one side lacks, only whole rows can be told apart
        self.is_keyed = bool(key) and columns.keys() >= {*key}
        self.key = list(key) if self.is_keyed else list(columns)
        self.numbers = [name for name, kind in columns.items() if name not in self.key and NUMERIC.fullmatch(kind)]
        self.values = {"as_of": as_of} if day else {}

    def changes(self) -> Iterator[Change]:
        """By days: the rows, and each number that differs in one of them."""
        names = ", ".join(map(quote_identifier, self.columns))
        sides = (f"select {names} from {table}" for table in (self.before, self.after))
        self.files.rows_apart(*sides, is_keyed=self.is_keyed)
        counts = {days: (was, now) for days, was, now in self._rows(self._counts())}
        for days, added, removed, changed, *of_numbers in self._rows(self._differences()):
            was, now = counts[days]
            apart = added + removed + changed
            rate = apart / was if days == PUBLISHED_BEFORE and was else None
            yield Change(self.mart.name, days, ALL_COLUMNS, was, now, added, removed, changed, apart, None, rate)
            for number, differing, difference in zip(self.numbers, of_numbers[::2], of_numbers[1::2], strict=True):
                if differing:
                    counted = (None, None, None, None, None)
                    yield Change(self.mart.name, days, number, *counted, differing, difference, None)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.files.connection.execute(query, self.values).fetchall()

    def _counts(self) -> str:
        """Rows of each side by days."""
        days = self._days("{column}")
        return f"""
            select days, cast(sum(was) as bigint), cast(sum(now) as bigint)
            from (
                select {days} as days, count(*) as was, 0 as now from {self.before} group by 1
                union all select {days}, 0, count(*) from {self.after} group by 1
            )
            group by days
            """

    def _differences(self) -> str:
        """Rows added, removed and changed by days, and for each number in how many rows and by how much it differs."""
        key = map(quote_identifier, self.key)
        same = " and ".join(f"removed.{name} is not distinct from added.{name}" for name in key)
        numbers = "".join(f", {self._difference(quote_identifier(name))}" for name in self.numbers)
        return f"""
            select
                {self._days("least(removed.{column}, added.{column})")} as days,
                count(*) filter (where removed."(there)" is null),
                count(*) filter (where added."(there)" is null),
                count(*) filter (where removed."(there)" and added."(there)")
                {numbers}
            from (select *, true as "(there)" from removed) as removed
            full join (select *, true as "(there)" from added) as added on {same}
            group by days
            order by days
            """

    def _difference(self, name: str) -> str:
        total = f"cast(sum(coalesce(added.{name}, 0)) - sum(coalesce(removed.{name}, 0)) as double)"
        return (
            f"count(*) filter (where removed.{name} is distinct from added.{name}),"
            f" case when isfinite({total}) then {total} end"
        )

    def _days(self, written: str) -> str:
        """Which days a row is of; `written` says how the column is read."""
        if self.day is None:
            return f"'{UNDATED}'"
        column = written.format(column=quote_identifier(self.day.column))
        last = f"last_day({column})" if self.day.is_month else column
        return (
            f"case when {column} is null then '{UNDATED}' when {last} <= $as_of then '{PUBLISHED_BEFORE}'"
            f" else '{NEW}' end"
        )


def too_many_restated(settings: Settings, changes: Iterable[Change]) -> str | None:
    """Why a publication is held back, in one sentence; None where it is not."""
    limit = settings.publish.max_restated_rate
    over = [change for change in changes if limit is not None and (change.restated_rate or 0) > limit]
    if limit is None or not over:
        return None
    marts = ", ".join(
        f"{one.differing_count:,} of {one.rows_before_count:,} rows of {one.mart} ({one.restated_rate:.2%})"
        for one in over
    )
    return (
        f"The publication is held back, because of the days published before {marts} would change, and"
        f" publish.max_restated_rate of {settings.path} allows {limit:.2%}: `{settings.command} diff` shows what would"
        f" change, `{settings.command} run --accept` publishes it."
    )


def store_changes(
    connection: DuckDBPyConnection,
    settings: Settings,
    about: Mapping[str, Any],
    live: Publication,
    changes: Iterable[Change],
) -> None:
    """Keep the changes of the publication that `about` names (build_id, publication_id) in the warehouse, in place of
    an earlier one of its build."""
    with transaction(connection):
        connection.execute(FORGET, {"build_id": about["build_id"], "days": settings.retention.run_days})
        insert_changes(connection, changes, about["build_id"], about["publication_id"], live.publication_id)


def insert_changes(
    connection: DuckDBPyConnection,
    changes: Iterable[Change],
    build_id: int | None = None,
    publication_id: str | None = None,
    compared_with: str | None = None,
) -> None:
    """Add changes to ops.publication_changes, which has to exist."""
    rows = [[build_id, publication_id, compared_with, *astuple(change)] for change in changes]
    if rows:
        marks = ", ".join("?" for _ in rows[0])
        connection.executemany(f"insert into ops.publication_changes values ({marks})", rows)


def hold_back(settings: Settings, told: str, changes: Iterable[Change]) -> None:
    """Keep what a publication that is held back would change, for `held_back`."""
    note = {"told": told, "changes": [asdict(change) for change in changes]}
    write_atomically(settings.home / NOTE, json.dumps(note), mode=0o600)


def held_back(settings: Settings) -> tuple[str, list[Change]] | None:
    """Why the last publication was held back, and what it would change; None where it was not."""
    note = read_note(settings.home / NOTE)
    return (note["told"], [Change(**change) for change in note["changes"]]) if note else None


def release(settings: Settings) -> None:
    """Forget what was held back, because a publication has come since."""
    (settings.home / NOTE).unlink(missing_ok=True)
