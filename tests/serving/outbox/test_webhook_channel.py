"""Delivery to a real web server: accepted is 2xx, and nothing else is."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.serving.outbox.outboxes import Outbox, candidate, make_outbox
from tests.serving.outbox.receivers import Hook, Killer, free_port, web_server
from warehouse.errors import UserError

URL = "LOYALTY_WEBHOOK_MESSAGES"


def by_webhook(home: Path, count: int, **messages: object) -> Outbox:
    customers = {f"c{number}": f"c{number}@example.com" for number in range(1, count + 1)}
    outbox = make_outbox(home, customers, channel="webhook", retry_seconds=0, **messages)
    outbox.build([candidate(number, valid_until=date(2999, 1, 1)) for number in range(1, count + 1)])
    return outbox


def test_the_message_its_key_and_the_token_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Hook()
    outbox = by_webhook(tmp_path / "home", 1, webhook={"token_env": "LOYALTY_WEBHOOK_TOKEN"})
    with web_server(hook) as url:
        monkeypatch.setenv(URL, url)
        with pytest.raises(UserError, match="the environment variable LOYALTY_WEBHOOK_TOKEN, which the settings name"):
            outbox.deliver()
        monkeypatch.setenv("LOYALTY_WEBHOOK_TOKEN", "secret")
        assert outbox.deliver().counts == {"sent": 1}
    ((key, body),) = hook.accepted
    assert (key, body["message_id"], body["customer_id"], body["to"]) == ("m1", "m1", "c1", "c1@example.com")
    assert body["subject"] == "1,250 of your points expire on 30 June 2026" and "<p>" in body["html"]
    assert hook.headers[0]["Authorization"] == "Bearer secret"


def test_each_answer_means_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Hook(codes={"m1": [500, 0, 429], "m2": [422], "m3": [408], "m4": [503] * 9})
    outbox = by_webhook(tmp_path / "home", 5, attempts=4)
    with web_server(hook) as url:
        monkeypatch.setenv(URL, url)
        delivered = outbox.deliver()
        assert (delivered.counts, delivered.left) == ({"deferred": 8, "failed": 1, "sent": 3}, 1)
        hook.codes.clear()
        assert outbox.deliver().counts == {"sent": 1}
    assert sorted(key for key, _ in hook.accepted) == ["m1", "m3", "m4", "m5"]
    assert outbox.ask("select message_id, reason from ops.message_deliveries where outcome = 'failed'") == [
        ("m2", "422 Unprocessable Entity")
    ]


@pytest.mark.parametrize("code", [301, 302, 307, 401, 403, 404])
def test_what_is_wrong_with_the_address_or_the_token_fails_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    hook = Hook(codes={"m1": [code]})
    outbox = by_webhook(tmp_path / "home", 2, attempts=1)
    with web_server(hook) as url:
        monkeypatch.setenv(URL, url)
        delivered = outbox.deliver()
        assert (delivered.counts, delivered.left) == ({}, 2) and str(code) in (delivered.stopped or "")
        assert outbox.outcomes() == {} and hook.accepted == []
        assert outbox.deliver().counts == {"sent": 2}


def test_nobody_there_and_no_address_are_told_without_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = by_webhook(tmp_path / "home", 1)
    with pytest.raises(UserError, match=f"the environment variable {URL}, which the settings name, is not set"):
        outbox.deliver()
    monkeypatch.setenv(URL, "ftp://corner.example/secret")
    with pytest.raises(UserError, match=f"{URL} has to start with") as refused:
        outbox.deliver()
    assert "secret" not in str(refused.value)
    monkeypatch.setenv(URL, f"http://127.0.0.1:{free_port()}/secret")
    delivered = outbox.deliver()
    assert delivered.left == 1 and "refused" in (delivered.stopped or "") and "secret" not in (delivered.stopped or "")


@pytest.mark.parametrize("accepts_first", [False, True], ids=["before it is accepted", "before it is noted"])
@pytest.mark.parametrize("at", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_a_delivery_killed_in_the_middle_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, accepts_first: bool
) -> None:
    hook = Hook()
    outbox = by_webhook(tmp_path / "home", 8)
    with web_server(hook) as url:
        monkeypatch.setenv(URL, url)
        process = outbox.company.start("messages", "send")
        hook.killer = Killer(process.pid, at, accepts_first)
        process.communicate()
        assert process.returncode == -9
        done = outbox.company.loyalty("messages", "send")
    assert (done.code, done.text) == (0, f"{9 - at} sent")
    keys = Counter(key for key, _ in hook.accepted)
    assert set(keys) == {f"m{number}" for number in range(1, 9)}
    assert sum(keys.values()) == (9 if accepts_first else 8)
    assert set(map(tuple, outbox.outcomes().values())) == {("sent",)} and len(outbox.outcomes()) == 8
