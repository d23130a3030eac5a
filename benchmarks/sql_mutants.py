"""Whether unit tests find a wrong mart: they run on each mart's SQL with one operator, boundary or join changed.

    python -m benchmarks.sql_mutants [--per-model N] [--seed S]

A mutant is killed when a unit test of its model fails; a survivor is printed with its line. Unit tests bring their own
input, so a mutant of every mart is judged in one invocation of dbt: a round takes half a minute. The tables that they
name are those of a small generated shop. Exits with 1 if over 10% survive.
"""

import argparse
import datetime as dt
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.daily_shop import FIRST_DAY, SETTINGS, DailyShop
from dagster_project.dbt_runner.command import command_line, profile_environment
from dagster_project.dbt_runner.variables import DBT_DIR, run_variables
from warehouse.settings import PROJECT_ROOT, load_settings

MOST_SURVIVORS = 0.10
LINES, DAYS = 2_000, 120
MARTS = Path("models") / "marts"
UNIT_TESTS = ("test", "--no-write-json", "--select", "test_type:unit")
# Macros, comments and texts; a star that is no product.
HIDDEN = r"\{[{%#].*?[}%#]\}|--[^\n]*|'[^'\n]*'|select \*|\(\*\)"
LEFT_OUT = ("data", "target", "logs", ".*", "*.egg-info", "__pycache__")
# What is flipped into what, between words of SQL.
FLIPS: Mapping[str, str] = {
    " <= ": " < ",
    " < ": " <= ",
    " >= ": " > ",
    " > ": " >= ",
    " = ": " <> ",
    " <> ": " = ",
    " + ": " - ",
    " - ": " + ",
    " * ": " / ",
    " and ": " or ",
    " or ": " and ",
    "left join ": "inner join ",
    "inner join ": "left join ",
    " is null": " is not null",
    " is not null": " is null",
    " desc": " asc",
    " asc": " desc",
    "sum(": "max(",
    "min(": "max(",
    "max(": "min(",
    "where not ": "where ",
}


@dataclass(frozen=True)
class Mutant:
    """One flip in one model: `start` is its place in the file, `line` counted from 1."""

    model: str
    start: int
    line: int
    original: str
    flipped: str
    source: str

    def sql(self, text: str) -> str:
        """The model's text with the flip in it."""
        return text[: self.start] + self.flipped + text[self.start + len(self.original) :]

    def __str__(self) -> str:
        return (
            f"{self.model}:{self.line}: {self.original.strip()} became {self.flipped.strip()} in: {self.source.strip()}"
        )


def mutants(model: str, text: str) -> Iterator[Mutant]:
    """Every flip of a model's SQL; none in comments, texts and calls of macros."""
    hidden = [match.span() for match in re.finditer(HIDDEN, text, re.DOTALL)]
    for original, flipped in FLIPS.items():
        for match in re.finditer(re.escape(original), text):
            if not any(begin <= match.start() < end for begin, end in hidden):
                line = text.count("\n", 0, match.start()) + 1
                yield Mutant(model, match.start(), line, original, flipped, text.splitlines()[line - 1])


def drawn(folder: Path, per_model: int, seed: int) -> dict[Path, list[Mutant]]:
    """Up to `per_model` mutants of every mart in the dbt project at `folder`, by file."""
    # the same mutants for the same seed; nothing secret is drawn
    draws = random.Random(seed)  # nosec B311
    found = {}
    for file in sorted((folder / MARTS).rglob("*.sql")):
        all_of_it = list(mutants(file.stem, file.read_text(encoding="utf-8")))
        found[file.relative_to(folder)] = draws.sample(all_of_it, min(per_model, len(all_of_it)))
    return found


def judge() -> list[str]:
    """The models of which a unit test fails, in the project that this process runs in."""
    from dbt.cli.main import dbtRunner

    settings = load_settings(SETTINGS)
    os.environ.update(profile_environment(settings))
    with tempfile.TemporaryDirectory(prefix="loyalty-dbt-") as target:
        command = command_line(UNIT_TESTS, run_variables(settings), "warehouse", Path(target), DBT_DIR)
        done = dbtRunner().invoke(command)
    if done.exception is not None:
        raise SystemExit(f"dbt could not run the unit tests: {done.exception}")
    failed = [result.node.unique_id for result in done.result if str(result.status) != "pass"]
    return sorted({unique_id.split(".")[2] for unique_id in failed})


def _judged(copy: Path, shop: DailyShop) -> list[str]:
    """The same in a process of the copied project."""
    command = [sys.executable, "-m", "benchmarks.sql_mutants", "--judge"]
    done = subprocess.run(command, cwd=copy, env=shop.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def survivors(copy: Path, shop: DailyShop, chosen: Mapping[Path, Sequence[Mutant]]) -> list[Mutant]:
    """The mutants that no unit test noticed. Works in `copy`, a copy of the project."""
    if broken := _judged(copy, shop):
        sys.exit(f"unit tests fail before anything is flipped: {', '.join(broken)}")
    alive: list[Mutant] = []
    for number in range(max(map(len, chosen.values()))):
        judged = {file: found[number] for file, found in chosen.items() if number < len(found)}
        for file in chosen:
            text = (DBT_DIR / file).read_text(encoding="utf-8")
            (copy / "dbt" / file).write_text(judged[file].sql(text) if file in judged else text, encoding="utf-8")
        killed = _judged(copy, shop)
        alive += [mutant for mutant in judged.values() if mutant.model not in killed]
        print(f"round {number + 1}: {len(judged)} mutants, {len(alive)} alive so far", file=sys.stderr, flush=True)
    return alive


def main() -> None:
    """Copy the project, judge, print the survivors, and end with 1 where they are too many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-model", type=int, default=8, help="flips drawn in each mart (default 8)")
    parser.add_argument("--seed", type=int, default=1, help="of the drawing (default 1)")
    parser.add_argument("--judge", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.judge:
        print(json.dumps(judge()))
        return
    chosen = drawn(DBT_DIR, arguments.per_model, arguments.seed)
    number = sum(map(len, chosen.values()))
    with tempfile.TemporaryDirectory(prefix="loyalty-mutants-") as folder:
        shop, copy = DailyShop(Path(folder) / "shop", LINES, DAYS), Path(folder) / "project"
        last = FIRST_DAY + dt.timedelta(days=DAYS - 1)
        shop.deliver(FIRST_DAY, last)
        shop.loyalty("run", "--as-of", str(last))
        shutil.copytree(PROJECT_ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        alive = survivors(copy, shop, chosen)
    for mutant in alive:
        print(mutant)
    print(f"{number} mutants of marts, {len(alive)} survived ({len(alive) / number:.1%})")
    sys.exit(len(alive) > MOST_SURVIVORS * number)


if __name__ == "__main__":
    main()
