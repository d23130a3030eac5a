"""Audiences posted to a real web server: what it is told, and what becomes of a delivery that it did not accept."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator

import pytest

from serving.audiences import deliver, deliver_daily, read_audience
from serving.publication.published_copies import PublishedCopies
from serving.receivers import OpenWarehouse, one_at_a_time
from tests.serving.audiences.shops import ADS, GOLD, Shop
from tests.serving.outbox.receivers import Hook, dribbling_server, free_port, web_server
from warehouse.lock import hold_warehouse
from warehouse.privacy.erase import erase
from warehouse.sql import connect

URL, SECRET = "LOYALTY_WEBHOOK_AUDIENCES", "LOYALTY_WEBHOOK_AUDIENCES_SECRET"
POSTED = {**GOLD, "destination": "webhook", "columns": ["tier", "last_order_date", "net_amount_lifetime", "is_dear"]}
ANN = {"customer_id": "c1", "email": "ann@example.com"}
BOB = {"customer_id": "c2", "email": "bob@example.com"}
MORE = {"tier": "Gold", "last_order_date": "2026-06-10", "net_amount_lifetime": "12.5000", "is_dear": True}
SECONDS = 0.6


@pytest.fixture
def hook(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    shop.define("gold", POSTED)
    received = Hook()
    with web_server(received) as url:
        monkeypatch.setenv(URL, url)
        monkeypatch.setenv(SECRET, "a long secret")
        yield received


def last(hook: Hook) -> dict[str, object]:
    return hook.accepted[-1][1]


def opener(shop: Shop) -> OpenWarehouse:
    return lambda: connect(shop.company.settings.warehouse_path)


def kept(shop: Shop) -> list[tuple[object, ...]]:
    return shop.company.warehouse("select customer_id, email from ops.audience_members order by all")


def test_members_entered_and_left_since_the_last_delivery_and_a_signature(shop: Shop, hook: Hook) -> None:
    done = shop.company.loyalty("audiences", "deliver", "gold")
    assert done.code == 0 and "2 members, 2 entered and 0 left" in done.text and "was delivered." in done.text
    assert "example.com" not in done.text
    assert last(hook) == {
        "audience": "gold", "publication_id": last(hook)["publication_id"], "members": [ANN | MORE, BOB | MORE],
        "entered": [ANN | MORE, BOB | MORE], "left": [], "erased_count": 0,
    }  # fmt: skip
    headers, (body,) = {name.lower(): text for name, text in hook.headers[0].items()}, hook.bodies
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(b"a long secret", signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}" and headers["webhook-id"] == headers["idempotency-key"]
    shop.people["c1"]["tier"] = "Silver"
    shop.people["c3"] |= {"tier": "Gold", "email": "cid@example.com"}
    shop.build()
    assert shop.company.loyalty("audiences", "deliver", "gold").code == 0
    told = last(hook)
    assert (told["entered"], told["left"]) == ([{"customer_id": "c3", "email": "cid@example.com"} | MORE], [ANN])
    assert [one["customer_id"] for one in told["members"]] == ["c2", "c3"]  # type: ignore[attr-defined]


def test_only_what_the_consent_covers_is_told(shop: Shop, hook: Hook) -> None:
    shop.define("gold", {**GOLD, "destination": "webhook", "consent": "sms_consent"})
    shop.company.loyalty("audiences", "deliver", "gold")
    assert last(hook)["members"] == [{"customer_id": "c1", "phone": "+4930111111"}]


@pytest.mark.parametrize("code", [500, 429, 401, 422, 302, 0])
def test_what_was_not_accepted_is_told_again_as_a_whole(shop: Shop, hook: Hook, code: int) -> None:
    shop.company.loyalty("audiences", "deliver", "gold")
    shop.people["c1"]["tier"] = "Silver"
    shop.build()
    before = kept(shop)
    hook.answer = lambda *_arguments: code  # type: ignore[method-assign]
    failed = shop.company.loyalty("audiences", "deliver", "gold")
    assert failed.code == 1 and "was not delivered: " in failed.text and "tells everything again" in failed.text
    assert (str(code) if code else "broke off") in failed.text
    assert kept(shop) == before
    del hook.answer
    assert "1 members, 0 entered and 1 left" in shop.company.loyalty("audiences", "deliver", "gold").text
    assert last(hook)["left"] == [ANN] and kept(shop) == [("c2", "bob@example.com")]


def test_a_receiver_that_dribbles_ends_at_the_deadline_and_holds_nobody_up(
    shop: Shop, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = shop.company.settings.audiences.webhook.model_copy(update={"timeout_seconds": SECONDS})
    audiences = shop.company.settings.audiences.model_copy(update={"webhook": webhook})
    settings = shop.company.settings.model_copy(update={"audiences": audiences})
    with dribbling_server(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n") as port:
        monkeypatch.setenv(URL, f"http://127.0.0.1:{port}/")
        found: list[str] = []
        audience = read_audience(settings, "gold")
        thread = threading.Thread(target=lambda: found.append(deliver(settings, opener(shop), audience).told))
        began = time.monotonic()
        thread.start()
        time.sleep(SECONDS / 2)
        with hold_warehouse(settings, "somebody else", wait_seconds=0):
            assert thread.is_alive()
        thread.join(timeout=20)
    assert time.monotonic() - began < 10 * SECONDS and "the webhook" in found[0] and "was not delivered" in found[0]
    assert kept(shop) == []


def test_who_is_erased_leaves_with_the_next_delivery(shop: Shop, hook: Hook) -> None:
    shop.company.loyalty("audiences", "deliver", "gold")
    settings = shop.company.settings
    assert erase(settings, "c1", PublishedCopies(settings), lambda told: None).audiences == ("gold (webhook)",)
    told = shop.company.loyalty("audiences", "deliver", "gold")
    assert "1 of the last export have been erased since" in told.text
    assert last(hook)["members"] == [BOB | MORE] and last(hook)["erased_count"] == 1
    assert shop.company.loyalty("audiences", "deliver", "gold").code == 0 and last(hook)["erased_count"] == 0


def test_who_is_erased_while_the_receiver_answers_is_not_remembered(shop: Shop, hook: Hook) -> None:
    settings = shop.company.settings

    def erase_first(key: str, headers: dict[str, str], body: dict[str, object]) -> int:
        erase(settings, "c1", PublishedCopies(settings), lambda told: None)
        return 204

    hook.answer = erase_first  # type: ignore[method-assign]
    assert deliver(settings, opener(shop), read_audience(settings, "gold")).problem is None
    erased, stays = sorted(kept(shop), key=str, reverse=True)
    assert stays == ("c2", "bob@example.com") and str(erased[0]).startswith("erased-") and erased[1] is None
    assert b"ann@example.com" not in settings.warehouse_path.read_bytes()


def test_addresses_of_customers_go_over_https_alone(shop: Shop, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, "http://crm.example.com/top-secret")
    done = shop.company.loyalty("audiences", "deliver", "gold")
    assert done.code == 2 and f"{URL} has to start with https://" in done.text and "top-secret" not in done.text
    monkeypatch.setenv(URL, f"http://localhost:{free_port()}/top-secret")
    done = shop.company.loyalty("audiences", "deliver", "gold")
    assert done.code == 1 and "the webhook does not answer" in done.text and "top-secret" not in done.text
    monkeypatch.delenv(SECRET)
    done = shop.company.loyalty("audiences", "deliver", "gold")
    assert done.code == 2 and f"the environment variable {SECRET}, which the settings name, is not set" in done.text
    monkeypatch.setenv(SECRET, "whsec_?")
    assert "its rest is no base64" in shop.company.loyalty("audiences", "deliver", "gold").text


def test_an_audience_is_delivered_or_exported_as_its_destination_says(shop: Shop, hook: Hook) -> None:
    refused = shop.export("gold")
    assert refused.code == 2 and "audiences deliver gold" in refused.text and not shop.out.exists()
    assert shop.export("gold", "--format", "csv").code == 0
    shop.define("file", GOLD)
    refused = shop.company.loyalty("audiences", "deliver", "file")
    assert refused.code == 2 and "file is for klaviyo, which reads a file" in refused.text
    shop.define("gold", {**ADS, "deliver": "daily"})
    refused = shop.company.loyalty("audiences", "deliver", "gold")
    assert refused.code == 2 and "deliver: daily needs `destination: webhook`; google reads a file" in refused.text


def test_one_delivery_at_a_time(shop: Shop, hook: Hook) -> None:
    with one_at_a_time(shop.company.settings, "audiences"):
        done = shop.company.loyalty("audiences", "deliver", "gold")
    assert done.code == 3 and "another delivery goes on" in done.text and not hook.accepted


def test_a_daily_audience_is_delivered_once_a_publication_whatever_is_wrong_with_others(shop: Shop, hook: Hook) -> None:
    settings = shop.company.settings
    shop.define("daily", {**POSTED, "deliver": "daily"})
    shop.define("broken", {**POSTED, "deliver": "hourly"})
    shop.define("wrong", {**POSTED, "where": "teir = 'Gold'", "deliver": "daily"})
    told = {one.name: one.problem for one in deliver_daily(settings, opener(shop))}
    assert set(told) == {"daily", "broken", "wrong"} and told["daily"] is None
    assert "broken.yml: line" in str(told["broken"]) and "teir" in str(told["wrong"])
    assert [body["audience"] for _, body in hook.accepted] == ["daily"]
    assert "daily" not in {one.name for one in deliver_daily(settings, opener(shop))}
    shop.build()
    assert "daily" in {one.name for one in deliver_daily(settings, opener(shop))} and len(hook.accepted) == 2
