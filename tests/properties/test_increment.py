"""Whatever was delivered, in whatever steps it was built: the order history is the one a first build would make."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from dagster_project.dbt_runner import variables
from dagster_project.dbt_runner.source_models import COMPANY, FOLDER
from dagster_project.dbt_runner.variables import DBT_DIR, HISTORY_PATHS
from tests.properties.company import Company, Rows, expect_same, table_rows
from tests.properties.conftest import MakeCompany
from tests.properties.deliveries import FIRST_DAY, Mess, deliver_mess, replace_file
from tests.properties.graph import CompiledGraph, bare_copy
from tests.properties.reference import row_statuses
from warehouse.ingest.batches import TableId, next_batch_id, write_batch
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import Settings

pytestmark = pytest.mark.slow

# In the order of the graph. A run that is killed, or asked for a part, leaves any of them behind.
HISTORY = [
    "int_exchange_rate_versions",
    "int_exchange_rate_periods",
    "int_product_versions",
    "int_changed_order_lines",
    "int_order_line_versions",
    "int_order_days",
]
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


def test_rows_that_their_database_no_longer_has_do_not_count(make_company: MakeCompany, graph: CompiledGraph) -> None:
    company, mess = make_company(), Mess(6)
    for number in range(1, 4):
        deliver_mess(company, mess, number)
        company.load()
        company.build([f"+{HISTORY[-1]}"] if number == 1 else HISTORY)
    lines = "intermediate.int_order_line_versions where _source = 'shop' and hash(order_line_id) % 7 = 0"
    with company.warehouse() as connection:
        counted = connection.execute(f"select count(*) from {lines} and row_status = 'accepted'").fetchall()
        batch = next_batch_id(connection)
        write_batch(connection, TableId("shop", "order_lines"), "public.order_lines", batch, None, (0, 0, 0))
        connection.execute(
            f"insert into ops.deleted_rows select 'shop', 'order_lines', _batch_id, _row_number, $batch from {lines}",
            {"batch": batch},
        )
    company.build(HISTORY)
    with company.warehouse() as connection:
        left = connection.execute(f"select distinct row_status from {lines}").fetchall()
    assert counted[0][0] > 3 and set(left) <= {("rejected",), ("superseded",)}
    expect_first_build_in_sql(company, graph)


def test_a_line_waits_for_the_rate_of_its_day_and_follows_it(make_company: MakeCompany) -> None:
    company, mess = make_company(), Mess(0)
    day, net = FIRST_DAY, Decimal("10.01")
    line = {**mess.new_lines("shop", 1)[0], "order_id": "O1", "order_status": "completed", "quantity": 1}
    line |= {"ordered_at": datetime.combine(day, time(15)), "net_amount": net, "discount_amount": Decimal(0)}
    lines = [
        {**line, "order_line_id": "foreign", "currency": "USD", "gross_amount": net},
        {**line, "order_line_id": "ours", "currency": "EUR", "gross_amount": net},
    ]
    company.deliver("shop", "order_lines", "part-1", lines)

    def after(rate: str | None, models: Sequence[str] = HISTORY) -> tuple[Rows, Rows]:
        """The foreign line's row_status and its order's net sales, once the rate was delivered."""
        if rate:
            rates = [{"rate_date": day, "currency": "USD", "rate": Decimal(rate)}]
            company.deliver("shop", "exchange_rates", f"rate-{len(rate)}-{rate}", rates)
        company.load()
        company.build(models)
        with company.warehouse() as connection:
            row_status = connection.execute(
                "select row_status, reject_reason, net_amount, net_amount_delivered"
                " from intermediate.int_order_line_versions where order_line_id = 'shop-foreign'"
            ).fetchall()
            return row_status, connection.execute("select net_amount from intermediate.int_order_days").fetchall()

    waiting = ("rejected", f"no exchange rate for USD on {day}", None, net)
    assert after(None, [f"+{HISTORY[-1]}"]) == ([waiting], [(net,)])
    assert after("0.91") == ([("accepted", None, Decimal("9.1091"), net)], [(net + Decimal("9.1091"),)])
    assert after("0.915") == ([("accepted", None, Decimal("9.1592"), net)], [(net + Decimal("9.1592"),)])
    assert after("-1.0000") == ([("accepted", None, Decimal("9.1592"), net)], [(net + Decimal("9.1592"),)])


def test_a_line_without_a_cost_costs_what_its_product_does_and_follows_it(
    make_company: MakeCompany, graph: CompiledGraph
) -> None:
    company, mess = make_company(), Mess(0)
    line = {**mess.new_lines("shop", 1)[0], "order_status": "completed", "currency": "EUR", "product_id": "p1"}
    line |= {"order_id": "O1", "net_amount": Decimal(10), "gross_amount": Decimal(10), "discount_amount": Decimal(0)}
    back = {"quantity": -1, "net_amount": Decimal(-10), "gross_amount": Decimal(-10)}
    lines = [
        {**line, "order_line_id": "own", "quantity": 3, "cost_amount": Decimal(4)},
        {**line, "order_line_id": "sold", "quantity": 3, "cost_amount": None},
        {**line, "order_line_id": "back", "cost_amount": None, **back},
        {**line, "order_line_id": "other", "quantity": 3, "cost_amount": None, "product_id": "p2"},
    ]
    company.deliver("shop", "order_lines", "part-1", lines)

    def costs(unit_cost: str | None, models: Sequence[str] = HISTORY) -> dict[str, Decimal | None]:
        """What each line costs, once this was delivered of its product."""
        products = [{"product_id": "p1", "unit_cost": unit_cost and Decimal(unit_cost)}]
        company.deliver("shop", "products", f"of-{unit_cost}", products)
        company.load()
        company.build(models)
        expect_first_build_in_sql(company, graph)
        with company.warehouse() as connection:
            found = connection.execute("select order_line_id, cost_amount from intermediate.int_order_line_versions")
            return {name.removeprefix("shop-"): cost for name, cost in found.fetchall()}

    known = {"own": Decimal(4), "other": None}
    assert costs(None, [f"+{HISTORY[-1]}"]) == {**known, "sold": None, "back": None}
    assert costs("1.5") == {**known, "sold": Decimal("4.5"), "back": Decimal("-1.5")}
    assert costs("2") == {**known, "sold": Decimal(6), "back": Decimal(-2)}
    assert costs("2.0") == costs("2")
    with company.warehouse() as connection:
        changed = connection.execute("select count(*) from intermediate.int_changed_order_lines").fetchone()
    assert changed == (0,), "a product that comes again with the same cost touches no line"


def test_of_rows_at_the_same_place_of_two_sheets_one_stands(make_company: MakeCompany, graph: CompiledGraph) -> None:
    company, mess = make_company(), Mess(5)
    company.deliver("shop", "order_lines", "part-1", mess.new_lines("shop", 30))
    company.load()
    connection = bare_copy(company)
    connection.execute(
        "insert into raw_shop.order_lines by name select * replace (_file || '#second' as _file, 7 as quantity)"
        " from raw_shop.order_lines"
    )
    graph.run(connection, until="int_order_line_versions")
    found = _row_statuses_in_sql(connection)
    expect_same(found, _row_statuses_in_python(connection), "row_statuses")
    assert {row[1].endswith("#second") for row in found if row[3] == "accepted" and row[6] is not None} == {True, False}


def test_history_is_built_anew_when_anything_it_is_made_of_changes(make_company: MakeCompany) -> None:
    manifest = make_company().project.manifest()
    used = {file for name in HISTORY for file in _project_files(manifest, f"model.loyalty_warehouse.{name}", set())}
    assert len(used) > 10
    assert all((DBT_DIR / path).exists() for path in HISTORY_PATHS)
    # what the sources add is written under its hash, a variable that the signature covers
    covered = (*HISTORY_PATHS, f"{FOLDER}/", f"{COMPANY}/")
    assert [file for file in sorted(used) if not file.startswith(covered)] == []


def _project_files(manifest: Mapping[str, Any], unique_id: str, seen: set[str]) -> Iterator[str]:
    """The project's own files that a node or macro is made of, those of its parents and macros included."""
    node = manifest["nodes"].get(unique_id) or manifest["macros"].get(unique_id)
    if unique_id in seen or node is None or node["package_name"] != "loyalty_warehouse":
        return
    seen.add(unique_id)
    yield node["original_file_path"]
    for parent in [*node["depends_on"].get("macros", []), *node["depends_on"].get("nodes", [])]:
        yield from _project_files(manifest, parent, seen)


