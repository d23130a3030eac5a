"""The benchmark of the whole run measures what it says, on a company small enough for a test."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import default_wiring, whole_run
from dagster_project.assets.transform import is_run_check
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.definitions import build_definitions
from dagster_project.publication import PUBLICATION_KEY
from dagster_project.steps.registry import STEPS
from serving.publication.database_file import Base, checksums
from serving.publication.precopy import Precopy
from serving.publication.state import DATABASE, WORK
from tests.support.company import Company
from warehouse.sql import connect

pytestmark = pytest.mark.campaign


def test_a_warm_home_has_the_code_and_no_data_and_every_part_is_measured(
    built: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = whole_run.warm_home(built.settings, tmp_path / "warm")
    assert {path.name for path in settings.home.iterdir()} == {"dbt", "dagster"}
    project = DbtProject(settings)
    unit_tests = set(project.manifest()["unit_tests"])
    assert project.passed_unit_tests(unit_tests) == unit_tests
    copied: list[Mapping[str, Base]] = []
    bases = Precopy.bases
    monkeypatch.setattr(Precopy, "bases", lambda ahead: copied.append(bases(ahead)) or copied[-1])
    seconds, stages, nodes = whole_run.graph(settings)
    assert [set(files) for files in copied] == [{DATABASE, WORK}], "nothing was copied beside the models"
    with connect(settings.published_path, read_only=True) as copy:
        marts = built.marts()
        learned = {"fct_model_runs", "fct_model_metrics"}  # when, and by which version, differs from run to run
        assert {name for name, value in checksums(copy).items() if value != marts[name]} <= learned

    bare = whole_run.bare_seconds(settings, tmp_path / "bare")
    fits = whole_run.fit_seconds(settings)
    nodes_of_the_project = DbtProject(settings).manifest()["nodes"].values()
    assert {node["name"] for node in nodes_of_the_project if node["resource_type"] == "model"} <= set(nodes)
    tests = [node for node in nodes_of_the_project if node["resource_type"] == "test"]
    assert {node["name"] for node in tests if is_run_check(node)} <= set(bare)
    assert not {node["name"] for node in tests if not is_run_check(node)} & set(bare)
    assert set(fits) == {step.name for step in STEPS}
    assert 0 < sum(stages.values()) < seconds
    assert all(value > 0 for value in (*bare.values(), *fits.values()))

    printed = io.StringIO()
    monkeypatch.setattr(whole_run, "Console", lambda: Console(file=printed, width=120))
    whole_run.print_ratios(seconds, sum(bare.values()), sum(fits.values()), 1.5, 20.0, 100.0)
    whole_run.print_overhead(stages, nodes, bare, fits, seconds)
    assert "0.20" in printed.getvalue() and f"{stages['publish']:.1f}" in printed.getvalue()


def test_the_default_wiring_makes_the_same_tables(built: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOYALTY_WAREHOUSE_PATH", "LOYALTY_DEV_PATH", "LOYALTY_WORK_PATH"):
        monkeypatch.setenv(name, "")  # so that what the definitions set goes away again
    ours = build_definitions(built.settings).resolve_asset_graph()
    theirs = default_wiring.build_definitions(built.settings).resolve_asset_graph()
    missing = ours.get_all_asset_keys() - theirs.get_all_asset_keys()
    assert PUBLICATION_KEY in theirs.get_all_asset_keys()
    assert {key.path[0] for key in missing} <= {"ops", "outbox"}, missing
