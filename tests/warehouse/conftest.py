"""Real database servers, started once for all tests of a process."""

from collections.abc import Iterator

import pytest

from tests.support.database_servers import DatabaseServer, mariadb_server, postgres_server


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
