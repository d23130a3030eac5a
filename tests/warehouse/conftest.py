"""A home of its own and the warehouse in it, for tests that publish."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from warehouse.settings import Settings, load_settings
from warehouse.sql import connect


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environ={}, home=tmp_path)


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[DuckDBPyConnection]:
    with connect(settings.warehouse_path) as connection:
        yield connection
