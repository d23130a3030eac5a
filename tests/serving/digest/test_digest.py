"""The digest and alerts: what they say, and that each reaches each receiver once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from serving.digest import send_digest, send_due
from serving.digest.figures import Alert, Figure, Week, alerts_of_last_days, last_week
from serving.digest.letters import alerts_letter, digest_letter
from serving.publication.reader import opened_publication
from tests.serving.outbox.receivers import Hook, Mailbox, free_port, mail_server, web_server
from warehouse.errors import UserError
from warehouse.settings import MessagesSettings, Settings, SmtpSettings
from warehouse.sql import connect

MARTS = """
create schema if not exists marts;
create table marts.publication as select '1' as publication_id, 1 as build_id, date '2017-12-31' as data_through;
create table marts.fct_alerts as
select 'orders' as series, 'shop' as source, 'web' as channel, day::date as date_day, 50.0::double as value,
    100.0::double as expected_value, -0.5::double as change_rate, -5.0::double as z_score, flagged as is_flagged,
    'far_from_expected' as reason
from (values ('2017-12-31', true), ('2017-12-30', true), ('2017-12-29', false), ('2017-12-20', true))
    as t (day, flagged);
create table marts.rpt_weekly_figures as
select day::date as week, series, channel, channel = 'all' as is_all_channels, value, change_rate,
    year as year_change_rate, movement is not null as has_moved, movement as movement_rank
