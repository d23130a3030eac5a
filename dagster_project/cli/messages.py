"""`loyalty messages preview | send`: what is in the outbox, and its delivery by hand."""

from dagster_project.cli.console import Console
from dagster_project.cli.opened import opened_warehouse
from dagster_project.watchdog import Watchdog, tell_end
from serving.outbox import Delivered, deliver, open_messages, text_of
from warehouse.errors import UserError
from warehouse.settings import Settings

HOLDER = "loyalty messages"


def preview(settings: Settings, limit: int) -> None:
    """Print the first messages that are still to be delivered, in words, without addresses."""
    console = Console(soft_wrap=True)
    with opened_warehouse(settings, HOLDER, console) as connection:
        messages = open_messages(connection)
    for message in messages[:limit]:
        text = text_of(settings, message.template, message.language, message.payload)
        about = f"{message.trigger} to customer {message.customer_id} ({message.language}), {message.message_id}"
        console.print(f"{about}\n{text.subject}", style="bold")
        console.print(text.plain)
    console.print(f"{len(messages):,} to be delivered, {min(limit, len(messages)):,} shown.")


def send(settings: Settings) -> bool:
    """Deliver the open messages and print the outcome. Returns whether none was refused, and none left but for quiet
    hours.

    Raises UserError where the company has no channel, and WarehouseBusyError where a run holds the warehouse.
    """
    if settings.messages.channel is None:
        raise UserError(f'{settings.path}: messages are delivered once "messages.channel" is set.')
    console = Console(soft_wrap=True)
    with Watchdog(settings, "messages", tell_end) as watchdog:
        watchdog.stands("the delivery of", "messages")
        with watchdog.limit("the delivery", "limits.delivery_minutes", settings.limits.delivery_minutes):
            delivered = deliver(settings, lambda: opened_warehouse(settings, HOLDER, console))
    console.print(_told(delivered))
    return delivered.is_complete


def _told(delivered: Delivered) -> str:
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(delivered.counts.items()))
    left = f"; {delivered.left:,} left" if delivered.left else ""
    stopped = f", stopped: {delivered.stopped}" if delivered.stopped else ""
    return f"{counts or 'nothing delivered'}{left}{stopped}"
