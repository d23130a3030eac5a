"""Which settings a step learns from: those that it names, all of them, and no others."""

from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest

from dagster_project.steps.base import NamedSettings, Step, StepInputs, UnnamedSettingError
from dagster_project.steps.input_key import input_key, setting_values
from dagster_project.steps.registry import STEPS
from tests.support.company import Company
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

# Another valid value of each setting that a step names.
OTHER_VALUES: dict[str, Any] = {
    "seed": 7,
    "churn_horizon_days": 45,
    "churn.trials": 3,
    "churn.bands": (0.1, 0.4, 0.9),
    "assumed.margin_rate": 0.4,
    "assumed.reward_response_rate": 0.2,
    "rewards.budget_amount": Decimal(123),
    "rewards.caps": {"coupon": Decimal(5)},
}
# And of settings that no step may depend on: what they decide reaches the steps through the tables they read.
UNRELATED = {
    "abuse.returned_orders": 9,
    "rfm.minimum_customers": 7,
    "points.expiry_months": 3,
    "publish.keep": 9,
    "retention.score_days": 9,
    "language": "zh",
    "threads": 1,
    "assumed.redemption_rate": 0.1,
}

each_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)


class Recorder:
    """Settings that note which of them were read, as dotted names."""

    def __init__(self, settings: Any, read: set[str], section: str = "") -> None:
        self._settings, self._read, self._section = settings, read, section

    def __getattr__(self, name: str) -> Any:
        value, path = getattr(self._settings, name), f"{self._section}{name}"
        if type(value).__module__ == Settings.__module__:
            return Recorder(value, self._read, f"{path}.")
        self._read.add(path)
        return value


def changed(settings: Settings, name: str, value: Any) -> Settings:
    *sections, key = name.split(".")
    update: Any = {key: value}
    if sections:
        update = {sections[0]: getattr(settings, sections[0]).model_copy(update=update)}
    return settings.model_copy(update=update)


def keys(step: Step, own: Company, settings: Sequence[Settings]) -> list[str]:
    with connect(own.settings.warehouse_path, read_only=True) as connection:
        row = connection.execute("select as_of_date from intermediate.int_run_dates").fetchone()
        assert row is not None
        return [input_key(step, one, connection, row[0]) for one in settings]


def test_every_named_setting_exists_and_has_another_value_here() -> None:
    settings = load_settings(environ={})
    named = {name for step in STEPS for name in step.settings}
    assert named == set(OTHER_VALUES)
    for name, value in {**OTHER_VALUES, **UNRELATED}.items():
        assert reduce(getattr, name.split("."), settings) != value, name
    for step in STEPS:
        assert list(setting_values(step, settings)) == list(step.settings)


@each_step
def test_a_change_of_a_named_setting_moves_the_key_and_no_other_does(step: Step, built: Company) -> None:
    values = {**OTHER_VALUES, **UNRELATED}
    variants = [changed(built.settings, name, value) for name, value in values.items()]
    before, *after = keys(step, built, [built.settings, *variants])
    assert {name for name, key in zip(values, after, strict=True) if key != before} == set(step.settings)


@each_step
def test_a_step_reads_the_settings_that_it_names(step: Step, built: Company, tmp_path: Any) -> None:
    read: set[str] = set()
    recorder: Any = Recorder(built.settings, read)
    with connect(built.settings.warehouse_path, read_only=True) as connection:
        row = connection.execute("select as_of_date from intermediate.int_run_dates").fetchone()
        assert row is not None
        result = step.learn(StepInputs(connection, row[0], recorder, tmp_path))
    assert set(result.frames) == set(step.tables)
    assert read == set(step.settings)


def test_a_setting_that_is_not_named_cannot_be_read() -> None:
    settings = NamedSettings(load_settings(environ={}), ["seed", "churn.bands"])
    assert settings.seed == 20170101 and settings.churn.bands == (0.2, 0.5, 0.8)
    with pytest.raises(UnnamedSettingError, match=r"reads the setting churn\.trials, which is not among"):
        _ = settings.churn.trials
    with pytest.raises(UnnamedSettingError, match="abuse"):
        _ = settings.abuse
