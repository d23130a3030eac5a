"""The real Apache Superset with the imported dashboards: every chart shows the numbers of the live publication, from
the published file and from PostgreSQL, and goes on to the next publication by itself."""

import json
import math
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from serving.postgres import load_live
from serving.publication.declared_marts import declared_marts
from serving.publication.publish import MANIFEST
from serving.report import formatting
from serving.report.marts import Marts
from serving.report.sections import report_of
from serving.superset import superset_database
from serving.superset.bundle import chart_key, identifier
from serving.superset.charts import MOST_ROWS, Chart
from serving.superset.dashboards import DASHBOARDS, PUBLISHED
from serving.superset.datasets import Dataset, datasets
from tests.serving.superset.chart_sql import chart_labels, chart_sql
from tests.support.browser import drawn
from tests.support.company import Company
from tests.support.database_servers import postgres_server
from tests.support.patience import PATIENCE, wait_until
from tests.support.superset import PYTHON, USER, Superset, superset_server
from tests.support.system_packages import require_environment
from warehouse.sql import connect

pytestmark = pytest.mark.slow

KINDS = ("database", "dataset", "chart", "dashboard")
CHARTS = {chart_key(board, chart): chart for board in DASHBOARDS for chart in (PUBLISHED, *board.charts)}
READERS = 4
# A headline figure of the report, the chart that shows it, and how the report writes it.
HEADLINES = {
    "Net sales, past 365 days": ("headlines/Net sales, past 365 days", formatting.money),
    "Average order": ("headlines/Average order, past 365 days", formatting.money),
    "Active customers": ("headlines/Active customers", lambda value, _currency: formatting.count(value)),
    "Net sales at high risk": ("headlines/Net sales at high risk", formatting.money),
}


