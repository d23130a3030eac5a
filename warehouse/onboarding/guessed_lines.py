"""Which columns of an unknown file of order lines are what, by the words of their headers and by their values."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from warehouse.errors import UserError
from warehouse.identity.shown_text import masked_text
from warehouse.onboarding.amounts import amount_texts, is_signed, return_words, take_amounts
from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.guessed_columns import Guess
from warehouse.onboarding.kinds import kinds_of, share_of
from warehouse.onboarding.readers import listed
from warehouse.onboarding.vocabulary import (
    CONTACTS,
    DETAILS,
    OF_PAYMENTS,
    ORDERS_PREFIX,
    SAYS_CANCELLED,
    SAYS_RETURN,
    fields_of,
    likelihood,
    plain,
)

# What --map can say of a file of lines.
FIELDS = (
    "order_id", "ordered_at", "time", "order_line_id", "customer_id", "product_id", "product_name", "category",
    "quantity", "unit_price", "discount", "amount", "order_status", "is_return", "original_order_id", *DETAILS,
    *CONTACTS, "email_consent",
)  # fmt: skip
Ask = Callable[[str, Sequence[str]], str | None]


def guess_lines(
    sample: Sample,
    said: Mapping[str, str],
    ask: Ask,
    known: Mapping[str, tuple[str, str]] | None = None,
    alike: Sequence[Sample] = (),
) -> Guess:
    """The columns of order lines: as given, as `known` with a reason, or guessed; `alike` are further files of the
    layout. Raises UserError for a missing one."""
    guess = Guess(sample, alike=alike)
    kinds = kinds_of(sample)
    for name, (header, because) in (known or {}).items():
        guess.take(name, header, because)
    for name, header in said.items():
        guess.take(name, header, "as said")
    _take_by_words(guess, kinds)
    _take_bare_id(guess)
    _take_by_values(guess, kinds)
    take_amounts(guess, kinds)
    _take_moment(guess, kinds)
    _take_keys(guess, kinds)
    _take_customer(guess)
    missing = [name for name in ("order_id", "ordered_at") if name not in guess.columns]
    missing += ["amount"] if not _has_amount(guess) else []
    for name in missing:
        left = [header for header in kinds if header not in guess.columns.values()]
        if answer := ask(f"Which column is {name}?", left):
            guess.take(name, answer, "as said")
        else:
            raise UserError(_what_is_missing(sample, name, {header: kinds[header] for header in left}))
    return guess


def _what_is_missing(sample: Sample, name: str, left: Mapping[str, str]) -> str:
    """That no column is a field, or that one is by its name, whose values are not."""
    what = "amount (of a line, or unit_price and quantity)" if name == "amount" else name
    told = f"{sample.path}: no column could be told to be {what}."
    named = [header for header in left if name in fields_of(header)]
    if named and left[named[0]] not in FITTING.get(name, (left[named[0]],)):
        shape = masked_text(sample.column(named[0])[0])
        kind = {"ordered_at": "days"}.get(name, "numbers")
        return (
            f'{told} "{named[0]}" has a name for it, but its values are not read as {kind}: "{shape}", with x for a'
            " letter and # for a digit. Export it in another format, or say another column by --map."
        )
    fitting = [header for header, kind in left.items() if kind in FITTING.get(name, (kind,))]
    example = fitting[0] if fitting else "..."
    return f'{told} Its columns: {listed(sample)}. Say which, as in --map {name}="{example}".'


def _take_bare_id(guess: Guess) -> None:
    """A column that is called an id or a number alone is the order's where nothing else is."""
    header = next((header for header in guess.sample.header if BARE_ID.fullmatch(plain(header))), None)
    if header and "order_id" not in guess.columns and header not in guess.columns.values():
        guess.take("order_id", header, "its name, and no other column is the order's")


def _has_amount(guess: Guess) -> bool:
    return "amount" in guess.columns or {"unit_price", "quantity"} <= set(guess.columns)


