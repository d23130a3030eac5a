"""Secrets: refused by name where they cannot be used, hidden wherever a message repeats one, whole or in part."""

import base64
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from dagster_project.jobs import post_failure
from warehouse.errors import UserError
from warehouse.secrets import hide, hide_connection
from warehouse.settings import Settings, load_settings

PASSWORDS = [
    "s3cret",
    "p[ss]word",
    "pa@ss/w#rd",
    "tr?ue:love",
    "with space",
    "p%5Bss%5D",
    "a'b\\c",
    "ümläut-word",
    "x&y=zebra",
]
VALUES = {
    "company": "shop", "sources": {"shop": {}}, "business_timezone": "UTC", "base_currency": "EUR",
    "churn_horizon_days": 30,
}  # fmt: skip


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "write", [lambda text: text, quote, lambda text: quote(text, safe="")], ids=["bare", "quoted", "encoded"]
)
def test_no_part_of_a_password_is_shown(password: str, write: object) -> None:
    dsn = f"postgresql://ann:{write(password)}@db.example:5432/shop"  # type: ignore[operator]
    pieces = [
        piece for piece in password.replace("@", " ").replace("/", " ").replace("#", " ").split() if len(piece) > 2
    ]
    for said in (
        f'Unable to connect to "{dsn}": password {password} is wrong',
        f'could not translate host name "{password.rpartition("@")[2]}@db.example"',
        f"invalid port in {quote(password)}",
        f"no such user: {password!r}",
        *(f"unexpected {piece} in the connection string" for piece in pieces),
    ):
        shown = hide_connection(said, dsn)
        assert password not in shown and quote(password, safe="") not in shown
        assert not [piece for piece in pieces if piece in shown], shown
    assert hide_connection('server at "db.example", port 5432, user ann, database shop failed', dsn) == (
        'server at "db.example", port 5432, user ann, database shop failed'
    )


def test_a_connection_string_of_keywords_hides_its_password() -> None:
    assert "top" not in hide_connection("bad option top secret", "host=a password='top secret'")
    assert hide_connection('could not find host "a"', "host=a password=b") == 'could not find host "a"'


def test_a_login_that_a_server_repeats_in_base64_is_hidden() -> None:
    assert hide("535 aHVudGVyMi1sb25n is wrong", ["hunter2-long"]) == "535 *** is wrong"


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "Ünal"])
def test_a_login_that_stands_in_base64_with_its_user_is_hidden(user: str) -> None:
    secret = "hunter2?>long~"
    for between in (":", "\0"):
        text = f"{user}{between}{secret}".encode()
        for encoded in (base64.b64encode(text), base64.urlsafe_b64encode(text)):
            assert hide(f"501 no such command AUTH PLAIN {encoded.decode()} here", [secret]).endswith("PLAIN *** here")


@pytest.mark.parametrize(
    "encode", [lambda text: text.encode().hex(), lambda text: quote(quote(text, safe=""), safe="")]
)
def test_a_secret_is_hidden_however_it_is_encoded(encode: Callable[[str], str]) -> None:
    assert hide(f"bad {encode('hunter2/long')} here", ["hunter2/long"]) == "bad *** here"


@pytest.mark.parametrize(
    "setting", ["messages.smtp.password_env", "messages.smtp.username_env", "messages.webhook.token_env"]
)
@pytest.mark.parametrize("secret", ["pässword", "pass\nword", "pass\r\nBcc: x", "pass\0word"])
def test_a_secret_that_no_server_could_be_told_is_refused_by_name(tmp_path: Path, setting: str, secret: str) -> None:
    variable = "LOYALTY_WEBHOOK_X" if "webhook" in setting else "LOYALTY_SMTP_X"
    section, part, key = setting.split(".")
    file = tmp_path / "shop.yml"
    file.write_text(yaml.safe_dump({**VALUES, section: {part: {key: variable}}}))
    with pytest.raises(UserError) as refused:
        load_settings(file, environ={variable: secret})
    assert variable in str(refused.value) and setting in str(refused.value)
    assert secret not in str(refused.value) and "word" not in str(refused.value).replace("password_env", "")


@pytest.mark.parametrize(
    "url",
    ["ftp://a/secret", "https://a b/secret", "https://hook/sécret", "secret", "https:///secret", "http://h/secret\nX"],
)
def test_an_address_that_is_none_is_refused_without_it(tmp_path: Path, url: str) -> None:
    file = tmp_path / "shop.yml"
    file.write_text(yaml.safe_dump({**VALUES, "schedule": {"failure_webhook_env": "LOYALTY_WEBHOOK_X"}}))
    with pytest.raises(UserError, match="LOYALTY_WEBHOOK_X") as refused:
        load_settings(file, environ={"LOYALTY_WEBHOOK_X": url})
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/T0KEN/s3cret", "http://s3cret.invalid/T0KEN", "http://[s3cret/T0KEN"]
)
def test_the_address_of_a_failing_hook_is_told_to_nobody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("LOYALTY_WEBHOOK_X", url)
    schedule = settings.schedule.model_copy(update={"failure_webhook_env": "LOYALTY_WEBHOOK_X"})
    with pytest.raises(UserError, match="the webhook of LOYALTY_WEBHOOK_X") as refused:
        post_failure(settings.model_copy(update={"schedule": schedule}), {"text": "x"})
    assert "s3cret" not in str(refused.value) and "T0KEN" not in str(refused.value)
    assert refused.value.__cause__ is None and refused.value.__context__ is None
