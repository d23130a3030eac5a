"""Which columns of an unknown file are price, quantity, discount and amount, told by arithmetic."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import permutations

from warehouse.onboarding.guessed_columns import Guess
from warehouse.onboarding.kinds import ENOUGH, decimal_mark, is_negative, number_of
from warehouse.onboarding.vocabulary import plain

NUMBERS = ("quantity", "unit_price", "discount", "amount")
MOST_COMPARED = 2_000
CENT = Decimal("0.01")
# How a discount may be in an amount, the likeliest first, and how that is told.
LESS = {"less": " - {}", "plain": "", "share": " x (1 - {})", "percent": " x (1 - {} / 100)"}
RATES = ("share", "percent")
A_RATE = "a rate"
# The numbers of columns by header, None where a value is none.
Numbers = Mapping[str, Sequence[Decimal | None]]


def take_amounts(guess: Guess, kinds: Mapping[str, str]) -> None:
    """Price, quantity, discount and amount, by the arithmetic that holds on nearly all rows."""
    numbers = [header for header, kind in kinds.items() if kind == "number"]
    texts = [value for header in numbers for value in guess.sample.column(header)[:300]]
    mark = decimal_mark(texts)
    rows = guess.sample.rows[:MOST_COMPARED]
    columns = {
        header: [number_of(row[place], mark) for row in rows]
        for header in numbers[:12]
        if (place := guess.sample.place(header)) is not None
    }
    named = {name: header for name, header in guess.columns.items() if name in NUMBERS}
    best = max(
        (_fit(columns, candidate, named) for candidate in permutations(columns, 3)),
        key=lambda fit: fit[0],
        default=None,
    )
    if best is None or best[0] < ENOUGH:
        if guess.because.get("amount") != "as said" and _is_total_of_orders(guess, columns):
            guess.because["unit_price"] += f"; {guess.columns.pop('amount')} is the sum of an order's lines"
        _note_small_discounts(guess, columns)
        return
    share, (price, quantity, amount), discount, relation = best
    less = LESS[relation].format(discount) if discount else ""
    told = f"{price} x {quantity}{less} = {amount} in {share:.1%} of rows"
    for name in NUMBERS:
        if name in guess.columns and guess.because[name] != "as said":
            guess.columns.pop(name)
    for name, header in (("unit_price", price), ("quantity", quantity), ("amount", amount)):
        guess.columns.setdefault(name, header)
        guess.because.setdefault(name, told)
        if guess.because[name] != "as said":
            guess.because[name] = told
    if discount and relation in RATES:
        guess.take("discount", discount, f"{told}; {A_RATE}")
    elif discount:
        guess.take("discount", discount, f"{told}; {'inside' if less else 'not inside'} the amount")
    if discount and not less:
        guess.because["amount"] = f"{told}, before the discount"


def is_rate(guess: Guess) -> bool:
    """Whether discounts are rates of price x quantity."""
    return "discount" in guess.columns and guess.because["discount"].endswith(A_RATE)


def _note_small_discounts(guess: Guess, columns: Numbers) -> None:
    """Say how discounts were taken that may be rates, where no arithmetic shows it."""
    header = guess.columns.get("discount", "")
    given = [number for number in columns.get(header, ()) if number]
    if given and all(abs(number) < 1 for number in given):
        guess.notes.append(
            f"{header} is taken for amounts of money, though each is below 1. If 0.1 means a tenth, take"
            " `discount_amount` out of the mapping of the source's file."
        )


def _is_total_of_orders(guess: Guess, columns: Numbers) -> bool:
    """Whether the amount is repeated on each line of an order, and is the sum of price x quantity of them."""
    if not {"unit_price", "quantity", "amount", "order_id"} <= guess.columns.keys():
        return False
    sums: dict[str, Decimal] = {}
    totals: dict[str, set[Decimal | None]] = {}
    is_of_lines = True
    numbers = zip(
        *(columns.get(guess.columns[name], ()) for name in ("unit_price", "quantity", "amount")), strict=False
    )
    for order, (price, quantity, amount) in zip(guess.values("order_id"), numbers, strict=False):
        worth = ((price or Decimal(0)) * (quantity or Decimal(0))).quantize(CENT, ROUND_HALF_UP)
        is_of_lines = is_of_lines and worth == amount
        sums[order] = sums.get(order, Decimal(0)) + worth
        totals.setdefault(order, set()).add(amount)
    fitting = [order for order, total in totals.items() if total == {sums[order]}]
    return not is_of_lines and len(fitting) >= ENOUGH * len(totals)


def _fit(
    columns: Numbers, candidate: tuple[str, str, str], named: Mapping[str, str]
) -> tuple[float, tuple[str, str, str], str | None, str]:
    """How many rows have price x quantity = amount, with or without a discount; names break ties."""
    price, quantity, amount = candidate
    discount = named.get("discount")
    bonus = sum(
        named.get(name) == header for name, header in zip(("unit_price", "quantity", "amount"), candidate, strict=True)
    )
    if discount in candidate:
        return (0.0, candidate, None, "")
    found = dict.fromkeys(LESS, 0)
    rows = telling = 0
    for place, (p, q, a) in enumerate(zip(columns[price], columns[quantity], columns[amount], strict=True)):
        d = (columns[discount][place] if discount and discount in columns else None) or Decimal(0)
        if p is None or q is None or a is None:
            continue
        rows += 1
        telling += q != 1 and p != 1
        whole = (p * q).quantize(CENT, ROUND_HALF_UP)
        expected = dict.fromkeys(LESS, whole)
        if d:
            expected["less"] -= abs(d) if whole >= 0 else -abs(d)
            expected["share"] = (p * q * (1 - abs(d))).quantize(CENT, ROUND_HALF_UP)
            expected["percent"] = (p * q * (1 - abs(d) / 100)).quantize(CENT, ROUND_HALF_UP)
        for relation, worth in expected.items():
            found[relation] += abs(worth - a) <= CENT / 2
    if not rows or not telling:
        return (0.0, candidate, None, "")
    relation = max(LESS, key=lambda name: found[name])
    return (found[relation] / rows + bonus * 1e-6, candidate, discount, relation)


def is_of_orders(guess: Guess, name: str) -> bool:
    """Whether a number, by its header and by every order of several lines, is the order's, repeated on each line."""
    values: dict[tuple[str, ...], list[str]] = {}
    for order, value in zip(guess.orders(), guess.values(name), strict=True):
        values.setdefault(order, []).append(value)
    several = [found for found in values.values() if len(found) > 1]
    return "order" in plain(guess.columns[name]) and bool(several) and all(len(set(found)) == 1 for found in several)


def amount_texts(guess: Guess) -> list[str]:
    """The amounts of the rows as they are written, or their quantities; none where there are neither."""
    name = "amount" if "amount" in guess.columns else "quantity"
    return guess.values(name) if name in guess.columns else []


def is_signed(texts: Iterable[str]) -> bool:
    """Whether one of some amounts is negative."""
    return any(map(is_negative, texts))
