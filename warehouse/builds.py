"""Builds: whether the content of the warehouse may be published.

Each build opens a row before its first write and passes it after its last check; whatever lies between (a failed check,
a crash, a check that never ran) leaves it not passed, and `publish` refuses it. The state is kept in the warehouse
itself, in ops.builds, so that it stays with its data, whichever process asks later.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from duckdb import DuckDBPyConnection

from warehouse.errors import UserError, first_of

NAMED_CHECKS = 10

CREATE = """
create schema if not exists ops;
create table if not exists ops.builds (
    build_id bigint primary key,
    run_id varchar not null,
    as_of_date date,
    opened_at timestamptz not null,
    passed_at timestamptz,
    failed_at timestamptz,
    failure varchar,
    expected_checks bigint,
    passed_checks bigint
);
"""


@dataclass(frozen=True)
class Build:
    """One build of the warehouse: when it was opened, and when and why it passed or failed (times in UTC)."""

    build_id: int
    run_id: str
    as_of_date: date | None
    opened_at: datetime
    passed_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    expected_checks: int | None
    passed_checks: int | None

    @property
    def status(self) -> str:
        """One of: passed, failed, open (still being built, or its build was cut off)."""
        if self.failed_at:
            return "failed"
        return "passed" if self.passed_at else "open"


def open_build(connection: DuckDBPyConnection, run_id: str, as_of_date: date | None = None) -> int:
    """Open a new build, not passed, and return its number. To be called before a build's first write."""
    connection.execute(CREATE)
    row = connection.execute(
        """
        insert into ops.builds (build_id, run_id, as_of_date, opened_at)
        select coalesce(max(build_id), 0) + 1, $run_id, $as_of_date, now() from ops.builds
        returning build_id
        """,
        {"run_id": run_id, "as_of_date": as_of_date},
    ).fetchone()
    assert row is not None
    return int(row[0])


def record_failure(connection: DuckDBPyConnection, build_id: int, failure: str) -> None:
    """Mark a build as failed for good. A second failure is added on a line of its own; the first time stays."""
    connection.execute(
        """
        update ops.builds
        set failed_at = coalesce(failed_at, now()), passed_at = null, failure = concat_ws(chr(10), failure, $failure)
        where build_id = $build_id
        """,
        {"build_id": build_id, "failure": failure},
    )


def pass_build(
    connection: DuckDBPyConnection, build_id: int, expected: Collection[str], passed: Collection[str]
) -> None:
    """Pass a build whose every expected check has passed; more than expected may have passed.

    Raises UserError, and records it as the build's failure, when a check is missing or nothing was expected;
    raises without a record when the build has failed before or a later one is open.
    """
    last = last_build(connection)
    if last is None or last.build_id != build_id:
        found = "none" if last is None else f"{last.build_id} (run {last.run_id})"
        raise UserError(f"Build {build_id} cannot pass: the warehouse's last build is {found}.")
    if last.failed_at:
        raise UserError(_refusal(last))
    missing = sorted(set(expected) - set(passed))
    connection.execute(
        "update ops.builds set expected_checks = $expected, passed_checks = $passed where build_id = $build_id",
        {"build_id": build_id, "expected": len(set(expected)), "passed": len(set(expected)) - len(missing)},
    )
    if missing or not expected:
        failure = _missing(missing, len(set(expected))) if missing else "no check was expected, so none was passed"
        record_failure(connection, build_id, failure)
        raise UserError(f"Build {build_id} (run {last.run_id}) cannot pass: {failure}.")
    connection.execute("update ops.builds set passed_at = now() where build_id = $1", [build_id])


def last_build(connection: DuckDBPyConnection) -> Build | None:
    """The newest build, whatever its status; None in a warehouse that was never built."""
    known = connection.execute(
        """
        select count(*) from duckdb_tables()
        where database_name = current_database() and schema_name = 'ops' and table_name = 'builds'
        """
    ).fetchone()
    if known == (0,):
        return None
    row = connection.execute(
        """
        select
            build_id, run_id, as_of_date, opened_at, passed_at, failed_at, failure, expected_checks, passed_checks
        from ops.builds
        order by build_id desc
        limit 1
        """
    ).fetchone()
    return None if row is None else Build(*row)


def require_passed(connection: DuckDBPyConnection) -> Build:
    """The last build, if it passed. Raises UserError that names the failed check or the unfinished part."""
    last = last_build(connection)
    if last is None:
        raise UserError("Nothing was built in this warehouse yet, so nothing can be published: start `loyalty run`.")
    if last.status != "passed":
        raise UserError(_refusal(last))
    return last


def _refusal(last: Build) -> str:
    who = f"Build {last.build_id} (run {last.run_id})"
    what = (
        f"{who} failed at {_shown(last.failed_at)}: {last.failure}"
        if last.failed_at
        else f"{who} was opened at {_shown(last.opened_at)} and did not finish"
    )
    return f"{what}\nIt is not published; the last good copy stays. Mend the cause and start `loyalty run` again."


def _missing(missing: list[str], expected: int) -> str:
    return f"{len(missing)} of {expected} checks did not pass or did not run: {first_of(missing, NAMED_CHECKS)}"


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "an unknown time"
