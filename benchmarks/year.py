"""A year of daily files and runs, to see whether the warehouse stays as small and fast as on its first day.

    python -m benchmarks.year [--days 365] [--size 60k] [--history 180] [--folder DIR]

A generated shop delivers its first `history` days at once, then a file a day. Two in a hundred lines come up to twenty
days late, and one in a hundred is wrong and is corrected three days later; returns come on their own day, and every
thirtieth morning a customer is erased. Each morning is one `loyalty run`, after which what is kept by the clock is a
day older; its processor time, time, memory and disk space are printed. In the end every published table is compared
with that of a full build of the same input. Exits with 1 if a row differs. A morning takes half a minute on two cores:
with `--folder` the shop, its home and the figures of each morning (`mornings.csv`) stay there, and an interrupted year
goes on with the morning at which it stopped.
"""

import argparse
import csv
import datetime as dt
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.daily_shop import FIRST_DAY, DailyShop
from benchmarks.kernels import Difference, differences
from benchmarks.steps import measured_in
from generator.generate import parse_size

ERASED_EVERY = 30
ROWS_SHOWN = 12


@dataclass(frozen=True)
class Morning:
    """The cost of one run and the disk space after it; seconds, and megabytes."""

    day: int
    as_of: dt.date
    lines: int
    seconds: float
    processor_seconds: float
    memory_mb: float
    warehouse_mb: float
    published_mb: float
    dagster_mb: float
    rest_mb: float


def mornings(shop: DailyShop, history: int, days: int, figures: Path) -> list[Morning]:
    """A delivery and a run each morning, the first with all that came before; those in the file `figures` are done."""
    done = _read(figures)
    for number in range(len(done), days):
        as_of = FIRST_DAY + dt.timedelta(days=history + number - 1)
        lines = shop.deliver(as_of if number else FIRST_DAY, as_of)
        if number % ERASED_EVERY == ERASED_EVERY - 1:
            shop.loyalty("privacy", "erase", shop.customer(number), "--yes")
        seconds, processor, memory = shop.loyalty("run", "--as-of", str(as_of))
        shop.let_a_day_pass()
        done.append(Morning(number + 1, as_of, lines, seconds, processor, memory, **shop.megabytes()))
        _append(figures, done[-1])
        print(f"morning {number + 1}: {lines} lines, {processor:.0f} s of processor time", file=sys.stderr, flush=True)
    return done


def _read(figures: Path) -> list[Morning]:
    if not figures.exists():
        return []
    with figures.open(newline="", encoding="utf-8") as file:
        return [_morning(row) for row in csv.DictReader(file)]


def _morning(row: dict[str, str]) -> Morning:
    numbers = {name: float(text) for name, text in row.items() if name not in ("day", "as_of", "lines")}
    return Morning(int(row["day"]), dt.date.fromisoformat(row["as_of"]), int(row["lines"]), **numbers)


def _append(figures: Path, morning: Morning) -> None:
    is_new = not figures.exists()
    with figures.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=[one.name for one in fields(Morning)])
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(morning))


def full_build(shop: DailyShop, as_of: dt.date) -> list[Difference]:
    """Compares every published table with that of a full build of the same input."""
    published = shop.home / "published" / "loyalty.duckdb"
    before = shop.home.with_name("before.duckdb")
    shutil.copyfile(published, before)
    shop.loyalty("run", "--as-of", str(as_of), "--full-refresh")
    return differences(before, published)


def print_mornings(done: Sequence[Morning]) -> None:
    """A row for each twelfth of the days, in the units of `Morning`."""
    table = Table(
        "morning", "lines", "processor s", "s", "memory MB", "warehouse MB", "published MB", "Dagster MB", "rest MB"
    )
    step = max(1, len(done) // ROWS_SHOWN)
    for one in [*done[::step], done[-1]]:
        numbers = [one.processor_seconds, one.seconds, one.memory_mb, one.warehouse_mb, one.published_mb]
        numbers += [one.dagster_mb, one.rest_mb]
        table.add_row(str(one.day), str(one.lines), *(f"{number:,.1f}" for number in numbers))
    Console(width=120).print(table)


def main() -> None:
    """Deliver, run, compare, print; end with 1 where the last morning differs from a full build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="mornings (default 365)")
    parser.add_argument("--size", type=parse_size, default=60_000, help="order lines in all (default 60k)")
    parser.add_argument(
        "--history", type=int, default=180, help="days delivered before the first morning (default 180)"
    )
    parser.add_argument("--folder", type=Path, help="keep everything here, and go on from what is here")
    arguments = parser.parse_args()
    with measured_in(arguments.folder, vars(arguments)) as folder:
        shop = DailyShop(folder, arguments.size, arguments.history + arguments.days)
        done = mornings(shop, arguments.history, arguments.days, folder / "mornings.csv")
        apart = [table for table in full_build(shop, done[-1].as_of) if not table.is_none]
    print_mornings(done)
    for table in apart:
        print(f"{table.table}: {table.differing_rows} of {table.rows} rows differ ({', '.join(table.columns)})")
    print(f"{len(apart)} published tables differ from a full build")
    sys.exit(bool(apart))


if __name__ == "__main__":
    main()
