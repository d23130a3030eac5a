"""Every outbox of these tests is alone with its settings: no variable of the machine reaches it."""

import pytest

pytestmark = pytest.mark.usefixtures("own_environment")


@pytest.fixture(autouse=True)
def _own_environment(own_environment: None) -> None:
    """Also for the processes that tests start."""
