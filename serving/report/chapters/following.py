"""How figures of one kind follow the filters of the page."""

from collections.abc import Mapping

from serving.report.parts import Live


def shares_live(dimension: str) -> Live:
    """A chart of shares of customers and of their net sales of 365 days, in groups that are a dimension of the cube."""
    return Live(
        "customers",
        {"part": dimension},
        {"value": ("sum", "*"), "share": ("share", "*")},
        pick="measure",
        measures={"Customers": "customers_count", "Net sales, 365 days": "net_amount_365d"},
    )


def of_groups(dimension: str, values: Mapping[str, tuple[str, ...]], formats: Mapping[str, str]) -> Live:
    """A table of groups that are a dimension of the cube: customers, their share, net sales, their share, and more."""
    return Live(
        "customers",
        {"key": dimension},
        {"1": ("sum", "customers_count"), "2": ("share", "customers_count"), **values},
        formats={"1": "count", "2": "share", "3": "money", "4": "share", **formats},
    )
