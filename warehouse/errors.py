"""The only error type that a user may see: it says what is wrong, where, and what to do."""

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import ClassVar

# Categories of Unicode that show nothing or change what stands beside: controls, marks of direction, half characters.
UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters and signs of Unicode that show nothing.
BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"


class UserError(Exception):
    """An error of input, settings or environment that the person running the product can mend.

    The command line prints its text without a traceback and ends with `exit_code`; Dagster shows it as the step's
    failure.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: object) -> None:
        super().__init__(printable(str(message)))


def user_errors() -> dict[str, type[UserError]]:
    """UserError and every kind of it that is loaded, by the name of the class, as errors of another process have it."""
    found, waiting = {}, [UserError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return found


def printable(text: str) -> str:
    """The text with control and invisible characters written out: an escape is \\x1b. Line breaks stay."""
    if text.isprintable():
        return text
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) not in UNPRINTABLE else _escaped(character)
        for character in text
    )


def on_one_line(text: str) -> str:
    """The text as `printable` shows it, its line breaks and tabs written out too: a name cannot pass for a sentence."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def first_of(names: Sequence[str], most: int) -> str:
    """Some names, not at any length: a, b and 3 more."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, as ` (did you mean "x"?)`, or an empty string."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f' (did you mean "{matches[0]}"?)' if matches else ""
