"""Generations: whether what stands in the warehouse may be published.

Each build opens a generation before its first write and passes it after its last check; whatever lies between (a
failed check, a crash, a check that never ran) leaves it not passed, and `publish` refuses it. The state lives in the
warehouse itself, in ops.gates, so that it travels with the data it speaks of, whichever process asks later.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from duckdb import DuckDBPyConnection

from warehouse.errors import UserError

NAMED_CHECKS = 10

CREATE = """
create schema if not exists ops;
create table if not exists ops.gates (
    generation bigint primary key,
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
class Generation:
    """One build of the warehouse: when it was opened, and when and why it passed or failed (times in UTC)."""

    generation: int
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


def open_generation(connection: DuckDBPyConnection, run_id: str, as_of_date: date | None = None) -> int:
    """Open a new generation, not passed, and return its number. To be called before a build's first write."""
    connection.execute(CREATE)
    row = connection.execute(
        """
        insert into ops.gates (generation, run_id, as_of_date, opened_at)
        select coalesce(max(generation), 0) + 1, $run_id, $as_of_date, now() from ops.gates
        returning generation
        """,
        {"run_id": run_id, "as_of_date": as_of_date},
    ).fetchone()
    assert row is not None
    return int(row[0])


def record_failure(connection: DuckDBPyConnection, generation: int, failure: str) -> None:
    """Mark a generation as failed for good. A second failure is added on a line of its own; the first time stays."""
    connection.execute(
        """
        update ops.gates
        set failed_at = coalesce(failed_at, now()), passed_at = null, failure = concat_ws(chr(10), failure, $failure)
        where generation = $generation
        """,
        {"generation": generation, "failure": failure},
    )


def pass_generation(
    connection: DuckDBPyConnection, generation: int, expected: Collection[str], passed: Collection[str]
) -> None:
    """Pass a generation whose every expected check has passed; more than expected may have passed.

    Raises UserError, and records it as the generation's failure, when a check is missing or nothing was expected;
    raises without a record when the generation has failed before or a later one is open.
    """
    last = last_generation(connection)
    if last is None or last.generation != generation:
        found = "none" if last is None else f"{last.generation} (run {last.run_id})"
        raise UserError(f"Generation {generation} cannot pass: the warehouse's last generation is {found}.")
    if last.failed_at:
        raise UserError(_refusal(last))
    missing = sorted(set(expected) - set(passed))
    connection.execute(
        "update ops.gates set expected_checks = $expected, passed_checks = $passed where generation = $generation",
        {"generation": generation, "expected": len(set(expected)), "passed": len(set(expected)) - len(missing)},
    )
    if missing or not expected:
        failure = _missing(missing, len(set(expected))) if missing else "no check was expected, so none was passed"
        record_failure(connection, generation, failure)
        raise UserError(f"Generation {generation} (run {last.run_id}) cannot pass: {failure}.")
    connection.execute("update ops.gates set passed_at = now() where generation = $1", [generation])


def last_generation(connection: DuckDBPyConnection) -> Generation | None:
    """The newest generation, whatever became of it; None in a warehouse that was never built."""
    known = connection.execute(
        """
        select count(*) from duckdb_tables()
        where database_name = current_database() and schema_name = 'ops' and table_name = 'gates'
        """
    ).fetchone()
    if known == (0,):
        return None
    row = connection.execute(
        """
        select
            generation, run_id, as_of_date, opened_at, passed_at, failed_at, failure, expected_checks, passed_checks
        from ops.gates
        order by generation desc
        limit 1
        """
    ).fetchone()
    return None if row is None else Generation(*row)


def require_passed(connection: DuckDBPyConnection) -> Generation:
    """The last generation, if it passed. Raises UserError saying which check failed or what never finished."""
    last = last_generation(connection)
    if last is None:
        raise UserError("Nothing was built in this warehouse yet, so nothing can be published: start `loyalty run`.")
    if last.status != "passed":
        raise UserError(_refusal(last))
    return last


def _refusal(last: Generation) -> str:
    who = f"Generation {last.generation} (run {last.run_id})"
    what = (
        f"{who} failed at {_shown(last.failed_at)}: {last.failure}"
        if last.failed_at
        else f"{who} was opened at {_shown(last.opened_at)} and did not finish"
    )
    return f"{what}\nIt is not published; the last good copy stays. Mend the cause and start `loyalty run` again."


def _missing(missing: list[str], expected: int) -> str:
    named = ", ".join(missing[:NAMED_CHECKS])
    more = f" and {len(missing) - NAMED_CHECKS} more" if len(missing) > NAMED_CHECKS else ""
    return f"{len(missing)} of {expected} checks did not pass or did not run: {named}{more}"


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "an unknown time"
