"""A run that builds only what has changed leaves what one leaves that builds everything."""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.company import Company, Generated

BUILT = re.compile(r"done .* dbt: (?:(\d+) of )?(\d+) models")
PUBLISH = ("--select", "+published/loyalty")
SETTINGS: list[dict[str, Any]] = [
    {"abuse": {"window_days": 60}},
    {"assumed": {"margin_rate": 0.31}},
    {"churn_horizon_days": 45},
    {"exchange_rate_days": 3},
]
EDITED = ["macros/averages.sql", "models/marts/core/dim_products.sql", "models/intermediate/orders/int_orders.sql"]
PARTS = ["dim_products+", "int_orders", "fct_churn_scores+"]


def reset(one: Company, **changes: Any) -> None:
    values = yaml.safe_load(one.file.read_text(encoding="utf-8"))
    one.file.write_text(yaml.safe_dump({**values, **changes}, allow_unicode=True), encoding="utf-8")


def edit(file: Path) -> None:
    """The same SQL in other words."""
    file.write_text(file.read_text(encoding="utf-8") + "\n{# read once more #}\n", encoding="utf-8")


def built_counts(out: str) -> list[int]:
    """How many models each invocation of dbt built."""
    return [int(some or every) for some, every in BUILT.findall(out)]


@pytest.mark.slow
def test_nothing_is_built_twice_and_a_changed_mart_alone_is_built(
    built: Company, project_copy: Path, tmp_path: Path
) -> None:
    own = built.copy(tmp_path / "own")
    done = own.loyalty("run", *PUBLISH)
    assert (done.code, built_counts(done.out)) == (0, [0, 0, 0]), done.text
    assert own.marts() == built.marts()
    edit(project_copy / "models" / "marts" / "core" / "rpt_product_sales.sql")
    done = own.loyalty("run", *PUBLISH)
    assert (done.code, sum(built_counts(done.out))) == (0, 1), done.text
    assert own.marts() == built.marts()


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1, 12))
def test_after_any_changes_the_marts_are_those_of_a_whole_build(
    built: Company, generated: Generated, project_copy: Path, tmp_path: Path, seed: int
) -> None:
    own = built.copy(tmp_path / "own")
    changes: list[Callable[[], object]] = [
        *(lambda values=values: reset(own, **values) for values in SETTINGS),
        *(lambda name=name: edit(project_copy / name) for name in EDITED),
        *(lambda part=part: own.run("--select", part) for part in PARTS),
        lambda: reset(own, **generated.settings(generated.changed_folder)),
    ]
    for change in random.Random(seed).sample(changes, 4):
        change()
        own.run(*PUBLISH)
    everything = own.copy(tmp_path / "everything")
    everything.run("--force")
    assert own.marts_but_training_times() == everything.marts_but_training_times()
