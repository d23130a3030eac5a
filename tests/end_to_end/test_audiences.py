"""An audience of a built company: its members are those whom the delivered rows let be written to."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.outbox.receivers import Hook, web_server
from tests.support.company import Company

pytestmark = pytest.mark.slow

BUYERS = "where: orders_count > 0\nconsent: email_consent\ndestination: klaviyo\ncolumns: [customer_id]\n"
MAY_BE_WRITTEN_TO = """
select distinct lower(contacts.email), customers.customer_id
from intermediate.int_customer_versions as customers
inner join intermediate.int_customer_contact_versions as contacts using (customer_id)
inner join marts.fct_orders as orders using (customer_id)
where
    customers.row_status = 'accepted' and contacts.row_status = 'accepted' and customers.email_consent
    and contacts.email is not null and orders.is_valid
    and customer_id not in (
        select customer_id from intermediate.int_customer_event_versions where event_type in ('opt_out', 'unsubscribe')
    )
order by customer_id
"""


@pytest.fixture
def company(built: Company, tmp_path: Path) -> Iterator[Company]:
    made = built.copy(tmp_path / "home")
    (made.settings.home / "audiences").mkdir()
    (made.settings.home / "audiences" / "buyers.yml").write_text(BUYERS, encoding="utf-8")
    yield made


def test_who_is_exported_and_who_is_erased(company: Company, tmp_path: Path) -> None:
    out = tmp_path / "buyers.csv"
    done = company.loyalty("audiences", "export", "buyers", "--out", str(out))
    assert done.code == 0, done.text
    with out.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    assert header == ["Email", "customer_id"]
    assert [tuple(row) for row in rows] == company.warehouse(MAY_BE_WRITTEN_TO)
    assert len(rows) > 20

    email, customer_id = rows[0]
    exported = tmp_path / "subject.json"
    assert company.loyalty("privacy", "export", customer_id, "--out", str(exported)).code == 0
    assert f'"email":"{email}"' in exported.read_text().split('"ops.audience_members"')[1].split('"rows"')[1]
    erased = company.loyalty("privacy", "erase", customer_id, "--yes")
    assert erased.code == 0 and "where these audiences were imported: buyers (klaviyo)" in erased.text
    again = company.loyalty("audiences", "export", "buyers", "--out", str(out), "--force")
    assert f"{len(rows) - 1} members, 0 entered and 0 left" in again.text
    assert "1 of the last export have been erased since" in again.text and email not in out.read_text()


def test_a_run_with_nothing_new_delivers_what_was_not_accepted(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted = BUYERS.replace("klaviyo", "webhook") + "deliver: daily\n"
    (company.settings.home / "audiences" / "daily.yml").write_text(posted, encoding="utf-8")
    hook = Hook()
    with web_server(hook) as url:
        monkeypatch.setenv("LOYALTY_WEBHOOK_AUDIENCES", url)
        monkeypatch.setenv("LOYALTY_WEBHOOK_AUDIENCES_SECRET", "secret")
        hook.answer = lambda *_arguments: 500  # type: ignore[method-assign]
        told = company.loyalty("run", "--select", "outbox/audiences")
        assert told.code == 0 and "audience daily was not delivered: 500 Internal Server Error" in told.text
        assert "audience daily was not delivered" in company.loyalty("status").text
        del hook.answer
        company.run("--select", "outbox/audiences")
        company.run("--select", "outbox/audiences")
    assert len(hook.accepted) == 1 and len(hook.accepted[0][1]["members"]) > 20
    assert "was not delivered" not in company.loyalty("status").text
