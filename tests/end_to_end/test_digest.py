"""A run sends the week's digest behind its publication, once."""

from pathlib import Path

import pytest

from tests.serving.outbox.receivers import Hook, web_server
from tests.support.company import Company

pytestmark = pytest.mark.slow


def test_the_run_that_first_has_a_week_sends_it_and_no_later_one(
    built: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Hook()
    with web_server(hook) as address:
        monkeypatch.setenv("LOYALTY_WEBHOOK_DIGEST", address)
        own = built.copy(tmp_path / "own", digest={"channel": "slack", "alerts": False})
        for _ in range(2):
            done = own.loyalty("run", "--select", "outbox/digest")
            assert done.code == 0, done.text
    ((letter_id, body),) = hook.accepted
    assert letter_id == "digest-2024-12-23"
    assert body["text"].startswith("The week 23 December 2024 to 29 December 2024 at Generated:")
