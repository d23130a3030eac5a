"""Ten questions of a dashboard, asked of the published file and of PostgreSQL by many readers, with and without runs.

    python -m benchmarks.dashboard_queries [--company NAME] [--readers 10] [--postgres 0] [--rounds 5] [--pause 0]
        [--publications 0]

Each reader is a process that opens the live file for every question, as a dashboard's pool of short-lived connections
does; each client of PostgreSQL (the company's `publish.postgres`) connects for every question. Prints the median, the
95th percentile and the processor time of each question. Six of the ten are also asked of lines and orders of the file,
with the same answer, to show what the marts by month save. With `--publications`, all ask until so many runs have
published, as of as many days up to the live one. Ends with 1 where a run fails, or where two answers from one
publication differ: those of two readers, of the file and of PostgreSQL, or of a mart by month and its lines.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Column, Table

from serving.publication.state import live_publication
from warehouse.secrets import read_secret
from warehouse.settings import PostgresSettings, Settings, load_settings
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
YEAR = "month > (select max(month) - interval '12' month from marts.rpt_sales_monthly)"
BY_ALL = "group by all"
BY_TWO = "group by 1, 2"
# A question in SQL of both databases and, where it can be asked of what lies below, that in DuckDB's.
QUESTIONS: dict[str, tuple[str, str | None]] = {
    "sales by month and category": (
        f"select month, category, sum(fct_product_months.net_amount) from {OF_PRODUCTS} {BY_TWO}",
        f"select month, category, sum(unnamed_subquery.net_amount) from {OF_LINES} {BY_ALL}",
    ),
    "best products of a year": (
        f"select product_id, sum(fct_product_months.net_amount) as net from {OF_PRODUCTS}"
        f" where {YEAR} and product_id <> 'unknown' group by 1 order by net desc, product_id limit 20",
        f"select product_id, sum(unnamed_subquery.net_amount) as net from {OF_LINES}"
        f" where {YEAR} and product_id is not null group by all order by net desc, product_id limit 20",
    ),
    "sales and returns by month and channel": (
        f"select month, channel, sum(net_amount), sum(return_amount) from marts.fct_product_months {BY_TWO}",
        "select month, coalesce(channel, 'unknown') as channel, sum(unnamed_subquery.net_amount),"
        f" coalesce(sum(unnamed_subquery.net_amount) filter (where is_return), 0) from {OF_LINES} {BY_ALL}",
    ),
    "discounts by month and brand": (
        f"select month, brand, sum(discount_amount) from {OF_PRODUCTS} {BY_TWO}",
        f"select month, brand, sum(discount_amount) from {OF_LINES} {BY_ALL}",
    ),
    "orders by month and tier": (
        f"select month, tier, sum(fct_customer_months.orders_count) from {OF_CUSTOMERS} {BY_TWO}"
        " having sum(fct_customer_months.orders_count) > 0",
        f"select month, tier, count(*) as orders from {OF_ORDERS} {BY_ALL}",
    ),
    "buyers by month and segment": (
        f"select month, rfm_segment, count(*) from {OF_CUSTOMERS} where fct_customer_months.orders_count > 0 {BY_TWO}",
        f"select month, rfm_segment, count(distinct customer_id) from {OF_ORDERS} {BY_ALL}",
    ),
    "customers by segment and churn band": (
        f"select rfm_segment, churn_band, count(*), sum(clv_12m_amount) from marts.dim_customers {BY_TWO}",
        None,
    ),
    "retention by cohort": (
        "select cohort_month, period_unit, period, retention_rate from marts.fct_cohort_retention",
        None,
    ),
    "points by month": ("select * from marts.rpt_points_liability", None),
    "the programme's return by month": ("select * from marts.rpt_programme_roi_monthly", None),
}


FIGURES = ("p50", "p95", "processor")
PUBLICATION = "select publication_id from marts.publication"
# How a group of readers gets the rows of a query and the publication that they are of.
Ask = Callable[[str], tuple[list[tuple[object, ...]], str]]


@dataclass(frozen=True)
class Answer:
    """One answer: its milliseconds, those of the processor among them, and what came out of which publication."""

    question: str
    place: str
    milliseconds: float
    processor_ms: float
    publication: str
    content: int


def of_file(path: Path, query: str) -> tuple[list[tuple[object, ...]], str]:
    """Rows from the live file, on a connection of their own."""
    with connect(path, read_only=True) as connection:
        rows = connection.execute(query).fetchall()
        ((publication,),) = connection.execute(PUBLICATION).fetchall()
    return rows, publication


def of_postgres(settings: PostgresSettings, query: str) -> tuple[list[tuple[object, ...]], str]:
    """Rows from PostgreSQL, in one transaction that sees one publication."""
    with psycopg.connect(read_secret("publish.postgres.dsn_env", settings.dsn_env)) as connection:
        connection.execute("set transaction isolation level repeatable read")
        rows = connection.execute(query).fetchall()  # type: ignore[call-overload]
        ((publication,),) = connection.execute(PUBLICATION).fetchall()
    return rows, publication


def ask(answering: Ask, place: str, rounds: int, pause: float = 0.0) -> list[Answer]:
    """Ask every question so many times in a place, `file` or `postgres`, of the file also what lies below."""
    answers = []
    for _ in range(rounds):
        for question, (query, below) in QUESTIONS.items():
            answers.append(_answered(answering, question, place, query))
            if below is not None and place == "file":
                answers.append(_answered(answering, question, "lines", below))
            time.sleep(pause)
    return answers


def _answered(answering: Ask, question: str, place: str, query: str) -> Answer:
    began, processor = time.perf_counter(), time.process_time()
    rows, publication = answering(query)
    spent = (time.perf_counter() - began, time.process_time() - processor)
    # the databases write a number in different types, and order texts differently
    content = hash(tuple(sorted(tuple(map(_plain, row)) for row in rows)))
    return Answer(question, place, 1000 * spent[0], 1000 * spent[1], publication, content)


def _plain(value: object) -> str:
    return f"{Decimal(value).normalize():f}" if isinstance(value, int | Decimal) else str(value)


def differences(answers: Sequence[Answer]) -> Iterator[str]:
    """What two readers of one publication, or months and lines, do not agree on."""
    found = defaultdict(set)
    for answer in answers:
        found[answer.question, answer.publication].add(answer.content)
    for (question, publication), contents in found.items():
        if len(contents) > 1:
            yield f"{question}: {len(contents)} answers from publication {publication}"


def rounds_of(places: Mapping[str, tuple[Ask, int]], rounds: int, pause: float, publisher: Publisher) -> list[Answer]:
    """The answers of all places' readers at once, again and again until everything is published."""
    answers: list[Answer] = []
    everybody = sum(readers for _, readers in places.values())
    # hashes of answers are compared between processes, so these share the seed of their parent
    with ProcessPoolExecutor(everybody, mp_context=get_context("fork")) as pool:
        while True:
            parts = [
                pool.submit(ask, answering, place, rounds, pause)
                for place, (answering, readers) in places.items()
                for _ in range(readers)
            ]
            # not before: a reader that is forked while a run starts would hold the pipe on whose end that start waits
            publisher.begin()
            for part in parts:
                answers += part.result()
            if publisher.is_over():
                return answers


