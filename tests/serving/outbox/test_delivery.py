"""When delivery happens at all: outside quiet hours, of what is published, and never in part of a wrong text."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from serving.outbox import check_outbox
from serving.outbox.delivery import Clock, is_quiet
from serving.publication.publish import rollback
from tests.serving.outbox.outboxes import NOON, Outbox, candidate, make_outbox
from warehouse import builds
from warehouse.errors import UserError
from warehouse.settings import MessagesSettings, Settings
from warehouse.sql import connect

CLOCK_TIMES = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))


def outbox_of(home: Path, count: int, **messages: object) -> Outbox:
    customers = {f"c{number}": f"c{number}@example.com" for number in range(1, count + 1)}
    outbox = make_outbox(home, customers, channel="file", **messages)
    outbox.build([candidate(number) for number in range(1, count + 1)])
    return outbox


def at(hour: int, minute: int = 0) -> Clock:
    return Clock(lambda: datetime(2026, 6, 10, hour, minute, tzinfo=UTC), lambda seconds: None)


def test_nothing_goes_out_in_quiet_hours_of_the_business_time_zone(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path / "home", 2, quiet_hours=["21:00", "08:00"])
    for clock in (at(21), at(23, 59), at(0), at(7, 59)):
        delivered = outbox.deliver(clock)
        assert (delivered.counts, delivered.left, delivered.stopped) == ({}, 2, "quiet hours") and delivered.is_complete
    assert outbox.deliver(at(8)).counts == {"sent": 2}


def test_a_delivery_that_runs_into_quiet_hours_stops_there(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path / "home", 5, quiet_hours=["12:00", "13:00"])
    moments = iter(NOON + timedelta(seconds=second) for second in range(-6, 60))
    delivered = outbox.deliver(Clock(lambda: next(moments), lambda seconds: None))
    assert delivered.stopped == "quiet hours" and 0 < delivered.counts["sent"] < 5
    assert delivered.left == 5 - delivered.counts["sent"] == 5 - len(outbox.outcomes())


@settings_of_hypothesis(max_examples=300, deadline=None)
@given(CLOCK_TIMES, CLOCK_TIMES, CLOCK_TIMES)
def test_quiet_hours_are_the_way_round_the_clock_from_one_to_the_other(begins: time, ends: time, now: time) -> None:
    def minutes(later: time, earlier: time) -> int:
        return (later.hour * 60 + later.minute - earlier.hour * 60 - earlier.minute) % 1440

    assert is_quiet((f"{begins:%H:%M}", f"{ends:%H:%M}"), now) == (minutes(now, begins) < minutes(ends, begins))


def test_only_what_is_published_goes_out(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path / "home", 1)
    outbox.build([candidate(2)])
    rollback(outbox.settings)
    with pytest.raises(UserError, match="build 2 was built, and build 1 is live"):
        outbox.deliver()
    outbox.build([], passes=False)
    with pytest.raises(UserError, match="did not finish"):
        outbox.deliver()
    assert outbox.outcomes() == {}
    outbox.build([])
    assert outbox.deliver().counts["sent"] == 1


def test_a_text_that_cannot_be_made_stops_the_build_and_the_delivery(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path / "home", 1)
    outbox.build([candidate(2, customer_id="c1", payload="{}")])
    with connect(outbox.settings.warehouse_path) as connection:
        last = builds.last_build(connection)
        assert last is not None
        with pytest.raises(UserError, match=r"templates/points_expiry\.en\.txt: 'points' is undefined"):
            check_outbox(outbox.settings, connection, last.build_id)
    with pytest.raises(UserError, match=r"templates/points_expiry\.en\.txt"):
        outbox.deliver()
    assert outbox.outcomes() == {} and not outbox.settings.outbox_path.read_text()


def test_the_command_line_shows_the_outbox_without_addresses_and_empties_it(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path / "home", 2)
    outbox.ask("update ops.messages set valid_until = date '2999-01-01'")
    shown = outbox.company.loyalty("messages", "preview", "--limit", "1")
    assert shown.code == 0 and "1,250 of your points expire on 30 June 2026" in shown.text
    assert "points_expiry to customer c1 (en), m1" in shown.text and "2 to be delivered, 1 shown." in shown.text
    assert "@" not in shown.out
    assert outbox.company.loyalty("messages", "send").text == "2 sent"
    assert "0 to be delivered" in outbox.company.loyalty("messages", "preview").text


def test_the_command_line_says_what_is_missing(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path / "home", {})
    refused = outbox.company.loyalty("messages", "send")
    assert refused.code == 2 and 'delivered once "messages.channel" is set' in refused.text
    unbuilt = outbox.company.copy(tmp_path / "copy", messages={"channel": "file"})
    unbuilt.settings.warehouse_path.unlink()
    refused = unbuilt.loyalty("messages", "send")
    assert refused.code == 2 and "nothing is built yet" in refused.text
    assert not unbuilt.settings.warehouse_path.exists()


@pytest.mark.parametrize("channel", [None, "file", "webhook"])
def test_only_mail_needs_a_sender(channel: str | None) -> None:
    assert MessagesSettings.model_validate({"channel": channel}).sender is None


def test_settings_without_messages_write_to_nobody() -> None:
    assert Settings.model_fields["messages"].default == MessagesSettings() and MessagesSettings().channel is None
