"""A home of the last release, upgraded by a run of today's code, publishes what a new home does.

The release is the newest tag v*; UPGRADE_FROM=<commit> in the environment names another version. It is set up in an
environment of its own, so this takes a network and minutes.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from generator.generate import deliver_changes
from tests.support.company import Company, company
from warehouse.settings import PROJECT_ROOT

pytestmark = pytest.mark.campaign

# Written once: what the release wrote stays, with its batches and its days. The ledger is compared by its sums below.
POSTED = {
    "fct_ingest_reconciliation", "fct_model_metrics", "fct_model_runs", "fct_points_entries", "fct_publication_changes",
    "publication", "rpt_points_balances", "rpt_points_liability", "rpt_programme_roi_monthly", "rpt_roi_reconciliation",
    "rpt_source_freshness",
}  # fmt: skip
LEDGER = "select customer_id, account, sum(points) from marts.fct_points_entries group by all having sum(points) <> 0"
BALANCES = "select * exclude (last_entry_date) from marts.rpt_points_balances"


@dataclass(frozen=True)
class Earlier:
    """A checkout of an earlier version, set up. Until 0.1.0 settings and generator had other places."""

    folder: Path

    def call(self, *words: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LOYALTY_", "MAKE"))}
        done = subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"

    def generate(self, files: Path) -> None:
        module = "generator" if (self.folder / "generator").exists() else "benchmarks.generate"
        options = "--size 4000 --days 365 --seed 7 --changes 0.02 --sources shop till --out"
        self.call(".venv/bin/python", "-m", module, *options.split(), str(files))

    def run(self, settings: Path) -> None:
        option = "--company" if (self.folder / "companies").exists() else "--settings"
        self.call(".venv/bin/loyalty", option, str(settings), "run")


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


@pytest.fixture
def earlier(tmp_path: Path) -> Earlier:
    """The last release, or the version that UPGRADE_FROM names."""
    version = os.environ.get("UPGRADE_FROM") or git("tag", "--list", "v*", "--merged", "--sort=-version:refname")
    if not version:
        pytest.skip("no release is tagged v* here: none was made yet, or this clone has no tags")
    folder = tmp_path / "earlier"
    assert git("clone", "--quiet", str(PROJECT_ROOT), str(folder)) == "" and folder.exists()
    found = Earlier(folder)
    found.call("git", "checkout", "--quiet", version.splitlines()[0])
    found.call("make", ".venv/ready")
    return found


def settings_of(files: Path) -> dict[str, object]:
    return {
        "company": "generated",
        "sources": {name: {"input_path": str(files / name)} for name in ("shop", "till")},
        "business_timezone": "UTC",
        "base_currency": "EUR",
        "churn_horizon_days": 60,
    }


def rows(one: Company, query: str) -> list[str]:
    return sorted(map(str, one.published(query)))


def test_a_home_of_the_last_release_publishes_what_a_new_one_does(
    earlier: Earlier, tmp_path: Path, own_environment: None
) -> None:
    files = tmp_path / "files"
    earlier.generate(files)
    upgraded = company(tmp_path / "upgraded", settings_of(files))
    earlier.run(upgraded.file)
    published = yaml.safe_load((upgraded.settings.published_dir / "publications.json").read_text())["live"]
    deliver_changes(files)
    upgraded.run()
    new = company(tmp_path / "new", settings_of(files)).run()
    before, after = new.marts(), upgraded.marts()
    assert {mart for mart in before if before[mart] != after.get(mart)} <= POSTED and before.keys() == after.keys()
    assert rows(upgraded, LEDGER) == rows(new, LEDGER) and rows(upgraded, BALANCES) == rows(new, BALANCES)
    rolled_back = upgraded.loyalty("rollback")
    assert rolled_back.code == 0 and f"Live again: {published}" in rolled_back.text, rolled_back.text
