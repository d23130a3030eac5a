"""Dagster's storage on a real PostgreSQL server: runs, what is deleted and erased of them, what no message shows."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from dagster_project.postgres_store import URL_VARIABLE
from dagster_project.retention import delete_old_runs
from dagster_project.runs import open_instance
from tests.support.company import Company
from tests.support.database_servers import PASSWORD, DatabaseServer, postgres_server
from warehouse.errors import UserError
from warehouse.privacy.dagster_database import clean_database, left_in_database
from warehouse.privacy.data_subject import DataSubject
from warehouse.settings import DagsterSettings, Settings, load_settings

VARIABLE = "LOYALTY_DSN_DAGSTER"
NAMED = {"dsn_env": VARIABLE}
CUSTOMER, OTHER = "C000815-ada", "C000815-adam"


@dg.asset(check_specs=[dg.AssetCheckSpec("is_sound", asset="thing")])
def thing() -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    yield dg.MaterializeResult(metadata={"rows": 3, "who": f"{CUSTOMER} and {OTHER}"})
    yield dg.AssetCheckResult(passed=True)


@pytest.fixture(scope="module")
def server() -> Iterator[DatabaseServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def dsn(server: DatabaseServer, monkeypatch: pytest.MonkeyPatch, own_environment: None) -> Iterator[str]:
    """The connection, in its variable; what a test leaves in the database goes."""
    monkeypatch.setenv(VARIABLE, server.dsn)
    yield server.dsn
    server.hang_up()
    server._client = None
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environ={}, home=tmp_path / "home", dagster=NAMED)


def rows(dsn: str, run_id: str) -> dict[str, int]:
    """How many rows of each table name the run."""
    tables = (
        "select table_name from information_schema.columns where column_name = 'run_id' and table_schema = 'public'"
    )
    with psycopg.connect(dsn) as connection:
        return {
            name: connection.execute(f'select count(*) from "{name}" where run_id = %s', [run_id]).fetchall()[0][0]
            for (name,) in connection.execute(tables).fetchall()
        }


def test_old_runs_go_with_events_and_checks_and_nothing_is_stored_in_files(settings: Settings, dsn: str) -> None:
    with open_instance(settings) as instance:
        run_id = dg.materialize([thing], instance=instance).run_id
        assert rows(dsn, run_id)["event_logs"] > 0 and rows(dsn, run_id)["asset_check_executions"] == 1
        assert not list(settings.dagster_home.rglob("*.db"))
        assert delete_old_runs(settings, instance, datetime.now(UTC) + timedelta(days=34)) == []
        assert delete_old_runs(settings, instance, datetime.now(UTC) + timedelta(days=36)) == [run_id]
        assert set(rows(dsn, run_id).values()) == {0}
        latest = instance.get_latest_materialization_event(thing.key)
        assert latest and latest.run_id == run_id


def test_the_password_is_in_no_file_and_in_nothing_that_dagster_shows(settings: Settings, dsn: str) -> None:
    with open_instance(settings) as instance:
        assert dg.materialize([thing], instance=instance).success
        shown = [instance.info_str(), str(instance.get_ref().to_dict())]
        shown += [str(entry) for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    shown += [path.read_text(errors="replace") for path in settings.home.rglob("*") if path.is_file()]
    assert any(URL_VARIABLE in text for text in shown)
    assert not [text for text in shown for secret in (PASSWORD, PASSWORD.replace("!", "%21")) if secret in text]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        # Dagster tries each of these again for ten seconds
        pytest.param(("127.0.0.1", "127.0.0.9"), "Connection refused", marks=pytest.mark.slow),
        pytest.param(("55", "56"), "password authentication failed", marks=pytest.mark.slow),
        pytest.param(("/postgres", "/none"), 'database "none" does not exist', marks=pytest.mark.slow),
        (("postgresql://", "mysql://"), "has to be written as postgresql://"),
        (("127.0.0.1:", "127.0.0.1:x"), "Dagster's store in PostgreSQL"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(
    settings: Settings, dsn: str, change: tuple[str, str], told: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv(VARIABLE, dsn.replace(*change))
    with caplog.at_level(logging.DEBUG), pytest.raises(UserError) as error:
        open_instance(settings)
    assert told in str(error.value)
    said = str(error.value) + caplog.text
    assert not [part for part in ("Pa55", "Pa56", "w0rd") if part in said]


def test_without_the_variable_it_is_named(settings: Settings, own_environment: None) -> None:
    with pytest.raises(UserError, match=f"environment variable {VARIABLE}"):
        open_instance(settings)


def test_two_homes_do_not_share_a_database(settings: Settings, dsn: str, tmp_path: Path) -> None:
    for _ in range(2):
        open_instance(settings).dispose()
    with pytest.raises(UserError, match="of another home folder"):
        open_instance(settings.model_copy(update={"home": tmp_path / "other"}))


def test_sqlite_and_postgresql_take_each_others_place(settings: Settings, dsn: str) -> None:
    in_files = settings.model_copy(update={"dagster": DagsterSettings()})
    for one, runs in ((in_files, 1), (settings, 1), (in_files, 2), (settings, 2)):
        with open_instance(one) as instance:
            assert dg.materialize([thing], instance=instance).success
            assert len(instance.get_runs()) == runs


def test_an_erased_customer_stands_in_no_text_and_others_do(settings: Settings, dsn: str) -> None:
    subject = DataSubject(CUSTOMER, "erased-1")
    with open_instance(settings) as instance:
        assert dg.materialize([thing], instance=instance).success
        assert any("event_logs.event" in place for place in left_in_database(settings, subject))
        assert f"PostgreSQL ({VARIABLE}): event_logs" in clean_database(settings, subject)
        assert left_in_database(settings, subject) == clean_database(settings, subject) == []
        event = instance.get_latest_materialization_event(thing.key)
        assert event and event.asset_materialization
        assert event.asset_materialization.metadata["who"].value == f"erased-1 and {OTHER}"


@pytest.mark.slow
def test_a_run_is_told_by_status_and_a_customer_erased(
    built: Company, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = built.copy(tmp_path / "home", dagster=NAMED)
    monkeypatch.setenv(VARIABLE, dsn)
    done = own.loyalty("run", "--force", "--select", "dim_dates")
    assert done.code == 0, done.text
    with psycopg.connect(dsn) as connection:
        (run_id,) = connection.execute("select run_id from runs where status = 'SUCCESS'").fetchall()[0]
    status = own.loyalty("status")
    assert f"last run   {run_id[:8]} success" in status.out
    checked = own.loyalty("status", "--check")
    assert (checked.code, PASSWORD in done.text + status.text + checked.text) == (0, False)
    customer = own.published("select customer_id from marts.dim_customers order by 1 limit 1")[0][0]
    erased = own.loyalty("privacy", "erase", customer, "--yes")
    assert erased.code == 0, erased.text
    monkeypatch.setenv(VARIABLE, dsn.replace("127.0.0.1", "127.0.0.9"))
    assert "Dagster's store in PostgreSQL" in own.loyalty("status").text
    failed = own.loyalty("run", "--force")
    assert failed.code == 2 and "Dagster's store in PostgreSQL" in failed.text, failed.text
