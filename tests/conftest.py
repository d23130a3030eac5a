"""Fixtures shared by the whole suite."""

import os
from pathlib import Path

import pytest

from warehouse.settings import PROJECT_ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of sample data sets that are not part of the repository."""
    folder = Path(os.environ.get("LOYALTY_SHARED_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    if not (folder / "online_retail").is_dir():
        pytest.skip(f"no sample data in {folder}: set LOYALTY_SHARED_DATA to a folder with online_retail/ and cdnow/")
    return folder
