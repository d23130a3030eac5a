"""`loyalty explain`: why a customer has a figure, in words, rows and arithmetic."""

from datetime import date

from rich.cells import cell_len, set_cell_size

from dagster_project.cli.console import Console
from serving.explain.explaining import explain
from serving.explain.explanation import Explanation
from serving.explain.facts import Listing
from warehouse.settings import Settings


def print_explanation(settings: Settings, customer_id: str, metric: str | None, as_of: date | None) -> bool:
    """Print a block for each metric. Whether the arithmetic gives what is published; see `explain` for errors."""
    explained = explain(settings, customer_id, metric, as_of)
    console = Console(soft_wrap=True)
    console.print(f"Customer {explained.customer_id} as of {explained.as_of_date}")
    for one in explained.explanations:
        _print(console, one)
    return explained.agrees


def _print(console: Console, one: Explanation) -> None:
    console.print(f"\n{one.metric}: {one.figure}", style="bold")
    for rule in one.rules:
        console.print(f"  {rule}", style="dim")
    for listing in one.listings:
        _print_rows(console, listing)
    for line in one.arithmetic:
        console.print(f"  {line}")
    for difference in one.differences:
        console.print(f"  DIFFERS: {difference}. Report this: the publication contradicts itself.", style="bold red")


def _print_rows(console: Console, listing: Listing) -> None:
    """A line a row, columns one below another; longer lines than the terminal's are left to it."""
    console.print(f"  {listing.title}:" if listing.rows else f"  {listing.title}: none")
    texts = [["" if value is None else str(value) for value in row] for row in [listing.columns, *listing.rows]]
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    for row in texts if listing.rows else []:
        console.print("    " + "  ".join(map(set_cell_size, row, widths)).rstrip())
    if listing.more_count:
        console.print(f"    and {listing.more_count:,} more: {listing.command}")