# So many words may a column have that says what its rows are, and so few orders tell nothing of a customer.
MOST_WORDS, FEW_ORDERS = 12, 10
NAME = re.compile(r"[^\W\d]{2,}[.,]?( [^\W\d]+[.,]?)+")
BARE_ID = re.compile("id|no|nr|n[°o]|number|num(er|ero|mer)")
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
    """Take fields by the words of headers, if the values fit; the likeliest field of a header first, and of headers
    that may mean the same the likeliest, which is not empty in most rows."""
    half = len(guess.sample.rows) / 2
    columns = sorted(kinds, key=lambda header: (len(guess.sample.column(header)) < half, likelihood(header)))
    for rank in range(4):
        for header in columns:
            fields = [name for name in fields_of(header) if name in FIELDS]
            if rank >= len(fields) or header in guess.columns.values():
                continue
            name, kind = fields[rank], kinds[header]
            if name not in guess.columns and kind in FITTING.get(name, (kind,)):
                guess.take(name, header, because_of_words(name, kind))


def _take_by_values(guess: Guess, kinds: Mapping[str, str]) -> None:
    """Columns of a few words, one of which says what its row is, whatever the header is."""
    left = [header for header, kind in kinds.items() if kind == "text" and header not in guess.columns.values()]
    for header in left:
        words = set() if OF_PAYMENTS.search(plain(header)) else {*guess.words(header)}
        for name, pattern in (("is_return", SAYS_RETURN), ("order_status", SAYS_CANCELLED)):
            telling = [word for word in sorted(words) if pattern.match(word.casefold())]
            if telling and 1 < len(words) <= MOST_WORDS and name not in guess.columns:
                guess.take(name, header, f'it holds "{telling[0]}"')
                break


def _take_customer(guess: Guess) -> None:
    """A name is no id where there is an address, and says so where there is none; nor is what most orders have."""
    header = guess.columns.get("customer_id")
    if header is None or guess.because["customer_id"] == "as said":
        return
    names = guess.sample.column(header)
    if share_of(names, NAME.fullmatch) > 0.5:
        if "email" in guess.columns:
            del guess.columns["customer_id"]
            return
        guess.notes.append(
            f"{header} holds names, which become the ids of customers: two people of one name are one customer."
            " If the shop has numbers of customers or addresses, export them too."
        )
    if "order_id" not in guess.columns:
        return
    buyers = Counter(dict(zip(guess.orders(), guess.values("customer_id"), strict=True)).values())
    del buyers[""]
    most = max(buyers.values(), default=0)
    if buyers.total() > FEW_ORDERS and most > buyers.total() / 5:
        guess.notes.append(
            f"One value of {header} has {most:,} of {buyers.total():,} orders. If it stands for guests, list it as"
            " `guest_ids` in the source's file."
        )


def because_of_words(name: str, kind: str) -> str:
    """The reason for a field that was taken by its header."""
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
        orders = guess.by_order(guess.sample.rows)
        guess.because["order_id"] += f"; {len(orders):,} in {len(guess.sample.rows):,} rows"
    if "is_return" in guess.columns and not return_words(guess):
        header = guess.columns.pop("is_return")
        if guess.because["is_return"] == "as said":
            guess.notes.append(f"{header} marks no returns which the signs of amounts do not.")
        elif plain(header) == "type":
            guess.columns.setdefault("category", header)
            guess.because.setdefault("category", because_of_words("category", kinds[header]))


def _take_order_parts(guess: Guess) -> None:
    """Whether an order's number is one only with its day, as receipts' are that begin anew each day, or its store: most
    numbers then come again with others. A return may come on another day than its order."""
    if guess.columns["ordered_at"].startswith(ORDERS_PREFIX):
        return
    amounts = amount_texts(guess) or [""] * len(guess.sample.rows)
    for name, what in ORDER_PARTS.items():
        sold = ("" if is_signed([amount]) else value for value, amount in zip(guess.parts(name), amounts, strict=True))
        values = [found for rows in guess.by_order(sold) if (found := {*rows} - {""})]
        several = sum(len(found) > 1 for found in values)
        # receipts of a day are numbered by each till for itself, and two tills need not have as many
        enough = max(1, len(values) * (0.02 if guess.order_parts else 0.3)) if name == "store_id" else len(values) / 2
        if several > enough:
            guess.order_parts.append(name)
            guess.because["order_id"] += f"; {what}"
