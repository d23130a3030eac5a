"""What each system reads: its headers, which columns of ours stand below them, and what of it may be hashed."""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.audiences.members import EMAIL, PHONE, Member
from warehouse.errors import UserError
from warehouse.files import csv_cell

CUSTOMER, COUNTRY = "customer_id", "country"
ISO_COUNTRY = re.compile("[A-Za-z]{2}")


@dataclass(frozen=True)
class Format:
    """How a system reads a list. `headers` lead to what stands below them, None where we know nothing of it.

    is_whole: every header is there, also without data; otherwise contacts that the consent does not cover are left out,
    and columns of the audience may follow. `hashed` are the headers that are hashed where asked.
    """

    headers: Mapping[str, str | None]
    is_whole: bool = False
    hashed: frozenset[str] = frozenset()

    @property
    def contacts(self) -> list[str]:
        """The contacts that the system takes."""
        return [name for name in (EMAIL, PHONE) if name in self.headers.values()]


META = {
    "email": EMAIL, "phone": PHONE, "fn": None, "ln": None, "ct": None, "st": None, "zip": None, "country": COUNTRY,
}  # fmt: skip
GOOGLE = {"Email": EMAIL, "Phone": PHONE, "First Name": None, "Last Name": None, "Country": COUNTRY, "Zip": None}
FORMATS = {
    "klaviyo": Format({"Email": EMAIL, "Phone Number": PHONE}),
    "mailchimp": Format({"Email Address": EMAIL}),
    "meta": Format(META, is_whole=True, hashed=frozenset(META)),
    # country and postal code are matched as they are
    "google": Format(GOOGLE, is_whole=True, hashed=frozenset(("Email", "Phone", "First Name", "Last Name"))),
    "csv": Format({CUSTOMER: CUSTOMER, EMAIL: EMAIL, PHONE: PHONE}),
    "webhook": Format({CUSTOMER: CUSTOMER, EMAIL: EMAIL, PHONE: PHONE}),
}


def require_fitting(destination: str, covered: Sequence[str], *, is_hashed: bool) -> None:
    """Raises UserError where the system cannot take what the consent covers, or takes no hashes."""
    form = FORMATS[destination]
    if not set(form.contacts) & set(covered):
        raise UserError(
            f"{destination} matches customers by {' and '.join(form.contacts)}, and the audience's consent covers"
            f" {' and '.join(covered)} alone. Name another destination, or the consent that it needs."
        )
    if is_hashed and not form.hashed:
        able = " and ".join(name for name, one in FORMATS.items() if one.hashed)
        raise UserError(f"{destination} reads no hashes; {able} do.")


def list_text(
    destination: str, covered: Sequence[str], columns: Sequence[str], members: Iterable[Member], *, is_hashed: bool
) -> str:
    """The list as CSV. `columns` name the values that members bring; they follow where the system takes any."""
    form = FORMATS[destination]
    headers = {
        header: name
        for header, name in form.headers.items()
        if form.is_whole or name in covered or name not in form.contacts
    }
    further = () if form.is_whole else columns
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(csv_cell, [*headers, *further]))
    for member in members:
        cells = [_cell(destination, member, name) for name in headers.values()]
        if is_hashed:
            pairs = zip(headers, cells, strict=True)
            cells = [_hash(cell) if cell and header in form.hashed else cell for header, cell in pairs]
        writer.writerow([*cells, *(_plain(value) for value in member.values if further)])
    return text.getvalue()


def list_records(covered: Sequence[str], columns: Sequence[str], members: Iterable[Member]) -> list[dict[str, Any]]:
    """The list as JSON has it: the id, the contacts that the consent covers, and the columns that members bring."""
    return [
        {CUSTOMER: one.customer_id}
        | {name: contact for name, contact in ((EMAIL, one.email), (PHONE, one.phone)) if name in covered}
        | {column: _json(value) for column, value in zip(columns, one.values, strict=False)}
        for one in members
    ]


def _cell(destination: str, member: Member, name: str | None) -> object:
    """A value as the system matches it."""
    if name == PHONE:  # + and digits, which a spreadsheet reads as a number and computes nothing of
        # Meta hashes numbers without the +
        return (member.phone or "").removeprefix("+" if destination == "meta" else "")
    if name == COUNTRY:
        code = member.country if member.country and ISO_COUNTRY.fullmatch(member.country) else ""
        return code.lower() if destination == "meta" else code.upper()
    return csv_cell({CUSTOMER: member.customer_id, EMAIL: member.email or ""}.get(name or "", ""))


def _hash(text: object) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()


def _json(value: Any) -> Any:
    """A value of a mart in JSON: amounts keep every digit, so they are text, as days are."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def _plain(value: Any) -> object:
    """A value of a mart: days and moments by ISO 8601, truth in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else csv_cell(value)
