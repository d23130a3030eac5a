"""A guessed mapping of unknown files, from their headers and, above all, from their values.

Each guess comes with its reason. Amounts are identified by arithmetic (price x quantity - discount = amount), keys by
being unique, customers and orders by the files that share them. The user is asked for fields that are not found.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from warehouse.errors import UserError
from warehouse.ingest.number_units import MEANT, currencies
from warehouse.onboarding.amounts import NUMBERS, amount_texts, is_of_orders, is_rate, is_signed, take_amounts
from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.guessed_columns import Guess
from warehouse.onboarding.joined_orders import find_orders, joined_to_orders, with_orders
from warehouse.onboarding.kinds import ENOUGH, kinds_of, proven_decimal_mark, share_of
from warehouse.onboarding.proposal import (
    Finding,
    Proposal,
    common_folder,
    date_order,
    find_currency,
    find_zone,
    moment_format,
    patterns,
)
from warehouse.onboarding.readers import listed
from warehouse.onboarding.vocabulary import (
    CONSENTS,
    CONTACTS,
    DETAILS,
    ORDERS_PREFIX,
    RETURNED,
    RETURNED_UNITS,
    TAX,
    fields_of,
    is_counted,
    plain,
)

# What --map can say of a file of lines.
FIELDS = (
    "order_id", "ordered_at", "time", "order_line_id", "customer_id", "product_id", "product_name", "category",
    "quantity", "unit_price", "discount", "amount", "order_status", "is_return", "original_order_id", *DETAILS,
    *CONTACTS, "email_consent",
)  # fmt: skip
# Names of values in the mappings that are written here.
WHOLE_ORDER, DAY_OF_ORDER = "whole_order", "day_of_order"
OF_CUSTOMERS = (*CONTACTS, "email_consent", "country", "joined_at", "birth_date")
Ask = Callable[[str, Sequence[str]], str | None]


def propose_guessed(samples: Sequence[Sample], said: Mapping[str, str], ask: Ask) -> Proposal:
    """The company of files that are no known system's. Raises UserError where something needed is not found."""
    first, *others = sorted(samples, key=_likeness_of_lines, reverse=True)
    exports = [first, *(sample for sample in others if sample.header == first.header)]
    others = [sample for sample in others if sample.header != first.header]
    orders = find_orders(first, others)
    lines = guess_lines(with_orders(first, orders) if orders else first, said, ask)
    others = [sample for sample in others if not (orders and sample is orders.rows)]
    customers_there = None if others else customers_of_lines(lines, orders.rows if orders else None)
    if customers_there is None:
        leave_out_contacts(lines)
    folder = common_folder(samples)
    name = _name_of(lines.sample)
    tables = {"lines": _table("lines", exports, folder, "One row per line of an order.", lines)}
    if "order_line_id" not in lines.columns:  # nothing tells an order's lines apart from those that come again
        tables["lines"]["replaces"] = "order_id"
    mapping: dict[str, Any] = {"order_lines": order_lines_mapping(lines)}
    told = [_told(sample, "order lines") for sample in exports]
    if orders:
        of_orders = _of_orders(lines, orders.rows)
        tables["orders"] = _table("orders", [orders.rows], folder, "One row per order.", of_orders)
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
        tables["customers"] = _table("customers", [sample], folder, "One row per customer.", customers)
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
    taxes = [header for header in unused if TAX.fullmatch(plain(header))]
    if taxes:
        notes.append(f"{taxes[0]} is about tax: amounts are taken as they stand, with the tax that is in them.")
    return notes


def _told(sample: Sample, what: str) -> str:
    return f"{sample.path.name}: {what}{''.join(f'; {one}' for one in sample.found)}"


def _name_of(sample: Sample) -> str:
    stem = sample.path.name.partition(".")[0]
    name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"\d+", "", stem.lower()).encode("ascii", "ignore").decode()).strip("_")
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


# --- Lines ------------------------------------------------------------------------------------------------------


