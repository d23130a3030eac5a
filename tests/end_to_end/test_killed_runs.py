"""`kill -9` at any point of a run costs nothing but the time to run again, and readers never notice."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from dagster_project.runs import IN_PROGRESS, open_instance
from tests.end_to_end.reader import state
from tests.support.company import Company, Generated, company, is_free

pytestmark = pytest.mark.slow

SEED = 20171231
# What a round's kills aim at, in the order of a run, as a step whose results stand is not worked on again.
AIMS = ("ingest", "dbt", "dbt", "model", "publish")
READS = 1_000


@dataclass
class Round:
    """One home, killed again and again, then left to finish, and the readers of its published file meanwhile."""

    made: Company
    allowed: list[dict[str, object]]
    expected: dict[str, object]
    stages: list[tuple[str, float]]
    arguments: tuple[str, ...] = ("--force",)
    tries_to_publish: bool = False
    kills: list[str] = field(default_factory=list)
    reads: int = 0
    seen: list[list[object]] = field(default_factory=list)


@contextmanager
def runner() -> Iterator[Callable[..., int]]:
    """Calls `run(settings=..., ...)` of killable.py in a process of its own."""
    command = [sys.executable, "-m", "tests.end_to_end.killable"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    stdin, stdout = process.stdin, process.stdout

    def run(**values: object) -> int:
        stdin.write(json.dumps(values) + "\n")
        stdin.flush()
        return int(stdout.readline())

    try:
        yield run
    finally:
        process.communicate()


@contextmanager
def read_meanwhile(one: Round) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.end_to_end.reader", str(one.made.settings.published_path)]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        out, err = reader.communicate("stop\n")
    assert reader.returncode == 0, err
    told = json.loads(out)
    one.reads, one.seen = told["reads"], told["seen"]


def aim(stages: list[tuple[str, float]], kind: str, chance: random.Random) -> tuple[int, float]:
    """The number of a stage of this kind, longer ones more often, and a delay within its usual time."""
    numbers = [number for number, (name, _) in enumerate(stages) if name.startswith(kind)]
    number = chance.choices(numbers, [stages[number][1] + 0.01 for number in numbers])[0]
    return number, chance.uniform(0, stages[number][1])


def kill_again_and_again(one: Round, chance: random.Random) -> None:
    log = one.made.settings.home / "runs.log"

    def attempt(arguments: Sequence[str] = (), stage: int | None = None, delay: float = 0.0) -> int:
        values = {"settings": str(one.made.file), "arguments": [*arguments], "stage": stage, "delay": delay}
        return run(**values, log=str(log))

    with runner() as run, read_meanwhile(one):
        for number, delay in sorted(aim(one.stages, kind, chance) for kind in AIMS):
            name = one.stages[number][0]
            code = attempt(one.arguments, number, delay)
            while code == 0:  # this time the stage was over sooner, and so was the run
                assert one.made.marts_but_training_times() == one.expected
                delay /= 2
                code = attempt(one.arguments, number, delay)
            assert code == -9, log.read_text()
            one.kills.append(f"{name} after {delay:.2f} s")
            if one.made.settings.published_path.exists():
                assert one.made.marts_but_training_times() in one.allowed
            if one.tries_to_publish and name.startswith("dbt"):
                assert attempt(["--select", "published/loyalty"]) == 1
                assert "did not finish" in log.read_text()
                one.tries_to_publish = False
        assert attempt() == 0, log.read_text()


@pytest.fixture(
    scope="module",
    params=[
        ("grown",),
        pytest.param(("grown", "anew", *4 * ("grown", "anew", "fresh")), marks=pytest.mark.campaign, id="campaign"),
    ],
    ids=" ".join,
)
def rounds(
    request: pytest.FixtureRequest,
    built: Company,
    changed: Company,
    generated: Generated,
    manifests: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Round]:
    """Homes that are killed five times each: one with new files; in a campaign several of those, others that build
    everything anew, and warehouses that are just beginning."""
    homes = tmp_path_factory.mktemp("killed")
    before, after = built.marts_but_training_times(), changed.marts_but_training_times()
    first, second = (generated.settings(folder) for folder in (generated.folder, generated.changed_folder))

    def begin(number: int, kind: str) -> Round:
        home = homes / f"{kind}{number}"
        if kind == "fresh":
            return Round(company(home, first, manifests("generated")), [before], before, built.stages)
        grown = Round(built.copy(home, **second), [before, after], after, changed.stages)
        return replace(grown, arguments=("--full-refresh",)) if kind == "anew" else grown

    made = [begin(number, kind) for number, kind in enumerate(request.param)]
    made[0].tries_to_publish = True
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill_again_and_again, made, [random.Random(SEED + number) for number in range(len(made))]))
    return made


def test_marts_after_kills_are_those_of_an_undisturbed_run(rounds: list[Round]) -> None:
    assert sum(len(one.kills) for one in rounds) == len(AIMS) * len(rounds)
    for one in rounds:
        assert one.made.marts_but_training_times() == one.expected, one.kills


def test_nothing_half_made_stays_behind(rounds: list[Round]) -> None:
    for one in rounds:
        published = one.made.settings.published_dir
        assert not (published / "next").exists() and not list(published.glob(".*.next"))
        assert not list((one.made.settings.home / "tmp").glob("ingest-*"))
        assert is_free(one.made.settings.warehouse_path)


def test_killed_runs_are_closed_so_that_the_schedule_goes_on(rounds: list[Round]) -> None:
    for one in rounds:
        with open_instance(one.made.settings) as instance:
            statuses = [record.dagster_run.status for record in instance.get_run_records()]
        assert not set(statuses) & set(IN_PROGRESS)
        assert sum(status.value == "FAILURE" for status in statuses) >= len(one.kills)
        assert "last fault" in one.made.loyalty("status").text and "process of this run is gone" in (
            one.made.loyalty("status").text
        )


def test_readers_see_whole_publications_and_no_error_meanwhile(
    rounds: list[Round], built: Company, changed: Company
) -> None:
    whole = {state(made.settings.published_path)[2:] for made in (built, changed)}
    assert len(whole) == 2, "both deliveries look the same to a reader, so the test shows nothing"
    publications = 0
    for one in rounds:
        names = [publication for publication, *_ in one.seen]
        assert len(names) == len(set(names)), "one publication was seen in two states"
        assert {tuple(figures) for _, _, *figures in one.seen} <= whole
        publications += len(names)
    assert sum(one.reads for one in rounds) >= READS
    assert publications >= 2 * len(rounds) - 1
