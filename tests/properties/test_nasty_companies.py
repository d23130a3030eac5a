"""Whatever a company's files hold: the run completes, every row is accounted for, money ties, the report is drawn."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from serving.report import write_report
from tests.properties.company import Company
from tests.properties.graph import AS_OF, DATA_THROUGH
from tests.properties.nasty import Nasty, Rows
from tests.properties.whole_graph import WholeGraph
from warehouse.sql import connect

# What Python says of a value that is missing, where a reader of the report would see it.
NO_WORDS = re.compile(r">\s*-?(nan|None|NaT|inf|<NA>)\s*<|Traceback")
CHUNK = 10


@pytest.fixture(scope="module")
def whole_graph(tmp_path_factory: pytest.TempPathFactory, generated_manifests: Path) -> WholeGraph:
    root = tmp_path_factory.mktemp("whole")
    company = Company(root / "company", generated_manifests, as_of_date=AS_OF, data_through=DATA_THROUGH)
    company.load()
    return WholeGraph(company)


def expect_accounted(connection: duckdb.DuckDBPyConnection, lines: Rows, timezone: str) -> None:
    """Each delivered line is accepted once or rejected with a reason, and sums in euros are those of the files."""
    judged = connection.execute(
        "select order_line_id, row_status, reject_reason is not null from intermediate.int_order_line_versions"
    ).fetchall()
    assert len(judged) == len(lines)
    assert all((status == "rejected") == has_reason for _, status, has_reason in judged)
    accepted = {key for key, status, _ in judged if status == "accepted"}
    counted = [line for line in lines if f"shop-{line['order_line_id']}" in accepted and line["currency"] != "USD"]
    *found, as_of = connection.execute(
        "select coalesce(sum(net_amount) filter (where currency = 'EUR'), 0),"
        " coalesce(sum(quantity) filter (where currency = 'EUR'), 0), max(as_of_date)"
        " from intermediate.int_run_dates left join marts.fct_order_lines on true"
    ).fetchall()[0]
    until = [line for line in counted if business_date(line["ordered_at"], timezone) <= as_of]
    assert found == [sum((line[name] for line in until), Decimal(0)) for name in ("net_amount", "quantity")]


def business_date(moment: datetime, timezone: str) -> date:
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone)).date()


def has_rejected(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute("select 1 from marts.fct_rejected_rows limit 1").fetchone() is not None


def told(make_company: Callable[..., Company], whole_graph: WholeGraph, seed: int, page: Path) -> list[str]:
    """What is wrong with one company, as sentences. That too many rows are rejected is for a person to decide."""
    nasty = Nasty(seed)
    company = make_company()
    files = nasty.files()
    for entity, rows in files.items():
        company.deliver("shop", entity, "part-1", rows)
    company.load()
    with connect(company.settings.warehouse_path) as connection:
        connection.execute("set threads = 1")
        problems = whole_graph.run(connection, company.settings, nasty.as_of, nasty.data_through)
        if has_rejected(connection):
            problems = [problem for problem in problems if not problem.startswith("check rows_are_accepted:")]
        expect_accounted(connection, files["order_lines"], company.settings.business_timezone)
        write_report(connection, company.settings, page)
    found = Counter(match[0] for match in NO_WORDS.finditer(page.read_text(encoding="utf-8")))
    return [*problems, *(f"the report says {word!r} {count} times" for word, count in found.items())]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(0, marks=pytest.mark.slow),
        *(pytest.param(n, marks=pytest.mark.campaign) for n in range(CHUNK, 2_000, CHUNK)),
    ],
)
def test_nasty_companies(
    make_company: Callable[..., Company], whole_graph: WholeGraph, tmp_path: Path, first: int
) -> None:
    seeds = range(first, first + CHUNK)
    found = {seed: told(make_company, whole_graph, seed, tmp_path / "report.html") for seed in seeds}
    assert found == {seed: [] for seed in seeds}
