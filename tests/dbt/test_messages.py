"""Who is told what, over days of runs, some of which fail: the compiled SQL beside the same rules in plain Python."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.prepare import create_operations_tables
from serving.outbox import enqueue_messages
from tests.support.company import generated_settings
from tests.support.compiled import Models, build_models, compile_models
from warehouse import builds
from warehouse.settings import MessagesSettings
from warehouse.sql import connect

pytestmark = pytest.mark.slow

FIRST = date(2024, 5, 1)
LAST_DAY = 12
RULES = MessagesSettings(channel="file", cap_messages=2, cap_days=4, repeat_days=5)
TRIGGERS = ("points_expiry", "tier_change", "reward", "win_back")
MODELS = ("int_message_objections", "int_message_candidates")
INPUTS = """
create schema intermediate;
create table intermediate.int_run_dates (as_of_date date);
create table intermediate.int_permanent_holdout (customer_id varchar);
create table intermediate.int_message_recipients (customer_id varchar, language varchar, withheld_reason varchar);
create table intermediate.int_message_triggers (
    message_id varchar, trigger varchar, priority integer, customer_id varchar, template varchar, subject varchar,
    event_date date, useful_until date, payload varchar
);
create schema staging;
create view staging.stg_ops__earlier_messages as from ops.earlier_messages;
"""


@dataclass(frozen=True)
class Occasion:
    """What a customer could be told from one day to another, counted from FIRST."""

    customer: int
    trigger: int
    subject: str
    event: int
    begins: int
    lasts: int

    @property
    def message_id(self) -> str:
        return f"{self.customer}-{self.trigger}-{self.subject}-{self.event}"

    def stands(self, day: int) -> bool:
        return self.begins <= day <= self.begins + self.lasts


@dataclass(frozen=True)
class Run:
    """A run as of a day, and whether its build passes the gate."""

    day: int
    passes: bool


OCCASIONS = st.lists(
    st.builds(
        Occasion,
        customer=st.integers(0, 2),
        trigger=st.integers(0, 3),
        subject=st.sampled_from("ab"),
        event=st.integers(0, 2),
        begins=st.integers(0, LAST_DAY),
        lasts=st.integers(0, LAST_DAY),
    ),
    max_size=14,
    unique_by=lambda occasion: occasion.message_id,
)
# Some look back from a day before that of an earlier run.
RUNS = st.lists(st.builds(Run, st.integers(0, LAST_DAY), st.booleans()), max_size=8)
# The customer 2 does not want any message.
WITHHELD = {2: "opted_out"}


@pytest.fixture(scope="module")
def models(generated_manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """MODELS under RULES."""
    company = generated_settings(tmp_path_factory.mktemp("company"), generated_manifests)
    return compile_models(company.model_copy(update={"messages": RULES}), MODELS)


@contextmanager
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        connection.execute("attach ':memory:' as warehouse; use warehouse")
        create_operations_tables(connection)
        connection.execute(INPUTS)
        for customer in range(3):
            values = [f"c{customer}", "en", WITHHELD.get(customer)]
            connection.execute("insert into intermediate.int_message_recipients values (?, ?, ?)", values)
        yield connection


def build(connection: duckdb.DuckDBPyConnection, models: Models, occasions: Sequence[Occasion], run: Run) -> int:
    """One run: today's occasions, the candidates made of them, the posting, the gate. Returns what was created."""
    connection.execute("delete from intermediate.int_run_dates; delete from intermediate.int_message_triggers")
    connection.execute("insert into intermediate.int_run_dates values (?)", [FIRST + timedelta(run.day)])
    for one in occasions:
        if one.stands(run.day):
            values = [one.message_id, TRIGGERS[one.trigger], one.trigger, f"c{one.customer}", "x", one.subject]
            connection.execute(
                "insert into intermediate.int_message_triggers values (?, ?, ?, ?, ?, ?, ?, null, '{}')",
                [*values, FIRST + timedelta(one.event)],
            )
    build_models(connection, models)
    build_id = builds.open_build(connection, "run", None)
    created = enqueue_messages(connection, build_id)
    if run.passes:
        builds.pass_build(connection, build_id, {"check"}, {"check"})
    return created


def told_by_hand(occasions: Sequence[Occasion], told: dict[Occasion, int], day: int) -> list[Occasion]:
    """Whom a run of that day tells what, `told` being what earlier runs have told and when."""
    chosen: list[Occasion] = []
    if any(when > day for when in told.values()):
        return chosen
    for customer in range(3):
        if customer in WITHHELD:
            continue
        mine = {one: when for one, when in told.items() if one.customer == customer}
        room = RULES.cap_messages - sum(day - when < RULES.cap_days for when in mine.values())
        lately = {(one.trigger, one.subject) for one, when in mine.items() if day - when < RULES.repeat_days}
        free = [
            one
            for one in occasions
            if one.customer == customer and one.stands(day) and one not in told
            if (one.trigger, one.subject) not in lately
        ]
        chosen += sorted(free, key=lambda one: (one.trigger, one.event, one.subject))[: max(room, 0)]
    return chosen


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OCCASIONS, RUNS)
def test_runs_of_any_days_tell_what_the_rules_say_and_tell_it_once(
    models: Models, occasions: list[Occasion], runs: list[Run]
) -> None:
    told: dict[Occasion, int] = {}
    with warehouse() as connection:
        for run in runs:
            expected = told_by_hand(occasions, told, run.day)
            assert build(connection, models, occasions, run) == len(expected)
            if run.passes:
                told |= dict.fromkeys(expected, run.day)
                assert build(connection, models, occasions, run) == 0
        found = connection.execute("select message_id, as_of_date from ops.earlier_messages order by all").fetchall()
    assert found == sorted((one.message_id, FIRST + timedelta(day)) for one, day in told.items())
