"""Delivery into a file: each message on one line, once, whatever interrupted the writing of the last one."""

import json
import stat
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.outbox.channels import Envelope
from serving.outbox.file_channel import FileChannel
from serving.outbox.texts import Text
from tests.serving.outbox.outboxes import candidate, make_outbox
from warehouse.errors import UserError


def envelope(number: int, words: str = "Hello") -> Envelope:
    when = datetime(2026, 6, 10, tzinfo=UTC)
    return Envelope(
        f"m{number}", f"c{number}", "reward", "reward", "en", Text("x", words, words), when, "c@example.com"
    )


def ids(file: Path) -> list[str]:
    return [json.loads(line)["message_id"] for line in file.read_text(encoding="utf-8").split("\n")[:-1]]


def send(file: Path, *envelopes: Envelope) -> None:
    channel = FileChannel(file)
    for one in envelopes:
        channel.send(one)
    channel.close()


@settings(deadline=None)
@given(st.text(), st.integers(1, 4), st.integers(0, 400))
def test_wherever_the_last_line_was_cut_every_message_is_there_once(words: str, count: int, cut: int) -> None:
    """The last message was written, whole or not, and not noted; the next delivery hands it over again."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "outbox" / "messages.jsonl"
        envelopes = [envelope(number, words) for number in range(1, count + 2)]
        send(file, *envelopes[:-1])
        whole = file.read_bytes()
        last_line = len(whole) - (whole[:-1].rfind(b"\n") + 1)
        file.write_bytes(whole[: len(whole) - min(cut, last_line)])
        send(file, *envelopes[-2:])
        assert ids(file) == [one.message_id for one in envelopes]


def test_a_line_longer_than_what_is_read_at_once_is_recognised(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    long = envelope(2, "中" * 100_000)
    send(file, envelope(1), long)
    send(file, long, envelope(3))
    assert ids(file) == ["m1", "m2", "m3"]


def test_only_the_owner_can_read_the_addresses(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path / "home", {"c1": "c1@example.com"}, channel="file")
    outbox.build([candidate(1)])
    assert outbox.deliver().counts == {"sent": 1}
    file = outbox.settings.outbox_path
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["to"] == "c1@example.com"


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file, not a folder")
    with pytest.raises(UserError, match=r"outbox/messages\.jsonl: messages cannot be written there: "):
        FileChannel(tmp_path / "outbox" / "messages.jsonl")


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 60])
def test_a_delivery_killed_in_the_middle_is_finished_by_the_next(tmp_path: Path, lines: int) -> None:
    customers = {f"c{number}": f"c{number}@example.com" for number in range(1, 201)}
    outbox = make_outbox(tmp_path / "home", customers, channel="file")
    outbox.build([candidate(number, valid_until=date(2999, 1, 1)) for number in range(1, 201)])
    process = outbox.company.start("messages", "send")
    file = outbox.settings.outbox_path
    while process.poll() is None and not (file.exists() and file.read_bytes().count(b"\n") >= lines):
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -9
    noted = len(outbox.outcomes())
    assert noted < 200 and len(ids(file)) - noted in (0, 1)
    done = outbox.company.loyalty("messages", "send")
    assert (done.code, done.text) == (0, f"{200 - noted} sent")
    assert sorted(ids(file)) == sorted(f"m{number}" for number in range(1, 201))
    assert len(outbox.outcomes()) == 200
