"""What is created, how often, and of which builds."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.serving.outbox.outboxes import candidate, make_outbox
from warehouse.errors import UserError
from warehouse.register import Register

THREE = [candidate(1), candidate(2), candidate(3, reason="no_consent")]


def test_a_message_is_created_once_however_often_the_job_runs(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path / "home", {})
    assert outbox.build(THREE) == 2
    before = outbox.ask("from ops.messages order by all")
    assert [row[0] for row in before] == ["m1", "m2"]
    assert outbox.build(THREE) == 0 and outbox.build([]) == 0
    later = [candidate(1, as_of_date=date(2026, 6, 10)), candidate(4)]
    assert outbox.build(later) == 1
    assert outbox.ask("from ops.messages where message_id <> 'm4' order by all") == before


def test_a_build_that_fails_its_gate_leaves_no_message(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path / "home", {})
    outbox.build([candidate(1)])
    assert outbox.build([candidate(2), candidate(3)], passes=False) == 2
    assert outbox.ask("select message_id from ops.earlier_messages order by all") == [("m1",)]
    # what the failed build was wrong about is gone, and what it was right about is created by the next one
    assert outbox.build([candidate(2)]) == 1
    assert outbox.ask("select message_id from ops.messages order by all") == [("m1",), ("m2",)]


def test_what_was_delivered_stays_even_where_its_build_is_marked_failed_later(tmp_path: Path) -> None:
    customers = {"c1": "c1@example.com", "c2": "c2@example.com"}
    outbox = make_outbox(tmp_path / "home", customers, channel="file")
    outbox.build([candidate(1)])
    assert outbox.deliver().counts == {"sent": 1}
    outbox.ask("update ops.builds set passed_at = null, failed_at = now(), failure = 'x'")
    assert outbox.build([candidate(1), candidate(2)]) == 1
    assert outbox.deliver().counts == {"sent": 1}
    assert outbox.outcomes() == {"m1": ["sent"], "m2": ["sent"]}


def test_a_message_that_is_out_of_date_is_not_delivered(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path / "home", {"c1": "c1@example.com", "c2": "c2@example.com"}, channel="file")
    today = date(2026, 6, 10)
    outbox.build([candidate(1, valid_until=today), candidate(2, valid_until=today - timedelta(1))])
    assert outbox.deliver().counts == {"sent": 1, "expired": 1}
    assert outbox.deliver().counts == {}
    assert outbox.outcomes() == {"m1": ["sent"], "m2": ["expired"]}


def test_who_no_longer_wants_a_message_or_cannot_get_it_does_not_get_it(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path / "home", {"c1": "c1@example.com", "c2": " ", "c4": "c4@example.com"}, channel="file")
    outbox.build([candidate(number) for number in range(1, 5)])
    outbox.ask("update intermediate.int_message_recipients set withheld_reason = 'opted_out' where customer_id = 'c1'")
    assert outbox.deliver().counts == {"sent": 1, "withheld": 3}
    told = outbox.ask("select message_id, outcome, reason from ops.message_deliveries order by message_id")
    assert told == [
        ("m1", "withheld", "opted_out"),
        ("m2", "withheld", "no_contact"),
        ("m3", "withheld", "no_contact"),
        ("m4", "sent", None),
    ]


def test_recipients_of_an_earlier_version_are_told_in_a_sentence(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path / "home", {"c1": "c1@example.com"}, channel="file")
    outbox.build([candidate(1)])
    outbox.ask("alter table intermediate.int_message_recipients drop contact_customer_id")
    with pytest.raises(UserError, match=r"built by another version of the product\. Start `loyalty run`"):
        outbox.deliver()
    outbox.ask("alter table intermediate.int_message_recipients add contact_customer_id varchar default 'c1'")
    assert outbox.deliver().counts == {"sent": 1}


def test_what_was_sent_before_a_warehouse_was_lost_is_not_sent_again(tmp_path: Path) -> None:
    customers = {f"c{number}": f"c{number}@example.com" for number in (1, 2)}
    outbox = make_outbox(tmp_path / "home", customers, channel="file")
    outbox.build([candidate(1)])
    assert outbox.deliver().counts == {"sent": 1}
    fresh = make_outbox(tmp_path / "other", customers, channel="file")
    shutil.copytree(outbox.settings.home / "privacy", fresh.settings.home / "privacy")
    assert Register(fresh.settings).sent() == ["m1"]
    assert fresh.build([candidate(1), candidate(2)]) == 1
    assert fresh.deliver().counts == {"sent": 1}


def test_a_warehouse_of_before_a_delivery_takes_over_what_was_sent(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path / "home", {"c1": "c1@example.com"}, channel="file")
    outbox.build([candidate(1)])
    backup = outbox.settings.warehouse_path.read_bytes()
    assert outbox.deliver().counts == {"sent": 1}
    outbox.settings.warehouse_path.write_bytes(backup)
    assert outbox.deliver().counts == {}
    assert outbox.outcomes() == {"m1": ["sent"]}
