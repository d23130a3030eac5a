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
    "cancel|void|fail|expir|abandon|declin|reject|draft|pending|unpaid|await|storn|annul|abgebroch|fehlgeschl|ungültig"
    "|ausstehend|unbezahlt|anulad|pendient|en attente|取消|关闭|作废|失败|未付|待付"
)
RETURNED = re.compile(
    "^(j|ja|y|yes|true|1|x|r|refund|refunded|return|returned|credit|void|storno|retoure|gutschrift|是|退货|退款)$"
)
TAX = re.compile(
    "(mw|u)st(satz|betrag)?|mehrwertsteuer|umsatzsteuer|vat(rate|amount)?|(sales)?tax(es|rate|amount)?|tva|iva|gst|btw|税.*"
)
CONSENTS = re.compile(r"^(j|ja|y|yes|true|1|oui|si|sí|是)$")


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
