"""dbt inside this process: its kept manifest, its results, and the database let go of."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from dagster_project.dbt_runner import project
from dagster_project.dbt_runner.project import DbtProject
from tests.support.company import Company, Generated, company, is_free
from warehouse.errors import UserError
from warehouse.settings import Settings
from warehouse.sql import connect


@pytest.fixture
def own(built: Company, tmp_path: Path) -> Company:
    """A copy of the built company."""
    return built.copy(tmp_path / "home")


def test_results_and_progress_name_each_node_and_the_database_is_free(own: Company) -> None:
    told: list[tuple[str, str]] = []
    results = DbtProject(own.settings).build(
        ["dim_dates", "dim_dates_is_sound", "fct_orders"], on_node=lambda name, status: told.append((name, status))
    )
    assert is_free(own.settings.warehouse_path)
    found = {result.name: (result.resource_type, result.status, result.is_good, result.failures) for result in results}
    assert found == {
        "dim_dates": ("model", "success", True, 0),
        "fct_orders": ("model", "success", True, 0),
        "dim_dates_is_sound": ("test", "pass", True, 0),
    }
    assert told[0] == ("dim_dates", "started")
    assert dict(told) == {name: status for name, (_, status, _, _) in found.items()}
    assert all(result.unique_id.split(".")[2] == result.name for result in results)


def test_what_the_settings_allow_duckdb_holds_for_dbt(own: Company) -> None:
    allowed: list[tuple[str, int]] = []

    def look(_name: str, _status: str) -> None:
        with connect(own.settings.warehouse_path) as beside:  # the same open file as dbt's
            allowed.extend(
                beside.execute("select current_setting('memory_limit'), current_setting('threads')").fetchall()
            )

    settings = own.settings.model_copy(update={"memory_limit": "1GiB", "threads": 1})
    DbtProject(settings).build(["dim_dates"], on_node=look)
    assert set(allowed) == {("1.0 GiB", 1)}


def test_failures_are_results_and_the_database_is_free(own: Company) -> None:
    own.warehouse(
        "update marts.dim_dates set date_day = null where date_day = (select min(date_day) from marts.dim_dates)"
    )
    own.warehouse("drop table intermediate.int_orders")
    results = DbtProject(own.settings).build(["dim_dates_is_sound", "fct_orders"])
    assert is_free(own.settings.warehouse_path)
    found = {result.name: result for result in results}
    assert (found["dim_dates_is_sound"].status, found["dim_dates_is_sound"].failures) == ("fail", 1)
    assert found["fct_orders"].status == "error" and "int_orders" in found["fct_orders"].message
    assert not any(result.is_good for result in results)


def test_as_of_date_reaches_the_sql_of_a_kept_manifest(own: Company) -> None:
    kept = {file: file.stat().st_mtime_ns for file in own.settings.dbt_target_root.glob("manifests/*")}
    for day in (date(2024, 6, 30), date(2024, 3, 31)):
        DbtProject(own.settings.model_copy(update={"as_of_date": day})).build(["int_run_dates"])
        assert own.warehouse("select as_of_date from intermediate.int_run_dates") == [(day,)]
    assert {file: file.stat().st_mtime_ns for file in own.settings.dbt_target_root.glob("manifests/*")} == kept


@pytest.mark.slow
def test_the_manifest_is_parsed_once_for_each_state_of_the_project(
    generated: Generated, project_copy: Path, tmp_path: Path
) -> None:
    settings = company(tmp_path / "home", generated.settings(generated.folder)).settings
    folder = settings.dbt_target_root / "manifests"

    def kept() -> dict[str, int]:
        return {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} if folder.exists() else {}

    first = DbtProject(settings)
    assert "model.loyalty_warehouse.fct_orders" in first.manifest()["nodes"]
    parsed = kept()
    assert sorted(Path(name).suffix for name in parsed) == [".json", ".msgpack"]
    again = DbtProject(settings)
    assert again.manifest() == first.manifest() and again.manifest_key == first.manifest_key
    assert kept() == parsed, "nothing changed, and yet it was parsed again"

    keys = {first.manifest_key}
    model = project_copy / "models" / "marts" / "core" / "dim_dates.sql"
    model.write_text(model.read_text() + "\n-- changed\n")
    keys.add(DbtProject(settings).manifest_key)
    shop_alone = settings.model_copy(update={"sources": {"shop": settings.sources["shop"]}})
    keys.add(DbtProject(shop_alone).manifest_key)
    keys.add(DbtProject(settings, target="dev").manifest_key)
    assert len(keys) == 4
    later = settings.model_copy(update={"as_of_date": first.settings.data_through, "churn_horizon_days": 7})
    assert DbtProject(later).manifest_key in keys, "the values of a run are no reason to parse"

    changed = DbtProject(settings).manifest()
    assert changed["nodes"]["model.loyalty_warehouse.dim_dates"]["raw_code"].endswith("-- changed")
    assert set(kept()) > set(parsed)


def test_a_project_that_was_moved_is_parsed_anew(
    settings: Settings, project_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt looks for seeds where the manifest says that the project is."""
    key = DbtProject(settings).manifest_key
    moved = project_copy.rename(project_copy.with_name("moved"))
    monkeypatch.setattr(project, "DBT_DIR", moved)
    assert DbtProject(settings).manifest_key != key


def test_a_project_that_cannot_be_parsed_is_an_error_with_its_file(
    generated: Generated, project_copy: Path, tmp_path: Path
) -> None:
    settings = company(tmp_path / "home", generated.settings(generated.folder)).settings
    (project_copy / "models" / "marts" / "core" / "dim_dates.sql").write_text("select * from {{ ref('nowhere' }}")
    with pytest.raises(UserError, match=r"dim_dates\.sql"):
        DbtProject(settings).manifest()
    assert not list((settings.dbt_target_root / "manifests").glob("*.json"))


@pytest.mark.slow
def test_homes_of_one_graph_have_one_manifest(
    built: Company, changed: Company, manifests: Callable[[str], Path]
) -> None:
    assert DbtProject(built.settings).manifest_key == DbtProject(changed.settings).manifest_key
    assert DbtProject(built.settings).manifest_path().resolve().parent == manifests("generated").resolve()
