"""Companies to run in tests: a settings file, a home of its own, and the command line, in this process or another."""

import contextlib
import fcntl
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from dagster_project.cli.main import main
from generator.generate import Truth, deliver_changes, generate
from serving.publication.database_file import checksums
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

HOLD = "import duckdb, sys; duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
LOYALTY = Path(sys.executable).with_name("loyalty")
# When a model was trained is the one thing that a rerun after a crash may tell differently.
MODEL_RUNS, TRAINED_AT = "fct_model_runs", "trained_at"
STAGES = "stages.json"
STAGE = re.compile(r"^done +([0-9.]+) s  (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Done:
    """What a command left behind: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything printed, without line breaks, which depend on the terminal's width."""
        return " ".join((self.out + self.err).split())


@dataclass(frozen=True)
class Company:
    """One settings file, and what can be asked of it. `stages` of its making: names and seconds."""

    file: Path
    stages: list[tuple[str, float]] = field(default_factory=list, compare=False, repr=False)

    @property
    def settings(self) -> Settings:
        return load_settings(self.file, environ={})

    def loyalty(self, *arguments: str) -> Done:
        """A command of the command line, in this process."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(["--company", str(self.file), *arguments])
            except SystemExit as ended:  # of argparse
                code = int(ended.code or 0)
        return Done(code, out.getvalue(), err.getvalue())

    def run(self, *arguments: str) -> "Company":
        """`loyalty run`, which has to succeed with every model. Returns this company with the stages of the run."""
        done = self.loyalty("run", *arguments)
        assert done.code == 0 and "held back model" not in done.text, done.out + done.err
        return replace(self, stages=[(name, float(seconds)) for seconds, name in STAGE.findall(done.out)])

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command as a process of its own."""
        command = [str(LOYALTY), "--company", str(self.file), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def published(self, query: str) -> list[tuple[Any, ...]]:
        with connect(self.settings.published_path, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def warehouse(self, query: str) -> list[tuple[Any, ...]]:
        with connect(self.settings.warehouse_path) as connection:
            return connection.execute(query).fetchall()

    def marts(self) -> dict[str, str]:
        """The fingerprint of each published mart; see `serving.publication.database_file.checksums`."""
        with connect(self.settings.published_path, read_only=True) as connection:
            return checksums(connection)

    def marts_but_training_times(self) -> dict[str, object]:
        """The same, with the rows of fct_model_runs without `trained_at` in place of its fingerprint."""
        runs = self.published(f"select * exclude ({TRAINED_AT}) from marts.{MODEL_RUNS} order by all")
        return {**self.marts(), MODEL_RUNS: runs}

    def copy(self, home: Path, **changes: Any) -> "Company":
        """The same company as it stands, in another home, with other settings where `changes` name some."""
        shutil.copytree(self.settings.home, home, symlinks=True)
        values = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        return replace(company(home, {**values, **changes}), stages=self.stages)

    def save_stages(self) -> None:
        """Keep the stages beside the settings, for `saved_company`."""
        self.file.with_name(STAGES).write_text(json.dumps(self.stages))


def company(home: Path, values: Mapping[str, Any], manifests: Path | None = None) -> Company:
    """A company in `home`, made if need be. Homes of one graph may share the folder of parsed manifests."""
    home.mkdir(parents=True, exist_ok=True)
    if manifests:
        manifests.mkdir(parents=True, exist_ok=True)
        (home / "dbt").mkdir()
        (home / "dbt" / "manifests").symlink_to(manifests, target_is_directory=True)
    file = home / "settings.yml"
    file.write_text(yaml.safe_dump({**values, "home": str(home)}, allow_unicode=True), encoding="utf-8")
    return Company(file)


def generated_settings(home: Path, manifests: Path, **changes: Any) -> Settings:
    """A company with the generated company's two sources, whose parsed manifest is shared; nothing of it is loaded."""
    (home / "dbt").mkdir(parents=True, exist_ok=True)
    if not (home / "dbt" / "manifests").exists():
        (home / "dbt" / "manifests").symlink_to(manifests, target_is_directory=True)
    return load_settings("generated", {}, home=home, **{"sources": {"shop": {}, "till": {}}, **changes})


def saved_company(home: Path) -> Company:
    """The company that another worker made in `home`, with its stages."""
    stages = [(name, seconds) for name, seconds in json.loads((home / STAGES).read_text())]
    return Company(home / "settings.yml", stages)


def is_free(database: Path) -> bool:
    """Whether another process can open the database for writing."""
    command = [sys.executable, "-c", "import duckdb, sys; duckdb.connect(sys.argv[1])", str(database)]
    return subprocess.run(command, capture_output=True, env=os.environ, check=False).returncode == 0


@contextlib.contextmanager
def held(one: Company) -> Iterator[None]:
    """The warehouse as a run holds it: its lock taken, and its file open in another process."""
    command = [sys.executable, "-c", HOLD, str(one.settings.warehouse_path)]
    with (
        one.settings.lock_path.open("w") as lock,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as process,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()


@dataclass(frozen=True)
class Generated:
    """A company with shop and till: its folders before and after the second delivery, and its truth."""

    folder: Path
    changed_folder: Path
    truth: Truth

    def settings(self, folder: Path) -> dict[str, Any]:
        return {
            "company": "generated",
            "sources": {name: {"input_path": str(folder / name)} for name in ("shop", "till")},
            "business_timezone": "UTC",
            "base_currency": "EUR",
            "data_through": self.truth.totals["data_through"],
            "churn_horizon_days": 60,
        }


def generate_company(folder: Path) -> None:
    """Four thousand order lines of a year, and a second delivery of some eighty late and corrected ones."""
    first, second = folder / "first", folder / "second"
    generate(first, size=4_000, seed=7, days=365, changes=0.02, sources=("shop", "till"))
    shutil.copytree(first, second)
    deliver_changes(second)


def read_generated(folder: Path) -> Generated:
    """What `generate_company` left in `folder`."""
    totals = json.loads((folder / "first" / "truth" / "totals.json").read_text(encoding="utf-8"))
    return Generated(folder / "first", folder / "second", Truth(folder / "first", totals))