def expect_first_build_in_sql(company: Company, graph: CompiledGraph) -> duckdb.DuckDBPyConnection:
    """The kept history equals that of the graph's SQL on an empty warehouse, which is returned."""
    connection = bare_copy(company)
    graph.run(connection, until="int_order_days")
    for model in ("int_order_line_versions", "int_order_days"):
        expect_same(company.rows(model), table_rows(connection, model), model)
    return connection


def expect_first_build(company: Company, graph: CompiledGraph) -> None:
    """The kept history is that of a first build, which equals the reference."""
    connection = expect_first_build_in_sql(company, graph)
    expect_same(_row_statuses_in_sql(connection), _row_statuses_in_python(connection), "row_statuses")
    connection.close()


def _row_statuses_in_sql(connection: duckdb.DuckDBPyConnection) -> Rows:
    shown = ", ".join(f"case when row_status = 'accepted' then {name} end" for name in OF_A_LINE)
    return connection.execute(
        f"select _batch_id, _file, _row_number, row_status, reject_reason, {shown}"
        " from intermediate.int_order_line_versions order by 1, 2, 3"
    ).fetchall()


def _row_statuses_in_python(connection: duckdb.DuckDBPyConnection) -> Rows:
    return [
        (*place, found.row_status, found.reason, *(found.line.get(name) for name in OF_A_LINE))
        for place, found in sorted(row_statuses(connection).items())
    ]


