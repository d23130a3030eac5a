"""A guessed mapping of unknown files, from their headers and, above all, from their values.

Each guess comes with its reason. Amounts are identified by arithmetic (price x quantity - discount = amount), keys by
being unique, customers and orders by the files that share them. The user is asked for fields that are not found.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from warehouse.errors import UserError
from warehouse.ingest.number_units import MEANT, currencies
from warehouse.onboarding.amounts import NUMBERS
from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.guessed_columns import Guess
from warehouse.onboarding.guessed_lines import FITTING, Ask, because_of_words, guess_lines
from warehouse.onboarding.guessed_mapping import (
    customers_mapping,
    order_lines_mapping,
    products_mapping,
    rows_of_lines,
    table_section,
)
from warehouse.onboarding.joined_orders import find_orders, joined_to_orders, with_orders
from warehouse.onboarding.kinds import kinds_of
from warehouse.onboarding.proposal import Finding, Proposal, common_folder, find_currency, find_zone
from warehouse.onboarding.readers import listed
from warehouse.onboarding.vocabulary import (
    BESIDE_GOODS,
    CONTACTS,
    ORDERS_PREFIX,
    REFUNDS,
    TAX,
    currency_beside,
    fields_of,
    plain,
    without_accents,
)

OF_CUSTOMERS = (*CONTACTS, "email_consent", "country", "joined_at", "birth_date")
# What is said of columns that are left.
ABOUT_UNUSED = (
    (TAX, "{} is about tax: amounts are taken as they stand, with the tax that is in them."),
    (BESIDE_GOODS, "{} is no sale of goods: it is in no figure, unless it is in the amounts."),
    (REFUNDS, "{} holds refunds, which count only as rows or as `further_lines` of the mapping (docs/mapping.md)."),
)


def propose_guessed(samples: Sequence[Sample], said: Mapping[str, str], ask: Ask) -> Proposal:
    """The company of files that are no known system's. Raises UserError where something needed is not found."""
    first, *others = sorted(samples, key=_likeness_of_lines, reverse=True)
    exports = [first, *(sample for sample in others if sample.header == first.header)]
    others = [sample for sample in others if sample.header != first.header]
    orders = find_orders(first, others)
    lines = guess_lines(with_orders(first, orders) if orders else first, said, ask, alike=exports[1:])
    others = [sample for sample in others if not (orders and sample is orders.rows)]
    customers_there = None if others else customers_of_lines(lines, orders.rows if orders else None)
    if customers_there is None:
        leave_out_contacts(lines)
    folder = common_folder(samples)
    name = _name_of(lines.sample)
    tables = {"lines": table_section("lines", exports, folder, "One row per line of an order.", lines)}
    if "order_line_id" not in lines.columns:  # nothing tells an order's lines apart from those that come again
        tables["lines"]["replaces"] = "order_id"
    mapping: dict[str, Any] = {"order_lines": order_lines_mapping(lines, {} if orders else rows_of_lines(lines))}
    told = [_told(sample, "order lines") for sample in exports]
    if orders:
        of_orders = _of_orders(lines, orders.rows)
        tables["orders"] = table_section("orders", [orders.rows], folder, "One row per order.", of_orders)
        lines.notes += of_orders.notes
        mapping["order_lines"] = joined_to_orders(mapping["order_lines"], orders)
        told.append(_told(orders.rows, f"orders, joined by {orders.column} = {orders.key}"))
    guesses = [(field, header, lines.because[field]) for field, header in lines.columns.items()]
    used = {*lines.columns.values(), *((orders.column, orders.key) if orders else ())}
    if "product_id" in lines.columns and "product_name" in lines.columns:
        mapping["products"] = products_mapping(lines)
    if customers_there:
        holder = "orders" if orders and customers_there.sample is orders.rows else "lines"
        mapping["customers"] = customers_mapping(customers_there, holder)
    for sample in others:
        customers = guess_customers(sample, lines)
        tables["customers"] = table_section("customers", [sample], folder, "One row per customer.", customers)
        lines.notes += customers.notes
        mapping["customers"] = customers_mapping(customers)
        told.append(_told(sample, f"customers, joined by {customers.columns['customer_id']}"))
        guesses += [
            (f"customers.{field}", header, customers.because[field]) for field, header in customers.columns.items()
        ]
        used |= {*customers.columns.values()}
    source = {
        "name": name,
        "description": f"Guessed from {lines.sample.path.name}.",
        "tables": tables,
        "mapping": mapping,
    }
    currency = find_currency(lines.sample, lines.columns.get("currency"), None)
    if not currency.is_known:
        currency = currency_of_lines(lines, currency)
    zone = find_zone(lines.sample, lines.columns["ordered_at"], None, currency.value)
    unused = _notes_of_unused([header for sample in samples for header in sample.header], used)
    notes = [*lines.notes, *unused]
    return Proposal(name, "a file that is not known yet", source, folder, currency, zone, told, notes, guesses)


