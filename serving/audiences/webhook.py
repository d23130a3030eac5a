"""Delivery by webhook: one signed POST with the members, who entered and who left since the last accepted one.

Only an accepted delivery is remembered, so whatever a receiver missed is told again by the next. If a crash comes
between the two, the receiver gets the same lists once more. The warehouse is free while the receiver answers.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from serving.audiences.definitions import FOLDER, WEBHOOK, Audience, read_audience
from serving.audiences.delivery import Prepared, prepare, remember
from serving.audiences.formats import list_records
from serving.audiences.members import COVERED, Member
from serving.audiences.store import is_delivered
from serving.publication.state import live_publication
from serving.receivers import DeferredError, OpenWarehouse, RefusedError, UnreachableError, Webhook, one_at_a_time
from warehouse.errors import UserError
from warehouse.identity.erasure_register import find_salt
from warehouse.register import Register
from warehouse.settings import Settings

SECTION = "audiences.webhook"
THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Delivered:
    """The result of one delivery: what was told, and why it was not accepted, None where it was."""

    name: str
    prepared: Prepared | None = None
    problem: str | None = None

    @property
    def told(self) -> str:
        """The result as a sentence, without contacts."""
        if self.problem is not None:
            reason = self.problem.rstrip(".")
            return f"audience {self.name} was not delivered: {reason}. The next delivery tells everything again."
        return f"audience {self.name} was delivered."


def deliver(settings: Settings, opened: OpenWarehouse, audience: Audience, *, with_holdout: bool = False) -> Delivered:
    """Post the audience; where it is accepted, keep it as the last delivery.

    Raises UserError for an audience or a receiver that cannot be used, and DeliveringError while another delivery goes
    on.
    """
    with one_at_a_time(settings, "audiences"):
        receiver = _receiver(settings)
        with opened() as connection:
            prepared = prepare(settings, connection, audience, WEBHOOK, with_holdout=with_holdout)
        body = json.dumps(_record_of(prepared), ensure_ascii=False).encode()
        try:
            receiver.post(body, f"audience-{hashlib.sha256(body).hexdigest()[:32]}")
        except (RefusedError, DeferredError, UnreachableError) as error:
            return Delivered(audience.name, prepared, str(error))
        with opened() as connection:
            remember(connection, prepared, _without_erased(settings, prepared.members))
        return Delivered(audience.name, prepared)


def has_daily(settings: Settings) -> bool:
    """Whether runs deliver an audience of the company."""
    return any(isinstance(audience, Delivered) or audience.deliver for audience in _read(settings))


def deliver_daily(settings: Settings, opened: OpenWarehouse) -> list[Delivered]:
    """Deliver each audience that says `deliver: daily`, once a publication. What is wrong with one stops no other."""
    return [
        delivered
        for audience in _read(settings)
        if (delivered := audience if isinstance(audience, Delivered) else _daily(settings, opened, audience))
    ]


def _daily(settings: Settings, opened: OpenWarehouse, audience: Audience) -> Delivered | None:
    if not audience.deliver:
        return None
    live = live_publication(settings)
    with opened() as connection:
        if live and is_delivered(connection, audience.name, WEBHOOK, live.publication_id):
            return None
    try:
        return deliver(settings, opened, audience)
    except UserError as error:
        return Delivered(audience.name, problem=str(error))


def _read(settings: Settings) -> Iterator[Audience | Delivered]:
    """The company's audiences by name; in place of one whose file is wrong, that it cannot be delivered."""
    for file in sorted((settings.folder / FOLDER).glob("*.yml")):
        try:
            yield read_audience(settings, file.stem)
        except UserError as error:
            yield Delivered(file.stem, problem=str(error))


def _receiver(settings: Settings) -> Webhook:
    webhook = settings.audiences.webhook
    receiver = Webhook(SECTION, webhook)
    address = urlsplit(receiver.url)
    if address.scheme != "https" and address.hostname not in THIS_MACHINE:
        raise UserError(
            f"{SECTION}: {webhook.url_env} has to start with https://, as addresses of customers go there; http:// is"
            " for this machine alone."
        )
    return receiver


def _record_of(prepared: Prepared) -> dict[str, object]:
    """What the receiver is told. `members` is the whole list, for who replaces it."""
    covered, columns = COVERED[prepared.audience.consent], prepared.audience.columns
    return {
        "audience": prepared.audience.name,
        "publication_id": prepared.publication_id,
        "members": list_records(covered, columns, prepared.members),
        "entered": list_records(covered, columns, prepared.entered),
        "left": list_records(covered, (), prepared.left),
        "erased_count": prepared.erased_count,
    }


def _without_erased(settings: Settings, members: list[Member]) -> list[Member]:
    """The members, with nothing but the pseudonym of those who were erased while the receiver was answering."""
    salt = find_salt(settings)
    if salt is None:
        return members
    names = Register(settings).spellings()
    return [Member(name) if (name := names.get(salt.hash(one.customer_id))) else one for one in members]
