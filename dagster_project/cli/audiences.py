"""`loyalty audiences list | preview | export | deliver`: lists of customers for mail, text and advertising systems."""

from pathlib import Path

from rich.table import Table

from dagster_project.cli.console import Console
from dagster_project.cli.opened import opened_warehouse
from dagster_project.watchdog import Watchdog, tell_end
from serving.audiences import Prepared, deliver, export, last_exports, prepare, read_audience, read_audiences
from serving.audiences.definitions import WEBHOOK
from warehouse.errors import UserError
from warehouse.settings import Settings

HOLDER = "loyalty audiences"
# Why a customer whom the condition names is no member.
REASONS = {
    "holdout": "in the permanent holdout",
    "opted_out": "opted out",
    "no_consent": "without the consent",
    "no_contact": "without an address or number",
    "address_taken": "sharing another member's address or number",
}


def list_audiences(settings: Settings) -> None:
    """Print the company's audiences and their last exports. Raises UserError where it has none."""
    audiences = read_audiences(settings)
    if not audiences:
        raise UserError(
            f"{settings.folder / 'audiences'}: there is no audience yet; docs/audiences.md says how to add one."
        )
    console, table = Console(), Table("audience", "for", "needs", "condition", "last exported")
    with opened_warehouse(settings, HOLDER, console) as connection:
        exports = last_exports(connection)
    for audience in audiences:
        told = [
            f"{one.destination} {one.exported_at:%Y-%m-%d %H:%M} UTC, {one.members_count:,} members"
            for one in exports
            if one.audience == audience.name
        ]
        table.add_row(audience.name, audience.destination, audience.consent, audience.where, "\n".join(told) or "never")
    console.print(table)


def preview(settings: Settings, name: str, destination: str | None, limit: int, *, with_holdout: bool = False) -> None:
    """Print how many would be handed over, and the first of them, without contacts. Raises UserError."""
    audience = read_audience(settings, name)
    console = Console()
    with opened_warehouse(settings, HOLDER, console) as connection:
        prepared = prepare(
            settings, connection, audience, destination or audience.destination, with_holdout=with_holdout
        )
    entered = {member.customer_id for member in prepared.entered}
    table = Table("customer_id", "entered", *audience.columns)
    for member in prepared.members[:limit]:
        values = ["" if value is None else str(value) for value in member.values]
        table.add_row(member.customer_id, "yes" if member.customer_id in entered else "", *values)
    console.print(table)
    _tell(console, prepared)


def export_audience(
    settings: Settings,
    name: str,
    destination: str | None,
    out: Path,
    *,
    is_hashed: bool = False,
    with_holdout: bool = False,
    force: bool = False,
) -> None:
    """Write the lists of members, of who entered and of who left, and say how many. Raises UserError."""
    audience = read_audience(settings, name)
    destination = destination or audience.destination
    if destination == WEBHOOK:
        raise UserError(
            f"{name} is posted to a webhook: `{settings.command} audiences deliver {name}`. For a file, add --format."
        )
    console = Console(soft_wrap=True)
    with opened_warehouse(settings, HOLDER, console) as connection:
        prepared = prepare(
            settings,
            connection,
            audience,
            destination,
            with_holdout=with_holdout,
            is_hashed=is_hashed,
        )
        files = export(settings, connection, prepared, out, is_hashed=is_hashed, force=force)
    _tell(console, prepared)
    for file, what in zip(files, ("members", "entered", "left"), strict=True):
        console.print(f"{what:8} {file}")
    console.print("They are for you alone to read; remove them once they are imported.")


def deliver_audience(settings: Settings, name: str, *, with_holdout: bool = False) -> bool:
    """Post an audience to the webhook, and say how many. Returns whether it was accepted. Raises UserError."""
    audience = read_audience(settings, name)
    if audience.destination != WEBHOOK:
        raise UserError(
            f"{audience.place}: {name} is for {audience.destination}, which reads a file: `{settings.command} audiences"
            f" export {name} --out FILE`. An audience with `destination: {WEBHOOK}` is delivered."
        )
    console = Console(soft_wrap=True)
    with Watchdog(settings, "audiences", tell_end) as watchdog:
        watchdog.stands("the delivery of", name)
        with watchdog.limit("the delivery", "limits.delivery_minutes", settings.limits.delivery_minutes):
            delivered = deliver(
                settings, lambda: opened_warehouse(settings, HOLDER, console), audience, with_holdout=with_holdout
            )
    assert delivered.prepared
    _tell(console, delivered.prepared)
    console.print(delivered.told)
    return delivered.problem is None


def _tell(console: Console, prepared: Prepared) -> None:
    console.print(
        f"{prepared.audience.name} for {prepared.destination}: {len(prepared.members):,} members,"
        f" {len(prepared.entered):,} entered and {len(prepared.left):,} left since the last export."
    )
    for reason, count in sorted(prepared.left_out.items()):
        console.print(f"left out: {count:,} {REASONS[reason]}")
    if prepared.erased_count:
        console.print(
            f"{prepared.erased_count:,} of the last export have been erased since; nobody knows their addresses any"
            f" more. Replace the whole list at {prepared.destination} by the members, or remove them there by hand."
        )
