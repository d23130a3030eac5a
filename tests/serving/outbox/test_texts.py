"""Messages in words: every template in every language, and nothing that a value could smuggle in."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.outbox.texts import FOLDER, LAYOUT, render
from warehouse.errors import UserError

PAYLOADS = {
    "tier_up": {"tier": "Gold", "previous_tier": "Silver", "expires_on": "2027-06-30", "amount_to_next_tier": 1250.5},
    "tier_down": {"tier": "Base", "previous_tier": "Gold", "expires_on": None, "amount_to_next_tier": None},
    "points_expiry": {"points": 1250, "expires_on": "2026-06-30"},
    "reward": {"next_best_reward": "a coffee"},
    "replenishment": {"product_name": "Coffee beans", "last_bought_date": "2026-01-31"},
    "next_purchase": {"last_order_date": "2026-01-31"},
    "win_back": {"last_order_date": "2026-01-31"},
    "digest": {
        "first_day": "2026-01-26", "last_day": "2026-02-01", "figures": ["Orders: 5"], "alerts": ["A day"],
        "moved": [{"line": "Orders: 5", "rows": "loyalty sql"}],
    },
    "alerts": {"last_day": "2026-02-01", "alerts": ["A day"]},
}  # fmt: skip


def copy_of_layout(folder: Path) -> Path:
    (folder / LAYOUT).write_text((FOLDER / LAYOUT).read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def test_every_template_comes_in_every_language() -> None:
    found = {file.name for file in FOLDER.glob("*.txt")}
    assert found == {f"{template}.{language}.txt" for template in PAYLOADS for language in ("en", "zh")}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("template", PAYLOADS)
def test_every_template_can_be_filled(template: str, language: str) -> None:
    text = render(template, language, json.dumps(PAYLOADS[template]), "Corner Shop")
    assert text.subject and "Corner Shop" in text.plain and "Corner Shop" in text.html
    assert f'<html lang="{language}">' in text.html
    for shown in (text.subject, text.plain, text.html):
        assert "None" not in shown and "{" not in shown


def test_days_and_numbers_are_written_as_people_do() -> None:
    payload = json.dumps(PAYLOADS["points_expiry"])
    assert render("points_expiry", "en", payload, "x").subject == "1,250 of your points expire on 30 June 2026"
    assert render("points_expiry", "zh", payload, "x").subject == "您有1,250积分将于2026年6月30日到期"
    assert "1,250.50 more" in render("tier_up", "en", json.dumps(PAYLOADS["tier_up"]), "x").plain


def test_a_companys_own_text_stands_in_place_of_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "reward.en.txt").write_text("Subject: Hello\n\nOurs, {{ company }}", encoding="utf-8")
    payload = json.dumps(PAYLOADS["reward"])
    assert render("reward", "en", payload, "Corner Shop", tmp_path).plain == "Ours, Corner Shop\n"
    assert render("reward", "zh", payload, "x", tmp_path) == render("reward", "zh", payload, "x")


def test_a_missing_variable_names_the_template_and_what_it_was_given() -> None:
    with pytest.raises(UserError, match=r"templates/reward\.en\.txt: 'next_best_reward' is undefined.*company, lang"):
        render("reward", "en", "{}", "x")
    for payload in ("{}", '{"points": 5}', '{"points": null, "expires_on": "2026-06-30"}'):
        with pytest.raises(UserError, match=r"templates/points_expiry\.zh\.txt: "):
            render("points_expiry", "zh", payload, "x")


def test_a_missing_or_broken_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"templates/birthday\.en\.txt: there is no such template.*win_back\.zh\.txt"):
        render("birthday", "en", "{}", "x")
    folder = copy_of_layout(tmp_path)
    (folder / "birthday.en.txt").write_text("Happy birthday\n")
    with pytest.raises(UserError, match='first line has to be "Subject: "'):
        render("birthday", "en", "{}", "x", folder)
    (folder / "party.en.txt").write_text("Subject: {{ open\n\nx")
    with pytest.raises(UserError, match=r"templates/party\.en\.txt: "):
        render("party", "en", "{}", "x", folder)


def test_html_is_escaped_and_plain_text_is_not() -> None:
    hostile = "<script>alert(1)</script> & 'Tea'"
    text = render("reward", "en", json.dumps({"next_best_reward": hostile}), "<b>Shop</b>")
    assert hostile in text.plain and "<b>Shop</b>" in text.plain
    assert "<script" not in text.html and "<b>" not in text.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#39;Tea&#39;" in text.html


@settings(deadline=None)
@given(st.text())
def test_a_subject_is_one_line_whatever_is_in_it(tier: str) -> None:
    payload = {**PAYLOADS["tier_up"], "tier": tier}
    subject = render("tier_up", "en", json.dumps(payload), "x").subject
    assert len(subject.splitlines()) == 1 and subject.startswith("You are now")
