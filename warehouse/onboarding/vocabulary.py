"""Shops' names for their columns, in several languages, and the meaning of an order's status."""

import re
import unicodedata
from functools import cache
from pathlib import Path

from warehouse.ingest.number_units import CODES, SIGNS
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
# All but letters, digits, and signs that mean something in a header: Item #, N° de commande, Discount %.
NO_LETTERS = re.compile(r"(?:[^\w#°%]|_)+")
ACCENTS = re.compile("[\u0300-\u036f]")
# What a header says of the currency: Amount (USD), Betrag in EUR, Total €.
CURRENCY_BESIDE = re.compile(rf"\W+(?:in )?[^\w{SIGNS}]*({CODES}|[{SIGNS}])\W*$")
CANCELLED = re.compile(
    "cancel|void|fail|expir|abandon|declin|reject|draft|pending|unpaid|(not|nicht|non) (paid|bezahlt|payé)|on.?hold"
    "|await|^test|storn|annul|abgebroch|fehlgeschl|ungültig|ausstehend|unbezahlt|anul|pendient|en attente|取消|关闭"
    "|作废|失败|未付|待付"
)
NOT_CANCELLED = re.compile("(^|\\W)(not|nicht|non|no|un)\\W?(cancel|void|storn|annul|anulad|refund|return|retour)")
REFUNDED = re.compile("refund|return|rembours|erstatt|retour|reembols|devuelt|rimbors|退款|退货")
PARTLY = re.compile("part|teil|部分")
YES_WORDS = "j|ja|y|yes|true|1|x|oui|si|sí|是"
YES, NO = re.compile(f"^({YES_WORDS})$"), re.compile("^(n|nein|no|false|0|non|否)$")
RETURN_WORDS = (
    "((full|partial)(ly)? )?(refund|return)(ed)?|credit ?note|storno|retoure|(storno)?gutschrift|avoir"
    "|remboursement|remboursé|devolución|reembolso|reso|rimborso|zwrot|retur|退货|退款"
)
RETURNED = re.compile(f"^({YES_WORDS}|r|credit|void|{RETURN_WORDS})$")
# What marks a column as one of returns, or of a status, whatever its header is; but one of payments, which may be
# refunded by themselves.
SAYS_RETURN = re.compile(f"^({RETURN_WORDS})$")
OF_PAYMENTS = re.compile("pay|tender|zahl|paiement|pago|pagamento|betaal|platno|支付|付款")
SAYS_CANCELLED = re.compile(
    "^(order |is )?(cancell?ed|cancelad[oa]|voided|storniert|annul[ée]+e?|annullat[oa]|anulowan[eay]|已取消|已关闭)"
)
# Headers under which a number of units may stand as well as a yes or no.
RETURNED_UNITS = re.compile("(return|refund)(ed|s)?|retouren?|credit(ed|s)?")
TAX = re.compile(
    "(mw|u)st%?(satz|betrag)?|mehrwertsteuer|umsatzsteuer|steuer(betrag|satz)?|vat%?(rate|amount)?"
    "|(sales|product)?tax(es|rate|amount)?|tva|iva|gst|btw|moms|税.*"
)
# Shipping and tips, which are no sales of goods, and refunds.
BESIDE_GOODS = re.compile(
    "(shipping|delivery|freight|postage)(cost|costs|amount|fee|price|total)?|versand(kosten)?|porto|fraisdeport|livraison"
    "|gastosdeenvio|spedizione|verzendkosten|tips?(amount)?|gratuity|trinkgeld|pourboire|邮费|运费"
)
REFUNDS = re.compile("(total)?refund(ed|s)?(amount|total)?|amountrefunded|erstattung(sbetrag)?|退款金额")
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
    """A header without differences of spelling, and without the currency of its values."""
    return NO_LETTERS.sub("", without_accents(CURRENCY_BESIDE.sub("", header).casefold()))


def currency_beside(header: str) -> str | None:
    """The sign or code of a currency behind a header's words."""
    found = CURRENCY_BESIDE.search(header)
    return found[1] if found else None


def without_accents(text: str) -> str:
    """Quantité as quantite, and № as No."""
    return ACCENTS.sub("", unicodedata.normalize("NFKD", text))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    words = read_yaml(WORDS_FILE).values
    return {field: re.compile(without_accents(f"(?:{'|'.join(parts)})")) for field, parts in words.items()}


def fields_of(header: str) -> list[str]:
    """The fields that a header may mean, the likeliest first; of Invoice lines/Quantity the last word."""
    letters = plain(header.removeprefix(ORDERS_PREFIX))
    found = [field for field, pattern in _patterns().items() if pattern.fullmatch(letters)]
    return found or ("/" in header and fields_of(header.rpartition("/")[2])) or []


# Of headers that may mean one field: what a line brings goes before what its order does, and an id before a name.
LIKELIER = re.compile("(net|sub|items?|line|row|zeilen?|position).*|.*(id|no|nr|num|number|nummer|code|#|号|编码)")
LESS_LIKELY = re.compile(
    "(order|grand|gesamt|invoice|订单)(total|sum|amount|summe|betrag|preis|金额)?|total(paid|amount)?|summe"
)


def likelihood(header: str) -> int:
    """The rank of a header among those that may mean the same: the smallest first."""
    letters = plain(header.removeprefix(ORDERS_PREFIX))
    return -1 if LIKELIER.fullmatch(letters) else int(LESS_LIKELY.fullmatch(letters) is not None)
