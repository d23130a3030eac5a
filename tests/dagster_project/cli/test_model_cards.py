"""docs/model_*.md: a card for each family of models, as the code that runs has it, and no step without a card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dagster_project.cli.model_cards import card_pages, cards
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.steps.registry import STEPS
from tests.support.company import generated_settings
from warehouse.settings import PROJECT_ROOT

# Steps that compare and describe, and foretell nothing.
NOT_MODELS = {"basket_pairs", "behaviour_correlations", "first_order_drivers"}


@pytest.fixture(scope="module")
def manifest(generated_manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    return DbtProject(generated_settings(tmp_path_factory.mktemp("home"), generated_manifests)).manifest()


@pytest.mark.parametrize("name", [card.page for card in cards()])
def test_the_page_is_what_the_code_says(name: str, manifest: Mapping[str, Any]) -> None:
    page = (PROJECT_ROOT / "docs" / name).read_text(encoding="utf-8")
    assert page == card_pages(manifest)[name], "run `loyalty docs`"


def test_every_step_that_foretells_has_a_card() -> None:
    told = [name for card in cards() for name in card.steps]
    assert sorted(told) == sorted({step.name for step in STEPS} - NOT_MODELS)


def test_a_card_names_the_columns_of_every_mart_that_shows_its_tables(manifest: Mapping[str, Any]) -> None:
    churn, rewards = (card_pages(manifest)[f"model_{name}.md"] for name in ("churn", "rewards"))
    assert "| `fct_churn_scores` | `churn_probability`, `churn_band`" in churn and "| `rpt_churn_curves` |" in churn
    assert "| `fct_campaign_results` |" in rewards and "| `fct_next_best_rewards` |" in rewards
