"""A receiver that never comes to an end holds a delivery for one deadline, and nobody from the warehouse."""

import threading
import time
from pathlib import Path

import pytest

from serving.outbox.email_channel import MOST_ANSWER
from tests.serving.outbox.outboxes import by_mail, candidate, make_outbox
from tests.serving.outbox.receivers import dribbling_server
from warehouse.lock import hold_warehouse

SECONDS = 0.6
GREETED = b"220 here\r\n"


@pytest.mark.parametrize(
    ("greeting", "dribble"),
    [
        (b"", b"2"),
        (b"", b"220-\r\n"),
        (GREETED, b"2"),
        (GREETED, b"250-x\r\n"),
        (GREETED, b"250-" + b"x" * 4000 + b"\r\n"),
    ],
    ids=["greeting", "greeting of many lines", "answer", "answer of many lines", "much answer"],
)
def test_a_mail_server_that_dribbles_holds_nothing(tmp_path: Path, greeting: bytes, dribble: bytes) -> None:
    with dribbling_server(greeting, dribble) as port:
        outbox = by_mail(tmp_path / "home", 1, port, smtp={"timeout_seconds": SECONDS}, attempts=1)
        found: list[object] = []
        thread = threading.Thread(target=lambda: found.append(outbox.deliver()))
        began = time.monotonic()
        thread.start()
        time.sleep(SECONDS / 2)
        with hold_warehouse(outbox.settings, "somebody else", wait_seconds=0):
            assert thread.is_alive() or len(dribble) * 50 > MOST_ANSWER
        thread.join(timeout=20)
        assert not thread.is_alive() and time.monotonic() - began < 10 * SECONDS
    assert found[0].left == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("greeting", "dribble"),
    [(b"", b"H"), (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n")],
    ids=["status", "headers", "continue"],
)
def test_a_web_server_that_dribbles_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greeting: bytes, dribble: bytes
) -> None:
    with dribbling_server(greeting, dribble) as port:
        monkeypatch.setenv("LOYALTY_WEBHOOK_MESSAGES", f"http://127.0.0.1:{port}/")
        webhook = {"timeout_seconds": SECONDS}
        outbox = make_outbox(
            tmp_path / "home", {"c1": "c1@example.com"}, channel="webhook", webhook=webhook, attempts=1
        )
        outbox.build([candidate(1)])
        began = time.monotonic()
        assert outbox.deliver().left == 1
        assert time.monotonic() - began < 10 * SECONDS
