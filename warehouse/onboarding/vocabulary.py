"""Shops' names for their columns, in several languages, and the meaning of an order's status."""

import re
from functools import cache
from pathlib import Path

from warehouse.yaml_files import read_yaml

WORDS_FILE = Path(__file__).with_name("vocabulary.yml")
# Columns of a joined table of orders are named with it.
ORDERS_PREFIX = "orders."
# Fields of an order that its lines take as they stand.
DETAILS = (
    "currency", "channel", "store_id", "country", "discount_code", "marketing_source", "marketing_medium",
    "marketing_campaign",
)  # fmt: skip
# Fields by which a person is reached. Columns of a raw table that have these names are emptied when a customer is
# erased, whatever their headers are.
CONTACTS = ("email", "phone", "first_name", "last_name", "postal_code")
NO_LETTERS = re.compile(r"[\s_\-./:()（）]+")
CANCELLED = re.compile(
    "cancel|void|fail|expir|abandon|declin|reject|draft|pending|unpaid|(not|nicht|non) (paid|bezahlt|payé)|on.?hold"
    "|await|^test|storn|annul|abgebroch|fehlgeschl|ungültig|ausstehend|unbezahlt|anulad|pendient|en attente|取消|关闭"
    "|作废|失败|未付|待付"
)
NOT_CANCELLED = re.compile("(^|\\W)(not|nicht|non|no|un)\\W?(cancel|void|storn|annul|anulad|refund|return|retour)")
REFUNDED = re.compile("refund|return|rembours|erstatt|retour|reembols|devuelt|rimbors|退款|退货")
PARTLY = re.compile("part|teil|部分")
YES_WORDS = "j|ja|y|yes|true|1|x|oui|si|sí|是"
YES, NO = re.compile(f"^({YES_WORDS})$"), re.compile("^(n|nein|no|false|0|non|否)$")
RETURNED = re.compile(
    f"^({YES_WORDS}|r|((full|partial)(ly)? )?(refund|return)(ed)?|credit|void|storno|retoure|gutschrift|avoir"
    "|remboursement|remboursé|devolución|reembolso|reso|rimborso|退货|退款)$"
)
# Headers under which a number of units may stand as well as a yes or no.
RETURNED_UNITS = re.compile("(return|refund)(ed|s)?|retouren?|credit(ed|s)?")
TAX = re.compile(
    "(mw|u)st(satz|betrag)?|mehrwertsteuer|umsatzsteuer|vat(rate|amount)?|(sales)?tax(es|rate|amount)?|tva|iva|gst|btw|税.*"
)
CONSENTS = re.compile(f"^({YES_WORDS}|subscribed|opt(ed)?[- ]?in|granted|accepted)$")
# Headers of a column that says by yes or no whether an order was voided.
VOIDED = re.compile("(is)?(void|cancell?)(ed)?|storniert")


def is_counted(status: str, header: str, *, refunds_have_rows: bool) -> bool:
    """Whether an order counts, by its status; one that was refunded does where its refunds are rows too."""
    text = status.casefold()
    if VOIDED.fullmatch(plain(header)) and (YES.match(text) or NO.match(text)):
        return not YES.match(text)
    if NOT_CANCELLED.search(text):
        return True
    is_refunded = REFUNDED.search(text) is not None and not PARTLY.search(text)
    return CANCELLED.search(text) is None and (refunds_have_rows or not is_refunded)


def plain(header: str) -> str:
    """A header without differences of spelling."""
    return NO_LETTERS.sub("", header.casefold())


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    words = read_yaml(WORDS_FILE).values
    return {field: re.compile(f"(?:{'|'.join(parts)})") for field, parts in words.items()}


def fields_of(header: str) -> list[str]:
    """The fields that a header may mean, the likeliest first."""
    letters = plain(header.removeprefix(ORDERS_PREFIX))
    return [field for field, pattern in _patterns().items() if pattern.fullmatch(letters)]
