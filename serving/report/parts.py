"""The parts of a report: sections of figures, each with its day and its definition."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from serving.report import formatting
from serving.report.charts.drawing import Chart
from serving.report.cube import Cube
from serving.report.marts import Marts
from warehouse.settings import Settings

# How somebody who may know learns who a customer is: a report shows nobody's name or address.
WHO_IS = "The report names nobody; who an id is tells the command: loyalty privacy export ID --out FILE."


@dataclass(frozen=True)
class Cell:
    """A table cell: its text, a smaller line below, and a bar of this share of the column's width behind it."""

    text: str
    below: str = ""
    bar: float | None = None
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """A small table; columns after the first are numbers unless they are in `left`.

    `keys`: what each row is about, in a dimension of the cube, for a table that follows the filters.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    left: frozenset[int] = frozenset({0})
    keys: Sequence[str] = ()


@dataclass(frozen=True)
class Live:
    """How a figure follows the filters: its numbers are summed again from a cube, over the customers chosen.

    `by`: columns of the chart's rows (of a table: "key") and the dimensions of the cube that they hold. `values`: the
    chart's columns (of a table: the numbers of its columns; of a tile: "value") and what they are: ("sum", measure),
    ("share", measure) of the rows together, or ("ratio", measure, measure). With `pick`, that column of a row names the
    measure, by `measures`. `formats`: how a table or a tile writes them (see figures.js).
    """

    cube: str
    by: Mapping[str, str]
    values: Mapping[str, tuple[str, ...]]
    formats: Mapping[str, str] = field(default_factory=dict)
    pick: str = ""
    measures: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """Customers that a table lists: those with one of these values in each dimension; its columns and formats."""

    where: Mapping[str, Sequence[str]]
    columns: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Figure:
    """One card: a chart, a table, or, where the data is missing, the sentence that says so.

    `definition` explains the figure, `assumed` names the rates that come from the settings and not from the data.
    `width` is in twelfths of the page.
    """

    title: str
    as_of: date | None = None
    definition: str = ""
    takeaway: str = ""
    chart: Chart | None = None
    table: Table | None = None
    missing: str = ""
    assumed: str = ""
    width: int = 6
    live: Live | None = None
    listing: Listing | None = None


@dataclass(frozen=True)
class Section:
    """A chapter of the report, with its own place in the table of contents."""

    key: str
    title: str
    figures: Sequence[Figure]
    lead: str = ""


@dataclass(frozen=True)
class Tile:
    """A headline number; `tone` is good, bad or empty and colours the note.

    `before`: what it was in the publication before. `past`: the values of the months up to now, for a small line.
    """

    label: str
    value: str
    note: str = ""
    tone: str = ""
    before: str = ""
    past: Sequence[float] = ()
    live: Live | None = None


@dataclass(frozen=True)
class Report:
    """Everything on the page; `problems` say what of the company's own sections cannot be shown."""

    company: str
    as_of: date | None
    data_through: date | None
    publication: str
    tiles: Sequence[Tile]
    sentences: Sequence[str]
    sections: Sequence[Section]
    facts: Sequence[str] = field(default_factory=list)
    kind: str = "Loyalty report"
    problems: Sequence[str] = ()
    cube: Cube | None = None


@dataclass(frozen=True)
class Company:
    """The company of the report, its as-of date and its currency."""

    marts: Marts
    settings: Settings
    as_of: date | None

    @property
    def currency(self) -> str:
        """Code of the base currency, such as USD."""
        return self.settings.base_currency

    @property
    def assumed_margin(self) -> str:
        """The sentence on the assumed margin rate."""
        return f"margin rate {formatting.percent(self.settings.assumed.margin_rate)} where an order line has no cost"

    def money(self, amount: Any) -> str:
        """An amount in the base currency."""
        return formatting.money(amount, self.currency)

    def product_names(self, products: Iterable[str]) -> dict[str, str]:
        """The names of those products that have one, by id; products of one name are told apart by their ids."""
        if not self.marts.has("dim_products", "product_name"):
            return {}
        found = self.marts.rows(
            "select product_id, product_name from marts.dim_products"
            " where product_id in (select unnest($products)) and product_name is not null",
            products=sorted(set(products)),
        )
        bearers = Counter(row["product_name"] for row in found)
        return {
            row["product_id"]: row["product_name"]
            + (f" ({row['product_id']})" if bearers[row["product_name"]] > 1 else "")
            for row in found
        }
