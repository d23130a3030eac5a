"""The columns of a file that is no known system's, as far as they were guessed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from warehouse.onboarding.file_format import Sample

Value = TypeVar("Value")


@dataclass
class Guess:
    """The columns of one file by field, each with its reason.

    `alike` are further files of its layout, `texts` all values of a field where more is known than the files hold, and
    `notes` what else is assumed. `discount_is` says how a discount is in the amount, as amounts.LESS does; empty where
    nothing shows it.
    """

    sample: Sample
    columns: dict[str, str] = field(default_factory=dict)
    because: dict[str, str] = field(default_factory=dict)
    alike: Sequence[Sample] = ()
    texts: dict[str, list[str]] = field(default_factory=dict)
    discount_is: str = ""
    notes: list[str] = field(default_factory=list)
    # what makes an order's number one order, beside the number: its day, its store
    order_parts: list[str] = field(default_factory=list)

    def take(self, name: str, header: str, because: str) -> None:
        """A column for a field."""
        self.columns[name], self.because[name] = header, because

    def values(self, name: str) -> list[str]:
        """A field's values in the order of rows, empty ones too."""
        place = self.sample.place(self.columns[name])
        return [row[place] for row in self.sample.rows] if place is not None else []

    def words(self, header: str) -> list[str]:
        """The filled values of a column in the file and those of its layout."""
        return [value for sample in (self.sample, *self.alike) for value in sample.column(header)]

    def parts(self, name: str) -> list[str]:
        """What a field adds to the number of each row's order: of a moment its day; empty where there is no column."""
        if name not in self.columns:
            return [""] * len(self.sample.rows)
        return [re.split("[ T]", value)[0] if name == "ordered_at" else value for value in self.values(name)]

    def orders(self) -> list[tuple[str, ...]]:
        """The order of each row: its number, behind what makes it one."""
        parts = [self.parts(name) for name in self.order_parts]
        return list(zip(*parts, self.values("order_id"), strict=True))

    def by_order(self, values: Iterable[Value]) -> list[list[Value]]:
        """What rows have, together for each order; rows without an order's number are left out."""
        found: dict[tuple[str, ...], list[Value]] = {}
        for order, value in zip(self.orders(), values, strict=False):
            if order[-1]:
                found.setdefault(order, []).append(value)
        return [*found.values()]