def _notes_of_unused(headers: Sequence[str], used: Collection[str]) -> list[str]:
    """Notes on unused columns; for a tax, that amounts may include it."""
    named = {header for header in headers if header in used or f"{ORDERS_PREFIX}{header}" in used}
    unused = [header for header in dict.fromkeys(headers) if header and header not in named]
    notes = [f"Not used: {', '.join(unused)}. Say --map FIELD=COLUMN to use one."] if unused else []
    for pattern, told in ABOUT_UNUSED:
        about = [header for header in unused if pattern.fullmatch(plain(header))]
        notes += [told.format(about[0])] if about else []
    return notes


def _told(sample: Sample, what: str) -> str:
    return f"{sample.path.name}: {what}{''.join(f'; {one}' for one in sample.found)}"


def _name_of(sample: Sample) -> str:
    stem = sample.path.name.partition(".")[0]
    letters = without_accents(re.sub(r"\d+", "", stem.casefold())).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    return name if re.fullmatch("[a-z][a-z0-9_]{1,40}", name) else "shop"


def _likeness_of_lines(sample: Sample) -> int:
    """How much a file looks like one of order lines: days, numbers and the words for them."""
    kinds = kinds_of(sample)
    fields = {name for header in sample.header for name in fields_of(header)}
    numbers = {name for header in sample.header if kinds.get(header) == "number" for name in fields_of(header)}
    return 3 * len(numbers & set(NUMBERS)) + 2 * ("order_id" in fields) + 2 * ("ordered_at" in fields)


def _of_orders(lines: Guess, orders: Sample) -> Guess:
    """Which columns of the orders' file were taken."""
    taken = {name: header for name, header in lines.columns.items() if header.startswith(ORDERS_PREFIX)}
    return Guess(orders, {name: header.removeprefix(ORDERS_PREFIX) for name, header in taken.items()})


# --- Customers --------------------------------------------------------------------------------------------------


def guess_customers(sample: Sample, lines: Guess) -> Guess:
    """A file of customers: the column that shares the ids of the lines' customers. Raises UserError for any other."""
    guess = Guess(sample)
    known = set(lines.values("customer_id")) if "customer_id" in lines.columns else set()
    for place, header in enumerate(sample.header):
        values = [row[place] for row in sample.rows if row[place]]
        shared = len(known & set(values))
        if values and len(set(values)) == len(values) and shared and shared >= 0.3 * len(known - {""}):
            guess.take("customer_id", header, f"{shared:,} of its ids are customers of {lines.sample.path.name}")
            break
    if "customer_id" not in guess.columns:
        raise UserError(
            f"{sample.path}: what it holds could not be told: none of its columns shares the customers of"
            f" {lines.sample.path.name}. Its columns: {listed(sample)}. Leave it out."
        )
    for header, kind in kinds_of(sample).items():
        for name in fields_of(header):
            if name in OF_CUSTOMERS and name not in guess.columns:
                if kind in FITTING.get(name, (kind,)):
                    guess.take(name, header, because_of_words(name, kind))
                break
    return guess


def customers_of_lines(lines: Guess, orders: Sample | None) -> Guess | None:
    """What the table that names the customers of lines tells about them, theirs or their orders'; None for nothing."""
    told = {name: header for name, header in lines.columns.items() if name in ("customer_id", *OF_CUSTOMERS)}
    keys = [told[name] for name in ("customer_id", "email", "phone") if name in told]
    prefix = ORDERS_PREFIX if keys and keys[0].startswith(ORDERS_PREFIX) else ""
    told = {
        name: header.removeprefix(prefix)
        for name, header in told.items()
        if header.startswith(ORDERS_PREFIX) == bool(prefix)
    }
    sample = orders if prefix and orders else lines.sample
    return Guess(sample, told) if keys and set(told) & {*CONTACTS, "email_consent"} else None


def leave_out_contacts(lines: Guess) -> None:
    """Take back what would be loaded for nothing: contacts of which no customers are made, but for those that are the
    customer's id."""
    is_key = "customer_id" not in lines.columns
    for name in (*CONTACTS, "email_consent"):
        if not (is_key and name in ("email", "phone")):
            lines.columns.pop(name, None)


def currency_of_lines(guess: Guess, assumed: Finding) -> Finding:
    """The currency by its sign beside the amounts, or by the language of the headers."""
    header = guess.columns.get("amount") or guess.columns["unit_price"]
    if told := currency_beside(header):
        return Finding(currencies(told)[0], f'the column "{header}"', is_known=len(currencies(told)) == 1)
    texts = guess.sample.column(header)[:200]
    signs = sorted(MEANT, key=len, reverse=True)
    found = dict.fromkeys(sign for text in texts for sign in signs if sign in text)
    if found:
        sign = next(iter(found))
        is_known = len(currencies(sign)) == 1 and all(currencies(sign)[0] in currencies(other) for other in found)
        return Finding(currencies(sign)[0], f"the sign {sign} beside its amounts", is_known)
    if any("\u4e00" <= letter <= "\u9fff" for header in guess.sample.header for letter in header):
        return Finding("CNY", "its headers are Chinese", False)
    return assumed
