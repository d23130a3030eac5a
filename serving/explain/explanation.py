"""What is told of one figure of one customer, and how a metric declares what it needs for that."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from serving.explain.facts import Facts, Listing


@dataclass(frozen=True)
class Explanation:
    """One figure of a customer: what it is, by which rule, from which rows, and how it comes out.

    `differences`: where the arithmetic gives another number than is published, which is an error of the warehouse.
    """

    metric: str
    figure: str
    rules: Sequence[str] = ()
    listings: Sequence[Listing] = ()
    arithmetic: Sequence[str] = ()
    differences: Sequence[str] = ()


@dataclass(frozen=True)
class Metric:
    """A figure that can be explained. `reads`: the columns that it needs of each mart, a space between them, and no
    others, so that a publication that lacks one is known. `explain` raises NotToldError where there is no figure of
    the customer on that day."""

    name: str
    reads: Mapping[str, str]
    explain: Callable[[Facts], Explanation]


class NotToldError(Exception):
    """There is no figure of that customer on that day; the text says why."""


@dataclass
class Arithmetic:
    """The lines of a calculation, and where they disagree with what is published."""

    lines: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """One more line."""
        self.lines.append(line)

    def check(self, what: str, computed: object, published: object) -> None:
        """Both have to be the same."""
        if computed != published:
            self.differences.append(f"{what}: the rows give {told(computed)}, published is {told(published)}")

    def check_near(self, what: str, computed: float, published: float, tolerance: float) -> None:
        """Both have to be the same but for the rounding of what was published."""
        if abs(computed - published) > tolerance:
            self.differences.append(f"{what}: the rows give {computed:.6g}, published is {published:.6g}")


def told(value: object) -> str:
    """A value in a sentence: money and other decimals with at least two places and no zeros beyond, counts with
    separators."""
    if value is None:
        return "none"
    if isinstance(value, Decimal):
        text = f"{value:,.4f}"
        return text[:-2] if text.endswith("00") else text.rstrip("0")
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def counted(number: int, noun: str) -> str:
    """`1 day`, `9 days`."""
    return f"{told(number)} {noun}" if number == 1 else f"{told(number)} {noun}s"