def guess_lines(
    sample: Sample, said: Mapping[str, str], ask: Ask, known: Mapping[str, tuple[str, str]] | None = None
) -> Guess:
    """The columns of order lines: as given, as `known` with a reason, or guessed. Raises UserError for a missing
    one."""
    guess = Guess(sample)
    kinds = kinds_of(sample)
    for name, (header, because) in (known or {}).items():
        guess.take(name, header, because)
    for name, header in said.items():
        guess.take(name, header, "as said")
    _take_by_words(guess, kinds)
    take_amounts(guess, kinds)
    _take_moment(guess, kinds)
    _take_keys(guess, kinds)
    missing = [name for name in ("order_id", "ordered_at") if name not in guess.columns]
    missing += ["amount"] if not _has_amount(guess) else []
    for name in missing:
        left = [header for header in kinds if header not in guess.columns.values()]
        if answer := ask(f"Which column is {name}?", left):
            guess.take(name, answer, "as said")
        else:
            what = "amount (of a line, or unit_price and quantity)" if name == "amount" else name
            raise UserError(
                f"{sample.path}: no column could be told to be {what}. Its columns: {listed(sample)}. Say which, as in"
                f' --map {name}="{left[0] if left else "..."}".'
            )
    return guess


def _has_amount(guess: Guess) -> bool:
    return "amount" in guess.columns or {"unit_price", "quantity"} <= set(guess.columns)


# What an order's number may need beside it, and what is said where it does.
ORDER_PARTS = {
    "ordered_at": "numbers begin anew, so an order is one of a day",
    "store_id": "stores have the same numbers, so an order is one of a store",
}
FITTING = {
    "ordered_at": ("moment",), "time": ("clock",), "quantity": ("number",), "unit_price": ("number",),
    "discount": ("number",), "amount": ("number",), "joined_at": ("moment",),
}  # fmt: skip


def _take_by_words(guess: Guess, kinds: Mapping[str, str]) -> None:
    """Take fields by the words of headers, if the values fit; the likeliest field of a header first."""
    for rank in range(4):
        for header, kind in kinds.items():
            fields = [name for name in fields_of(header) if name in FIELDS]
            if rank >= len(fields) or header in guess.columns.values():
                continue
            name = fields[rank]
            if name not in guess.columns and kind in FITTING.get(name, (kind,)):
                guess.take(name, header, _because_of_words(name, kind))


def _because_of_words(name: str, kind: str) -> str:
    what = {"moment": "days and times", "clock": "times of day", "number": "numbers"}.get(kind)
    return f"its name{f', and it holds {what}' if what else ''}"


def _take_moment(guess: Guess, kinds: Mapping[str, str]) -> None:
    if "ordered_at" not in guess.columns:
        moments = [
            header for header, kind in kinds.items() if kind == "moment" and header not in guess.columns.values()
        ]
        if len(moments) == 1:
            guess.take("ordered_at", moments[0], "the only column of days")
    clocks = [header for header, kind in kinds.items() if kind == "clock" and header not in guess.columns.values()]
    if "time" not in guess.columns and len(clocks) == 1:
        guess.take("time", clocks[0], "the only column of times of day")


def _take_keys(guess: Guess, kinds: Mapping[str, str]) -> None:
    """What makes an order one, and whether order and position tell lines apart."""
    if "order_id" in guess.columns and "ordered_at" in guess.columns:
        _take_order_parts(guess)
    if "order_line_id" in guess.columns and "order_id" in guess.columns:
        position, order = guess.values("order_line_id"), guess.orders()
        if len(set(position)) == len(position):
            guess.because["order_line_id"] += ", and no value comes twice"
        elif len(set(zip(order, position, strict=True))) == len(position):
            guess.because["order_line_id"] += f", and with {guess.columns['order_id']} no value comes twice"
        else:
            guess.columns.pop("order_line_id")
    if "order_id" in guess.columns:
        orders = guess.orders()
        guess.because["order_id"] += f"; {len(set(orders)):,} in {len(orders):,} rows"
    if "is_return" in guess.columns and not _return_words(guess):
        header = guess.columns.pop("is_return")
        if plain(header) == "type":
            guess.columns.setdefault("category", header)
            guess.because.setdefault("category", _because_of_words("category", kinds[header]))


def _take_order_parts(guess: Guess) -> None:
    """Whether an order's number is one only with its day, as receipts' are that begin anew each day, or its store: most
    numbers then come again with others. A return may come on another day than its order."""
    if guess.columns["ordered_at"].startswith(ORDERS_PREFIX):
        return
    amounts = amount_texts(guess) or [""] * len(guess.sample.rows)
    for name, what in ORDER_PARTS.items():
        values: dict[tuple[str, ...], set[str]] = {}
        for order, value, amount in zip(guess.orders(), guess.parts(name), amounts, strict=True):
            if value and order[-1] and not is_signed([amount]):
                values.setdefault(order, set()).add(value)
        if sum(len(found) > 1 for found in values.values()) > len(values) / 2:
            guess.order_parts.append(name)
            guess.because["order_id"] += f"; {what}"


