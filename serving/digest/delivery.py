"""Handing the digest and alerts over: each once to each receiver, by the transports of messages to customers.

What a receiver accepted is noted in digest.json of the home folder. A receiver that is away gets it with the next run;
one that got it just before a crash gets it once more, under the same id.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from serving.digest.figures import Alert, Week, alerts_of_last_days, last_week
from serving.digest.letters import Letter, alerts_letter, digest_letter
from serving.outbox.channels import Envelope
from serving.outbox.email_channel import EmailChannel
from serving.publication.reader import opened_publication
from serving.receivers import DeferredError, RefusedError, UnreachableError, Webhook, one_at_a_time
from warehouse.errors import UserError
from warehouse.files import read_note, write_atomically
from warehouse.settings import Settings

# Hands a letter to a receiver: an address, or '' where the channel has one alone.
Send = Callable[[Letter, str], None]


@dataclass(frozen=True)
class Sent:
    """What became of a letter: the reasons of receivers that did not accept it, none where all did."""

    letter_id: str
    problems: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """One sentence."""
        if self.problems:
            return f"{self.letter_id} was not delivered: {'; '.join(self.problems)}. The next delivery tries again."
        return f"{self.letter_id} was delivered."


def send_digest(settings: Settings, digest: Letter) -> Sent:
    """Send the digest now, also where it was sent before. Raises UserError without a channel or its secrets."""
    with one_at_a_time(settings, "digest"), _transport(settings) as send:
        sent, _ = _hand_over(send, digest, _receivers(settings))
    return sent


def send_due(settings: Settings) -> list[Sent]:
    """Send the digest of a week that was not sent yet, and alerts of days that nobody was told of.

    Raises UserError for a channel whose secrets are not set.
    """
    with one_at_a_time(settings, "digest"):
        note = read_note(_note_path(settings))
        with opened_publication(settings) as connection:
            week, alerts = last_week(connection), alerts_of_last_days(connection)
            (through,) = connection.execute("select data_through from publication").fetchall()[0]
        due = list(_due(settings, note, week, alerts, through))
        if not due:
            return []
        with _transport(settings) as send:
            return [_deliver(settings, send, note, letter, done) for letter, done in due]


def _due(
    settings: Settings, note: dict[str, Any], week: Week | None, alerts: Sequence[Alert], through: date
) -> Iterator[tuple[Letter, dict[str, str]]]:
    """Letters to send, with what is noted once all receivers have them."""
    if week and str(week.monday) > note.get("week", ""):
        yield digest_letter(settings, week), {"week": str(week.monday)}
    told = note.get("alerts_through", str(through - timedelta(days=1)))
    new = [alert for alert in alerts if str(alert.day) > told]
    if new and settings.digest.alerts:
        yield alerts_letter(settings, new), {"alerts_through": str(max(alert.day for alert in new))}


def _deliver(settings: Settings, send: Send, note: dict[str, Any], letter: Letter, done: dict[str, str]) -> Sent:
    accepted = set(note.get("accepted", []))
    receivers = [one for one in _receivers(settings) if f"{letter.letter_id} {one}" not in accepted]
    sent, now = _hand_over(send, letter, receivers)
    if sent.problems:
        note["accepted"] = sorted(accepted | {f"{letter.letter_id} {one}" for one in now})
    else:
        kept = {one for one in accepted if not one.startswith(f"{letter.letter_id} ")}
        note |= {**done, "accepted": sorted(kept)}
    write_atomically(_note_path(settings), json.dumps(note), mode=0o600)
    return sent


def _hand_over(send: Send, letter: Letter, receivers: Sequence[str]) -> tuple[Sent, list[str]]:
    """What became of a letter, and the receivers that accepted it."""
    problems: list[str] = []
    accepted: list[str] = []
    for receiver in receivers:
        try:
            send(letter, receiver)
            accepted.append(receiver)
        except (RefusedError, DeferredError, UnreachableError) as error:
            problems.append(str(error).rstrip("."))
    return Sent(letter.letter_id, tuple(dict.fromkeys(problems))), accepted


def _receivers(settings: Settings) -> Sequence[str]:
    return settings.digest.to if settings.digest.channel == "email" else [""]


@contextmanager
def _transport(settings: Settings) -> Iterator[Send]:
    digest = settings.digest
    if digest.channel is None:
        raise UserError(f'{settings.path}: a digest is sent once "digest.channel" is set.')
    if digest.channel == "email":
        channel = EmailChannel(settings.messages)
        try:
            yield lambda letter, address: channel.send(_envelope(settings, letter, address))
        finally:
            channel.close()
        return
    webhook, is_slack = Webhook("digest.webhook", digest.webhook), digest.channel == "slack"
    yield lambda letter, _: webhook.post(_body(letter, is_slack=is_slack), letter.letter_id)


def _body(letter: Letter, *, is_slack: bool) -> bytes:
    values: Mapping[str, object] = {"text": letter.text.plain} if is_slack else letter.values
    return json.dumps(values, ensure_ascii=False).encode()


def _envelope(settings: Settings, letter: Letter, address: str) -> Envelope:
    """The letter as a mail, under an id of its own for each address."""
    of_address = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Envelope(
        message_id=f"{letter.letter_id}-{of_address}",
        customer_id="",
        trigger="digest",
        template=letter.letter_id,
        language=settings.language,
        text=letter.text,
        date=datetime.now(UTC),
        address=address,
    )


def _note_path(settings: Settings) -> Path:
    return settings.home / "digest.json"
