"""Which columns of an unknown file are price, quantity, discount and amount, told by arithmetic."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import permutations

from warehouse.onboarding.guessed_columns import Guess
from warehouse.onboarding.kinds import ENOUGH, decimal_mark, is_negative, number_of, share_of
from warehouse.onboarding.vocabulary import LESS_LIKELY, RETURNED, RETURNED_UNITS, fields_of, plain

NUMBERS = ("quantity", "unit_price", "discount", "amount")
FACTORS = ("unit_price", "quantity", "amount")
# So many orders of several lines show what an amount is of.
SOME_ORDERS = 3
# What has more digits is an id.
LARGEST = Decimal(10) ** 11
MOST_COMPARED = 2_000
CENT = Decimal("0.01")
# How a discount may be in an amount, the likeliest first, and how that is told.
LESS = {"less": " - {}", "plain": "", "share": " x (1 - {})", "percent": " x (1 - {} / 100)"}
RATES = ("share", "percent")
# The numbers of columns by header, None where a value is none.
Numbers = Mapping[str, Sequence[Decimal | None]]


def take_amounts(guess: Guess, kinds: Mapping[str, str]) -> None:
    """Price, quantity, discount and amount, by the arithmetic that holds on nearly all rows."""
    others = {header for name, header in guess.columns.items() if name not in NUMBERS}
    numbers = [header for header, kind in kinds.items() if kind == "number" and header not in others]
    texts = [value for header in numbers for value in guess.sample.column(header)[:300]]
    mark = decimal_mark(texts)
    rows = guess.sample.rows[:MOST_COMPARED]
    columns = {
        header: [number_of(row[place], mark) for row in rows]
        for header in numbers[:12]
        if (place := guess.sample.place(header)) is not None
    }
    columns = {header: found for header, found in columns.items() if not _are_ids(found)}
    named = {name: header for name, header in guess.columns.items() if name in NUMBERS}
    said = {name: header for name, header in named.items() if guess.because[name] == "as said"}
    candidates = [
        found for found in permutations(columns, 3)
        if all(said.get(name, header) == header for name, header in zip(FACTORS, found, strict=True))
    ]  # fmt: skip
    best = max((_fit(columns, found, named) for found in candidates), key=lambda fit: fit[0], default=None)
    if best is None or best[0] < ENOUGH:
        _take_without_product(guess, columns, said)
        return
    share, (price, quantity, amount), discount, relation = best
    less = LESS[relation].format(discount) if discount else ""
    told = f"{price} x {quantity}{less} = {amount} in {share:.1%} of rows"
    for name in NUMBERS:
        if name in guess.columns and guess.because[name] != "as said":
            guess.columns.pop(name)
    for name, header in zip(FACTORS, (price, quantity, amount), strict=True):
        guess.columns.setdefault(name, header)
        guess.because.setdefault(name, told)
        if guess.because[name] != "as said":
            guess.because[name] = told
    if discount:
        how = "a rate" if relation in RATES else "inside the amount" if less else "not inside the amount"
        guess.take("discount", discount, f"{told}; {how}")
        guess.discount_is = relation
    if discount and not less:
        guess.because["amount"] = f"{told}, before the discount"


def _are_ids(numbers: Sequence[Decimal | None]) -> bool:
    """Whether numbers have more digits than amounts have."""
    return any(number is not None and abs(number) >= LARGEST for number in numbers)


def _take_without_product(guess: Guess, columns: Numbers, said: Mapping[str, str]) -> None:
    """Amounts where no product of a price and a quantity explains them."""
    if "amount" not in said:
        if _is_of_whole_orders(guess, columns):
            guess.because["unit_price"] += f"; {guess.columns.pop('amount')} is that of an order, on each of its lines"
        _take_net(guess, columns)
        _take_gross(guess)
    _note_small_discounts(guess, columns)


def _take_net(guess: Guess, columns: Numbers) -> None:
    """The amount that is another less the discount on nearly all rows."""
    discounts = columns.get(guess.columns.get("discount", ""))
    if not discounts or "amount" not in guess.columns:
        return
    amounts = [header for header in columns if "amount" in fields_of(header)]
    for gross, net in permutations(amounts, 2):
        rows = [row for row in zip(columns[gross], discounts, columns[net], strict=True) if None not in row and row[1]]
        fitting = sum(abs(g) - abs(d) == abs(n) for g, d, n in rows)  # type: ignore[arg-type]
        if rows and fitting >= ENOUGH * len(rows):
            told = f"{gross} - {guess.columns['discount']} = {net} in {fitting / len(rows):.1%} of rows with a discount"
            guess.take("amount", net, told)
            guess.because["discount"] = f"{told}; inside the amount"
            guess.discount_is = "less"
            return


def _take_gross(guess: Guess) -> None:
    """An amount that is called gross beside a discount, where nothing shows more, is that before the discount."""
    header = guess.columns.get("amount", "")
    if "discount" in guess.columns and not guess.discount_is and plain(header).startswith("gross"):
        guess.discount_is = "plain"
        guess.because["amount"] += ", before the discount"


def is_rate(guess: Guess) -> bool:
    """Whether discounts are rates of price x quantity."""
    return guess.discount_is in RATES


def _note_small_discounts(guess: Guess, columns: Numbers) -> None:
    """Say how discounts were taken that may be rates, where no arithmetic shows it."""
    header = guess.columns.get("discount", "")
    given = [number for number in columns.get(header, ()) if number]
    told = None
    if given and all(abs(number) < 1 for number in given):
        told = "though each is below 1. If 0.1 means a tenth"
    elif given and "amount" not in guess.columns and all(number % 5 == 0 and abs(number) <= 100 for number in given):
        told = "though each may be a percentage. If 10 means a tenth"
    if told:
        guess.notes.append(
            f"{header} is taken for amounts of money, {told}, take `discount_amount` out of the mapping of the"
            " source's file."
        )


def _is_of_whole_orders(guess: Guess, columns: Numbers) -> bool:
    """Whether the amount is repeated on each line of an order, and is not price x quantity of its lines."""
    if not {"unit_price", "quantity", "amount", "order_id"} <= guess.columns.keys():
        return False
    numbers = zip(*(columns.get(guess.columns[name], ()) for name in FACTORS), strict=False)
    worths = (
        (((price or Decimal(0)) * (quantity or Decimal(0))).quantize(CENT, ROUND_HALF_UP), amount)
        for price, quantity, amount in numbers
    )
    several = [lines for lines in guess.by_order(worths) if len(lines) > 1]
    repeated = [lines for lines in several if len({amount for _, amount in lines}) == 1]
    differing = [lines for lines in repeated if any(worth != amount for worth, amount in lines)]
    has_unlike = any(len({worth for worth, _ in lines}) > 1 for lines in several)
    return has_unlike and len(repeated) == len(several) and len(differing) >= ENOUGH * len(several)


def _fit(
    columns: Numbers, candidate: tuple[str, str, str], named: Mapping[str, str]
) -> tuple[float, tuple[str, str, str], str | None, str]:
    """How many rows have price x quantity = amount, with or without a discount; names break ties."""
    price, quantity, amount = candidate
    discount = named.get("discount")
    bonus: float = sum(named.get(name) == header for name, header in zip(FACTORS, candidate, strict=True))
    # of what commutes, the price is what has cents, and the quantity what has none
    bonus += 0.1 * (_is_whole(columns[quantity]) - _is_whole(columns[price]))
    if discount in candidate:
        return (0.0, candidate, None, "")
    found = dict.fromkeys(LESS, 0)
    rows = telling = 0
    for place, (p, q, a) in enumerate(zip(columns[price], columns[quantity], columns[amount], strict=True)):
        d = (columns[discount][place] if discount and discount in columns else None) or Decimal(0)
        if p is None or q is None or a is None or not (a or p * q):
            continue  # nothing times something is nothing, whatever it is
        rows += 1
        telling += q != 1 and p != 1 and bool(a)
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


def _is_whole(numbers: Sequence[Decimal | None]) -> bool:
    return all(number is None or number == number.to_integral_value() for number in numbers)


def is_of_orders(guess: Guess, name: str) -> bool:
    """Whether a number, by its header and by every order of several lines, is the order's, repeated on each line."""
    letters = plain(guess.columns[name])
    if not ("order" in letters or LESS_LIKELY.fullmatch(letters)):
        return False
    several = [found for found in guess.by_order(guess.values(name)) if len(found) > 1]
    return bool(several) and all(len(set(found)) == 1 for found in several)


