"""What is written of guessed columns: the sections of a source's tables, and its mapping."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from warehouse.onboarding.amounts import (
    NUMBERS,
    amount_texts,
    is_of_orders,
    is_rate,
    is_signed,
    is_total_of_orders,
    return_words,
)
from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.guessed_columns import Guess
from warehouse.onboarding.kinds import is_negative, kinds_of, proven_decimal_mark, share_of
from warehouse.onboarding.proposal import date_order, moment_format, patterns
from warehouse.onboarding.row_patterns import filled_forward, head_rows, notes_of_rows
from warehouse.onboarding.vocabulary import CONSENTS, CONTACTS, DETAILS, ORDERS_PREFIX, is_counted

# Names of values in the mappings that are written here.
WHOLE_ORDER, DAY_OF_ORDER = "whole_order", "day_of_order"


def table_section(name: str, samples: Sequence[Sample], folder: Any, description: str, guess: Guess) -> dict[str, Any]:
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


def rows_of_lines(guess: Guess) -> dict[str, Any]:
    """The parts of a mapping that say which rows are lines, and what is filled from the rows above."""
    parts: dict[str, Any] = {}
    guess.notes += notes_of_rows(guess)
    if fields := filled_forward(guess):
        columns = [_raw(guess, name) for name in fields]
        parts["fill_forward"] = {"key": guess.columns["order_id"], "columns": columns}
        guess.because["order_id"] += "; an order's further rows have none, and take that of the row above"
    if head := head_rows(guess, kinds_of(guess.sample)):
        header, text = head
        parts["filter"] = [{"when": {header: [text]}, "reason": "head_of_order"}]
        guess.notes.append(
            f'Rows with "{text}" in {header} are the sums of their orders\' other rows, and are left out.'
        )
    return parts


def order_lines_mapping(guess: Guess, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping of the lines' file; `parts` say which of its rows are lines."""
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
    return {"from": "lines", **parts, **({"values": values} if values else {}), "columns": mapped}


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
    form = moment_format(values)
    if "time" in guess.columns and not any(":" in value for value in values[:50]):
        if not form:
            return {"columns": [day, guess.columns["time"]]}
        guess.notes.append(f"{guess.columns['time']} is left out: {day} is written in a way that has to be said alone.")
    return {"column": day, "format": form} if form else day


def _amounts(guess: Guess, order: str) -> dict[str, Any]:
    """Quantity and amounts of a line of an order: the amount is net where the discount is inside of it, else gross."""
    columns = guess.columns
    signed = return_words(guess) if "is_return" in columns else []

    def value(of: Any) -> Any:
        return {"negative": of, "when": {columns["is_return"]: [*signed]}} if signed else of

    found: dict[str, Any] = {"quantity": value(columns.get("quantity") or {"constant": "1"})}
    if is_total_of_orders(guess):
        guess.notes.append(f"{columns['amount']} is that of an order, on each of its lines: shared among them.")
        shared = {"spread": columns["amount"], "by": {"constant": "1"}, "over": order, "taken": "largest"}
        return {**found, "net_amount": value(shared)}
    if not signed and {"amount", "quantity"} <= columns.keys():
        found["quantity"] = _quantity_of_returns(guess)
    if is_rate(guess):
        return {**found, "gross_amount": value("gross"), "net_amount": value(columns["amount"])}
    if _is_by_price(guess):
        found["gross_amount"] = value("gross")
    elif guess.discount_is == "plain":
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


def _quantity_of_returns(guess: Guess) -> Any:
    """The quantity, negative where the amount is, also in a file that gives the quantity of a refund without a sign."""
    quantity, amount = guess.columns["quantity"], guess.columns["amount"]
    rows = zip(guess.values("quantity"), guess.values("amount"), strict=True)
    if any(is_negative(paid) and number and not is_negative(number) for number, paid in rows):
        return {"negative": quantity, "when": {amount: {"below": 0}}}
    return quantity


def _status(guess: Guess) -> dict[str, Any]:
    """Each text of the status, as an order that counts or one that is cancelled; a text that is new rejects its row."""
    header = guess.columns["order_status"]
    texts = sorted({*(guess.texts.get("order_status") or guess.words(header))} - {""})
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
