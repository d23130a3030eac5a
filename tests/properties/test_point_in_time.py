"""What is told as of a day knows nothing of what came later, and is what history says of that day ever after."""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

import duckdb
import pytest

from tests.properties.company import Rows, expect_same, table_rows
from tests.properties.conftest import FEATURES, MakeCompany
from tests.properties.deliveries import Mess, deliver_mess, deliver_people
from tests.properties.graph import CompiledGraph, bare_copy
from tests.properties.later import HOW, change_what_is_later

T = TypeVar("T")

DAYS = [date(2024, 2, 29), date(2024, 4, 30), date(2024, 5, 31)]
LAST_DAY = date(2024, 6, 12)
# Tables that keep the past, the column that dates a row, and columns that may only be known later.
HISTORIES: dict[str, tuple[str, list[str]]] = {
    "fct_customer_rfm": ("as_of_date", []),
    "rpt_rfm_segments": ("as_of_date", []),
    "fct_rfm_migrations": ("month", []),
    "rpt_customer_growth_monthly": ("month", []),
    "int_churn_features": ("snapshot_date", ["churned"]),
}
# A history too short to learn from has a snapshot of its last day alone.
FIRST_DAYS = {"int_churn_features": date(2024, 4, 10)}


def loaded(make_company: MakeCompany, seed: int) -> duckdb.DuckDBPyConnection:
    """What ingest made of three deliveries."""
    company, mess = make_company(), Mess(seed)
    for number in (1, 2, 3):
        deliver_mess(company, mess, number, new=60)
    deliver_people(company, mess)
    company.load()
    return bare_copy(company)


@pytest.mark.parametrize(
    ("seed", "data_through"),
    [
        pytest.param(12, LAST_DAY, marks=pytest.mark.slow),
        *(pytest.param(seed, None, marks=pytest.mark.campaign) for seed in (11, 13)),
    ],
)
def test_what_came_later_changes_nothing_and_history_agrees(
    seed: int, data_through: date | None, make_company: MakeCompany, graph: CompiledGraph
) -> None:
    connection = loaded(make_company, seed)
    told = graph.marts + FEATURES

    def tell(as_of: date) -> dict[str, Rows]:
        graph.run(connection, as_of=as_of, data_through=data_through)
        return {name: table_rows(connection, name) for name in told}

    def tell_with_history(day: date) -> tuple[dict[str, Rows], dict[str, Rows]]:
        return tell(day), history(connection, day)

    def change_and_tell(day: date, how: str) -> dict[str, Rows]:
        assert change_what_is_later(connection, day, how) > 5
        return tell(day)

    tell(LAST_DAY)
    for day in DAYS:
        of_the_day, as_of_day = undone(connection, lambda day=day: tell_with_history(day))
        for name, rows in history(connection, day).items():
            expect_same(rows, as_of_day[name], f"{name}: history of {day}")
        for how in HOW:
            changed = undone(connection, lambda day=day, how=how: change_and_tell(day, how))
            for name in told:
                expect_same(changed[name], of_the_day[name], f"{name} as of {day}, {how}")


def history(connection: duckdb.DuckDBPyConnection, day: date) -> dict[str, Rows]:
    """What the tables of HISTORIES say of month ends up to a day."""
    return {name: _history(connection, name, day) for name in HISTORIES}


def _history(connection: duckdb.DuckDBPyConnection, name: str, day: date) -> Rows:
    dated, unknown = HISTORIES[name]
    excluded = f"exclude ({', '.join(unknown)})" if unknown else ""
    schema = "intermediate" if name.startswith("int_") else "marts"
    return connection.execute(
        f"select * {excluded} from {schema}.{name} where {dated} between $first and $day order by all",
        {"first": FIRST_DAYS.get(name, date.min), "day": day},
    ).fetchall()


def undone(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """What `work` gives; what it changed is taken back."""
    connection.execute("begin")
    try:
        return work()
    finally:
        connection.execute("rollback")
