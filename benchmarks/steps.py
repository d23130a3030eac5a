"""What the steps of a measurement cost, each in a process of its own, so that its peak of memory is its own."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from warehouse.files import write_atomically


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock and of processors, megabytes at the peak, seconds of each model; of a step that counts rows,
    how many there are, and how many differ."""

    seconds: float
    processor_seconds: float
    peak_mb: float
    models: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    rows_different: int = 0


def meter() -> Callable[..., Cost]:
    """Starts now; the function it gives ends it, and takes the further fields of `Cost`."""
    began, before = time.perf_counter(), _processor_seconds()

    def end(**further: Any) -> Cost:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return Cost(time.perf_counter() - began, _processor_seconds() - before, peak, **further)

    return end


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def in_own_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function that runs in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


@contextmanager
def measured_in(folder: Path | None, arguments: Mapping[str, Any]) -> Iterator[Path]:
    """The folder of a measurement with these arguments, made unless it is there; without one, a folder that is deleted
    in the end. SystemExit where it holds a measurement with other arguments, whose figures would be taken for these, or
    something else, which a step might delete."""
    if folder is None:
        with TemporaryDirectory(prefix="loyalty-bench-") as name:
            yield Path(name)
        return
    folder.mkdir(parents=True, exist_ok=True)
    asked = {name: str(value) for name, value in arguments.items() if name != "folder"}
    file = folder / "arguments.json"
    if not file.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} holds something else: name an empty folder, or one of a measurement to go on with.")
    if file.exists() and (begun := json.loads(file.read_bytes())) != asked:
        told = ", ".join(f"{name} {value}" for name, value in begun.items())
        sys.exit(f"{folder} holds a measurement with {told}: name the same, or another folder.")
    write_atomically(file, json.dumps(asked))
    yield folder.absolute()


class Steps:
    """The steps of a measurement that may take hours: each is told as it ends and its cost kept in a file, and those
    that the file has are not taken again.

    costs: those of the steps so far, by name. is_isolated: a process for each; without it peaks are those of this
    process so far.
    """

    def __init__(self, file: Path, *, is_isolated: bool = True) -> None:
        self._file, self._is_isolated = file, is_isolated
        kept = json.loads(file.read_bytes()) if file.exists() else {}
        self.costs = {name: Cost(**cost) for name, cost in kept.items()}

    def take(self, name: str, work: Callable[..., Cost], *arguments: Any) -> None:
        """Run a step, unless it has been taken."""
        if name in self.costs:
            return
        cost = in_own_process(work, *arguments) if self._is_isolated else work(*arguments)
        self.costs[name] = cost
        write_atomically(self._file, json.dumps({name: asdict(cost) for name, cost in self.costs.items()}))
        told = f"{name}: {cost.processor_seconds:.1f} s of processor time, {cost.peak_mb:,.0f} MB"
        print(told, file=sys.stderr, flush=True)
