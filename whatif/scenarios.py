"""What-if scenarios: named changes of the programme's rules, checked like settings before anything is computed.

A change sets a value ("tiers.Gold.threshold_amount=600") or scales today's ("tiers.all.earn_rate=1.5x"). The SQL
defines what the rules mean; nothing here computes a tier or a point.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from warehouse.errors import UserError, nearest
from warehouse.settings import PointsSettings, Settings
from warehouse.values import Amount, MoneyRate, one_line
from warehouse.yaml_files import read_yaml, shown_value

TODAY, CHANGED, BEST = "today", "changed", "best found"
ALL = "all"
VALUE = re.compile(r"(\d+(?:\.\d+)?)(x?)")
SMALLEST = Decimal("0.0001")

# A part of the programme's rules: a tier's row by version and rank, or "points" or "money".
Part = tuple[str, int] | str


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TierRule(_Rules):
    """The values of a row of the seed tier_rules that a scenario may change; the row is named by version and rank."""

    threshold_amount: Amount
    earn_rate: Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=4)]
    validity_months: Annotated[int, Field(ge=2, le=1200)]
    grace_days: Annotated[int, Field(ge=0, le=36500)]
    keep_rate: Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)]


@dataclass(frozen=True)
class TierRow:
    """A tier's rule in one version of the rules."""

    rule_version: str
    tier_rank: int
    tier: str
    rule: TierRule


class MoneyRules(_Rules):
    """The value of a point, and the total cost of campaigns."""

    point_value_amount: MoneyRate
    budget_amount: Amount


@dataclass(frozen=True)
class Programme:
    """The rules of one programme: the tiers of every version, points, and money."""

    tiers: tuple[TierRow, ...]
    points: PointsSettings
    money: MoneyRules

    @property
    def tier_names(self) -> list[str]:
        """The names of the tiers, lowest first."""
        return list(dict.fromkeys(row.tier for row in sorted(self.tiers, key=lambda row: row.tier_rank)))

    def applied_to(self, settings: Settings) -> Settings:
        """The settings with this programme's rules, for the SQL that reads them from there."""
        assumed = settings.assumed.model_copy(update={"point_value_amount": self.money.point_value_amount})
        return settings.model_copy(update={"points": self.points, "assumed": assumed})


@dataclass(frozen=True)
class Scenario:
    """A name, and the changes by key: a number as text, or a multiple of today's such as "1.5x"."""

    name: str
    changes: Mapping[str, str]


def scenario_of(arguments: Sequence[str]) -> Scenario:
    """The scenario of `KEY=VALUE` arguments. Raises UserError for one without a `=`, or a key given twice."""
    changes: dict[str, str] = {}
    for argument in arguments:
        key, sign, value = argument.partition("=")
        if not sign:
            raise UserError(f"--set {argument}: expected KEY=VALUE, such as points.expiry_months=6.")
        if key.strip() in changes:
            raise UserError(f'--set {argument}: "{key.strip()}" is set twice; keep one.')
        changes[key.strip()] = value.strip()
    return Scenario(CHANGED, changes)


def read_scenarios(file: Path) -> list[Scenario]:
    """The scenarios of a YAML file, `name: {key: value}`; keys may be nested or dotted. Raises UserError."""
    expected = "one `name: {key: value}` a scenario, such as `short: {budget: 2x}`"
    values = read_yaml(file, expected).values
    if not all(isinstance(changes, dict) and changes for changes in values.values()):
        raise UserError(f"{file}: expected {expected}.")
    scenarios = [Scenario(str(name), dict(_flat(changes))) for name, changes in values.items()]
    for scenario in scenarios:
        for text in (scenario.name, *scenario.changes, *scenario.changes.values()):
            try:
                one_line(text)
            except ValueError as error:
                raise UserError(f"{file}: {shown_value(text)} of a scenario: {error}.") from error
    taken = [name for name in (TODAY, CHANGED, BEST) if name in values]
    if taken:
        raise UserError(f'{file}: "{taken[0]}" names a column of its own; give the scenario another name.')
    return scenarios


