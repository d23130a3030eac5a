"""Delivery: the only part in real time, message by message. Each outcome is recorded as soon as it is known.

A message is marked sent, in the register, as soon as its receiver has accepted it. If a crash comes between the two,
the message is handed over once more, under the same Message-ID or Idempotency-Key, and the receiver drops it. A message
that is refused for now is tried again, first in this delivery and then in the next, until it is out of date.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from email.utils import parseaddr
from time import sleep

import duckdb

from serving.outbox import store
from serving.outbox.channels import Channel, Envelope
from serving.outbox.email_channel import EmailChannel
from serving.outbox.file_channel import FileChannel
from serving.outbox.store import OpenMessage
from serving.outbox.texts import Text, render
from serving.outbox.webhook_channel import WebhookChannel
from serving.publication.state import require_live
from serving.receivers import DeferredError, LostError, OpenWarehouse, RefusedError, UnreachableError, one_at_a_time
from warehouse.register import DeliveryRecord, Register
from warehouse.settings import Settings

QUIET = "quiet hours"
# One message may make a receiver break off; so many in a row say that it is the receiver.
MOST_LOST = 3


@dataclass(frozen=True)
class Clock:
    """The time of day (UTC) and a way to let it pass (seconds)."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = sleep


@dataclass
class Delivered:
    """The result of a delivery: messages by outcome, how many are left for the next delivery, and why it stopped
    early."""

    counts: dict[str, int] = field(default_factory=dict)
    left: int = 0
    stopped: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether no message was refused, and none is left except those that quiet hours hold back."""
        return not self.counts.get("failed") and (not self.left or self.stopped == QUIET)


def open_channel(settings: Settings) -> Channel | None:
    """The company's way to its receivers, None where it has none. Raises UserError for a secret that is not set."""
    messages = settings.messages
    if messages.channel == "email":
        return EmailChannel(messages)
    if messages.channel == "webhook":
        return WebhookChannel(messages.webhook)
    return FileChannel(settings.outbox_path) if messages.channel == "file" else None


def company_name(settings: Settings) -> str:
    """The name that messages are signed with: the sender's, else the company's."""
    return parseaddr(settings.messages.sender or "")[0] or settings.company


def text_of(settings: Settings, template: str, language: str, payload: str) -> Text:
    """A message in words, in the company's name."""
    return render(template, language, payload, company_name(settings), settings.folder / "templates")


def check_outbox(settings: Settings, connection: duckdb.DuckDBPyConnection, build_id: int) -> None:
    """Stop a build before its publication where its messages could not be delivered after it.

    Raises UserError for a secret that is not set, and for a text that cannot be made.
    """
    channel = open_channel(settings)
    if channel is not None:
        channel.close()
    for template, language, payload in store.created_texts(connection, build_id):
        text_of(settings, template, language, payload)


def deliver(settings: Settings, opened: OpenWarehouse, clock: Clock | None = None) -> Delivered:
    """Deliver the due messages, as far as receivers accept them and quiet hours allow, one delivery at a time.

    `opened` holds and opens the warehouse: to read the due messages, and at the end to record the outcomes. The
    warehouse is free while a receiver answers; until the end every outcome is kept in the register.

    Raises UserError if the live publication is not the last build, because that build's messages are unchecked, and if
    settings or templates are wrong; nothing is delivered then.
    """
    register = Register(settings)
    with one_at_a_time(settings, "delivery"):
        with opened() as connection:
            store.take_over(connection, register)
            require_live(settings, connection)
            channel = open_channel(settings)
            due = store.open_messages(connection) if channel else []
        if channel is None:
            return Delivered()
        try:
            delivered = _Delivery(settings, register, channel, clock or Clock()).run(due)
        finally:
            channel.close()
            with opened() as connection:
                store.take_over(connection, register)
    return delivered


