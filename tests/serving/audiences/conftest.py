from pathlib import Path

import pytest

from tests.serving.audiences.shops import Shop, make_shop


@pytest.fixture
def shop(tmp_path: Path, own_environment: None) -> Shop:
    return make_shop(tmp_path)
