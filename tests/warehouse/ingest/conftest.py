"""Fixtures of the ingest tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.ingest.landing import Landing


@pytest.fixture
def landing(tmp_path: Path) -> Callable[..., Landing]:
    """Makes the landing folder of a source with one table, `lines`, declared by the keywords."""

    def make(**table: Any) -> Landing:
        table.setdefault("files", "*.csv")
        return Landing(tmp_path, {"lines": table})

    return make
