"""What rows of an unknown file say of each other: heads among lines, and values on an order's first row alone."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal

from warehouse.onboarding.guessed_columns import Guess
from warehouse.onboarding.kinds import ENOUGH, decimal_mark, number_of

# What tells a line, and what an order's first row may hold alone.
OF_LINES = ("product_id", "product_name", "quantity", "unit_price", "amount")
OF_ORDERS = ("ordered_at", "time", "customer_id", "email", "phone", "order_status", "store_id", "channel", "currency")
LINE_NUMBER = re.compile(r"(.*\d)[-_./](\d{1,2})")


def head_rows(guess: Guess, kinds: Mapping[str, str]) -> tuple[str, str] | None:
    """The column and the text of rows that are the sum of their order's other rows: heads, in a list of lines."""
    if "amount" not in guess.columns or "order_id" not in guess.columns:
        return None
    texts = guess.values("amount")
    mark = decimal_mark([text for text in texts if text][:300])
    amounts = enumerate(number_of(text, mark) or Decimal(0) for text in texts)
    orders = [rows for rows in guess.by_order(amounts) if len(rows) > 1]
    for header, kind in kinds.items():
        place = guess.sample.place(header)
        if kind != "text" or place is None or header in guess.columns.values() or not orders:
            continue
        kept = [[guess.sample.rows[number][place] for number, _ in rows] for rows in orders]
        for text in dict.fromkeys(kept[0]):
            fitting = [_is_head(found, rows, text) for found, rows in zip(kept, orders, strict=True)]
            if sum(fitting) >= ENOUGH * len(orders) and any(len(rows) > 2 for rows in orders):
                return header, text
    return None


def _is_head(texts: list[str], rows: list[tuple[int, Decimal]], text: str) -> bool:
    """Whether the one row of an order with this text is the sum of the others."""
    amounts = [amount for (_, amount), found in zip(rows, texts, strict=True) if found == text]
    return len(amounts) == 1 and 2 * amounts[0] == sum(amount for _, amount in rows)


def filled_forward(guess: Guess) -> list[str]:
    """The fields that are empty on an order's further rows, as its number is; none where rows without a number may be
    sums."""
    goods = next((name for name in ("product_id", "product_name", "quantity") if name in guess.columns), None)
    if "order_id" not in guess.columns or goods is None:
        return []
    numbers = guess.values("order_id")
    further = [place for place, number in enumerate(numbers) if not number]
    lines = guess.values(goods)
    if not (numbers and numbers[0]) or len(further) < 0.1 * len(numbers) or not all(lines[place] for place in further):
        return []
    fields = [name for name in OF_ORDERS if name in guess.columns]
    return [name for name in fields if not any(guess.values(name)[place] for place in further)]


def notes_of_rows(guess: Guess) -> Iterator[str]:
    """What is said of rows that may count more often than they should."""
    if "order_id" not in guess.columns:
        return
    names = [name for name in OF_LINES if name in guess.columns]
    if "order_status" in guess.columns and names:
        lines = list(zip(guess.orders(), *(guess.values(name) for name in names), strict=True))
        states = {*zip(lines, guess.values("order_status"), strict=True)}
        repeated = sum(number > 1 for number in Counter(line for line, _ in states).values())
        if repeated:
            yield (
                f"{repeated:,} lines come again with another {guess.columns['order_status']}: each counts. If the file"
                " is a history of orders, export each order once."
            )
    stems = Counter(match[1] for one in {*guess.values("order_id")} if (match := LINE_NUMBER.fullmatch(one)))
    if sum(number > 1 for number in stems.values()) > len({*guess.values("order_id")}) / 4:
        yield (
            f"{guess.columns['order_id']} ends in small numbers, as lines of one order do: each is taken for an order."
            " Export the order's own number too."
        )
