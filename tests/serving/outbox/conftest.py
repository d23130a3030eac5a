"""Every outbox of these tests is alone with its settings: no variable of the machine reaches it."""

import pytest


@pytest.fixture(autouse=True)
def _alone(own_environment: None) -> None:
    """Also for the processes that tests start."""
