"""The one error type that a user may see: what is wrong, where, and what to do."""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class UserError(Exception):
    """An error of input, settings or environment that the person running the product can mend.

    The command line prints its text without a traceback and ends with `exit_code`; Dagster shows it as the step's
    failure.
    """

    exit_code: ClassVar[int] = 2


def user_errors() -> dict[str, type[UserError]]:
    """UserError and every kind of it that is loaded, by the name of the class, as errors of another process have it."""
    found, waiting = {}, [UserError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, as ` (did you mean "x"?)`, or an empty string."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f' (did you mean "{matches[0]}"?)' if matches else ""
