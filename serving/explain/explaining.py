"""One customer's figures, explained from the live publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
from duckdb import DuckDBPyConnection

from serving.explain.explanation import Explanation, Metric, NotToldError
from serving.explain.facts import Facts
from serving.explain.registry import METRICS
from serving.publication.reader import opened_publication
from serving.questions.published import MOST_SECONDS
from warehouse.errors import UserError, nearest
from warehouse.settings import Settings
from warehouse.sql import interrupted_after


@dataclass(frozen=True)
class Explained:
    """The explanations of one customer as of a day, a metric each."""

    customer_id: str
    as_of_date: date
    explanations: Sequence[Explanation]

    @property
    def agrees(self) -> bool:
        """Whether the arithmetic gives what is published, everywhere."""
        return not any(one.differences for one in self.explanations)


def explain(settings: Settings, customer_id: str, metric: str | None = None, as_of: date | None = None) -> Explained:
    """Why a customer has the figure of a metric, or of every metric, as of a day (default: that of the publication).

    Raises UserError for an unknown customer or metric, for a day after that of the publication, and before the first.
    """
    wanted = _wanted(metric)
    try:
        with opened_publication(settings) as connection, interrupted_after(connection, MOST_SECONDS):
            _require_columns(connection, wanted, settings)
            facts = _facts(settings, connection, customer_id, as_of)
            return Explained(customer_id, facts.as_of_date, [_explained(one, facts) for one in wanted])
    except duckdb.InterruptException:
        raise UserError(
            f"explain: it took longer than {MOST_SECONDS:.0f} seconds. Ask for one metric, or when less is running."
        ) from None


def _facts(settings: Settings, connection: DuckDBPyConnection, customer_id: str, as_of: date | None) -> Facts:
    """Of a known customer, as of a day that is published."""
    (published_day,) = connection.execute("select as_of_date from publication").fetchall()[0]
    day = as_of or published_day
    if day > published_day:
        raise UserError(
            f"explain: {day} is after {published_day}, the day of the figures that are published."
            f" `{settings.command} run` computes those of later days, once their orders are there."
        )
    _require_customer(connection, customer_id)
    return Facts(settings, connection, customer_id, day, published_day)


def _wanted(metric: str | None) -> list[Metric]:
    if metric is None:
        return list(METRICS.values())
    if metric not in METRICS:
        raise UserError(
            f'explain: there is no metric "{metric}"{nearest(metric, METRICS)}. There are {", ".join(METRICS)}.'
        )
    return [METRICS[metric]]


def _explained(metric: Metric, facts: Facts) -> Explanation:
    try:
        return metric.explain(facts)
    except NotToldError as reason:
        return Explanation(metric.name, str(reason))


def _require_columns(connection: DuckDBPyConnection, wanted: Sequence[Metric], settings: Settings) -> None:
    """A publication that an older version made lacks columns."""
    rows = connection.execute("select table_name, column_name from duckdb_columns() where schema_name = 'marts'")
    found = set(rows.fetchall())
    needed = {
        (mart, column) for metric in wanted for mart, columns in metric.reads.items() for column in columns.split()
    }
    missing = sorted(f"{mart}.{column}" for mart, column in needed - found)
    if missing:
        raise UserError(
            f"explain: the live publication has no {', '.join(missing)}, as an older version made it."
            f" `{settings.command} run --force` makes one that has."
        )


def _require_customer(connection: DuckDBPyConnection, customer_id: str) -> None:
    if connection.execute("select 1 from dim_customers where customer_id = $1", [customer_id]).fetchone() is None:
        raise UserError(
            f'explain: no customer has the id "{customer_id}". Ids are what the sources deliver as customer_id,'
            " behind the source's key_prefix where it has one; of ids that were joined into one person the first"
            " counts, and an erased customer cannot be found any more. Upper and lower case count."
        )
