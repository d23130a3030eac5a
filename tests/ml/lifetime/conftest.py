import pytest

from ml.common.determinism import deterministic


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """As in a run: on a busy machine small fits wait for each other's threads."""
    with deterministic():
        yield