class Publisher:
    """Runs one after the other in a thread, as of so many days up to the live publication's."""

    def __init__(self, settings: Settings, publications: int) -> None:
        self.codes: list[int] = []
        loyalty = str(Path(sys.executable).with_name("loyalty"))
        self._command = [loyalty, "--company", str(settings.path), "run", "--force"]
        live = live_publication(settings)
        last = live.as_of_date if live else None
        self._days = [last - timedelta(days) for days in reversed(range(publications))] if last else []
        self._thread = threading.Thread(target=self._publish, daemon=True)

    def begin(self) -> None:
        """Start the first run, if it has not been started."""
        if self._thread.ident is None:
            self._thread.start()

    def _publish(self) -> None:
        for day in self._days:
            command = [*self._command, "--as-of", str(day)]
            self.codes.append(subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode)

    def is_over(self) -> bool:
        """Whether the last run has ended."""
        return not self._thread.is_alive()


def print_table(answers: Sequence[Answer], title: str) -> None:
    """A line a question: median, 95th percentile and processor time of the mart, in both places, and of the lines."""
    places = [place for place in ("file", "lines", "postgres") if any(one.place == place for one in answers)]
    headers = [f"{place} {what}" for place in places for what in FIGURES]
    table = Table(Column("milliseconds", no_wrap=True), *headers, title=title)
    for question in QUESTIONS:
        cells: list[str] = []
        for place in places:
            asked = [one for one in answers if (one.question, one.place) == (question, place)]
            cells += _figures(asked) if asked else [""] * len(FIGURES)
        table.add_row(question, *cells)
    Console(width=150).print(table)


def _figures(answers: Sequence[Answer]) -> list[str]:
    times = [answer.milliseconds for answer in answers]
    last = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
    processor = statistics.median(answer.processor_ms for answer in answers)
    return [f"{statistics.median(times):.1f}", f"{last:.1f}", f"{processor:.1f}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print, and compare. Returns 1 where answers differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--company", type=Path, help="the company's folder (default: LOYALTY_COMPANY)")
    parser.add_argument("--readers", type=int, default=10, help="processes that read the file")
    parser.add_argument("--postgres", type=int, default=0, help="clients of PostgreSQL")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds that a reader waits after a question")
    parser.add_argument("--publications", type=int, default=0, help="ask while so many runs publish")
    options = parser.parse_args(arguments)
    settings = load_settings(options.company)
    places: dict[str, tuple[Ask, int]] = {"file": (partial(of_file, settings.published_path), options.readers)}
    if options.postgres:
        assert settings.publish.postgres, "--postgres needs a company with publish.postgres"
        places["postgres"] = (partial(of_postgres, settings.publish.postgres), options.postgres)
    publisher = Publisher(settings, options.publications)
    answers = rounds_of(places, options.rounds, options.pause, publisher)
    publications = len({answer.publication for answer in answers})
    readers = " and ".join(f"{count} of {place}" for place, (_, count) in places.items())
    print_table(answers, f"{readers}: {len(answers):,} answers of {publications} publication(s)")
    wrong = [*differences(answers), *(f"a run ended with {code}" for code in publisher.codes if code)]
    print(*wrong, sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
