"""Scenarios: what is changed, what stays, and what a mistake is told as."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from warehouse.errors import UserError
from warehouse.settings import PointsSettings
from whatif.scenarios import MoneyRules, Programme, Scenario, TierRow, TierRule, changed, read_scenarios, scenario_of


def row(version: str, rank: int, tier: str, threshold: str, rate: str) -> TierRow:
    rule = TierRule(
        threshold_amount=Decimal(threshold),
        earn_rate=Decimal(rate),
        validity_months=12,
        grace_days=30,
        keep_rate=Decimal("0.8"),
    )
    return TierRow(version, rank, tier, rule)


TODAY = Programme(
    (
        row("1", 1, "Bronze", "0", "1"),
        row("1", 2, "Silver", "200", "1.25"),
        row("1", 3, "Gold", "500", "1.5"),
        row("2", 1, "Bronze", "0", "1"),
        row("2", 2, "Silver", "300", "1.25"),
        row("2", 3, "Gold", "600", "1.5"),
    ),
    PointsSettings(),
    MoneyRules(point_value_amount=0.01, budget_amount=Decimal("1000")),
)


def thresholds(programme: Programme) -> list[Decimal]:
    return [one.rule.threshold_amount for one in programme.tiers]


def test_a_value_is_set_in_every_version_and_nothing_else_moves() -> None:
    now = changed(TODAY, scenario_of(["tiers.Gold.threshold_amount=650.5"]))
    assert thresholds(now) == [0, 200, Decimal("650.5"), 0, 300, Decimal("650.5")]
    assert (now.points, now.money) == (TODAY.points, TODAY.money)
    assert [one.rule.earn_rate for one in now.tiers] == [one.rule.earn_rate for one in TODAY.tiers]


def test_a_multiple_is_of_todays_value_however_often_it_was_changed_before() -> None:
    now = changed(TODAY, scenario_of(["tiers.all.threshold_amount=1.1x", "tiers.Gold.threshold_amount=2x"]))
    assert thresholds(now) == [0, 220, 1000, 0, 330, 1200]
    assert changed(TODAY, scenario_of(["budget=1.5x"])).money.budget_amount == 1500
    assert changed(TODAY, scenario_of(["points.expiry_months=0.5x"])).points.expiry_months == 6


def test_points_are_changed_where_the_sql_reads_them() -> None:
    from warehouse.settings import DEFAULT_SETTINGS, load_settings

    settings = load_settings(DEFAULT_SETTINGS, environ={})
    changes = ["points.expiry_months=6", "points.return_window_days=14", "assumed.point_value_amount=2x"]
    applied = changed(TODAY, scenario_of(changes)).applied_to(settings)
    assert applied.points == PointsSettings(return_window_days=14, expiry_months=6)
    assert applied.assumed.point_value_amount == 0.02
    assert applied.assumed.redemption_rate == settings.assumed.redemption_rate


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["tiers.Glod.earn_rate=2"], 'unknown key "tiers.Glod.earn_rate" (did you mean "tiers.Gold.earn_rate"?)'),
        (["points.expiry_month=6"], 'unknown key "points.expiry_month" (did you mean "points.expiry_months"?)'),
        (["zzz=1"], 'unknown key "zzz". Known: tiers.<tier or all>.{threshold_amount, earn_rate'),
        (["tiers.Gold.earn_rate=lots"], '"tiers.Gold.earn_rate": expected a number, or a multiple of today\'s such as'),
        (["budget=-5"], '"budget": expected a number'),
        (["points.expiry_months=0"], '"points.expiry_months": Input should be greater than or equal to 1'),
        (["points.expiry_months=1.1x"], '"points.expiry_months": Input should be a valid integer'),
        (["tiers.all.keep_rate=2"], '"tiers.all.keep_rate": Input should be less than or equal to 1'),
        (["tiers.Gold.earn_rate=1.23456"], '"tiers.Gold.earn_rate": Decimal input should have no more than 4 decimal'),
        (["tiers.Gold.threshold_amount=250"], 'threshold of "Gold" is 250, which is not above that of "Silver", 300'),
        (["tiers.all.threshold_amount=500"], 'everybody holds the lowest tier, so the threshold of "Bronze" stays 0'),
    ],
)
def test_what_is_wrong_is_named_with_its_key(changes: list[str], told: str) -> None:
    with pytest.raises(UserError) as refused:
        changed(TODAY, scenario_of(changes))
    assert str(refused.value).startswith("changed: ")
    assert told in str(refused.value)


def test_a_budget_where_campaigns_cost_nothing_is_refused() -> None:
    nothing = replace(TODAY, money=MoneyRules(point_value_amount=0.01, budget_amount=Decimal(0)))
    with pytest.raises(UserError, match="campaigns cost nothing so far"):
        changed(nothing, scenario_of(["budget=100"]))
    assert changed(nothing, scenario_of(["budget=2x"])) == nothing


@pytest.mark.parametrize(
    ("arguments", "told"), [(["budget"], "expected KEY=VALUE"), (["budget=1", "budget=2"], '"budget" is set twice')]
)
def test_an_argument_that_is_no_change_is_refused(arguments: list[str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        scenario_of(arguments)


def test_a_file_may_nest_its_keys_or_dot_them(tmp_path: Path) -> None:
    file = tmp_path / "scenarios.yml"
    file.write_text("short: {points: {expiry_months: 6}, tiers.all.earn_rate: 2x}\nrich: {budget: 5}\n")
    assert read_scenarios(file) == [
        Scenario("short", {"points.expiry_months": "6", "tiers.all.earn_rate": "2x"}),
        Scenario("rich", {"budget": "5"}),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a\n", "expected one `name: {key: value}` a scenario"),
        ("short: 6\n", "expected one `name: {key: value}` a scenario"),
        ("today: {budget: 5}\n", '"today" names a column of its own'),
        ("best found: {budget: 5}\n", '"best found" names a column of its own'),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_a_file_that_holds_no_scenarios_is_refused(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "scenarios.yml"
    file.write_text(text)
    with pytest.raises(UserError) as refused:
        read_scenarios(file)
    assert str(refused.value).startswith(f"{file}: ") and told in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yml: cannot be read"):
        read_scenarios(tmp_path / "none.yml")


def test_a_multiple_is_rounded_half_up_to_four_decimals() -> None:
    now = changed(TODAY, scenario_of(["tiers.Silver.earn_rate=0.50002x", "tiers.Gold.earn_rate=0.5003x"]))
    rates = {one.tier: one.rule.earn_rate for one in now.tiers}
    assert rates["Silver"] == Decimal("0.6250")  # 0.625025
    assert rates["Gold"] == Decimal("0.7505")  # 0.75045


def test_equal_thresholds_are_not_ascending() -> None:
    with pytest.raises(UserError, match='threshold of "Gold" is 300, which is not above that of "Silver", 300'):
        changed(TODAY, scenario_of(["tiers.Gold.threshold_amount=300"]))


def test_a_value_may_hold_an_equals_sign() -> None:
    assert scenario_of(["budget=2=x"]).changes == {"budget": "2=x"}


def test_an_unknown_key_is_told_what_there_is() -> None:
    with pytest.raises(UserError) as refused:
        changed(TODAY, scenario_of(["zzz=1"]))
    rules = "threshold_amount, earn_rate, validity_months, grace_days, keep_rate"
    assert f"Known: tiers.<tier or all>.{{{rules}}}, points." in str(refused.value)
    assert str(refused.value).endswith(", assumed.point_value_amount, budget.")