def _flat(values: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", str(value)


def changed(today: Programme, scenario: Scenario) -> Programme:
    """Today's programme with the scenario's changes, in their order.

    Raises UserError naming the scenario, the key and the nearest valid one, for a value that is no number or out of
    bounds, where a higher tier's threshold is not above the one below, and for a budget if campaigns cost nothing so
    far, because then no spending shows what it would bring.
    """
    places = _places(today)
    before: dict[Part, Any] = {_part(row): row.rule for row in today.tiers}
    before |= {"points": today.points, "money": today.money}
    parts = dict(before)
    for key, text in scenario.changes.items():
        if key not in places:
            raise UserError(f'{scenario.name}: unknown key "{key}"{nearest(key, places)}. Known: {_listed(places)}.')
        targets, name = places[key]
        for target in targets:
            try:
                value = _value(text, getattr(before[target], name))
                parts[target] = type(parts[target]).model_validate({**parts[target].model_dump(), name: value})
            except ValueError as error:  # pydantic's are of this kind
                raise UserError(f'{scenario.name}: "{key}": {_reason(error)} (found {text!r}).') from error
    rows = tuple(replace(row, rule=parts[_part(row)]) for row in today.tiers)
    programme = Programme(rows, parts["points"], parts["money"])
    _require_ascending(programme, scenario.name)
    if programme.money.budget_amount and not today.money.budget_amount:
        raise UserError(
            f'{scenario.name}: "budget": campaigns cost nothing so far, so nothing tells what one would bring.'
        )
    return programme


def _part(row: TierRow) -> Part:
    return row.rule_version, row.tier_rank


def _places(today: Programme) -> dict[str, tuple[list[Part], str]]:
    """For each valid key, the parts of the programme that it changes and the name of the value in them."""
    places: dict[str, tuple[list[Part], str]] = {}
    for tier in (ALL, *today.tier_names):
        rows = [_part(row) for row in today.tiers if tier in (ALL, row.tier)]
        places |= {f"tiers.{tier}.{name}": (rows, name) for name in TierRule.model_fields}
    places |= {f"points.{name}": (["points"], name) for name in PointsSettings.model_fields}
    return {
        **places,
        "assumed.point_value_amount": (["money"], "point_value_amount"),
        "budget": (["money"], "budget_amount"),
    }


def _listed(places: Iterable[str]) -> str:
    tiers = [key.removeprefix(f"tiers.{ALL}.") for key in places if key.startswith(f"tiers.{ALL}.")]
    rest = [key for key in places if not key.startswith("tiers.")]
    return ", ".join([f"tiers.<tier or {ALL}>.{{{', '.join(tiers)}}}", *rest])


def _value(text: str, today: Any) -> Decimal:
    match = VALUE.fullmatch(text)
    if not match:
        raise ValueError("expected a number, or a multiple of today's such as 1.5x")
    number = Decimal(match[1])
    return (number * Decimal(str(today))).quantize(SMALLEST, ROUND_HALF_UP) if match[2] else number


def _reason(error: ValueError) -> str:
    return error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)


def _require_ascending(programme: Programme, scenario: str) -> None:
    rows = sorted(programme.tiers, key=lambda row: (row.rule_version, row.tier_rank))
    for row in rows:
        if row.tier_rank == 1 and row.rule.threshold_amount:
            raise UserError(f'{scenario}: everybody holds the lowest tier, so the threshold of "{row.tier}" stays 0.')
    for below, above in pairwise(rows):
        if below.rule_version == above.rule_version and above.rule.threshold_amount <= below.rule.threshold_amount:
            raise UserError(
                f'{scenario}: the threshold of "{above.tier}" is {above.rule.threshold_amount}, which is not above '
                f'that of "{below.tier}", {below.rule.threshold_amount}; change both.'
            )
