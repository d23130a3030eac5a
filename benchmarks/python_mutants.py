"""Would a wrong figure be found out? The Python of money, points and tiers, changed by mutmut, before its tests.

    make mutants

mutmut changes an operator, a number, a text or an argument, and runs the tests that call the function. `tool.mutmut` in
pyproject.toml lists the modules and the tests. A mutant that no test notices is printed with its line, one that
`equivalent_mutants.yml` explains does not count. Ends with 1 where over 10% survive.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.equivalent_mutants import Key, equivalent_mutants
from benchmarks.sql_mutants import LEFT_OUT, MOST_SURVIVORS
from warehouse.settings import PROJECT_ROOT

NOTICED = {"killed", "timeout"}
# A mutant runs in a fork of a process in which tests have run, and OpenMP's threads do not survive a fork.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed: its function, the line, and what became of it."""

    function: str
    line: str
    change: str

    @property
    def key(self) -> Key:
        """As `equivalent_mutants.yml` has it."""
        return self.function, self.change, self.line

    def __str__(self) -> str:
        return f"{self.function}: {self.line}\n    became {self.change}"


def statuses(results: str) -> dict[str, str]:
    """What became of each mutant, by name, from the lines of `mutmut results`."""
    return dict(line.strip().split(": ", 1) for line in results.splitlines() if "__mutmut_" in line)


def survivor(name: str, difference: str) -> Survivor:
    """A mutant from its name and the difference that `mutmut show` prints."""
    function = re.sub(r"__mutmut_\d+$", "", name).replace(".x_", ".").replace("xǁ", "").replace("ǁ", ".")
    return Survivor(function, *(" ".join(_changed(difference, sign)) for sign in "-+"))


def _changed(difference: str, sign: str) -> Iterator[str]:
    for line in difference.splitlines():
        if line.startswith(sign) and not line.startswith(sign * 3):
            yield line[1:].strip()


def _mutmut(copy: Path, *arguments: str) -> str:
    """What mutmut prints; its own failure ends the program."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"mutmut {' '.join(arguments)}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def main() -> None:
    """Run mutmut on a copy of the project, print the survivors, and end with 1 where they are too many."""
    with tempfile.TemporaryDirectory(prefix="loyalty-mutants-") as folder:
        copy = Path(folder) / "project"
        shutil.copytree(PROJECT_ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        _mutmut(copy, "run")
        became = statuses(_mutmut(copy, "results", "--all", "true"))
        unnoticed = [name for name, status in became.items() if status not in NOTICED]
        alive = [survivor(name, _mutmut(copy, "show", name)) for name in unnoticed]
    equivalent = equivalent_mutants("python", {mutant.key for mutant in alive})
    unexplained = [mutant for mutant in alive if mutant.key not in equivalent]
    for mutant in unexplained:
        print(mutant)
    number = len(became) - (len(alive) - len(unexplained))
    print(f"{number} mutants of Python, {len(unexplained)} survived ({len(unexplained) / number:.1%})")
    sys.exit(len(unexplained) > MOST_SURVIVORS * number)


if __name__ == "__main__":
    main()