@dataclass(frozen=True)
class Asked:
    """A Superset with the dashboards of a company, and the user's token."""

    server: Superset
    company: Company
    token: str
    made: dict[str, Dataset]

    def get(self, path: str) -> Any:
        request = urllib.request.Request(
            f"{self.server.url}/api/v1/{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def known(self, kind: str) -> dict[str, int]:
        """The ids of everything of a kind, by UUID."""
        return {row["uuid"]: row["id"] for row in self.get(f"{kind}/?q=(page_size:-1)")["result"]}

    def rows(self, chart: Chart, number: int) -> list[list[Any]]:
        """What a chart shows, columns in its order."""
        answer = self.get(f"chart/{number}/data/")["result"][0]
        return [[row[label] for label in chart_labels(chart, self.made[chart.mart])] for row in answer["data"]]

    def shown(self) -> dict[str, list[list[Any]]]:
        """What every chart shows."""
        numbers = self.known("chart")
        return {key: self.rows(chart, numbers[identifier("generated", "chart", key)]) for key, chart in CHARTS.items()}

    def published(self) -> dict[str, list[list[Any]]]:
        """The same by SQL on the published file; of tables, all rows."""
        with connect(self.company.settings.published_path, read_only=True) as connection:
            return {
                key: [
                    [_told(value) for value in row]
                    for row in connection.execute(chart_sql(chart, self.made[chart.mart])).fetchall()
                ]
                for key, chart in CHARTS.items()
            }


@pytest.fixture(scope="module")
def asked(changed: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """The company of two publications in a Superset of its own."""
    folder = tmp_path_factory.mktemp("superset")
    own = changed.copy(folder / "home")
    manifest = own.settings.published_dir / MANIFEST
    made = datasets(json.loads(manifest.read_bytes()), declared_marts(manifest))
    with superset_server(folder / "server") as server:
        yield Asked(server, own, _token(server), made)


@pytest.fixture
def imported(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The command that imports the dashboards."""
    monkeypatch.setenv("SUPERSET_USER", USER)
    monkeypatch.setenv("SUPERSET_PASSWORD", asked.server.password)

    def run(*arguments: str) -> None:
        done = asked.company.loyalty("superset", asked.server.url, *arguments)
        assert done.code == 0 and "files imported" in done.out, done.out + done.err

    return run


def test_every_chart_shows_the_published_numbers_also_of_the_next_publication(
    asked: Asked, imported: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = asked.company.settings.published_path
    imported()
    found = {kind: asked.known(kind) for kind in KINDS}
    assert [len(found[kind]) for kind in KINDS] == [1, len(asked.made), len(CHARTS), len(DASHBOARDS)]
    _compare(asked.shown(), asked.published())
    _headlines(asked)
    _picture(asked, tmp_path)

    imported()
    assert {kind: asked.known(kind) for kind in KINDS} == found

    now, before = _publication(asked), path.stat()
    assert asked.company.loyalty("rollback").code == 0
    assert path.stat().st_ino != before.st_ino and not path.with_suffix(".duckdb.wal").exists()
    earlier = asked.shown()
    assert earlier["Published"][0][0] == _publication(asked) != now
    _compare(earlier, asked.published())
    with _readers(asked):
        assert asked.company.loyalty("rollback", "--to", now).code == 0
        shown = found["chart"][identifier("generated", "chart", "Published")]
        wait_until(lambda: asked.rows(PUBLISHED, shown)[0][0] == now)

    with postgres_server() as postgres:
        monkeypatch.setenv("LOYALTY_DSN_MARTS", postgres.dsn)
        publish = {"postgres": {"dsn_env": "LOYALTY_DSN_MARTS"}}
        load_live(asked.company.copy(tmp_path / "home", publish=publish).settings)
        postgres.execute("create role anna login password 'Reader-9'", "grant loyalty_reader to anna")
        address = f"postgresql://anna:Reader-9@127.0.0.1:{postgres.port}/{postgres.database}"
        monkeypatch.setenv("SUPERSET_DATABASE", address)
        imported("--database", "SUPERSET_DATABASE")
        assert {kind: asked.known(kind) for kind in KINDS} == found
        _compare(asked.shown(), asked.published())


def test_who_may_not_import_is_told_without_the_password(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERSET_USER", USER)
    refused = asked.company.loyalty("superset", asked.server.url)
    assert refused.code == 2 and "SUPERSET_PASSWORD is not set" in refused.err
    monkeypatch.setenv("SUPERSET_PASSWORD", "opensesame")
    nowhere = asked.company.loyalty("superset", asked.server.url, "--database", "SUPERSET_DATABASE")
    assert nowhere.code == 2 and "SUPERSET_DATABASE is not set: the address" in nowhere.err
    refused = asked.company.loyalty("superset", asked.server.url)
    assert refused.code == 2 and "answers 401" in refused.err and "opensesame" not in refused.err
    assert asked.company.loyalty("superset", "ftp://127.0.0.1").code == 2
    nobody = asked.company.loyalty("superset", "http://127.0.0.1:1")
    assert nobody.code == 2 and "Is Superset running there?" in nobody.err


def test_the_address_that_superset_is_given_opens_the_file_for_reading_alone(built: Company, tmp_path: Path) -> None:
    require_environment(PYTHON, "clients")
    file = tmp_path / "loyalty.duckdb"
    shutil.copy(built.settings.published_path, file)
    file.chmod(0o600)
    write = "import sqlalchemy, sys; sqlalchemy.create_engine(sys.argv[1]).execute('create table marts.x as select 1')"
    done = subprocess.run([PYTHON, "-c", write, superset_database(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "read-only mode" in done.stderr


@contextmanager
def _readers(asked: Asked) -> Iterator[None]:
    """Readers who ask for one chart after another without a pause, each with another one first."""
    numbers, is_over = list(asked.known("chart").values()), Event()

    def read(first: int) -> int:
        answers = 0
        while not is_over.is_set():
            asked.get(f"chart/{numbers[(first + answers) % len(numbers)]}/data/")
            answers += 1
        return answers

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read, 13 * number) for number in range(READERS)]
        try:
            yield
        finally:
            is_over.set()
    assert all(reader.result() > 0 for reader in readers)


def _token(server: Superset) -> str:
    login = {"username": USER, "password": server.password, "provider": "db"}
    request = urllib.request.Request(
        f"{server.url}/api/v1/security/login", json.dumps(login).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return str(json.loads(answer.read())["access_token"])


def _publication(asked: Asked) -> str:
    return str(asked.company.published("select publication_id from marts.publication")[0][0])


def _compare(shown: dict[str, list[list[Any]]], published: dict[str, list[list[Any]]]) -> None:
    for key, chart in CHARTS.items():
        found, expected = [_rounded(row) for row in shown[key]], [_rounded(row) for row in published[key]]
        if chart.kind != "table":
            assert sorted(found, key=repr) == sorted(expected, key=repr), key
            continue
        # rows that the order leaves level may be any of them where there are more than a table shows
        assert len(found) == min(MOST_ROWS, len(expected)) and all(row in expected for row in found), key
        column = chart.order.removeprefix("-")
        if column in chart.values:
            place = chart.values.index(column)
            ordered = sorted((row[place] for row in expected if row[place] is not None), reverse=chart.order[0] == "-")
            assert [row[place] for row in found if row[place] is not None] == ordered[: len(found)], key
    assert sum(bool(rows) for rows in shown.values()) > 45


def _headlines(asked: Asked) -> None:
    with connect(asked.company.settings.published_path, read_only=True) as connection:
        report = report_of(Marts(connection), asked.company.settings)
    tiles = {tile.label: tile.value for tile in report.tiles}
    numbers = asked.known("chart")
    for label, (key, written) in HEADLINES.items():
        ((value,),) = asked.rows(CHARTS[key], numbers[identifier("generated", "chart", key)])
        # the report leaves out what it cannot tell
        told = None if value is None else written(value, asked.company.settings.base_currency)
        assert told == tiles.get(label), label
    assert len(tiles.keys() & HEADLINES.keys()) > 2


def _picture(asked: Asked, folder: Path) -> None:
    """A browser draws what the charts say: their editor's settings ask for the same as the query behind them."""
    page = drawn(f"{asked.server.url}/enter?next=/superset/dashboard/generated-headlines/", folder)
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    ((active, average),) = asked.company.published(
        "select active_count, average_order_amount_365d from today.rpt_key_figures"
    )
    for shown in (_publication(asked), "Generated: Headline figures", f"{active:,}", f"{average:,.2f}"):
        assert shown in text, shown


def _told(value: Any) -> Any:
    """A value of DuckDB as Superset tells it: days in milliseconds."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000
    return None if isinstance(value, float) and math.isnan(value) else value


def _rounded(row: list[Any]) -> list[Any]:
    """Numbers to nine digits: sums of floats depend on the order of their rows."""
    return [float(f"{value:.9g}") if isinstance(value, int | float) else value for value in row]
