"""argparse, as people type: options of the whole command line anywhere, and a wrong word answered with the nearest."""

import argparse
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from warehouse.errors import nearest, printable
from warehouse.settings import Settings

USAGE = 2
CHOICE = re.compile(r"^argument (?P<what>[^:]+): invalid choice: (?P<word>'[^']*'|\"[^\"]*\")")
UNKNOWN = re.compile(r"^unrecognized arguments: (?P<words>.+)$")

Handler = Callable[[Settings, argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """A parser whose complaints name the nearest right word, and whose subcommands take the common options too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.words: set[str] = set()
        # after a command, what is not given must not take the place of what was given before it
        self.add_argument(
            "--company",
            "--settings",
            type=Path,
            default=argparse.SUPPRESS,
            metavar="NAME",
            help="a folder of companies/, or a path to a company's folder or settings file (default: LOYALTY_COMPANY)",
        )
        self.add_argument(
            "--version", action="version", version=f"%(prog)s {version('loyalty-warehouse')}", help="say which version"
        )

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """See argparse; the words are kept, to suggest the nearest one for a mistyped word."""
        action = super().add_argument(*names, **options)
        words: set[str] = getattr(self, "words", set())
        words |= {*action.option_strings, *(map(str, action.choices or ()))}
        return action

    def commands(self, metavar: str) -> "Commands":
        """The subcommands; without one, the help is printed."""
        self.set_defaults(handler=None, parser=self)
        return Commands(self, self.add_subparsers(metavar=metavar))

    def error(self, message: str) -> NoReturn:
        """Print the error, the nearest right word, and where to find help. Exit code 2."""
        if match := CHOICE.match(message):
            word = match["word"][1:-1]
            listed = message.partition("choose from ")[2].rstrip(")").replace("'", "")
            message = f'unknown {match["what"]} "{word}"{nearest(word, self.words - self._options())}'
            message += f", there are {listed}" if listed and match["what"] not in ("command", "action") else ""
        elif match := UNKNOWN.match(message):
            word = match["words"].split()[0]
            kind = "option" if word.startswith("-") else "word"
            known = self._options() if word.startswith("-") else self.words - self._options()
            message = f'unknown {kind} "{word}"{nearest(word.partition("=")[0], known)}'
        sys.stderr.write(printable(f"loyalty: {message}. `{self.prog} --help` lists what there is.\n"))
        raise SystemExit(USAGE)

    def _options(self) -> set[str]:
        return {word for word in self.words if word.startswith("-")}


class Commands:
    """The subcommands of a parser, which suggests the nearest one for a mistyped word."""

    def __init__(self, parent: Parser, subparsers: Any) -> None:
        self._parent = parent
        self._subparsers = subparsers

    def add(self, name: str, description: str, handler: Handler | None = None) -> Parser:
        """A subcommand. Without a handler it has subcommands of its own."""
        parser: Parser = self._subparsers.add_parser(name, help=description, description=description)
        parser.set_defaults(handler=handler, parser=parser)
        self._parent.words.add(name)
        return parser


def parse(parser: Parser, arguments: Any) -> argparse.Namespace:
    """The options. An unknown word is reported by the command it was given to, which knows its own words."""
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return options
