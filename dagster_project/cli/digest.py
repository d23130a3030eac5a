"""`loyalty digest [--send]`: the last whole week beside the one before and a year ago, printed or sent."""

from dagster_project.cli.console import Console
from serving.digest import digest_letter, last_week, send_digest
from serving.publication.reader import opened_publication
from warehouse.errors import UserError
from warehouse.settings import Settings


def digest(settings: Settings, *, send: bool) -> bool:
    """Print the digest of the live publication, or send it to the receivers of the settings.

    Returns whether every receiver accepted it. Raises UserError before the first publication or the first whole week,
    and where it is to be sent without a channel.
    """
    with opened_publication(settings) as connection:
        week = last_week(connection)
    if week is None:
        raise UserError(f"{settings.company}: no week from Monday to Sunday is whole yet, so there is nothing to tell.")
    letter, console = digest_letter(settings, week), Console(soft_wrap=True)
    if not send:
        console.print(letter.text.subject, style="bold", markup=False)
        console.print(letter.text.plain, markup=False)
        return True
    sent = send_digest(settings, letter)
    console.print(sent.told, markup=False)
    return not sent.problems
