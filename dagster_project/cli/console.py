"""Printing of the command line. Texts are printed as they are, never as markup or as commands of a terminal."""

from typing import Any

from rich.console import Console as RichConsole
from rich.text import Text

from warehouse.errors import printable


class Console(RichConsole):
    """A console for texts of people's, of files' and of databases': brackets are brackets, an escape is \\x1b."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        """See rich: every text that is printed, also in a table, passes through here."""
        return super().render_str(printable(text), **options)


def styled(text: str, style: str) -> Text:
    """A text in a style, as a part of others."""
    return Text(printable(text), style)