def _return_words(guess: Guess) -> list[str]:
    """The texts that mark rows as returns, if the sign of their amounts does not show it already; none where they may
    be numbers of units."""
    values = guess.values("is_return")
    if RETURNED_UNITS.fullmatch(plain(guess.columns["is_return"])) and share_of(values, str.isdigit) >= ENOUGH:
        return []
    words = sorted({value for value in values if RETURNED.match(value.casefold())})
    amounts = amount_texts(guess)
    if not words or not amounts or len(set(values)) < 2:
        return []
    of_returns = (text for text, value in zip(amounts, values, strict=True) if value in words)
    return [] if is_signed(of_returns) else words


# --- What is written --------------------------------------------------------------------------------------------


def _table(name: str, samples: Sequence[Sample], folder: Any, description: str, guess: Guess) -> dict[str, Any]:
    """The section of a table that is read from the samples' files, which are alike."""
    sample = samples[0]
    numbers = [header for name, header in guess.columns.items() if name in NUMBERS]
    values = [value for one in samples for header in numbers for value in one.column(header)]
    table: dict[str, Any] = {"description": description, "files": patterns(samples, folder), **sample.options}
    moments = [header for name, header in guess.columns.items() if name in ("ordered_at", "joined_at", "birth_date")]
    days = [value for one in samples for header in moments for value in one.column(header)]
    if order := date_order(days):
        table["date_order"] = order.order
        guess.notes += [order.note(name)] if order.is_assumed else []
    open_numbers = [value for value in values if re.fullmatch(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", value)]
    if open_numbers and (mark := proven_decimal_mark(values)):
        table["decimal_mark"] = mark
    columns = {
        name: {"aliases": [header]}
        for name in CONTACTS
        if (header := guess.columns.get(name)) and header.lower() != name and not header.startswith(ORDERS_PREFIX)
    }
    if columns:
        table["columns"] = columns
    return table


def _raw(guess: Guess, name: str) -> str:
    """The name of a field's column in the raw table; contacts have names that erasing knows."""
    header = guess.columns[name]
    prefix = ORDERS_PREFIX if header.startswith(ORDERS_PREFIX) else ""
    return f"{prefix}{name}" if name in CONTACTS and header.removeprefix(prefix).lower() != name else header


def _customer(guess: Guess) -> Any:
    if "customer_id" in guess.columns:
        return guess.columns["customer_id"]
    addresses = [_raw(guess, name) for name in ("email", "phone") if name in guess.columns]
    return {"hashed": addresses} if addresses else None


def order_lines_mapping(guess: Guess) -> dict[str, Any]:
    """The mapping of the lines' file."""
    columns = guess.columns
    has_position = "order_line_id" in columns
    is_unique = has_position and len(set(guess.values("order_line_id"))) == len(guess.sample.rows)
    mapped: dict[str, Any] = {}
    values = _order_values(guess)
    order = WHOLE_ORDER if values else columns["order_id"]
    if has_position:
        position = columns["order_line_id"]
        mapped["order_line_id"] = position if is_unique else {"columns": [order, position]}
    mapped["order_id"] = order
    if (customer := _customer(guess)) is not None:
        mapped["customer_id"] = customer
    mapped["ordered_at"] = _moment(guess)
    if "product_id" in columns or "product_name" in columns:
        mapped["product_id"] = columns.get("product_id") or columns["product_name"]
    mapped |= _amounts(guess, order)
    mapped |= {name: columns[name] for name in (*DETAILS, "original_order_id") if name in columns}
    if "order_status" in columns:
        mapped["order_status"] = _status(guess)
    if _is_by_price(guess) or is_rate(guess):
        values["gross"] = {"product": [columns["unit_price"], columns["quantity"]], "places": 2}
    return {"from": "lines", **({"values": values} if values else {}), "columns": mapped}


def _order_values(guess: Guess) -> dict[str, Any]:
    """The named values of an order's number with what it needs beside it; none where it needs nothing."""
    if not guess.order_parts:
        return {}
    values: dict[str, Any] = {}
    parts = [guess.columns[name] for name in guess.order_parts]
    if "ordered_at" in guess.order_parts:
        day = guess.columns["ordered_at"]
        form = moment_format(guess.sample.column(day))
        values[DAY_OF_ORDER] = {"day_of": day, **({"format": form} if form else {})}
        parts[guess.order_parts.index("ordered_at")] = DAY_OF_ORDER
    return {**values, WHOLE_ORDER: {"columns": [*parts, guess.columns["order_id"]]}}


def _is_by_price(guess: Guess) -> bool:
    return "amount" not in guess.columns


def _moment(guess: Guess) -> Any:
    day = guess.columns["ordered_at"]
    values = guess.sample.column(day)
    if "time" in guess.columns and not any(":" in value for value in values[:50]):
        return {"columns": [day, guess.columns["time"]]}
    form = moment_format(values)
    return {"column": day, "format": form} if form else day


def _amounts(guess: Guess, order: str) -> dict[str, Any]:
    """Quantity and amounts of a line of an order: the amount is net where the discount is inside of it, else gross."""
    columns = guess.columns
    signed = _return_words(guess) if "is_return" in columns else []

    def value(of: Any) -> Any:
        return {"negative": of, "when": {columns["is_return"]: signed}} if signed else of

    found: dict[str, Any] = {"quantity": value(columns.get("quantity") or {"constant": "1"})}
    if is_rate(guess):
        return {**found, "gross_amount": value("gross"), "net_amount": value(columns["amount"])}
    if _is_by_price(guess):
        found["gross_amount"] = value("gross")
    elif "discount" in columns and "before the discount" in guess.because["amount"]:
        found["gross_amount"] = value(columns["amount"])
    else:
        found["net_amount"] = value(columns["amount"])
    if "discount" in columns and is_of_orders(guess, "discount"):
        guess.because["discount"] += "; the same on each line of an order: shared among them"
        by = "gross" if _is_by_price(guess) else columns["amount"]
        discount_of_order = {"spread": columns["discount"], "by": by, "over": order, "taken": "largest"}
        found["discount_amount"] = value(discount_of_order)
    elif "discount" in columns:
        negative = share_of(guess.sample.column(columns["discount"]), lambda text: text.startswith(("-", "("))) > 0.5
        discount: Any = columns["discount"]
        if negative and not signed:
            discount = {"difference": [{"constant": "0"}, discount]}
        found["discount_amount"] = value(discount)
    return found


def _status(guess: Guess) -> dict[str, Any]:
    """Each text of the status, as an order that counts or one that is cancelled; a text that is new rejects its row."""
    texts = sorted({value for value in guess.texts.get("order_status") or guess.values("order_status") if value})
    header = guess.columns["order_status"]
    refunds_have_rows = "is_return" in guess.columns or is_signed(amount_texts(guess))
    meant = {
        text: "completed" if is_counted(text, header, refunds_have_rows=refunds_have_rows) else "cancelled"
        for text in texts[:100]
    }
    cancelled = [text for text, what in meant.items() if what == "cancelled"]
    guess.because["order_status"] += f"; cancelled: {', '.join(cancelled) or 'none'}"
    return {"column": header, "values": meant}


def products_mapping(guess: Guess, table: str = "lines") -> dict[str, Any]:
    """The mapping of products, from the lines or from a table of their own."""
    names = ("product_id", "product_name", "category", "brand", "unit_cost")
    return {"from": table, "columns": {name: guess.columns[name] for name in names if name in guess.columns}}


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
                    guess.take(name, header, _because_of_words(name, kind))
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


def customers_mapping(guess: Guess, table: str = "customers") -> dict[str, Any]:
    """The mapping of customers, from a table of their own or from that of lines or orders."""
    columns: dict[str, Any] = {"customer_id": _customer(guess)}
    columns |= {name: _raw(guess, name) for name in (*CONTACTS, "country") if name in guess.columns}
    if "joined_at" in guess.columns:
        columns["joined_at"] = guess.columns["joined_at"]
    if "email_consent" in guess.columns:
        texts = sorted(set(guess.sample.column(guess.columns["email_consent"])))[:20]
        meant = {text: "true" if CONSENTS.match(text.casefold()) else "false" for text in texts}
        columns["email_consent"] = {"column": guess.columns["email_consent"], "values": meant, "otherwise": "false"}
    return {"from": table, "columns": columns}


def currency_of_lines(guess: Guess, assumed: Finding) -> Finding:
    """The currency by its sign beside the amounts, or by the language of the headers."""
    texts = guess.sample.column(guess.columns.get("amount") or guess.columns["unit_price"])[:200]
    signs = sorted(MEANT, key=len, reverse=True)
    found = dict.fromkeys(sign for text in texts for sign in signs if sign in text)
    if found:
        sign = next(iter(found))
        is_known = len(currencies(sign)) == 1 and all(currencies(sign)[0] in currencies(other) for other in found)
        return Finding(currencies(sign)[0], f"the sign {sign} beside its amounts", is_known)
    if any("\u4e00" <= letter <= "\u9fff" for header in guess.sample.header for letter in header):
        return Finding("CNY", "its headers are Chinese", False)
    return assumed
