"""How the input is cut into files and runs, and in which order its rows come, changes no mart."""

from collections.abc import Callable

import pytest

from tests.properties.company import Company, Rows, expect_same, table_rows
from tests.properties.conftest import FEATURES, MakeCompany
from tests.properties.deliveries import Line, Mess, people
from tests.properties.graph import CompiledGraph, bare_copy

Input = dict[tuple[str, str], list[Line]]
# They need a product that was bought again thirty times, and customers of half a year.
NEED_MORE = {"rpt_replenishment", "rpt_next_products"}


def everything(mess: Mess) -> Input:
    """One row a key of every entity."""
    found: Input = {(source, "order_lines"): mess.new_lines(source, 400) for source in ("shop", "till")}
    rates = {(rate["rate_date"], rate["currency"]): rate for rate in mess.new_rates(20)}
    found["shop", "exchange_rates"] = list(rates.values())
    return found | {("shop", entity): rows for entity, rows in people(mess).items()}


def at_once(company: Company, mess: Mess, rows: Input) -> None:
    """As the tests of one delivery see it: sorted, a file an entity."""
    for (source, entity), listed in rows.items():
        company.deliver(source, entity, "part-1", listed)
    company.load()


def shuffled(company: Company, mess: Mess, rows: Input) -> None:
    at_once(company, mess, {key: mess.draw.sample(listed, len(listed)) for key, listed in rows.items()})


def split(company: Company, mess: Mess, rows: Input) -> None:
    """In files of a few rows, under names that sort by chance, some loads here, some there."""
    cut = [(key, listed[at : at + 80]) for key, listed in rows.items() for at in range(0, len(listed), 80)]
    for number, ((source, entity), part) in enumerate(mess.draw.sample(cut, len(cut))):
        company.deliver(source, entity, f"part-{mess.draw.randrange(1000)}-{number}", part)
        if mess.draw.random() < 0.2:
            company.load()
    company.load()


def restated(company: Company, mess: Mess, rows: Input) -> None:
    """Lines wrong at first, and half of everything again after it was right."""
    for source in ("shop", "till"):
        # whatever came before a line that is rejected would stand
        wrong = [mess.changed(source, row) for row in rows[source, "order_lines"] if is_sound(row)]
        company.deliver(source, "order_lines", "part-0-wrong", wrong)
    company.load()
    at_once(company, mess, rows)
    for (source, entity), listed in rows.items():
        company.deliver(source, entity, "part-2-again", mess.draw.sample(listed, len(listed) // 2))
    company.load()


def is_sound(row: Line) -> bool:
    is_known = row["order_status"] != "lost" and None not in (row["order_id"], row["ordered_at"], row["net_amount"])
    if not is_known or row["currency"] not in (None, "EUR"):
        return False
    is_even = row["gross_amount"] == row["net_amount"] + row["discount_amount"]
    return is_even and row["quantity"] * row["net_amount"] >= 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [21, 22])
def test_marts_do_not_depend_on_how_the_input_is_cut(
    seed: int, make_company: MakeCompany, graph: CompiledGraph
) -> None:
    rows = everything(Mess(seed))

    def told(deliver: Callable[[Company, Mess, Input], None]) -> dict[str, Rows]:
        company = make_company()
        deliver(company, Mess(seed), rows)
        connection = bare_copy(company)
        graph.run(connection)
        return {name: table_rows(connection, name) for name in [*graph.marts, *FEATURES]}

    expected = told(at_once)
    assert {name for name, rows in expected.items() if not rows} <= NEED_MORE
    for deliver in (shuffled, split, restated):
        found = told(deliver)
        for name in expected:
            expect_same(found[name], expected[name], f"{name}, {deliver.__name__}")
