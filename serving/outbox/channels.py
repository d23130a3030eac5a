"""What every channel has in common: a message ready to be handed over."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from serving.outbox.texts import Text


@dataclass(frozen=True)
class Envelope:
    """A message ready to be handed over, with the address that only a receiver gets to see."""

    message_id: str
    customer_id: str
    trigger: str
    template: str
    language: str
    text: Text
    date: datetime
    address: str = field(repr=False)


class Channel(Protocol):
    """A way to a receiver, open for one delivery."""

    def send(self, envelope: Envelope) -> None:
        """Hand a message over, and return when the receiver has accepted it.

        Handing the same message over again does no harm: by its id the receiver knows that it already has the message.
        Raises RefusedError, DeferredError or UnreachableError where it was not accepted.
        """

    def close(self) -> None:
        """Close the connection to the receiver."""


def record_of(envelope: Envelope) -> dict[str, str]:
    """The message as webhooks and files carry it."""
    return {
        "message_id": envelope.message_id,
        "customer_id": envelope.customer_id,
        "trigger": envelope.trigger,
        "template": envelope.template,
        "language": envelope.language,
        "to": envelope.address,
        "subject": envelope.text.subject,
        "text": envelope.text.plain,
        "html": envelope.text.html,
    }
