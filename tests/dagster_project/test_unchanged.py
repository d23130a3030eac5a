"""Runs without news: what counts as news, and that nothing is done without any."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml

from dagster_project.runs import open_instance
from dagster_project.schedules import build_daily_schedule
from dagster_project.sensors import build_landing_sensor
from dagster_project.unchanged import forget_inputs, input_state, record_inputs, unchanged_since
from serving.publication.publish import rollback
from serving.publication.state import live_publication, publications
from tests.support.company import Company, Generated
from warehouse.ingest.landing import SETTLED_AFTER_NS
from warehouse.ingest.sources import load_sources_config
from warehouse.lock import hold_warehouse, was_killed
from warehouse.register import DeliveryRecord, Register
from warehouse.settings import Settings

LIGHT = """
import sys
from dagster_project.cli.main import main
code = main(["--company", sys.argv[1], "run"])
heavy = {name.partition(".")[0] for name in sys.modules} & {"dagster", "dbt", "pandas", "sklearn"}
print("imported", sorted(heavy))
sys.exit(code)
"""


def settle(landing: Path) -> None:
    """Make its young files older than those of which a run cannot tell whether they still change."""
    for file in landing.rglob("*"):
        if time.time_ns() - file.stat().st_mtime_ns < 2 * SETTLED_AFTER_NS:
            before = file.stat().st_mtime_ns - 2 * SETTLED_AFTER_NS
            os.utime(file, ns=(before, before))


@pytest.fixture
def own(built: Company, tmp_path: Path) -> Company:
    """A copy that may be changed, of a company that was just published."""
    return built.copy(tmp_path / "home")


def changed_settings(own: Company, **changes: object) -> Settings:
    values = yaml.safe_load(own.file.read_text(encoding="utf-8"))
    own.file.write_text(yaml.safe_dump({**values, **changes}), encoding="utf-8")
    return own.settings


def test_a_run_without_news_says_so_and_does_nothing(own: Company) -> None:
    before = live_publication(own.settings)
    assert before and unchanged_since(own.settings) == before
    command = [sys.executable, "-c", LIGHT, str(own.file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"nothing is new since publication {before.publication_id}" in done.stdout
    assert "--force" in done.stdout and "imported []" in done.stdout
    assert live_publication(own.settings) == before and not own.settings.dagster_home.joinpath("runs").exists()


def test_a_published_file_that_was_written_to_is_news(own: Company) -> None:
    report = own.settings.published_dir / "report.html"
    report.chmod(0o600)
    report.write_bytes(report.read_bytes() + b"x")
    assert unchanged_since(own.settings) is None


@pytest.mark.parametrize("name", ["rows.json", "ended_run.json", "published_inputs.json"])
def test_a_damaged_note_of_a_run_stops_no_command(own: Company, name: str) -> None:
    (own.settings.home / name).write_bytes(b"\0{")
    done = own.loyalty("status")
    assert done.code == 0 and "unexpected" not in done.text
    assert (unchanged_since(own.settings) is None) == (name == "published_inputs.json")


def test_a_run_that_was_killed_after_it_published_is_closed_by_the_next(own: Company) -> None:
    live = live_publication(own.settings)
    holding = f"""
import os, signal
from warehouse.lock import hold_warehouse
from warehouse.settings import load_settings
with hold_warehouse(load_settings({str(own.file)!r}, {{}}), "killed"):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", holding], check=False).returncode == -signal.SIGKILL
    assert was_killed(own.settings) and unchanged_since(own.settings) is None
    with hold_warehouse(own.settings, "the next"):
        assert not was_killed(own.settings), "it is still at work"
    assert unchanged_since(own.settings) == live


def test_schedule_and_sensor_skip_without_news(own: Company) -> None:
    settings = own.settings
    with open_instance(settings) as instance:
        with dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC)) as context:
            tick = build_daily_schedule(settings).evaluate_tick(context)
        assert not tick.run_requests and "nothing is new since" in (tick.skip_message or "")
        sensor, cursor = build_landing_sensor(settings), None
        for reason in ("Files are still arriving.", "nothing is new since", "No new or changed files."):
            with dg.build_sensor_context(instance=instance, cursor=cursor) as looked:
                data = sensor.evaluate_tick(looked)
            cursor = data.cursor or cursor
            assert not data.run_requests and reason in (data.skip_message or "")
        forget_inputs(settings)
        with dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC)) as context:
            assert build_daily_schedule(settings).evaluate_tick(context).run_requests


