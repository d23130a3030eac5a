"""The event log with kept connections: whether it fits the Dagster that is installed, and what is used where not."""

from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.storage.event_log import SqliteEventLogStorage

from dagster_project import event_log
from dagster_project.event_log import ATTRIBUTES, METHODS, KeptConnectionEventLogStorage, differences
from dagster_project.runs import open_instance
from warehouse.settings import Settings


@dg.asset
def thing() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3})


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    return settings


def logged(instance: dg.DagsterInstance) -> list[object]:
    """The metadata of every materialization of the asset, in the order of time."""
    records = instance.fetch_materializations(thing.key, limit=10, ascending=True).records
    return [record.asset_materialization.metadata["rows"].value for record in records if record.asset_materialization]


def test_it_fits_the_dagster_that_is_installed() -> None:
    assert differences() == []
    assert issubclass(KeptConnectionEventLogStorage, SqliteEventLogStorage)


def test_what_does_not_fit_is_named() -> None:
    class Other:
        def _connect(self, run_id: str) -> None: ...

        def dispose(self) -> None: ...

    found = differences(Other)
    assert "_connect takes self, run_id" in found and "dispose is missing" not in found
    assert {f"{name} is missing" for name in (*METHODS, *ATTRIBUTES)} - set(found) == {
        "_connect is missing",
        "dispose is missing",
    }


def test_dagsters_own_log_takes_its_place_and_goes_on_with_the_same_files(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with open_instance(settings) as instance:
        assert isinstance(instance.event_log_storage, KeptConnectionEventLogStorage)
        assert dg.materialize([thing], instance=instance).success
        assert logged(instance) == [3]
    monkeypatch.setattr(event_log, "differences", lambda: ["_connect is missing"])
    with open_instance(settings) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        assert "_connect is missing" in caplog.text
        assert dg.materialize([thing], instance=instance).success
        assert logged(instance) == [3, 3]
    written = yaml.safe_load((settings.dagster_home / "dagster.yaml").read_text(encoding="utf-8"))
    assert "event_log_storage" not in written and written["telemetry"] == {"enabled": False}
    monkeypatch.undo()
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    with open_instance(settings) as instance:
        assert isinstance(instance.event_log_storage, KeptConnectionEventLogStorage)
        assert logged(instance) == [3, 3]


def test_no_folder_is_made_beside_the_home(settings: Settings) -> None:
    with open_instance(settings) as instance:
        assert Path(instance.root_directory) == settings.dagster_home
