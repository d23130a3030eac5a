"""Who was handed over last, in schema `ops`: what tells an export whom to take out again.

    ops.audience_exports   every export, by audience and destination
    ops.audience_members   who was in the last one, under which contacts

Contacts stand here as they were handed over, since a list is left under these. An erasure empties them, as every column
of contacts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from duckdb import DuckDBPyConnection

from serving.audiences.members import Member
from warehouse.sql import transaction

CREATE = """
create schema if not exists ops;
create table if not exists ops.audience_exports (
    audience varchar, destination varchar, exported_at timestamp, publication_id varchar, members_count bigint,
    entered_count bigint, left_count bigint
);
create table if not exists ops.audience_members (
    audience varchar, destination varchar, customer_id varchar, email varchar, phone varchar
);
"""
FORGET = "delete from ops.audience_members where audience = $1 and destination = $2"
REMEMBER = """
insert into ops.audience_members
select $audience, $destination, unnest($customers), unnest($emails), unnest($phones)
"""


@dataclass(frozen=True)
class LastExport:
    """The last export of an audience to a destination: the moment in UTC, and how many members it had."""

    audience: str
    destination: str
    exported_at: datetime
    members_count: int


def create_tables(connection: DuckDBPyConnection) -> None:
    """Create what does not exist yet."""
    connection.execute(CREATE)


def last_exports(connection: DuckDBPyConnection) -> list[LastExport]:
    """The last export of each audience to each destination, by name."""
    create_tables(connection)
    rows = connection.execute(
        """
        select audience, destination, max(exported_at), max_by(members_count, exported_at)
        from ops.audience_exports
        group by audience, destination
        order by audience, destination
        """
    ).fetchall()
    return [LastExport(name, where, at.replace(tzinfo=UTC), count) for name, where, at, count in rows]


def is_delivered(connection: DuckDBPyConnection, audience: str, destination: str, publication_id: str) -> bool:
    """Whether this publication's members of the audience were handed over."""
    create_tables(connection)
    found = connection.execute(
        "select 1 from ops.audience_exports where audience = $1 and destination = $2 and publication_id = $3 limit 1",
        [audience, destination, publication_id],
    ).fetchone()
    return found is not None


def last_members(connection: DuckDBPyConnection, audience: str, destination: str) -> list[Member]:
    """Who was handed over in the last export, by customer_id; nobody before the first."""
    create_tables(connection)
    rows = connection.execute(
        """
        select customer_id, email, phone from ops.audience_members
        where audience = $1 and destination = $2
        order by customer_id
        """,
        [audience, destination],
    ).fetchall()
    return [Member(*row) for row in rows]


def record_export(
    connection: DuckDBPyConnection,
    export: LastExport,
    publication_id: str,
    members: Sequence[Member],
    changes: tuple[int, int],
) -> None:
    """Keep an export in place of the last one; `changes` are how many entered and left."""
    key = [export.audience, export.destination]
    with transaction(connection):
        moment = export.exported_at.astimezone(UTC).replace(tzinfo=None)
        connection.execute(
            "insert into ops.audience_exports values (?, ?, ?, ?, ?, ?, ?)",
            [*key, moment, publication_id, export.members_count, *changes],
        )
        connection.execute(FORGET, key)
        if members:
            values = {
                "audience": export.audience,
                "destination": export.destination,
                "customers": [member.customer_id for member in members],
                "emails": [member.email for member in members],
                "phones": [member.phone for member in members],
            }
            connection.execute(REMEMBER, values)