def is_total_of_orders(guess: Guess) -> bool:
    """Whether the amount, where nothing beside it shows what a line cost, is that of an order of unlike goods."""
    names = [name for name in ("product_id", "product_name") if name in guess.columns]
    if not names or "amount" not in guess.columns or "unit_price" in guess.columns or not is_of_orders(guess, "amount"):
        return False
    unlike = [goods for goods in guess.by_order(guess.values(names[0])) if len(set(goods)) > 1]
    return len(unlike) >= SOME_ORDERS and len(set(guess.values("amount"))) > 1


def amount_texts(guess: Guess) -> list[str]:
    """The amounts of the rows as they are written, or their quantities; none where there are neither."""
    name = "amount" if "amount" in guess.columns else "quantity"
    return guess.values(name) if name in guess.columns else []


def is_signed(texts: Iterable[str]) -> bool:
    """Whether one of some amounts is negative."""
    return any(map(is_negative, texts))


def return_words(guess: Guess) -> list[str]:
    """The texts that mark rows as returns, if the sign of their amounts does not show it already; none where they may
    be numbers of units."""
    values = guess.values("is_return")
    texts = guess.words(guess.columns["is_return"])
    if RETURNED_UNITS.fullmatch(plain(guess.columns["is_return"])) and share_of(values, str.isdigit) >= ENOUGH:
        return []
    words = sorted({text for text in texts if RETURNED.match(text.casefold())})
    amounts = amount_texts(guess)
    if not words or not amounts or len(set(texts)) < 2:
        return []
    of_returns = (text for text, value in zip(amounts, values, strict=True) if value in words)
    return [] if is_signed(of_returns) else words
