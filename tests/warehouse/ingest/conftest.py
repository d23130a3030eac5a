"""Fixtures of the ingest tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.database_servers import DatabaseServer, mariadb_server, postgres_server
from tests.warehouse.ingest.landing import Landing


@pytest.fixture
def landing(tmp_path: Path) -> Callable[..., Landing]:
    """Makes the landing folder of a source with one table, `lines`, declared by the keywords."""

    def make(**table: Any) -> Landing:
        table.setdefault("files", "*.csv")
        return Landing(tmp_path, {"lines": table})

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[DatabaseServer]:
    with mariadb_server() as server:
        yield server


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each of the two in turn."""
    return request.getfixturevalue(request.param)
