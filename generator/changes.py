"""A second delivery: lines that come late, are corrected, or move, and orders that vanish as a result.

A changed line is delivered whole under its own id. The line's number still decides its content; its order, and that
order's customer, day and status, are those after the changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from generator.company import CANCELLED, CENT, Company
from generator.customers import Customers
from generator.draws import Flags, Ints
from generator.lines import LineKeys, Lines, draw_lines
from generator.order_lines import Catalogue, lines_of, return_table, sale_rows
from generator.orders import GUEST, ORGANIC, Orders, make_orders
from generator.returns import Returns, make_returns
from generator.tables import Folder, coded, keys

KINDS = (
    "late_line",
    "late_order",
    "late_return",
    "corrected",
    "moved_line",
    "moved_customer",
    "moved_day",
    "vanished_moved",
    "vanished_cancelled",
)
_SHARES = (0.14, 0.14, 0.02, 0.25, 0.10, 0.10, 0.10, 0.075, 0.075)
"""Share of the changed lines that each kind has."""
_LINES_EACH = (1, 3, 1, 1, 1, 7, 7, 7, 7)
"""About how many lines one change of each kind touches."""


@dataclass(frozen=True)
class Edits:
    """Sale lines of the second delivery, one entry each; -1 in `before` means a new line."""

    kind: Ints
    before: Ints
    """Order that the line was on."""
    after: Ints
    content: Ints
    is_first: Flags
    extra_quantity: Ints
    line_number: Ints

    def __len__(self) -> int:
        return len(self.kind)


@dataclass
class SecondDelivery:
    """The company after the changes, and the changes themselves."""

    orders: Orders
    returns: Returns
    edits: Edits
    late_returns: Ints
    """Positions in `returns`."""
    vanished: Ints
    """Orders without a line, or cancelled."""
    successor: Ints
    """Order that took the lines of each vanished one, -1 where it was cancelled."""


@dataclass
class _Editor:
    """Works on a copy of the company, one source at a time, with orders that nothing else touches."""

    company: Company
    customers: Customers
    orders: Orders
    returns: Returns
    source: int
    next_line: int
    """First line number of this source that is free."""
    next_content: int
    any_order: Ints = field(init=False)
    never_returned: Ints = field(init=False)
    edits: list[Edits] = field(default_factory=list)
    late_returns: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    vanished: list[tuple[Ints, Ints]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose the orders to work on: of buyers or guests, without a campaign, of two lines at least."""
        orders, draws = self.orders, self.company.draws
        is_plain = (orders.kind == ORGANIC) | (orders.kind == GUEST)
        is_usable = is_plain & (orders.source == self.source) & (orders.campaign < 0) & (orders.lines_count > 1)
        has_return = np.zeros(len(orders), bool)
        has_return[self.returns.order] = True
        usable = np.flatnonzero(is_usable)
        coin = draws.bits("change/pool", usable) % np.uint64(2) == 0
        self.any_order = draws.shuffle(f"change/{self.source}/any", usable[coin])
        self.never_returned = draws.shuffle(f"change/{self.source}/clean", usable[~coin & ~has_return[usable]])

    def name(self, what: str) -> str:
        """Return the name of a draw of this source."""
        return f"change/{self.source}/{what}"

    def units(self, kind: str) -> int:
        """Return how many changes of a kind this source has, at least one."""
        number = KINDS.index(kind)
        lines = self.company.changes * self.company.size * _SHARES[number] / len(self.company.sources)
        return max(1, round(lines / _LINES_EACH[number]))

    def take(self, count: int) -> Ints:
        """Take orders that may have returns."""
        taken, self.any_order = self.any_order[:count], self.any_order[count:]
        return taken

    def take_never_returned(self, count: int) -> Ints:
        """Take orders without returns."""
        taken, self.never_returned = self.never_returned[:count], self.never_returned[count:]
        return taken

    def restate(self, kind: str, order: Ints, position: Ints, after: Ints, extra_quantity: int = 0) -> None:
        """Deliver existing lines again, on the order `after`."""
        self._add(
            kind,
            before=order,
            after=after,
            content=self.orders.first_line[order] + position,
            is_first=position == 0,
            line_number=self.orders.first_line_number[order] + position,
            extra_quantity=extra_quantity,
        )

    def deliver_late(self, kind: str, order: Ints, is_first: Flags) -> None:
        """Deliver new lines on the given orders, one an entry."""
        new = np.arange(len(order))
        self._add(
            kind,
            before=np.full(len(order), -1, np.int64),
            after=order,
            content=self.next_content + new,
            is_first=is_first,
            line_number=self.next_line + new,
            extra_quantity=0,
        )
        self.next_content += len(order)
        self.next_line += len(order)

    def _add(
        self,
        kind: str,
        *,
        before: Ints,
        after: Ints,
        content: Ints,
        is_first: Flags,
        line_number: Ints,
        extra_quantity: int,
    ) -> None:
        count = len(after)
        kinds, extra = np.full(count, KINDS.index(kind)), np.full(count, extra_quantity)
        self.edits.append(Edits(kinds, before, after, content, is_first, extra, line_number))

    def late_lines(self) -> None:
        """Add a line to orders that are there."""
        order = self.take(self.units("late_line"))
        self.deliver_late("late_line", order, np.zeros(len(order), bool))

    def late_orders(self) -> None:
        """Add orders on any day, of any customer, a quarter of them guests."""
        draws, index = self.company.draws, np.arange(self.units("late_order"))
        anyone = draws.below(self.name("late_customer"), index, len(self.customers))
        customer = np.where(index % 4 == 1, -1, anyone)
        day = draws.below(self.name("late_day"), index, self.company.days)
        counts = 1 + draws.below(self.name("late_count"), index, 5)
        new = make_orders(
            self.company,
            self.customers,
            kind=np.where(customer < 0, GUEST, ORGANIC),
            customer=customer,
            day=day,
            at=self.company.opening_hours(self.name("late_at"), index, day),
            source=np.full(len(index), self.source),
            lines_count=np.zeros(len(index), np.int64),
            name=self.name("late_order"),
        )
        new.number += int((self.orders.source == self.source).sum())
        order, position = lines_of(counts, len(self.orders) + index)
        self.orders = self.orders.joined(new)
        self.deliver_late("late_order", order, position == 0)

    def return_late(self) -> None:
        """Add returns, in the one source that has any."""
        order = self.take_never_returned(self.units("late_return") if self.source == 0 else 0)
        order = order[self.orders.day[order] < self.company.days - 1]
        new = make_returns(self.company, self.customers, self.orders, order, self.name("late_return"))
        new.number += int((self.returns.source == self.source).sum())
        new.line_number += self.next_line
        self.next_line += len(new)
        self.late_returns = len(self.returns) + np.arange(len(new))
        self.returns = self.returns.joined(new)

    def correct(self) -> None:
        """Raise the quantity of one line by one, and its amounts with it."""
        order = self.take(self.units("corrected"))
        position = self.company.draws.below(self.name("corrected"), order, self.orders.lines_count[order])
        self.restate("corrected", order, position, order, extra_quantity=1)

    def move_lines(self) -> None:
        """Move the last line of an order to another one; the order keeps the others."""
        order = self.take(2 * self.units("moved_line"))
        order, after = order[::2][: len(order) // 2], order[1::2]
        self.restate("moved_line", order, self.orders.lines_count[order] - 1, after)

    def move_customers(self) -> None:
        """Give orders to another customer: guests to buyers, buyers to other buyers or, a quarter, to guests."""
        order = self.take_never_returned(self.units("moved_customer"))
        buyers, customer = self.customers.buyer_count, self.orders.customer[order]
        other = customer + 1 + self.company.draws.below(self.name("moved_customer"), order, buyers - 1)
        is_unknown = (customer >= 0) & (self.company.draws.uniform(self.name("moved_to_guest"), order) < 0.25)
        self.orders.customer[order] = np.where(is_unknown, -1, other % buyers)
        self.restate("moved_customer", *self._all_lines(order))

    def move_days(self) -> None:
        """Put orders on another day."""
        order = self.take_never_returned(self.units("moved_day"))
        days, draws = self.company.days, self.company.draws
        day = (self.orders.day[order] + 1 + draws.below(self.name("moved_day"), order, days - 1)) % days
        self.orders.day[order] = day
        self.orders.at[order] = self.company.opening_hours(self.name("moved_at"), order, day)
        self.restate("moved_day", *self._all_lines(order))

    def vanish_by_move(self) -> None:
        """Move all lines of an order to another one."""
        order = self.take(2 * self.units("vanished_moved"))
        order, successor = order[::2][: len(order) // 2], order[1::2]
        before, position, _ = self._all_lines(order)
        self.restate("vanished_moved", before, position, np.repeat(successor, self.orders.lines_count[order]))
        self.vanished.append((order, successor))

    def vanish_by_cancelling(self) -> None:
        """Cancel orders: every line comes again with that status."""
        order = self.take(self.units("vanished_cancelled"))
        self.orders.status[order] = CANCELLED
        self.restate("vanished_cancelled", *self._all_lines(order))
        self.vanished.append((order, np.full(len(order), -1, np.int64)))

    def _all_lines(self, order: Ints) -> tuple[Ints, Ints, Ints]:
        """Return (order, position, order) of all lines of the orders."""
        before, position = lines_of(self.orders.lines_count[order], order)
        return before, position, before

    def run(self) -> None:
        """Make changes of every kind."""
        self.late_lines()
        self.return_late()
        self.correct()
        self.move_lines()
        self.move_customers()
        self.move_days()
        self.vanish_by_move()
        self.vanish_by_cancelling()
        self.late_orders()


def draw_changes(company: Company, customers: Customers, orders: Orders, returns: Returns) -> SecondDelivery:
    """Draw the second delivery of orders whose lines were summed; the arguments are not changed."""
    after, returns_after, editors = orders.copy(), returns, []
    next_content = int(orders.lines_count.sum())
    for source in range(len(company.sources)):
        lines_here = orders.lines_count[orders.source == source].sum() + (returns.source == source).sum()
        editor = _Editor(company, customers, after, returns_after, source, int(lines_here), next_content)
        editor.run()
        after, returns_after, next_content = editor.orders, editor.returns, editor.next_content
        editors.append(editor)
    parts = [edits for editor in editors for edits in editor.edits]
    edits = Edits(*(np.concatenate([getattr(part, name) for part in parts]) for name in Edits.__dataclass_fields__))
    _move_sums(company, after, edits)
    gone = [pair for editor in editors for pair in editor.vanished]
    return SecondDelivery(
        orders=after,
        returns=returns_after,
        edits=edits,
        late_returns=np.concatenate([editor.late_returns for editor in editors]),
        vanished=np.concatenate([order for order, _ in gone]),
        successor=np.concatenate([successor for _, successor in gone]),
    )


def _lines(company: Company, orders: Orders, edits: Edits, extra_quantity: Ints) -> Lines:
    """Return the content of the edited lines, by the tastes of whom they were first sold to."""
    origin = np.where(edits.before < 0, edits.after, edits.before)
    line_keys = LineKeys(
        content=edits.content,
        taste=orders.taste[origin],
        is_first=edits.is_first,
        is_empty=np.zeros(len(edits), bool),
        discount_percent=np.zeros(len(edits), np.int64),
        step=np.where(orders.source[origin] == 0, 1, CENT),
        extra_quantity=extra_quantity,
    )
    return draw_lines(company, line_keys)


def _move_sums(company: Company, orders: Orders, edits: Edits) -> None:
    """Take what the lines were from the orders they were on, and add what they are to those they are on."""
    had = edits.before >= 0
    old = _lines(company, orders, edits, np.zeros(len(edits), np.int64))
    new = _lines(company, orders, edits, edits.extra_quantity)
    for name in ("quantity", "gross", "discount", "net", "cost"):
        np.subtract.at(getattr(orders, name), edits.before[had], getattr(old, name)[had])
        np.add.at(getattr(orders, name), edits.after, getattr(new, name))
    np.subtract.at(orders.lines_count, edits.before[had], 1)
    np.add.at(orders.lines_count, edits.after, 1)


def write_changes(company: Company, catalogue: Catalogue, delivery: SecondDelivery, folder: Folder) -> None:
    """Write changes/<source>/order_lines/: one file of late lines, one of restated ones."""
    orders, edits = delivery.orders, delivery.edits
    lines = _lines(company, orders, edits, edits.extra_quantity)
    for number, source in enumerate(company.sources):
        table = sale_rows(company, catalogue, orders, number, edits.after, edits.line_number, lines)
        mine = edits.before if len(company.sources) == 1 else edits.before[orders.source[edits.after] == number]
        back = return_table(company, catalogue, orders, delivery.returns, number, delivery.late_returns)
        late = pa.concat_tables([table.filter(pa.array(mine < 0)), back])
        folder.write(late, "changes", source, "order_lines", "update-1-late.parquet")
        folder.write(table.filter(pa.array(mine >= 0)), "changes", source, "order_lines", "update-2-restated.parquet")


def write_change_truth(company: Company, delivery: SecondDelivery, folder: Folder) -> None:
    """Write truth/changes.parquet (a row per delivered line) and truth/vanished_orders.parquet."""
    orders, returns, edits = delivery.orders, delivery.returns, delivery.edits
    late = delivery.late_returns
    none = np.full(len(late), -1, np.int64)
    order_ids = pa.concat_arrays([keys("O", orders.number[edits.after]), keys("R", returns.number[late])])
    before = np.where(edits.before < 0, -1, orders.number[edits.before])
    columns = {
        "source": coded(np.append(orders.source[edits.after], returns.source[late]), company.sources),
        "kind": coded(np.append(edits.kind, np.full(len(late), KINDS.index("late_return"))), KINDS),
        "order_line_id": keys("L", np.append(edits.line_number, returns.line_number[late])),
        "order_id": order_ids,
        "previous_order_id": keys("O", np.append(before, none)),
    }
    folder.write(columns, "truth", "changes.parquet")
    successor = np.where(delivery.successor < 0, -1, orders.number[delivery.successor])
    gone = {
        "source": coded(orders.source[delivery.vanished], company.sources),
        "order_id": keys("O", orders.number[delivery.vanished]),
        "reason": coded((delivery.successor < 0).astype(np.int64), ["moved", "cancelled"]),
        "successor_order_id": keys("O", successor),
    }
    folder.write(gone, "truth", "vanished_orders.parquet")
