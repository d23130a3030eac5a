"""A small company's marts in memory, and settings for a report of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from tests.serving.report.sample_marts import fill
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environ={}, home=tmp_path)


@pytest.fixture
def connection() -> Iterator[DuckDBPyConnection]:
    with connect() as connection:
        fill(connection)
        yield connection
