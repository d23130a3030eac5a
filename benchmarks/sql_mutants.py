"""Whether unit tests find a wrong mart: they run on each mart's SQL with one operator, boundary or join changed.

    python -m benchmarks.sql_mutants [--per-model N] [--seed S] [--models NAME ...]

A mutant is killed when a unit test of its model fails; a survivor is printed with its line. Unit tests bring their own
input, so a mutant of every mart is judged in one invocation of dbt: a round takes a quarter of a minute. The tables
that they name are those of a small generated shop. What `equivalent_mutants.yml` explains is not judged. Exits with 1
if over 10% survive.
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
from benchmarks.equivalent_mutants import Key, equivalent_mutants
from dagster_project.dbt_runner.command import command_line, profile_environment
from dagster_project.dbt_runner.variables import DBT_DIR, run_variables
from warehouse.settings import PROJECT_ROOT, load_settings

MOST_SURVIVORS = 0.10
LINES, DAYS = 2_000, 120
MARTS = Path("models") / "marts"
UNIT_TESTS = ("test", "--no-write-json", "--select")
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

    @property
    def key(self) -> Key:
        """The model, the flip and the line's text, as `equivalent_mutants.yml` has them."""
        return self.model, f"{self.original.strip()} -> {self.flipped.strip()}", self.source.strip()

    def __str__(self) -> str:
        model, flip, line = self.key
        return f"{model}:{self.line}: {flip} in: {line}"


def mutants(model: str, text: str) -> Iterator[Mutant]:
    """Every flip of a model's SQL; none in comments, texts and calls of macros."""
    hidden = [match.span() for match in re.finditer(HIDDEN, text, re.DOTALL)]
    for original, flipped in FLIPS.items():
        for match in re.finditer(re.escape(original) + (r"\b" if original[-1].isalpha() else ""), text):
            if not any(begin <= match.start() < end for begin, end in hidden):
                line = text.count("\n", 0, match.start()) + 1
                yield Mutant(model, match.start(), line, original, flipped, text.splitlines()[line - 1])


def all_mutants(folder: Path) -> dict[Path, list[Mutant]]:
    """Every mutant of every mart in the dbt project at `folder`, by file; none that is explained as equivalent.

    Raises:
        UserError: an explanation is of a mutant that does not exist.
    """
    files = sorted((folder / MARTS).rglob("*.sql"))
    found = {file.relative_to(folder): list(mutants(file.stem, file.read_text(encoding="utf-8"))) for file in files}
    equivalent = equivalent_mutants("sql", {mutant.key for of_file in found.values() for mutant in of_file})
    return {file: [mutant for mutant in of_file if mutant.key not in equivalent] for file, of_file in found.items()}


def drawn(found: Mapping[Path, Sequence[Mutant]], per_model: int, seed: int) -> dict[Path, list[Mutant]]:
    """Up to `per_model` mutants of each file."""
    # the same mutants for the same seed; nothing secret is drawn
    draws = random.Random(seed)  # nosec B311
    return {file: draws.sample(of_file, min(per_model, len(of_file))) for file, of_file in found.items()}


def judge(models: Sequence[str]) -> list[str]:
    """The ones of `models` of which a unit test fails, in the project that this process runs in."""
    from dbt.cli.main import dbtRunner

    settings = load_settings(SETTINGS)
    os.environ.update(profile_environment(settings))
    selected = [*UNIT_TESTS, *(f"{model},test_type:unit" for model in models)]
    done = dbtRunner().invoke(command_line(selected, run_variables(settings), "warehouse", DBT_DIR / "target", DBT_DIR))
    if done.exception is not None:
        raise SystemExit(f"dbt could not run the unit tests: {done.exception}")
    failed = [result.node.unique_id for result in done.result if str(result.status) != "pass"]
    return sorted({unique_id.split(".")[2] for unique_id in failed})


def _judged(copy: Path, shop: DailyShop, models: Sequence[str]) -> list[str]:
    """The same in a process of the copied project."""
    command = [sys.executable, "-m", "benchmarks.sql_mutants", "--judge", *models]
    done = subprocess.run(command, cwd=copy, env=shop.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def survivors(copy: Path, shop: DailyShop, chosen: Mapping[Path, Sequence[Mutant]]) -> list[Mutant]:
    """The mutants that no unit test noticed, printed as they are found. Works in `copy`, a copy of the project."""
    if broken := _judged(copy, shop, [file.stem for file in chosen]):
        sys.exit(f"unit tests fail before anything is flipped: {', '.join(broken)}")
    alive: list[Mutant] = []
    for number in range(max(map(len, chosen.values()))):
        judged = {file: found[number] for file, found in chosen.items() if number < len(found)}
        for file in chosen:
            text = (DBT_DIR / file).read_text(encoding="utf-8")
            (copy / "dbt" / file).write_text(judged[file].sql(text) if file in judged else text, encoding="utf-8")
        killed = _judged(copy, shop, [mutant.model for mutant in judged.values()])
        found = [mutant for mutant in judged.values() if mutant.model not in killed]
        print(*found, f"round {number + 1}: {len(judged)} mutants, {len(found)} survived", sep="\n", flush=True)
        alive += found
    return alive


def main() -> None:
    """Copy the project, judge, and end with 1 where too many survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-model", type=int, default=8, help="flips drawn in each mart (default 8)")
    parser.add_argument("--seed", type=int, default=1, help="of the drawing (default 1)")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="these marts alone (default all)")
    parser.add_argument("--judge", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.judge:
        print(json.dumps(judge(arguments.judge)))
        return
    found = all_mutants(DBT_DIR)
    of_models = {file: found[file] for file in found if file.stem in (arguments.models or [file.stem])}
    chosen = drawn(of_models, arguments.per_model, arguments.seed)
    number = sum(map(len, chosen.values()))
    with tempfile.TemporaryDirectory(prefix="loyalty-mutants-") as folder:
        shop, copy = DailyShop(Path(folder) / "shop", LINES, DAYS), Path(folder) / "project"
        last = FIRST_DAY + dt.timedelta(days=DAYS - 1)
        shop.deliver(FIRST_DAY, last)
        shop.loyalty("run", "--as-of", str(last))
        shutil.copytree(PROJECT_ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        alive = survivors(copy, shop, chosen)
    print(f"{number} mutants of marts, {len(alive)} survived ({len(alive) / number:.1%})")
    sys.exit(len(alive) > MOST_SURVIVORS * number)


if __name__ == "__main__":
    main()
