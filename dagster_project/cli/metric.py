"""`loyalty metric`: a metric of the dictionary, or any column of a mart, from the live publication."""

import csv
import json
import sys
from collections.abc import Sequence

from rich.table import Table

from dagster_project.cli.console import Console
from serving.questions.metric import Answer, answer, parse_condition
from serving.questions.published import MOST_ROWS
from warehouse.errors import printable
from warehouse.files import csv_cell
from warehouse.settings import Settings


def print_metric(settings: Settings, name: str, by: Sequence[str], where: Sequence[str], output: str) -> None:
    """Print the metric's rows as a table, CSV or JSON lines. Raises UserError for what cannot be told."""
    found = answer(settings, name, by, [parse_condition(text) for text in where])
    _PRINTERS[output](found)
    if found.rows.is_cut:
        sys.stderr.write(f"loyalty: there are more than {MOST_ROWS:,} rows; --where chooses among them.\n")


def _print_table(found: Answer) -> None:
    console, table = Console(), Table(*found.rows.columns)
    for row in found.rows.rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
    console.print(f"{found.definition} ({found.source})", markup=False, soft_wrap=True)


def _print_csv(found: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(csv_cell, found.rows.columns))
    writer.writerows([csv_cell(value) for value in row] for row in found.rows.rows)


def _print_json(found: Answer) -> None:
    for row in found.rows.rows:
        line = json.dumps(dict(zip(found.rows.columns, row, strict=True)), ensure_ascii=False)
        sys.stdout.write(f"{printable(line)}\n")


_PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}