from (values
    ('2017-12-25', 'orders', 'all', 700.0::double, 0.25::double, -0.1::double, 2),
    ('2017-12-25', 'net_sales', 'all', 12345.6, 0.05, null, null),
    ('2017-12-25', 'orders', 'it''s', 300, 0.5, null, 1), ('2017-12-25', 'return_rate', 'all', 0.0731, 0.5, 0.2, 3),
    ('2017-12-25', 'discount_rate', 'all', 0.1, 0.2, 0.2, 4),
    ('2017-12-25', 'average_order', 'all', null, null, null, null),
    ('2017-12-18', 'orders', 'all', 560, 0, null, null)
) as t (day, series, channel, value, change_rate, year, movement);
"""
WEEK = Week(date(2017, 12, 25), [Figure("orders", "all", 700.0, 0.25, -0.1)], [], [])


def company(settings: Settings, channel: str, **digest: Any) -> Settings:
    settings.published_dir.mkdir(parents=True, exist_ok=True)
    if not settings.published_path.exists():
        with connect(settings.published_path) as connection:
            connection.execute(MARTS)
    values = {**settings.model_dump(), "digest": {"channel": channel, **digest}, "path": settings.path}
    return Settings.model_validate(values)


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    hook = Hook()
    with web_server(hook) as address:
        monkeypatch.setenv("LOYALTY_WEBHOOK_DIGEST", address)
        monkeypatch.setenv("LOYALTY_WEBHOOK_SECRET", "whsec_c2VjcmV0")
        yield hook


def test_the_digest_tells_the_week_three_movements_and_where_to_look(settings: Settings) -> None:
    own = company(settings, "slack")
    with opened_publication(own) as connection:
        week = last_week(connection)
    assert week and week.monday == date(2017, 12, 25) and week.sunday == date(2017, 12, 31)
    text = digest_letter(own, week).text
    assert text.subject == "Complete Journey: the week 25 December 2017 to 31 December 2017"
    assert "- Orders: 700 (+25.0% on the week before, −10.0% on a year ago)" in text.plain
    assert "- Net sales: $12.3k (+5.0% on the week before)" in text.plain
    moved = text.plain.partition("What moved most")[2].partition("Days that stood out")[0]
    assert [line for line in moved.splitlines() if line.startswith("- ")] == [
        "- Orders (it's): 300 (+50.0% on the week before)",
        "- Orders: 700 (+25.0% on the week before, −10.0% on a year ago)",
        "- Return rate: 7.3% (+50.0% on the week before, +20.0% on a year ago)",
    ]
    assert "order_date between '2017-12-25' and '2017-12-31' and channel = 'it''s'\"" in moved
    assert "where is_return and order_date between" in moved
    assert "2017-12-30: Orders, shop / web: 50, expected 100 (−50%)" in text.plain and "12-20" not in text.plain
    assert "<li>" not in text.plain and "it&#39;s" in text.html


def test_a_quiet_week_says_so_in_both_languages(settings: Settings) -> None:
    assert "Nothing moved more than it usually does." in digest_letter(settings, WEEK).text.plain
    chinese = digest_letter(settings.model_copy(update={"language": "zh"}), WEEK).text
    assert "2017年12月25日" in chinese.subject and "订单数: 700 (比上周+25.0%, 比去年同期−10.0%)" in chinese.plain


def test_each_letter_reaches_a_webhook_once_and_signed(settings: Settings, posted: Hook) -> None:
    own = company(settings, "webhook", webhook={"secret_env": "LOYALTY_WEBHOOK_SECRET"})
    assert [one.letter_id for one in send_due(own)] == ["digest-2017-12-25", "alerts-2017-12-31"]
    assert send_due(own) == [] and len(posted.accepted) == 2
    (key, digest), (_, alerts) = posted.accepted
    assert posted.headers[0]["Webhook-Signature"].startswith("v1,") and key == "digest-2017-12-25"
    assert digest["company"] == "complete_journey" and len(digest["moved"]) == 3 and len(digest["figures"]) == 4
    assert len(alerts["alerts"]) == 1 and "2017-12-31" in alerts["alerts"][0]


def test_what_is_not_accepted_is_sent_again(settings: Settings, posted: Hook) -> None:
    own = company(settings, "slack", alerts=False)
    posted.codes = {"digest-2017-12-25": [503]}
    (sent,) = send_due(own)
    assert sent.told == ("digest-2017-12-25 was not delivered: 503 Service Unavailable. The next delivery tries again.")
    (sent,) = send_due(own)
    assert not sent.problems and send_due(own) == []
    assert [set(body) for _, body in posted.accepted] == [{"text"}]


def test_a_digest_that_is_asked_for_is_sent_again(settings: Settings, posted: Hook) -> None:
    own = company(settings, "slack")
    for _ in range(2):
        assert send_digest(own, digest_letter(own, WEEK)).told == "digest-2017-12-25 was delivered."
    assert len(posted.accepted) == 2


def test_a_mail_reaches_each_address_once_although_another_refuses_it(settings: Settings) -> None:
    mailbox, port, people = Mailbox(), free_port(), ["owner@example.org", "till@example.org"]
    mailbox.replies = {people[1]: ["451 later"]}
    smtp = {"host": "127.0.0.1", "port": port, "starttls": False}
    mailing = settings.model_copy(
        update={"messages": MessagesSettings(sender="Corner Shop <hello@corner.example>", smtp=SmtpSettings(**smtp))}
    )
    own = company(mailing, "email", to=people, alerts=False)
    with mail_server(mailbox, port):
        (sent,) = send_due(own)
        assert sent.problems == ("451 later",)
        assert [one.problems for one in send_due(own)] == [()] and send_due(own) == []
    assert [mail["To"] for mail in mailbox.accepted] == people
    assert mailbox.accepted[0]["List-Unsubscribe"] is None
    assert mailbox.accepted[0]["Subject"] == "Complete Journey: the week 25 December 2017 to 31 December 2017"


def test_without_a_channel_nothing_can_be_sent(settings: Settings) -> None:
    with pytest.raises(UserError, match=r'once "digest.channel" is set'):
        send_digest(settings, digest_letter(settings, WEEK))


def test_a_publication_of_an_earlier_version_tells_nothing(settings: Settings) -> None:
    with connect() as connection:
        assert alerts_of_last_days(connection) == [] and last_week(connection) is None


def test_alerts_of_new_days_alone_are_told(settings: Settings, posted: Hook) -> None:
    own = company(settings, "slack")
    (own.home / "digest.json").write_text(json.dumps({"week": "2017-12-25", "alerts_through": "2017-12-29"}))
    assert [one.letter_id for one in send_due(own)] == ["alerts-2017-12-31"]
    assert posted.accepted[0][1]["text"].count("\n- ") == 2


@pytest.mark.parametrize(
    ("digest", "wrong"),
    [
        ({"channel": "email"}, "digest.to and messages.sender"),
        ({"channel": "email", "to": ["Owner <owner@example.org>"]}, "an address alone"),
        ({"channel": "fax"}, "digest.channel"),
    ],
)
def test_a_channel_that_cannot_send_is_refused(settings: Settings, digest: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Settings.model_validate({**settings.model_dump(), "digest": digest})


def test_an_alert_of_rows_names_its_source(settings: Settings) -> None:
    alert = Alert("rows_rejected", "shop", "all", date(2017, 12, 31), 12, 0, None, "three_days_in_a_row")
    letter = alerts_letter(settings, [alert, replace(alert, day=date(2017, 12, 30))])
    assert letter.letter_id == "alerts-2017-12-31"
    assert "2017-12-31: Rows rejected, shop: 12, expected 0; the third day in a row" in letter.text.plain
