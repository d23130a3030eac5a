"""The tables of messages in schema `ops`: messages created, and every attempt to deliver one.

Rows are only added, except that messages of a build that did not pass every check are deleted: they were not delivered,
and the next build creates them anew. Neither table holds addresses; these are looked up at delivery.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date

import duckdb

from warehouse.errors import UserError
from warehouse.register import SENT, DeliveryRecord, Register
from warehouse.sql import transaction

CREATE = """
create schema if not exists ops;
create table if not exists ops.messages (
    message_id varchar, customer_id varchar, trigger varchar, subject varchar, event_date date, template varchar,
    language varchar, channel varchar, payload varchar, as_of_date date, valid_until date, build_id bigint
);
create table if not exists ops.message_deliveries (
    message_id varchar, attempt bigint, attempted_at timestamp, outcome varchar, reason varchar
);
create or replace view ops.earlier_messages as
select * from ops.messages
where
    build_id in (select build_id from ops.builds where passed_at is not null)
    or message_id in (select message_id from ops.message_deliveries);
"""
FORGET_UNPASSED = """
delete from ops.messages where message_id not in (select message_id from ops.earlier_messages)
"""
POST = """
insert into ops.messages by name
select
    message_id, customer_id, trigger, subject, event_date, template, language, channel, payload, as_of_date,
    valid_until, $build_id as build_id
from intermediate.int_message_candidates
where
    reason is null and message_id not in (select message_id from ops.messages)
    and message_id not in (select unnest($sent))
"""
# What nothing final was decided about yet, with the address as it is now and what speaks against writing to it.
OPEN = """
with decided as (
    select message_id from ops.message_deliveries where outcome <> 'deferred'
)

select
    messages.message_id, messages.customer_id, messages.trigger, messages.template, messages.language,
    messages.payload, messages.valid_until,
    case when recipients.customer_id is null then 'no_contact' else recipients.withheld_reason end as withheld_reason,
    trim(contacts.email) as address
from ops.earlier_messages as messages
left join intermediate.int_message_recipients as recipients on messages.customer_id = recipients.customer_id
left join intermediate.int_customer_contact_versions as contacts
    on recipients.contact_customer_id = contacts.customer_id and contacts.row_status = 'accepted'
where messages.message_id not in (select message_id from decided)
order by messages.as_of_date, messages.message_id
"""
TAKE_OVER = """
insert into ops.message_deliveries
with noted as (
    select
        unnest($ids) as message_id, unnest($moments) as attempted_at, unnest($outcomes) as outcome,
        unnest($reasons) as reason
),

fresh as (
    select noted.* from noted
    semi join ops.messages using (message_id)
    anti join ops.message_deliveries using (message_id, attempted_at, outcome)
),

earlier as (
    select message_id, count(*) as attempts_count from ops.message_deliveries group by message_id
)

select
    fresh.message_id,
    coalesce(earlier.attempts_count, 0)
        + row_number() over (partition by fresh.message_id order by fresh.attempted_at) as attempt,
    fresh.attempted_at,
    fresh.outcome,
    fresh.reason
from fresh
left join earlier using (message_id)
"""


@dataclass(frozen=True)
class OpenMessage:
    """A message that is still to be delivered. The address is no part of how it is shown."""

    message_id: str
    customer_id: str
    trigger: str
    template: str
    language: str
    payload: str
    valid_until: date
    withheld_reason: str | None
    address: str | None = field(repr=False)


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that do not exist yet; ops.builds has to exist."""
    connection.execute(CREATE)


def enqueue_messages(connection: duckdb.DuckDBPyConnection, build_id: int, sent: Collection[str] = ()) -> int:
    """Create the messages for today's candidates, all or none, each once. Returns how many are new.

    `sent`: the ids of messages that were delivered, also those of a warehouse that was lost.
    """
    with transaction(connection):
        connection.execute(FORGET_UNPASSED)
        row = connection.execute(POST, {"build_id": build_id, "sent": [*sent]}).fetchone()
    assert row is not None
    return int(row[0])


def open_messages(connection: duckdb.DuckDBPyConnection) -> list[OpenMessage]:
    """The messages of builds that passed every check and that nothing final was decided about, oldest first.

    Raises UserError where the warehouse was built by another version of the product, which knew recipients otherwise.
    """
    try:
        return [OpenMessage(*row) for row in connection.execute(OPEN).fetchall()]
    except duckdb.BinderException as error:
        raise UserError(
            "The recipients in the warehouse were built by another version of the product. Start `loyalty run`, and"
            " send afterwards; no message is lost."
        ) from error


def created_texts(connection: duckdb.DuckDBPyConnection, build_id: int) -> list[tuple[str, str, str]]:
    """Template, language and payload of the messages that this build created."""
    return connection.execute(
        "select template, language, payload from ops.messages where build_id = ? order by message_id", [build_id]
    ).fetchall()


def take_over(connection: duckdb.DuckDBPyConnection, register: Register) -> None:
    """Let the warehouse and the register know the same of deliveries: each attempt once, of messages it has."""
    noted = register.deliveries()
    values: dict[str, list[object]] = {
        "ids": [one.message_id for one in noted],
        "moments": [one.attempted_at.astimezone(UTC).replace(tzinfo=None) for one in noted],
        "outcomes": [one.outcome for one in noted],
        "reasons": [one.reason for one in noted],
    }
    if noted:
        connection.execute(TAKE_OVER, values)
    known = {one.message_id for one in noted if one.outcome == SENT}
    rows = connection.execute(
        "select message_id, attempted_at from ops.message_deliveries where outcome = ?", [SENT]
    ).fetchall()
    sent = [DeliveryRecord(one, at.replace(tzinfo=UTC), SENT, None) for one, at in rows if one not in known]
    if sent:  # of a version that kept no register
        register.add_deliveries(sent)
    if len(known) < len(noted):
        register.keep_sent()
