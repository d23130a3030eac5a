"""Whatever was delivered, in whatever steps it was built: the order history is the one a first build would make."""

import random

import duckdb
import pytest

from tests.properties.company import Company, Rows, expect_same, table_rows
from tests.properties.conftest import MakeCompany
from tests.properties.deliveries import Mess, deliver_mess, replace_file
from tests.properties.graph import CompiledGraph, bare_copy
from tests.properties.reference import verdicts

# In the order of the graph. A run that is killed, or asked for a part, leaves any of them behind.
HISTORY = ["int_exchange_rate_versions", "int_changed_order_lines", "int_order_line_versions", "int_order_days"]
SEEDS = [1, 2, 3, 4]
DELIVERIES = 5
OF_A_LINE = [
    "order_line_id",
    "order_id",
    "customer_id",
    "order_date",
    "order_status",
    "gross_amount",
    "net_amount",
    "cost_amount",
]


@pytest.mark.parametrize("seed", SEEDS)
def test_history_kept_in_steps_is_the_history_built_at_once(
    seed: int, make_company: MakeCompany, graph: CompiledGraph
) -> None:
    company, mess, chance = make_company(replaced=["till"]), Mess(seed), random.Random(seed)
    for number in range(1, DELIVERIES + 1):
        deliver_mess(company, mess, number)
        if number > 1:
            replace_file(company, mess, "till", f"part-{chance.randrange(1, number)}a")
        company.load()
        if number > 2:
            company.build(chance.sample(HISTORY, k=chance.randrange(1, len(HISTORY))))
            deliver_mess(company, mess, 100 + number, new=4, restated=8)
            company.load()
        company.build([f"+{HISTORY[-1]}"] if number == 1 else HISTORY)
        expect_first_build(company, graph)


def expect_first_build(company: Company, graph: CompiledGraph) -> None:
    """The kept history equals that of the graph's SQL on an empty warehouse, which equals the reference."""
    connection = bare_copy(company)
    graph.run(connection, until="int_order_days")
    for model in ("int_order_line_versions", "int_order_days"):
        expect_same(company.rows(model), table_rows(connection, model), model)
    expect_same(_verdicts_in_sql(connection), _verdicts_in_python(connection), "verdicts")
    connection.close()


def _verdicts_in_sql(connection: duckdb.DuckDBPyConnection) -> Rows:
    shown = ", ".join(f"case when verdict = 'accepted' then {name} end" for name in OF_A_LINE)
    return connection.execute(
        f"select _batch_id, _file, _row_number, verdict, reject_reason, {shown}"
        " from intermediate.int_order_line_versions order by 1, 2, 3"
    ).fetchall()


def _verdicts_in_python(connection: duckdb.DuckDBPyConnection) -> Rows:
    return [
        (*place, found.verdict, found.reason, *(found.line.get(name) for name in OF_A_LINE))
        for place, found in sorted(verdicts(connection).items())
    ]
