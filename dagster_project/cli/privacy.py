"""`loyalty privacy export` and `loyalty privacy erase`: the question before, and the report afterwards."""

import sys
from functools import partial
from pathlib import Path

from dagster_project.checks import require_sound
from dagster_project.cli.console import Console
from serving.publication.published_copies import PublishedCopies
from warehouse.errors import UserError
from warehouse.privacy.erase import Erasure, erase, reapply
from warehouse.privacy.export import export
from warehouse.settings import Settings

QUESTION = (
    "Erase customer {customer_id} of {company} for good? The rows stay, under a pseudonym, and every earlier"
    " publication is removed. [y/N] "
)


def export_customer(settings: Settings, customer_id: str, out: Path, *, force: bool = False) -> None:
    """Write the customer's data and say where. Raises UserError; see `warehouse.privacy.export.export`."""
    console = _console()
    target, tables, rows = export(settings, customer_id, out, console.print, force=force)
    console.print(f"{rows} rows of {tables} tables: {target} (for you alone to read)")


def erase_customer(settings: Settings, customer_id: str, *, is_sure: bool) -> bool:
    """Ask, erase, and report on every copy. Returns whether it was done: not if the answer is no.

    Raises UserError; see `warehouse.privacy.erase.erase`.
    """
    console = _console()
    if not is_sure and not _is_confirmed(settings, customer_id):
        console.print("Nothing was erased.")
        return False
    _tell(console, settings, erase(settings, customer_id, _copies(settings), console.print))
    return True


def reapply_erasures(settings: Settings) -> None:
    """Erase again whom a warehouse from a backup has as they were. Raises UserError."""
    console = _console()
    count = reapply(settings, _copies(settings), console.print)
    console.print(f"{count} erased again. `loyalty run` goes on as before.")


def _copies(settings: Settings) -> PublishedCopies:
    return PublishedCopies(settings, partial(require_sound, settings))


def _is_confirmed(settings: Settings, customer_id: str) -> bool:
    try:
        answer = input(QUESTION.format(customer_id=customer_id, company=settings.company))
    except EOFError as error:
        raise UserError("privacy erase: nobody is there to confirm it. Start it with --yes.") from error
    return answer.strip().lower() in ("y", "yes")


def _tell(console: Console, settings: Settings, done: Erasure) -> None:
    """Print the facts for the person responsible for the erasure; the id itself is not repeated."""
    rows = sum(done.row_counts.values())
    console.print(f"Erased: {rows} rows of {len(done.row_counts)} tables are {done.pseudonym}'s now (ops.erasures).")
    if done.other_ids_count:
        console.print(
            f"Other ids of the same person that were erased with it: {done.other_ids_count}, each under a pseudonym of"
            " its own."
        )
    if done.publication:
        removed = ", ".join(done.removed_publications)
        console.print(f"Published anew as {done.publication}; removed for good: {removed}.")
    for file in done.rewritten_files:
        console.print(f"Written anew: {file}")
    if not done.is_searched:
        console.print(
            "The id is too plain to be told from other numbers in texts and logs; columns of ids were all changed."
        )
    for place in done.unseen:
        console.print(f"Not looked into: {place}. Look for the customer there yourself, or remove it.")
    if done.others:
        console.print(
            f"Other customers whose ids differ in upper and lower case alone were left as they are:"
            f" {', '.join(done.others)}. Erase them too, if they are the same person."
        )
    if done.audiences:
        console.print(f"Remove the customer where these audiences were imported: {', '.join(done.audiences)}.")
    if done.source_files:
        console.print("These are the sources' own and still hold the customer; a load brings in the pseudonym instead:")
        for place in done.source_files:
            console.print(f"  {place}")
    console.print(f"Backups of {settings.home}, if any, are not reached. `loyalty run` goes on as before.")


def _console() -> Console:
    return Console(file=sys.stdout, soft_wrap=True)
