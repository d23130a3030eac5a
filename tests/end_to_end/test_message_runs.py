"""A company that writes to its customers: each is told once, and what they answer comes back."""

import json
import shutil
import socket
from datetime import datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.end_to_end.test_killed_runs import runner
from tests.support.company import Company, Generated
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.slow

# The days of the data are long past, so a message stays valid for ages.
MESSAGES = {
    "channel": "file", "sender": "Corner Shop <hello@corner.example>", "quiet_hours": ["00:00", "00:00"],
    "cap_messages": 1, "tier_change_days": 30, "win_back_days": 30, "points_expiry_days": 90, "valid_days": 99_999,
}  # fmt: skip


@pytest.fixture(scope="module")
def landing(generated: Generated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(generated.folder, tmp_path_factory.mktemp("landing") / "own"))


@pytest.fixture(scope="module")
def telling(built: Company, generated: Generated, landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The generated company after its first run with a channel; the tests below go on from it in their order."""
    home = tmp_path_factory.mktemp("homes") / "telling"
    return built.copy(home, **generated.settings(landing), messages=MESSAGES).run()


def lines(company: Company) -> list[dict[str, str]]:
    text = company.settings.outbox_path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_who_may_be_told_is_told_and_who_may_not_is_not(telling: Company) -> None:
    created = telling.published(
        "select message_id, customer_id from marts.fct_reward_messages where status = 'pending'"
    )
    delivered = {(line["message_id"], line["customer_id"]) for line in lines(telling)}
    assert len(created) > 20
    # points that have expired meanwhile are not told of
    assert delivered <= set(created)
    expired = telling.warehouse("select count(*) from ops.message_deliveries where outcome = 'expired'")[0][0]
    assert len(delivered) + expired == len(created) == len({customer_id for _, customer_id in created})
    may_not = telling.warehouse(
        """
        select customer_id from intermediate.int_customer_versions
        where row_status = 'accepted' and email_consent is not true
        """
    )
    assert may_not and not {customer_id for (customer_id,) in may_not} & {customer_id for _, customer_id in delivered}
    reasons = telling.published("select distinct reason from marts.fct_reward_messages where status = 'held_back'")
    assert {"no_contact", "no_consent", "frequency_cap"} <= {reason for (reason,) in reasons}
    assert {line["language"] for line in lines(telling)} == {"en", "zh"}


def test_no_address_is_published(telling: Company) -> None:
    told = telling.published(
        "select string_agg(cast(messages as varchar), ' ') from marts.fct_reward_messages messages"
    )
    assert "example.com" not in told[0][0]


def test_running_again_tells_nobody_again(telling: Company) -> None:
    before, delivered = telling.warehouse("from ops.messages order by all"), lines(telling)
    telling.run("--full-refresh")
    assert telling.warehouse("from ops.messages order by all") == before and lines(telling) == delivered
    sent = telling.published("select count(*) from marts.fct_reward_messages where status = 'sent'")
    assert sent == [(len(delivered),)]


def test_answers_come_back_and_an_opt_out_is_heard(telling: Company, landing: Path) -> None:
    first, second, third, *_ = sent = lines(telling)
    answers = [(first, "message_open"), (first, "message_click"), (second, "message_open"), (third, "opt_out")]
    through = datetime.combine(telling.settings.data_through or datetime.max, time(20))
    events = {
        "event_id": [f"answer-{number}" for number in range(len(answers))],
        "customer_id": [message["customer_id"] for message, _ in answers],
        "event_type": [event_type for _, event_type in answers],
        "occurred_at": pa.array([through] * len(answers), pa.timestamp("us")),
        "duration_seconds": pa.array([None] * len(answers), pa.int64()),
        "reference_id": [message["message_id"] for message, _ in answers],
    }
    pq.write_table(pa.table(events), landing / "shop" / "customer_events" / "answers.parquet")
    telling.run()
    totals = "sum(sent_count), sum(opened_count), sum(clicked_count), sum(claimed_count), sum(opted_out_count)"
    assert telling.published(f"select {totals} from marts.rpt_reward_response") == [(len(sent), 2, 1, 0, 1)]
    assert telling.published("select count(*) from marts.rpt_reward_response where open_rate > 1") == [(0,)]
    gone = "select withheld_reason from intermediate.int_message_recipients where customer_id = '{}'"
    assert telling.warehouse(gone.format(third["customer_id"])) == [("opted_out",)]
    assert telling.warehouse(gone.format(first["customer_id"])) == [(None,)]


@pytest.mark.campaign
def test_a_delivery_whose_receiver_never_answers_is_ended(
    built: Company, generated: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections wait there to be accepted
        monkeypatch.setenv("LOYALTY_WEBHOOK_MESSAGES", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        waiting = built.copy(
            tmp_path / "home",
            **generated.settings(generated.folder),
            messages={**MESSAGES, "channel": "webhook", "webhook": {"timeout_seconds": 600}},
            limits={"delivery_minutes": 0.05},
        )
        for command in (["run"], ["messages", "send"]):
            process = waiting.start(*command)
            told, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 1, told
            assert "the delivery took longer than limits.delivery_minutes of the settings (0.05 minutes)" in told
    build_id = "select build_id from marts.publication"
    assert waiting.published(build_id) > built.published(build_id)
    assert waiting.warehouse("select count(*) from ops.message_deliveries where outcome = 'sent'") == [(0,)]
    assert "It stood at step outbox__delivery, stage deliver messages." in waiting.loyalty("status").text


@pytest.mark.campaign
def test_a_run_killed_while_it_delivers_is_finished_by_the_next(
    telling: Company, built: Company, generated: Generated, tmp_path: Path
) -> None:
    killed = built.copy(tmp_path / "home", **generated.settings(generated.folder), messages=MESSAGES)
    stage = [name for name, _ in telling.stages].index("deliver messages")
    with runner() as run:
        values = {"arguments": [], "stage": stage, "delay": 0.02, "log": str(tmp_path / "log")}
        assert run(settings=str(killed.file), **values) == -9
        noted = killed.warehouse("select count(*) from ops.message_deliveries")[0][0]
        assert run(settings=str(killed.file), **{**values, "stage": None}) == 0, (tmp_path / "log").read_text()
    outcomes = killed.warehouse(
        """
        select messages.message_id, list(deliveries.outcome)
        from ops.messages as messages
        left join ops.message_deliveries as deliveries on messages.message_id = deliveries.message_id
        group by all
        """
    )
    assert noted < len(outcomes) and {tuple(found) for _, found in outcomes} <= {("sent",), ("expired",)}
    sent = sorted(message_id for message_id, found in outcomes if found == ["sent"])
    assert sent and sent == sorted(line["message_id"] for line in lines(killed))
