"""Who is in an audience: chosen by the published marts, and reached only as far as consent and the holdout allow."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from serving.audiences.definitions import Audience
from serving.publication.reader import opened_publication
from warehouse.errors import UserError, on_one_line
from warehouse.settings import Settings
from warehouse.sql import quote_identifier

EMAIL, PHONE = "email", "phone"
# By what advertising systems match besides. They go there with the consent for advertising alone.
FIRST_NAME, LAST_NAME, POSTAL_CODE = MATCHED_BESIDES = ("first_name", "last_name", "postal_code")
ADS = "ads_consent"
# Which contacts a consent covers.
COVERED: dict[str, tuple[str, ...]] = {
    "email_consent": (EMAIL,), "sms_consent": (PHONE,), "ads_consent": (EMAIL, PHONE),
}  # fmt: skip
CANDIDATES = """
select
    customer_id, email, phone, first_name, last_name, postal_code, {consent} as has_consent, has_opted_out, is_held_out
from intermediate.int_audience_candidates
where customer_id in (select unnest($customers))
"""


@dataclass(frozen=True)
class Member:
    """A customer who is handed over, under which contacts, and with which values. Contacts are not shown."""

    customer_id: str
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    country: str | None = None
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    postal_code: str | None = field(default=None, repr=False)
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Selection:
    """The members by customer_id, and how many whom the condition names are left out, by reason."""

    members: list[Member]
    left_out: Counter[str]


def select_members(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    audience: Audience,
    contacts: Sequence[str],
    *,
    with_holdout: bool,
) -> Selection:
    """The audience as of the live publication, reached by those of `contacts` that its consent covers.

    An address or a number comes once: of several customers who share it, the first by id has it. `connection` is the
    open warehouse. Raises UserError for a condition or column that dim_customers does not know, and where the warehouse
    was built by another version of the product.
    """
    chosen = _chosen(settings, audience)
    query = CANDIDATES.format(consent=quote_identifier(audience.consent))
    try:
        rows = connection.execute(query, {"customers": [customer_id for customer_id, *_ in chosen]}).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise UserError(
            "The warehouse was built by another version of the product, which knew audiences otherwise. Start `loyalty"
            " run`."
        ) from error
    candidates = {customer_id: about for customer_id, *about in rows}
    covered = [contact for contact in COVERED[audience.consent] if contact in contacts]
    members, left_out, taken = [], Counter[str](), set[str]()
    for customer_id, country, *values in chosen:
        email, phone, *names = candidates[customer_id][:5]
        about = candidates[customer_id][5:]
        reached = {contact: {EMAIL: email, PHONE: phone}[contact] for contact in covered}
        own = {contact: value for contact, value in reached.items() if value and value not in taken}
        reason = _objection(*about, with_holdout=with_holdout) or (
            None if own else "address_taken" if any(reached.values()) else "no_contact"
        )
        if reason:
            left_out[reason] += 1
            continue
        taken.update(own.values())
        details = dict(zip(MATCHED_BESIDES, names, strict=True)) if audience.consent == ADS else {}
        members.append(Member(customer_id, own.get(EMAIL), own.get(PHONE), country, values=tuple(values), **details))
    return Selection(members, left_out)


def _objection(has_consent: bool, has_opted_out: bool, is_held_out: bool, *, with_holdout: bool) -> str | None:
    if is_held_out and not with_holdout:
        return "holdout"
    if has_opted_out:
        return "opted_out"
    return None if has_consent else "no_consent"


def _chosen(settings: Settings, audience: Audience) -> list[tuple[Any, ...]]:
    """customer_id, country and the audience's columns of the customers whom the condition names, by customer_id.

    The condition reads the published marts and nothing else: no contact, no raw row, no file.
    """
    wanted = ", ".join(map(quote_identifier, ("customer_id", "country", *audience.columns)))
    with opened_publication(settings) as published:
        try:
            customers = published.table("marts.dim_customers").filter(duckdb.SQLExpression(audience.where))
            return customers.project(wanted).order("customer_id").fetchall()
        except duckdb.Error as error:
            reason = on_one_line(str(error).splitlines()[0])
            raise UserError(f"{audience.place}: the audience cannot be read from dim_customers: {reason}") from error
