"""Markdown of model cards."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd


def bullets(items: Sequence[str]) -> str:
    """A list, one item a line."""
    return "\n".join(f"- {item}" for item in items)


def table(titles: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A table; numbers to four digits, unknown values empty."""
    lines = [" | ".join(map(str, titles)), *(" | ".join(_cell(value) for value in row) for row in rows)]
    return "\n".join([f"| {lines[0]} |", "|" + " --- |" * (lines[0].count("|") + 1), *(f"| {x} |" for x in lines[1:])])


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    return (
        f"{value:.4g}"
        if isinstance(value, float) and abs(value) < 1000
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )
