"""Orders in a file or table separate from that of their lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.kinds import kinds_of
from warehouse.onboarding.vocabulary import CONTACTS, DETAILS, ORDERS_PREFIX, fields_of

# What an order says of all its lines. Its amounts are of the whole order, so they are no line's.
OF_ORDERS = ("ordered_at", "time", "customer_id", "order_status", *DETAILS, *CONTACTS, "email_consent")
# So many of the values of a column that refers to a table have to be keys of it.
MOST_REFER = 0.9


@dataclass(frozen=True)
class Reference:
    """A column whose values are keys of another table, and the share of such values; `rows` are some rows of that
    table."""

    column: str
    key: str
    share: float
    rows: Sample

    @property
    def because(self) -> str:
        """The reason for the reference."""
        return f"{self.share:.0%} of its values are {self.key} of {self.rows.path.name}"


def find_orders(lines: Sample, others: Sequence[Sample]) -> Reference | None:
    """The file of orders, where the one of lines has no day: that in which nearly all of its order ids come once."""
    kinds = kinds_of(lines)
    if any(kinds.get(header) == "moment" and "ordered_at" in fields_of(header) for header in lines.header):
        return None
    found = []
    for column in (header for header in lines.header if "order_id" in fields_of(header)):
        values = set(lines.column(column))
        for rows in others:
            for key in rows.header:
                keys = rows.column(key)
                share = len(values & set(keys)) / max(len(values), 1)
                if keys and len(set(keys)) == len(keys) and share >= MOST_REFER:
                    found.append(Reference(column, key, share, rows))
    return max(found, key=lambda one: one.share, default=None)


def with_orders(lines: Sample, orders: Reference) -> Sample:
    """Lines, each with the columns of its order."""
    there = [header for header in orders.rows.header if set(fields_of(header)) & set(OF_ORDERS)]
    places = [orders.rows.place(header) or 0 for header in there]
    key, column = orders.rows.place(orders.key) or 0, lines.place(orders.column) or 0
    by_key = {row[key]: [row[place] for place in places] for row in orders.rows.rows}
    empty = [""] * len(places)
    rows = tuple((*by_key.get(row[column], empty), *row) for row in lines.rows)
    header = (*(f"{ORDERS_PREFIX}{name}" for name in there), *lines.header)
    return Sample(lines.path, header, rows, lines.options, lines.found)


def joined_to_orders(mapping: Mapping[str, Any], orders: Reference) -> dict[str, Any]:
    """The mapping of lines with the join of their orders."""
    join = {"orders": {"table": "orders", "by": {orders.column: orders.key}}}
    return {"from": "lines", "join": join, **mapping}