def is_quiet(hours: tuple[str, str], now: time) -> bool:
    """Whether the time is between the two hours (HH:MM), also past midnight; equal hours mean no quiet hours."""
    (begins, ends), moment = hours, f"{now:%H:%M}"
    return begins <= moment < ends if begins <= ends else moment >= begins or moment < ends


class _Delivery:
    """One delivery under way."""

    def __init__(self, settings: Settings, register: Register, channel: Channel, clock: Clock) -> None:
        self._settings = settings
        self._register = register
        self._channel = channel
        self._clock = clock
        self._result = Delivered()
        self._attempted: dict[str, datetime] = {}

    def run(self, messages: Sequence[OpenMessage]) -> Delivered:
        due = [
            (message, text_of(self._settings, message.template, message.language, message.payload))
            for message in self._settled(messages)
        ]
        for number in range(self._settings.messages.attempts):
            if not due or self._result.stopped == QUIET:
                break
            if number:
                self._clock.sleep(self._settings.messages.retry_seconds * 2 ** (number - 1))
            due = self._round(due)
        self._result.left = len(due)
        return self._result

    def _settled(self, messages: Sequence[OpenMessage]) -> list[OpenMessage]:
        """The messages to deliver; messages that are out of date or no longer wanted are recorded as such."""
        today = self._clock.now().astimezone(self._settings.zone).date()
        due = []
        for message in messages:
            if message.valid_until < today:
                self._note(message, "expired")
            elif message.withheld_reason or not message.address:
                self._note(message, "withheld", message.withheld_reason or "no_contact")
            else:
                due.append(message)
        return due

    def _round(self, due: Sequence[tuple[OpenMessage, Text]]) -> list[tuple[OpenMessage, Text]]:
        """Try each message once. Returns those to try again."""
        self._result.stopped = None
        deferred: list[tuple[OpenMessage, Text]] = []
        lost = 0
        for number, (message, text) in enumerate(due):
            if self._is_quiet():
                self._result.stopped = QUIET
                return [*deferred, *due[number:]]
            try:
                error = self._hand_over(message, text)
            except UnreachableError as unreachable:
                self._result.stopped = str(unreachable)
                return [*deferred, *due[number:]]
            if error:
                deferred.append((message, text))
            lost = lost + 1 if isinstance(error, LostError) else 0
            if lost == MOST_LOST:
                self._result.stopped = str(error)
                return [*deferred, *due[number + 1 :]]
        return deferred

    def _hand_over(self, message: OpenMessage, text: Text) -> DeferredError | None:
        """Try a message, and record the outcome. Returns the reason if it is to be tried again."""
        try:
            self._channel.send(self._envelope(message, text))
        except RefusedError as error:
            self._note(message, "failed", str(error))
        except DeferredError as error:
            self._note(message, "deferred", str(error))
            return error
        else:
            self._note(message, "sent")
        return None

    def _envelope(self, message: OpenMessage, text: Text) -> Envelope:
        assert message.address
        return Envelope(
            message_id=message.message_id,
            customer_id=message.customer_id,
            trigger=message.trigger,
            template=message.template,
            language=message.language,
            text=text,
            date=self._clock.now(),
            address=message.address,
        )

    def _note(self, message: OpenMessage, outcome: str, reason: str | None = None) -> None:
        at = self._moment(message.message_id)
        self._register.add_deliveries([DeliveryRecord(message.message_id, at, outcome, reason)])
        self._result.counts[outcome] = self._result.counts.get(outcome, 0) + 1

    def _moment(self, message_id: str) -> datetime:
        """The present time, but later than that of the attempt before, because it distinguishes a message's
        attempts."""
        now, last = self._clock.now(), self._attempted.get(message_id)
        self._attempted[message_id] = now if last is None else max(now, last + timedelta(microseconds=1))
        return self._attempted[message_id]

    def _is_quiet(self) -> bool:
        now = self._clock.now().astimezone(self._settings.zone)
        return is_quiet(self._settings.messages.quiet_hours, now.time())
