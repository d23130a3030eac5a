"""`loyalty explain`: for every customer the rows give what is published, and where they do not, it says so loudly."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.explain import explaining
from serving.explain.explaining import explain
from serving.explain.registry import METRICS
from serving.questions.mcp_server import build_server
from tests.serving.questions.test_questions import ask
from tests.support.company import Company
from warehouse.errors import UserError
from warehouse.settings import PROJECT_ROOT
from warehouse.sql import connect

PAGE = PROJECT_ROOT / "docs" / "questions.md"
COMMAND = re.compile(r"^loyalty explain .*$", re.MULTILINE)
EXAMPLE = re.compile(r"^\$ loyalty (explain .*)\n((?:.*\n)*?)```$", re.MULTILINE)


def everybody(one: Company) -> list[str]:
    return [customer for (customer,) in one.published("select customer_id from marts.dim_customers order by all")]


def published_day(one: Company) -> date:
    ((day,),) = one.published("select as_of_date from marts.publication")
    return day


def told(one: Company, customer: str, metric: str, as_of: date | None = None) -> str:
    """What is told of one metric, as one text."""
    (found,) = explain(one.settings, customer, metric, as_of).explanations
    return "\n".join([found.figure, *found.rules, *found.arithmetic, *found.differences])


@pytest.mark.parametrize("step", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_the_rows_give_what_is_published_of_every_customer(built: Company, step: int) -> None:
    differing, figures, customers = [], dict.fromkeys(METRICS, 0), everybody(built)[::step]
    for customer in customers:
        for one in explain(built.settings, customer).explanations:
            differing += [(customer, one.metric, said) for said in one.differences]
            figures[one.metric] += bool(one.arithmetic)
    assert differing == []
    assert min(figures[name] for name in ("rfm", "tier", "points", "reward")) > 0.8 * len(customers), figures
    # too few customers to learn from, which is what it says
    assert figures["churn"] == 0 and "insufficient_history" in told(built, everybody(built)[0], "churn")


@pytest.mark.slow
def test_of_every_day_the_rows_of_that_day_count(built: Company) -> None:
    """Ledger and tiers are told of any day, scores of month ends."""
    today = published_day(built)
    month_end = today.replace(day=1) - timedelta(days=1)
    for customer in everybody(built)[::20]:
        for day in (month_end, today - timedelta(days=100)):
            found = explain(built.settings, customer, as_of=day)
            assert found.agrees, found
        if "no scores" not in told(built, customer, "rfm", month_end):
            said = told(built, customer, "rfm", month_end + timedelta(days=1))
            assert said.startswith("no scores of") and f"days nearest to it: {month_end}" in said


@pytest.fixture
def damaged(built: Company, tmp_path: Path) -> Company:
    """A copy of the company, whose published file may be changed."""
    copy = built.copy(tmp_path / "home")
    copy.settings.published_path.chmod(0o644)
    return copy


@contextmanager
def changed(one: Company, statement: str) -> Iterator[None]:
    """The published file with one change, which is taken back afterwards."""
    path = one.settings.published_path
    kept = path.read_bytes()
    with connect(path) as connection:
        connection.execute(statement)
    yield
    path.write_bytes(kept)


# What nobody can see in one figure alone: a row that is missing, or a number beside rows that say another.
CONTRADICTIONS = [
    ("rfm", "update marts.fct_customer_rfm set m_score = m_score % 5 + 1", "score of net sales"),
    ("rfm", "update marts.fct_customer_rfm set frequency = frequency + 1", "orders: the rows give"),
    ("rfm", "update marts.fct_customer_rfm set rfm_segment = 'Lost'", "segment: the rows give"),
    ("rfm", "update marts.rpt_rfm_score_bounds set lowest_value = lowest_value + 1000", "score of "),
    ("tier", "update marts.fct_customer_tiers set metric_amount = metric_amount + 1", "net sales of the 365 days to"),
    ("tier", "update marts.dim_tier_rules set threshold_amount = threshold_amount + 100000", "upgrade to"),
    ("points", "delete from marts.fct_points_entries where kind = 'redeem'", "balance: the rows give"),
    ("points", "update marts.fct_points_lots set earn_rate = earn_rate + 1", "points of order:"),
    ("points", "update marts.fct_points_lots set remaining_points = remaining_points + 1", "points left in lots"),
    ("reward", "update marts.fct_next_best_rewards set status = 'offered'", "does not go with the status offered"),
    ("reward", "update marts.fct_next_best_rewards set margin_per_order_amount = 99", "expected margin: the rows give"),
]  # fmt: skip


@pytest.mark.slow
def test_what_contradicts_the_rows_is_said_loudly(damaged: Company) -> None:
    """Each contradiction is found with the customer whom it concerns; the command ends with 1."""
    customers = [
        customer
        for (customer,) in damaged.published(
            "select customer_id from marts.dim_customers inner join marts.fct_next_best_rewards using (customer_id)"
            " where tier <> 'Bronze' and expiring_points > 0 order by basis, customer_id limit 6"
        )
    ]
    for metric, statement, said in CONTRADICTIONS:
        with changed(damaged, statement):
            found = [explain(damaged.settings, customer, metric) for customer in customers]
            differences = [said for one in found for said in one.explanations[0].differences]
            assert any(said in one for one in differences), (statement, differences)
            shown = damaged.loyalty("explain", next(one.customer_id for one in found if not one.agrees), metric)
            assert shown.code == 1 and "DIFFERS: " in shown.out
    assert explain(damaged.settings, customers[0]).agrees


def test_an_unknown_customer_is_told_nobody_elses_id(built: Company) -> None:
    known = everybody(built)
    done = built.loyalty("explain", known[0] + "x")
    assert done.code == 2 and "Ids are what the sources deliver as customer_id" in done.text
    assert not [customer for customer in known[1:] if customer in done.text]
    for customer in ("", "' or true --", "%", "$customer_id"):
        assert built.loyalty("explain", customer).code == 2


def test_what_cannot_be_told_says_why(damaged: Company) -> None:
    customer, today = everybody(damaged)[0], published_day(damaged)
    with pytest.raises(UserError, match=r'no metric "tiers" \(did you mean "tier"\?\)\. There are churn, points'):
        explain(damaged.settings, customer, "tiers")
    with pytest.raises(UserError, match=f"is after {today}, the day of the figures that are published"):
        explain(damaged.settings, customer, as_of=today + timedelta(days=1))
    assert "no tier on 1999-12-31" in told(damaged, customer, "tier", date(1999, 12, 31))
    assert "no points and no entry" in told(damaged, customer, "points", date(1999, 12, 31))
    assert "planned as of" in told(damaged, customer, "reward", today - timedelta(days=1))
    with connect(damaged.settings.published_path) as connection:
        connection.execute("alter table marts.fct_customer_tiers drop column metric_from_date")
    with pytest.raises(UserError, match=r"has no fct_customer_tiers\.metric_from_date, as an older version made it"):
        explain(damaged.settings, customer)
    assert explain(damaged.settings, customer, "points").agrees


@pytest.mark.slow
def test_a_metric_reads_what_it_declares_and_nothing_else(damaged: Company) -> None:
    declared: dict[str, set[str]] = {"dim_customers": {"customer_id"}}
    for metric in METRICS.values():
        for mart, columns in metric.reads.items():
            declared.setdefault(mart, set()).update(columns.split())
    customers = everybody(damaged)[::20]
    before = [explain(damaged.settings, customer) for customer in customers]
    with connect(damaged.settings.published_path) as connection:
        connection.execute("create schema kept")
        for mart, names in declared.items():
            connection.execute(f"create table kept.{mart} as select {', '.join(sorted(names))} from marts.{mart}")
        connection.execute("create table kept.publication as from marts.publication")
        connection.execute("drop schema if exists today cascade; drop schema marts cascade; create schema marts")
        for mart in [*declared, "publication"]:
            connection.execute(f"create table marts.{mart} as from kept.{mart}")
    assert [explain(damaged.settings, customer) for customer in customers] == before


def test_it_takes_no_longer_than_it_may(built: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "MOST_SECONDS", 0.0001)
    with pytest.raises(UserError, match="it took longer than"):
        for customer in everybody(built):
            explain(built.settings, customer)


def test_rows_that_are_left_out_are_counted_and_can_be_listed(built: Company) -> None:
    ((customer, count),) = built.published(
        "select customer_id, orders_count from marts.dim_customers order by orders_count desc, customer_id limit 1"
    )
    (found,) = explain(built.settings, customer, "rfm").explanations
    (orders,) = found.listings
    assert len(orders.rows) + orders.more_count == count > len(orders.rows) == 8
    *_, sql, statement = shlex.split(orders.command)
    assert sql == "sql" and len(built.loyalty("sql", statement, "--format", "csv").out.splitlines()) == count + 1


def test_an_assistant_is_told_the_same(built: Company) -> None:
    customer = everybody(built)[3]
    one, everything, unknown, no_day = ask(
        build_server(built.settings),
        ("explain", {"customer_id": customer, "metric": "tier"}),
        ("explain", {"customer_id": customer}),
        ("explain", {"customer_id": "nobody"}),
        ("explain", {"customer_id": customer, "as_of": "soon"}),
    )
    assert not one[0] and one[1]["customer_id"] == customer
    assert one[1]["explanations"][0]["arithmetic"] == list(
        explain(built.settings, customer, "tier").explanations[0].arithmetic
    )
    assert [block["metric"] for block in everything[1]["explanations"]] == list(METRICS)
    assert unknown[0] and "no customer has the id" in unknown[1]
    assert no_day[0] and '"soon" is no day' in no_day[1]


def test_the_page_shows_what_the_command_prints(built: Company) -> None:
    """docs/questions.md: each command works, and the example is what the generated company of the tests gives."""
    page = PAGE.read_text(encoding="utf-8")
    commands = COMMAND.findall(page)
    assert len(commands) >= 3
    for command in commands:
        assert built.loyalty(*shlex.split(command, comments=True)[1:]).code == 0, command
    ((command, shown),) = EXAMPLE.findall(page)
    printed = built.loyalty(*shlex.split(command)).out
    assert words(shown) == words(printed.replace(f"--company {built.file} ", ""))


def words(text: str) -> Any:
    """Lines without the spaces that only align them."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
