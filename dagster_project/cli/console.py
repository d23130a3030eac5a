"""What the command line prints: texts as they are. No text is markup, and none reaches a terminal as a command."""

from typing import Any

from rich.console import Console as RichConsole
from rich.text import Text

from warehouse.errors import printable


class Console(RichConsole):
    """A console for texts of people's, of files' and of databases': brackets are brackets, an escape is \\x1b."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        """See rich: every text that is printed, or stands in a table, comes by here."""
        return super().render_str(printable(text), **options)


def styled(text: str, style: str) -> Text:
    """A text in a style, as a part of others."""
    return Text(printable(text), style)
