"""Settings: one typed object; whatever is wrong is named with its file and the nearest right one."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from warehouse.errors import UserError
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import DEFAULT_SETTINGS, PROJECT_ROOT, SECRET_PREFIXES, Settings, load_settings
from warehouse.values import what_is_wrong

GOOD: dict[str, Any] = {
    "company": "corner_shop",
    "sources": {"shop": {"input_path": "data/landing/shop"}, "till": {}},
    "business_timezone": "Europe/London",
    "base_currency": "GBP",
    "churn_horizon_days": 60,
}


def write(tmp_path: Path, values: object) -> Path:
    file = tmp_path / "corner_shop.yml"
    file.write_text(values if isinstance(values, str) else yaml.safe_dump(values), encoding="utf-8")
    return file


def refusal(file: Path | None, environ: dict[str, str] | None = None, **overrides: Any) -> str:
    with pytest.raises(UserError) as refused:
        load_settings(file, environ=environ or {}, **overrides)
    return str(refused.value)


@pytest.mark.parametrize(
    "file", sorted((PROJECT_ROOT / "companies").glob("*/settings.yml")), ids=lambda file: file.stem
)
def test_every_company_of_the_project_loads(file: Path) -> None:
    settings = load_settings(file, environ={})
    assert settings.sources and settings.path == file and settings.home.is_absolute()


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("churn_horizon_day", 30, 'unknown key "churn_horizon_day" (did you mean "churn_horizon_days"?)'),
        ("assumed.margin_rat", 0.2, 'unknown key "assumed.margin_rat" (did you mean "margin_rate"?)'),
        ("sources.shop.input_paths", "x", 'unknown key "sources.shop.input_paths" (did you mean "input_path"?)'),
        ("schedule.crom", "0 5 * * *", 'unknown key "schedule.crom" (did you mean "cron"?)'),
        ("zzz", 1, 'unknown key "zzz".'),
        ("path", "x", 'unknown key "path"'),
        ("churn_horizon_days", "many", '"churn_horizon_days": Input should be a valid integer'),
        ("churn_horizon_days", 0, '"churn_horizon_days": Input should be greater than or equal to 1'),
        ("assumed.margin_rate", 25, '"assumed.margin_rate": Input should be less than or equal to 1'),
        ("data_through", "31.12.2017", '"data_through"'),
        ("business_timezone", "Europe/Lodon", '"Europe/Lodon" is no IANA time zone (did you mean "Europe/London"?)'),
        ("base_currency", "pounds", '"base_currency": it should be the ISO code of a currency in capitals, as EUR'),
        ("identity.most_ids", 1, '"identity.most_ids": Input should be greater than or equal to 2'),
        ("identity.country_code", "+49", '"identity.country_code"'),
        ("identity.stop_list", ["030 1"], "it has to be an e-mail address, a domain with @ in front, or a phone"),
        ("sources", {}, '"sources"'),
        ("language", "fr", "'en' or 'zh'"),
        ("rfm.recency_days_cuts", [1, 2, 3], '"rfm.recency_days_cuts'),
        ("messages.chanel", "email", 'unknown key "messages.chanel" (did you mean "channel"?)'),
        ("messages.smtp.prot", 25, 'unknown key "messages.smtp.prot" (did you mean "port"?)'),
        ("messages.smtp.password_env", "PASSWORD", "the name of a variable that begins with LOYALTY_SMTP_"),
        ("messages.quiet_hours", [1260, "08:00"], '"messages.quiet_hours.0": Input should be a valid string'),
        ("messages.quiet_hours", ["9 pm", "08:00"], '"messages.quiet_hours.0"'),
        ("messages", {"channel": "email"}, "the channel email needs a sender (Name <address>) and an unsubscribe_url"),
        ("messages", {"channel": "email", "sender": "a@b@c", "unsubscribe_url": "mailto:x@b.c"}, "no mail address"),
        ("messages", {"channel": "email", "sender": "Shop", "unsubscribe_url": "mailto:x@b.c"}, "no mail address"),
        (
            "assumed.reward_return",
            [2, 1],
            '"assumed.reward_return": the lower end, 2.0, is above the upper',
        ),
        ("assumed.reward_elasticity", [0.5, 1], '"assumed.reward_elasticity.1": Input should be less than 1'),
        ("simulate.expiry_months", [0, 12], '"simulate.expiry_months.0": Input should be greater than or equal to 1'),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_file(tmp_path: Path, place: str, value: object, told: str) -> None:
    values = yaml.safe_load(yaml.safe_dump(GOOD))
    *parents, key = place.split(".")
    section = values
    for parent in parents:
        section = section.setdefault(parent, {})
    section[key] = value
    file = write(tmp_path, values)
    message = refusal(file)
    lines = file.read_text(encoding="utf-8").splitlines()
    named = lines[int(message.removeprefix(f"{file}: line ").partition(":")[0]) - 1]
    assert (key in named or named.lstrip().startswith("- ") or "sender" in named) and told in message


BAD_TEXTS = [
    "",
    " ",
    "\u3164",
    "\u0301",
    "a\0b",
    "a\nb",
    "a\r\nBcc: x@y.z",
    "a\x1b[2J",
    "a\u2028b",
    "a\u202eb",
    "x" * 201,
]
BAD_ADDRESSES = [
    *("https://a.de/" + text for text in ("\r\nX:y", "\n", "\0", "\x7f", "\t", "{", "{0}", "{message_id.x}", "\\")),
    "https://user:word@a.example/", "https://a.example:99999/", "https://[::1", "https://-a.example", "mailto:a",
    "mailto:a@b.de,c@d.de", "mailto:a@b.de%0D%0AX:y", "mailto:a@b.de\r\nX:y",
]  # fmt: skip
BAD_NUMBERS = [float("inf"), float("-inf"), float("nan"), 10**12 * 10**12, -1e300, True, "many", "1e400", [], {}]


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("company", BAD_TEXTS),
        ("messages.sender", [*BAD_TEXTS, "Shop <a@b>\r\nX: y", "Shop <ä@b.de>", "x <a@b.de>, y <c@d.de>"]),
        (
            "messages.unsubscribe_url",
            [*BAD_TEXTS, "https://a b", "https://", "https://a\r\nX: y", "javascript:x", *BAD_ADDRESSES],
        ),
        ("messages.smtp.host", [*BAD_TEXTS, "a b", "a/b", "-x"]),
        ("messages.smtp.username_env", ["LOYALTY_SMTP_", "LOYALTY_SMTP_A\n", "LOYALTY_SMTP_ä"]),
        ("home", ["", ".", "/", "a\0b", "a\nb", "x" * 300, "~"]),
        ("sources", [{"../x": {}}, {"Shop": {}}, {"": {}}, {"a'b": {}}, {"shop": {"input_path": ""}}]),
        ("memory_limit", ["inf", "1GB'; drop", "0GB", "-1GB", "1KB", "99999999999GB", True]),
        (
            "schedule.cron",
            ["", "x", "* * * *", "60 * * * *", "0 0 30 2 *", "*/0 * * * *", "0 5 * * *\n", "5-1 * * * *",
             "0 0 31 4,6 *", "0 0 31 apr *", "0 0 30-31 2 *"],
        ),
        ("data_through", ["2023-02-31", "0001-01-01", "9999-12-31", 20231231, True, float("nan")]),
        ("rfm.recency_days_cuts", [[4, 3, 2, 1], [1, 1, 2, 3], [1, 2, 3], [1, 2, 3, 10**12]]),
        ("rfm.frequency_cuts", [[4, 3, 2, 1], [0, 1, 2, 3]]),
        ("rfm.monetary_cuts", [[4, 3, 2, 1], [1, 2, 3, float("inf")], [float("nan"), 1, 2, 3]]),
        ("churn.bands", [[0.8, 0.5, 0.2], [0.2, 0.2, 0.5], [0, 0.5, 1.5]]),
        ("rewards.caps", [{"a\0": 1}, {"a": float("inf")}, {"a": -1}]),
        *(
            (place, BAD_NUMBERS)
            for place in (
                "churn_horizon_days", "seed", "threads", "lock_wait_seconds", "assumed.margin_rate",
                "assumed.contact_cost_amount", "assumed.point_value_amount", "rfm.minimum_customers", "churn.trials",
                "points.expiry_months", "points.return_window_days", "abuse.window_days", "rewards.budget_amount",
                "publish.keep", "retention.score_days", "limits.run_minutes", "messages.cap_days", "messages.attempts",
                "messages.retry_seconds", "messages.smtp.timeout_seconds", "messages.smtp.port",
                "messages.webhook.timeout_seconds",
            )
        ),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_right_is_refused_by_name_and_line(
    tmp_path: Path, place: str, values: list[object]
) -> None:
    for value in values:
        nested: Any = value
        for key in reversed(place.split(".")):
            nested = {key: nested}
        file = write(tmp_path, {**GOOD, **nested})
        message = refusal(file)
        assert message.startswith(f"{file}: line ") and f'"{place}' in message, (value, message)
        assert "Error" not in message and all(line.isprintable() for line in message.splitlines()), message


def patterns_in(schema: object) -> Iterator[str]:
    """Every pattern of a JSON schema that a text has to match."""
    if isinstance(schema, list):
        yield from (pattern for part in schema for pattern in patterns_in(part))
    elif isinstance(schema, dict):
        yield from [schema["pattern"]] if isinstance(schema.get("pattern"), str) else []
        yield from (pattern for part in schema.values() for pattern in patterns_in(part))


@pytest.mark.parametrize("model", [Settings, SourceConfig])
def test_every_pattern_has_words_for_it(model: type[BaseModel]) -> None:
    told = {
        name: what_is_wrong(f"String should match pattern '{name}'") for name in patterns_in(model.model_json_schema())
    }
    assert told and [pattern for pattern, words in told.items() if pattern in words] == []


def test_a_secret_in_the_place_of_a_variables_name_is_not_repeated(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, {**GOOD, "messages": {"smtp": {"password_env": "hunter2"}}}))
    assert "messages.smtp.password_env" in message and "hunter2" not in message


def test_texts_that_are_hard_to_quote_are_settings_like_any(tmp_path: Path) -> None:
    for company in ("Moe's", 'The "Shop"', "Shop [/]", "{{ x }}", "O\\'Neill", "Größe & Söhne", "店"):
        assert load_settings(write(tmp_path, {**GOOD, "company": company}), environ={}).company == company


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    values = {key: value for key, value in GOOD.items() if key != "base_currency"}
    assert 'the key "base_currency" is missing' in refusal(write(tmp_path, values))


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, {**GOOD, "companny": "x", "churn_horizon_days": "many"}))
    assert len(message.splitlines()) == 2 and "companny" in message and "churn_horizon_days" in message


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    missing = refusal(tmp_path / "none.yml")
    assert str(tmp_path / "none.yml") in missing and "complete_journey, generated" in missing
    assert "not valid YAML" in refusal(write(tmp_path, "company: [unclosed"))
    assert "expected `key: value` lines" in refusal(write(tmp_path, "- a\n- b\n"))


@pytest.mark.parametrize("minutes", [0, -1, float("inf"), float("nan"), "soon"])
@pytest.mark.parametrize("limit", ["run_minutes", "step_minutes", "delivery_minutes"])
def test_a_limit_is_a_positive_number_of_minutes(tmp_path: Path, limit: str, minutes: object) -> None:
    message = refusal(write(tmp_path, {**GOOD, "limits": {limit: minutes}}))
    assert f'"limits.{limit}"' in message and repr(minutes) in message


def test_an_unknown_variable_is_named_with_the_nearest(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    message = refusal(file, {"LOYALTY_HOMES": "/x"})
    assert 'LOYALTY_HOMES (did you mean "LOYALTY_HOME"?)' in message and "LOYALTY_AS_OF" in message
    assert "not-a-day" in refusal(file, {"LOYALTY_AS_OF": "not-a-day"})


def test_variables_of_secrets_other_programs_and_other_companies_are_let_be(tmp_path: Path) -> None:
    environ = {f"{prefix}X": "secret" for prefix in SECRET_PREFIXES}
    environ |= {"PATH": "/bin", "LOYAL": "x", "LOYALTY_INPUT_PATH_ONLINE_RETAIL": "/elsewhere"}
    assert load_settings(write(tmp_path, GOOD), environ=environ) == load_settings(write(tmp_path, GOOD), environ={})


def test_arguments_win_over_the_environment_which_wins_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, {**GOOD, "as_of_date": "2024-01-31"})
    environ = {"LOYALTY_AS_OF": "2024-02-29", "LOYALTY_HOME": str(tmp_path / "home"), "LOYALTY_LOCK_WAIT_SECONDS": "5"}
    assert load_settings(file, environ={}).as_of_date == date(2024, 1, 31)
    chosen = load_settings(file, environ=environ)
    assert (chosen.as_of_date, chosen.home, chosen.lock_wait_seconds) == (date(2024, 2, 29), tmp_path / "home", 5)
    assert load_settings(file, environ=environ, as_of_date=None).as_of_date == date(2024, 2, 29)
    assert load_settings(file, environ=environ, as_of_date="2024-03-31").as_of_date == date(2024, 3, 31)


def test_the_file_is_the_argument_else_the_variable_else_the_default(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    journey = str(DEFAULT_SETTINGS)
    assert load_settings(environ={}).path == DEFAULT_SETTINGS
    assert load_settings(environ={"LOYALTY_COMPANY": str(file)}).company == "corner_shop"
    assert load_settings(file, environ={"LOYALTY_COMPANY": journey}).company == "corner_shop"


def test_a_company_is_a_name_a_folder_or_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "corner_shop"
    folder.mkdir()
    file = write(tmp_path, GOOD).rename(folder / "settings.yml")
    assert load_settings(folder, environ={}).folder == load_settings(file, environ={}).folder == folder
    named = load_settings("generated", environ={})
    assert named.folder == PROJECT_ROOT / "companies" / "generated"
    with pytest.raises(UserError, match=r'generate: no such company \(did you mean "generated"\?\)'):
        load_settings("generate", environ={})


def test_a_source_is_found_where_its_variable_says(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    environ = {"LOYALTY_INPUT_PATH_TILL": str(tmp_path / "till")}
    settings = load_settings(file, environ=environ)
    assert settings.sources["till"].input_path == tmp_path / "till"
    assert settings.sources["shop"].input_path == PROJECT_ROOT / "data" / "landing" / "shop"


def test_relative_paths_start_at_the_project_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(write(tmp_path, {**GOOD, "home": "data/corner_home"}), environ={})
    home = PROJECT_ROOT / "data" / "corner_home"
    assert (settings.home, settings.warehouse_path) == (home, home / "warehouse.duckdb")
    assert settings.published_path == home / "published" / "loyalty.duckdb"


def test_settings_do_not_change() -> None:
    settings = load_settings(environ={})
    with pytest.raises(ValidationError):
        settings.company = "another"  # type: ignore[misc]
    assert isinstance(settings, Settings)
