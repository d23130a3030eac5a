"""Ten questions of a dashboard, asked of the published file by many readers at once, with and without a run.

    python -m benchmarks.dashboard_queries [--company NAME] [--readers 10] [--rounds 5] [--during-a-run]

Each reader is a process that opens the live file for every question, as a dashboard's pool of short-lived connections
does. Prints the median, the 95th percentile and the processor time of each question. Six of the ten are also asked of
lines and orders, with the same answer, to show what the marts by month save. Ends with 1 where two readers of one
publication get different answers, or a mart by month and its lines do.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from warehouse.settings import load_settings
from warehouse.sql import connect

OF_PRODUCTS = "marts.fct_product_months left join marts.dim_products using (product_id)"
OF_LINES = (
    "(select *, cast(date_trunc('month', order_date) as date) as month from marts.fct_order_lines where is_valid)"
    " left join marts.dim_products using (product_id)"
)
OF_CUSTOMERS = "marts.fct_customer_months inner join marts.dim_customers using (customer_id)"
OF_ORDERS = (
    "(select *, cast(date_trunc('month', order_date) as date) as month from marts.fct_orders where is_valid)"
    " inner join marts.dim_customers using (customer_id)"
)
YEAR = "month > (select max(month) - interval 12 month from marts.rpt_sales_monthly)"
BY_ALL = "group by all order by all"
# A question, and where it can be asked of what lies below, that.
QUESTIONS: dict[str, tuple[str, str | None]] = {
    "sales by month and category": (
        f"select month, category, sum(fct_product_months.net_amount) from {OF_PRODUCTS} {BY_ALL}",
        f"select month, category, sum(unnamed_subquery.net_amount) from {OF_LINES} {BY_ALL}",
    ),
    "best products of a year": (
        f"select product_id, sum(fct_product_months.net_amount) as net from {OF_PRODUCTS}"
        f" where {YEAR} and product_id <> 'unknown' group by all order by net desc, product_id limit 20",
        f"select product_id, sum(unnamed_subquery.net_amount) as net from {OF_LINES}"
        f" where {YEAR} and product_id is not null group by all order by net desc, product_id limit 20",
    ),
    "sales and returns by month and channel": (
        f"select month, channel, sum(net_amount), sum(return_amount) from marts.fct_product_months {BY_ALL}",
        "select month, coalesce(channel, 'unknown') as channel, sum(unnamed_subquery.net_amount),"
        f" coalesce(sum(unnamed_subquery.net_amount) filter (where is_return), 0) from {OF_LINES} {BY_ALL}",
    ),
    "discounts by month and brand": (
        f"select month, brand, sum(discount_amount) from {OF_PRODUCTS} {BY_ALL}",
        f"select month, brand, sum(discount_amount) from {OF_LINES} {BY_ALL}",
    ),
    "orders by month and tier": (
        f"select month, tier, sum(fct_customer_months.orders_count) as orders from {OF_CUSTOMERS}"
        " group by all having orders > 0 order by all",
        f"select month, tier, count(*) as orders from {OF_ORDERS} {BY_ALL}",
    ),
    "buyers by month and segment": (
        f"select month, rfm_segment, count(*) from {OF_CUSTOMERS} where fct_customer_months.orders_count > 0 {BY_ALL}",
        f"select month, rfm_segment, count(distinct customer_id) from {OF_ORDERS} {BY_ALL}",
    ),
    "customers by segment and churn band": (
        f"select rfm_segment, churn_band, count(*), sum(clv_12m_amount) from marts.dim_customers {BY_ALL}",
        None,
    ),
    "retention by cohort": (
        "select cohort_month, period_unit, period, retention_rate from marts.fct_cohort_retention order by all",
        None,
    ),
    "points by month": ("select * from marts.rpt_points_liability order by month", None),
    "the programme's return by month": ("select * from marts.rpt_programme_roi_monthly order by month", None),
}


@dataclass(frozen=True)
class Answer:
    """One answer: its milliseconds, those of the processor among them, and what came out of which publication."""

    question: str
    is_of_months: bool
    milliseconds: float
    processor_ms: float
    publication: str
    content: int


def ask(path: Path, rounds: int) -> list[Answer]:
    """Ask every question so many times, each on a connection of its own."""
    answers = []
    for _ in range(rounds):
        for question, queries in QUESTIONS.items():
            for place, query in enumerate(queries):
                if query is not None:
                    answers.append(_answered(path, question, query, place == 0))
    return answers


def _answered(path: Path, question: str, query: str, is_of_months: bool) -> Answer:
    began, processor = time.perf_counter(), time.process_time()
    with connect(path, read_only=True) as connection:
        content = hash(tuple(connection.execute(query).fetchall()))
        ((publication,),) = connection.execute("select publication_id from marts.publication").fetchall()
    spent = (time.perf_counter() - began, time.process_time() - processor)
    return Answer(question, is_of_months, 1000 * spent[0], 1000 * spent[1], publication, content)


def differences(answers: Sequence[Answer]) -> Iterator[str]:
    """What two readers of one publication, or months and lines, do not agree on."""
    found = defaultdict(set)
    for answer in answers:
        found[answer.question, answer.publication].add(answer.content)
    for (question, publication), contents in found.items():
        if len(contents) > 1:
            yield f"{question}: {len(contents)} answers from publication {publication}"


def rounds_of(path: Path, readers: int, rounds: int, is_over: Callable[[], bool]) -> list[Answer]:
    """The answers of so many readers at once, again and again until it is over."""
    answers: list[Answer] = []
    # hashes of answers are compared between processes, so these share the seed of their parent
    with ProcessPoolExecutor(readers, mp_context=get_context("fork")) as pool:
        while True:
            for part in [pool.submit(ask, path, rounds) for _ in range(readers)]:
                answers += part.result()
            if is_over():
                return answers


def print_table(answers: Sequence[Answer], title: str) -> None:
    """A line a question: median, 95th percentile and processor time, of the mart by month and of what lies below."""
    table = Table("question", "p50 ms", "p95 ms", "processor ms", "of lines: p50 ms", "processor ms", title=title)
    for question in QUESTIONS:
        asked = {kind: [one for one in answers if one.question == question and one.is_of_months == kind]
                 for kind in (True, False)}  # fmt: skip
        table.add_row(question, *_figures(asked[True]), *(_figures(asked[False])[::2] if asked[False] else ("", "")))
    Console(width=120).print(table)


def _figures(answers: Sequence[Answer]) -> tuple[str, str, str]:
    times = [answer.milliseconds for answer in answers]
    last = statistics.quantiles(times, n=20)[-1]
    processor = statistics.median(answer.processor_ms for answer in answers)
    return f"{statistics.median(times):.1f}", f"{last:.1f}", f"{processor:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print, and compare. Returns 1 where answers differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--company", type=Path, help="the company's folder (default: LOYALTY_COMPANY)")
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--during-a-run", action="store_true", help="ask while a run builds and publishes everything")
    options = parser.parse_args(arguments)
    settings = load_settings(options.company)
    command = [str(Path(sys.executable).with_name("loyalty")), "--company", str(settings.folder), "run", "--force"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL) if options.during_a_run else None
    answers = rounds_of(
        settings.published_path, options.readers, options.rounds, lambda: run is None or run.poll() is not None
    )
    publications = len({answer.publication for answer in answers})
    print_table(answers, f"{options.readers} readers, {len(answers):,} answers of {publications} publication(s)")
    wrong = list(differences(answers))
    print(*wrong, sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
