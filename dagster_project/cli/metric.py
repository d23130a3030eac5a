"""`loyalty metric`: a metric of the dictionary, or any column of a mart, from the live publication."""

from collections.abc import Sequence

from dagster_project.cli.console import Console
from dagster_project.cli.sql import print_relation
from serving.publication.reader import opened_publication
from serving.questions.metric import metric_query, parse_condition
from warehouse.settings import Settings


def print_metric(settings: Settings, name: str, by: Sequence[str], where: Sequence[str], output: str) -> None:
    """Print the metric's rows as a table with its definition, CSV or JSON lines. Raises UserError for what cannot be
    told."""
    with opened_publication(settings) as connection:
        asked = metric_query(settings, connection, name, by, [parse_condition(text) for text in where])
        print_relation(connection.sql(asked.query, params=asked.values), output)
    if output == "table":
        Console(soft_wrap=True).print(f"{asked.definition} ({asked.source})")
