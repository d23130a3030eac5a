"""An export: who is in the audience now, who entered and who left since the last one, written for one system."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from duckdb import DuckDBPyConnection

from serving.audiences.definitions import Audience
from serving.audiences.formats import FORMATS, list_text, require_fitting
from serving.audiences.members import COVERED, Member, select_members
from serving.audiences.store import LastExport, last_members, record_export
from serving.publication.state import require_live
from warehouse.files import require_free, require_outside, write_out
from warehouse.settings import Settings


@dataclass(frozen=True)
class Prepared:
    """An audience as it would be handed over. `left` have the contacts alone that the list no longer holds.

    `left_out` counts whom the condition names and who is no member, by reason. `erased_count` are members of the last
    export who were erased since, and whose contacts nobody knows any more.
    """

    audience: Audience
    destination: str
    publication_id: str
    members: list[Member]
    entered: list[Member]
    left: list[Member]
    left_out: Counter[str]
    erased_count: int


def prepare(
    settings: Settings,
    connection: DuckDBPyConnection,
    audience: Audience,
    destination: str,
    *,
    with_holdout: bool = False,
    is_hashed: bool = False,
) -> Prepared:
    """Who would be handed over now, beside who was last; nothing is written.

    Raises UserError where the live publication is not the last build, for a condition that dim_customers does not know,
    and where the destination cannot take what the consent covers.
    """
    require_fitting(destination, COVERED[audience.consent], is_hashed=is_hashed)
    live = require_live(settings, connection)
    contacts = FORMATS[destination].contacts
    selection = select_members(settings, connection, audience, contacts, with_holdout=with_holdout)
    before = last_members(connection, audience.name, destination)
    earlier = _contacts(before)
    return Prepared(
        audience=audience,
        destination=destination,
        publication_id=live.publication_id,
        members=selection.members,
        entered=[one for one in selection.members if _contacts([one]) - earlier],
        left=_without(before, _contacts(selection.members)),
        left_out=selection.left_out,
        erased_count=sum(not _contacts([one]) for one in before),
    )


def export(
    settings: Settings,
    connection: DuckDBPyConnection,
    prepared: Prepared,
    out: Path,
    *,
    is_hashed: bool = False,
    force: bool = False,
) -> list[Path]:
    """Write the list, and beside it who entered and who left, for the owner alone; then keep it as the last export.

    Returns the three files: `out`, and the same with -entered and -left behind its name. Raises UserError for a file
    inside the home folder, a link, and, without `force`, a file that is there.
    """
    audience, destination = prepared.audience, prepared.destination
    files = [out, *(out.with_name(f"{out.stem}-{change}{out.suffix}") for change in ("entered", "left"))]
    for file in files:
        require_outside(file, settings.home)
        require_free(file, force=force)
    lists = [(prepared.members, audience.columns), (prepared.entered, audience.columns), (prepared.left, ())]
    for file, (members, columns) in zip(files, lists, strict=True):
        text = list_text(destination, COVERED[audience.consent], columns, members, is_hashed=is_hashed)
        write_out(file, text, force=force, is_private=True)
    remember(connection, prepared, prepared.members)
    return files


def remember(connection: DuckDBPyConnection, prepared: Prepared, members: Sequence[Member]) -> None:
    """Keep what was handed over as the last export, with its members as they are to be told apart next time."""
    done = LastExport(prepared.audience.name, prepared.destination, datetime.now(UTC), len(members))
    changes = (len(prepared.entered), len(prepared.left))
    record_export(connection, done, prepared.publication_id, members, changes)


def _contacts(members: Iterable[Member]) -> set[str]:
    return {contact for member in members for contact in (member.email, member.phone) if contact}


def _without(members: Iterable[Member], contacts: set[str]) -> list[Member]:
    """The members under those of their contacts that are not among `contacts`, and none who has no other."""
    reduced = (
        replace(
            one,
            email=None if one.email in contacts else one.email,
            phone=None if one.phone in contacts else one.phone,
        )
        for one in members
    )
    return [one for one in reduced if _contacts([one])]