def test_an_order_that_comes_again_replaces_all_its_lines_where_its_table_says_so(
    make_company: MakeCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line is taken out of the order in a later file; of the till, which does not say so, it stays."""
    read = variables.load_sources_config

    def replacing(settings: Settings) -> dict[str, SourceConfig]:
        sources = read(settings)
        shop = sources["shop"]
        lines = shop.tables["order_lines"].model_copy(update={"replaces": "order_id"})
        return {**sources, "shop": shop.model_copy(update={"tables": {**shop.tables, "order_lines": lines}})}

    monkeypatch.setattr(variables, "load_sources_config", replacing)
    company, mess = make_company(), Mess(5)
    line = {**mess.new_lines("shop", 1)[0], "currency": "EUR", "order_status": "completed", "quantity": 1}
    for source in ("shop", "till"):
        both = [{**line, "order_id": "O", "order_line_id": name, "net_amount": Decimal(60), "gross_amount": Decimal(60),
                 "discount_amount": Decimal(0), "original_order_id": None} for name in ("kept", "gone")]  # fmt: skip
        company.deliver(source, "order_lines", "part-1", both)
    company.load()
    company.build([f"+{HISTORY[-1]}"])
    for source in ("shop", "till"):
        company.deliver(source, "order_lines", "part-2", both[:1])
    company.load()
    company.build(HISTORY)
    with company.warehouse() as connection:
        days = connection.execute("select order_id, net_amount from intermediate.int_order_days order by 1").fetchall()
        assert days == [("shop-O", Decimal(60)), ("till-O", Decimal(120))]
        assert connection.execute(
            "select row_status, count(*) from intermediate.int_order_line_versions"
            " where _source = 'shop' group by 1 order by 1"
        ).fetchall() == [("accepted", 1), ("superseded", 2)]
