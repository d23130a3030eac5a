"""What each system reads: its headers, which columns of ours stand below them, and what of it may be hashed."""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.audiences.members import EMAIL, FIRST_NAME, LAST_NAME, PHONE, POSTAL_CODE, Member
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
    "email": EMAIL, "phone": PHONE, "fn": FIRST_NAME, "ln": LAST_NAME, "ct": None, "st": None, "zip": POSTAL_CODE,
    "country": COUNTRY,
}  # fmt: skip
GOOGLE = {
    "Email": EMAIL, "Phone": PHONE, "First Name": FIRST_NAME, "Last Name": LAST_NAME, "Country": COUNTRY,
    "Zip": POSTAL_CODE,
}  # fmt: skip
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
        cells = [
            _written(_cell(destination, member, name), name, is_hashed=is_hashed and header in form.hashed)
            for header, name in headers.items()
        ]
        writer.writerow([*cells, *(_plain(value) for value in member.values if further)])
    return text.getvalue()


def _written(value: str, name: str | None, *, is_hashed: bool) -> object:
    """A value as it stands in the file. A number begins with a +, of which a spreadsheet computes nothing."""
    if is_hashed and value:
        return _hash(value)
    return value if name == PHONE else csv_cell(value)


def list_records(covered: Sequence[str], columns: Sequence[str], members: Iterable[Member]) -> list[dict[str, Any]]:
    """The list as JSON has it: the id, the contacts that the consent covers, and the columns that members bring."""
    return [
        {CUSTOMER: one.customer_id}
        | {name: contact for name, contact in ((EMAIL, one.email), (PHONE, one.phone)) if name in covered}
        | {column: _json(value) for column, value in zip(columns, one.values, strict=False)}
        for one in members
    ]


def _cell(destination: str, member: Member, name: str | None) -> str:
    """A value as the system matches it."""
    if name == PHONE:
        # Meta hashes numbers without the +
        return (member.phone or "").removeprefix("+" if destination == "meta" else "")
    if name == COUNTRY:
        code = member.country if member.country and ISO_COUNTRY.fullmatch(member.country) else ""
        return code.lower() if destination == "meta" else code.upper()
    if name in (FIRST_NAME, LAST_NAME):
        return _name(destination, (member.first_name if name == FIRST_NAME else member.last_name) or "")
    if name == POSTAL_CODE:
        return _postal_code(destination, member)
    return {CUSTOMER: member.customer_id, EMAIL: member.email or ""}.get(name or "", "")


def _name(destination: str, name: str) -> str:
    """A name; Meta matches it in lower case and without punctuation."""
    if destination != "meta":
        return name
    return " ".join("".join(one for one in name.lower() if one.isalnum() or one.isspace()).split())


def _postal_code(destination: str, member: Member) -> str:
    """A postal code; Meta matches it in lower case, without blanks and dashes, and of the United States five digits."""
    code = member.postal_code or ""
    if destination != "meta":
        return code
    bare = re.sub(r"[\s-]", "", code.lower())
    return bare[:5] if (member.country or "").upper() == "US" else bare


def _hash(text: str) -> str:
    """The hash of a text in lower case, as the systems make it themselves."""
    return hashlib.sha256(text.lower().encode()).hexdigest()


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
