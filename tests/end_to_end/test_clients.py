"""docs/clients.md: each block of the page run by the program that it is for, on a company that is published in a file,
as Parquet and in PostgreSQL."""

import csv
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from serving.postgres import load_live
from tests.support.company import Company
from tests.support.database_servers import DatabaseServer, postgres_server
from tests.support.superset import PYTHON
from tests.support.system_packages import require_environment, require_program
from warehouse.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow

PAGE = (PROJECT_ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|sh|r)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
READER, PASSWORD = "anna", "Reader-9"
MONTHS = "select month, net_amount from marts.rpt_sales_monthly order by month"
SEGMENTS = "select rfm_segment, customers_count from today.rpt_rfm_segments order by 1"


def blocks(section: str) -> list[tuple[str, str]]:
    """Language and text of each block of a section."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return BLOCK.findall(text)


def block(section: str) -> str:
    ((_, text),) = blocks(section)
    return text


def run(command: list[Any], environ: dict[str, str] | None = None, folder: Path | None = None) -> str:
    done = subprocess.run(
        command, env={**os.environ, **(environ or {})}, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def server(built: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """The published marts in PostgreSQL, with a user who may read."""
    with postgres_server() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOYALTY_DSN_MARTS", running.dsn)
        publish = {"postgres": {"dsn_env": "LOYALTY_DSN_MARTS"}}
        load_live(built.copy(tmp_path_factory.mktemp("clients") / "home", publish=publish).settings)
        running.execute(f"create role {READER} login password '{PASSWORD}'", f"grant loyalty_reader to {READER}")
        yield running


@pytest.fixture
def environ(server: DatabaseServer) -> dict[str, str]:
    """What the page's commands are told of the server."""
    return {
        "LOYALTY_DSN_READER": f"postgresql://{READER}:{PASSWORD}@127.0.0.1:{server.port}/{server.database}",
        "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGDATABASE": server.database,
        "PGUSER": READER, "PGPASSWORD": PASSWORD,
    }  # fmt: skip


def test_every_block_has_its_test() -> None:
    sections = {title: blocks(title) for title in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)}
    tested = {"pandas": "python", "polars": "python", "psql": "sh", "R": "r", "Excel": "sh"}
    assert {title: found[0][0] for title, found in sections.items() if found} == tested
    assert len(BLOCK.findall(PAGE)) == PAGE.count("```") / 2 == len(tested)


def test_pandas(built: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.settings.home)
    told: dict[str, Any] = {}
    exec(block("pandas"), told)
    assert list(told["months"].itertuples(index=False, name=None)) == [
        (told["months"]["month"][place], pytest.approx(float(amount)))
        for place, (_, amount) in enumerate(built.published(MONTHS))
    ]
    segments = told["segments"].set_index("rfm_segment")["customers_count"].to_dict()
    assert segments == dict(built.published(SEGMENTS)) and len(segments) > 3
    assert [told["published"]] == built.published("select publication_id, as_of_date from marts.publication")


def test_polars(built: Company) -> None:
    require_environment(PYTHON, "clients")
    last = "import json; print(); print(json.dumps([str(months['net_amount'].sum()), channels.rows()], default=str))"
    said = run([PYTHON, "-c", f"{block('polars')}\n{last}"], folder=built.settings.home)
    total, channels = json.loads(said.splitlines()[-1])
    orders = "select channel, count(*), sum(net_amount)::varchar from marts.fct_orders where is_valid group by all"
    assert sorted(map(tuple, channels)) == sorted(built.published(orders))
    assert built.published(f"select sum(net_amount)::varchar from ({MONTHS})") == [(total,)]


def test_psql(built: Company, environ: dict[str, str]) -> None:
    require_program("psql", "postgresql-client")
    about, segments, described = (run(["bash", "-c", line], environ) for line in block("psql").splitlines())
    assert built.published("select publication_id from marts.publication")[0][0] in about
    assert [(name, int(count)) for name, count in list(csv.reader(segments.splitlines()))[1:]] == (
        built.published(SEGMENTS)
    )
    assert "Net sales: sales less returns, each on its own day; guests included." in described


def test_r(built: Company, environ: dict[str, str], tmp_path: Path) -> None:
    rscript = require_program("Rscript", "r-base-core, r-cran-dbi and r-cran-rpostgresql")
    script = tmp_path / "page.R"
    last = 'write.csv(months, "months.csv", row.names = FALSE); write.csv(segments, "segments.csv", row.names = FALSE)'
    script.write_text(f"{block('R')}\n{last}\n")
    run([rscript, script], environ, tmp_path)
    months = list(csv.reader((tmp_path / "months.csv").read_text().splitlines()))[1:]
    assert [(day, float(amount)) for day, amount in months] == [
        (str(day), float(amount)) for day, amount in built.published(MONTHS)
    ]
    segments = list(csv.reader((tmp_path / "segments.csv").read_text().splitlines()))[1:]
    assert sorted((name, int(count)) for name, count in segments) == built.published(SEGMENTS)


def test_odbc_as_excel_is_told_it(built: Company, environ: dict[str, str]) -> None:
    require_program("isql", "unixodbc and odbc-postgresql")
    said = run(["bash", "-c", block("Excel")], environ)
    rows = [line.split(",") for line in said.splitlines() if re.match(r"\d{4}-\d\d-\d\d,", line)]
    assert [(day, float(amount)) for day, amount in rows] == [
        (str(day), float(amount)) for day, amount in built.published(MONTHS)
    ]


def test_an_open_connection_keeps_new_ones_on_the_old_file(built: Company, tmp_path: Path) -> None:
    """What the page says of connections, and what Superset's way of opening one for each query rests on."""
    file, coming = tmp_path / "loyalty.duckdb", tmp_path / "next.duckdb"
    shutil.copy(built.settings.published_path, file)
    shutil.copy(file, coming)
    coming.chmod(0o600)
    with duckdb.connect(coming) as connection:
        connection.execute("update marts.publication set publication_id = 'next'")
    query = "select publication_id from marts.publication"
    kept = duckdb.connect(file, read_only=True)
    (before,) = kept.execute(query).fetchone() or ("",)
    coming.replace(file)
    with duckdb.connect(file, read_only=True) as another:
        assert another.execute(query).fetchone() == (before,)
    kept.close()
    with duckdb.connect(file, read_only=True) as another:
        assert another.execute(query).fetchone() == ("next",)