def add_file(own: Company, landing: Path) -> None:
    (landing / "till" / "later.csv").write_text("nothing")


def change_file(own: Company, landing: Path) -> None:
    file = next(file for file in sorted((landing / "shop").rglob("*.parquet")))
    file.write_bytes(file.read_bytes() + b"more")


def remove_file(own: Company, landing: Path) -> None:
    next(file for file in sorted((landing / "shop").rglob("*.parquet"))).unlink()


def change_rules(own: Company, landing: Path) -> None:
    seeds = own.settings.folder / "seeds"
    seeds.mkdir()
    (seeds / "tier_rules.csv").write_text("tier\n")


def add_mart(own: Company, landing: Path) -> None:
    (own.settings.folder / "marts").mkdir()
    (own.settings.folder / "marts" / "fct_own.sql").write_text("select 1 as one")


def change_setting(own: Company, landing: Path) -> None:
    changed_settings(own, churn_horizon_days=61)


def deliver_message(own: Company, landing: Path) -> None:
    Register(own.settings).add_deliveries([DeliveryRecord("one", datetime.now(UTC), "sent", None)])


def remove_published_file(own: Company, landing: Path) -> None:
    (own.settings.published_dir / "report.html").unlink()


def remove_warehouse(own: Company, landing: Path) -> None:
    own.settings.warehouse_path.unlink()


@pytest.mark.parametrize(
    "change",
    [
        add_file,
        change_file,
        remove_file,
        change_rules,
        add_mart,
        change_setting,
        deliver_message,
        remove_published_file,
        remove_warehouse,
    ],
)
def test_whatever_decides_figures_is_news(
    built: Company, generated: Generated, tmp_path: Path, change: Callable[[Company, Path], None]
) -> None:
    landing = shutil.copytree(generated.folder, tmp_path / "landing")
    own = built.copy(tmp_path / "home", **generated.settings(landing))
    live = live_publication(own.settings)
    assert live
    record_inputs(own.settings, live, input_state(own.settings))
    assert unchanged_since(own.settings)
    change(own, landing)
    settle(landing)
    assert unchanged_since(own.settings) is None


def test_what_says_when_a_run_takes_place_is_no_news(own: Company) -> None:
    assert unchanged_since(changed_settings(own, limits={"run_minutes": 700}, schedule={"cron": "0 4 * * *"}))


def test_only_a_run_can_tell_what_is_new_in_a_young_file_or_a_source_that_is_gone(own: Company, tmp_path: Path) -> None:
    sources = {"shop": tmp_path / "young", "till": tmp_path / "gone"}
    sources["shop"].mkdir()
    (sources["shop"] / "young.csv").write_text("just now")
    named = {name: {"input_path": str(path)} for name, path in sources.items()}
    assert input_state(changed_settings(own, sources={"shop": named["shop"]})) is None
    assert input_state(changed_settings(own, sources={"till": named["till"]})) is None


def test_only_a_run_can_tell_what_is_new_in_a_database(own: Company) -> None:
    folder = own.settings.folder / "sources"
    folder.mkdir()
    database = {"type": "postgres", "dsn_env": "LOYALTY_DSN_SHOP"}
    table = {"entity": "customers", "table": "customers", "key": ["customer_id"], "columns": {"customer_id": {}}}
    source = {"name": "warehouse_of_theirs", "canonical": True, "database": database, "tables": {"customers": table}}
    (folder / "warehouse_of_theirs.yml").write_text(yaml.safe_dump(source))
    assert load_sources_config(changed_settings(own, sources={"warehouse_of_theirs": {}}))
    assert input_state(own.settings) is None


@pytest.mark.slow
def test_another_publication_that_is_live_is_news(changed: Company, tmp_path: Path) -> None:
    own = changed.copy(tmp_path / "home")
    assert len(publications(own.settings)) > 1 and unchanged_since(own.settings)
    rollback(own.settings)
    assert unchanged_since(own.settings) is None
