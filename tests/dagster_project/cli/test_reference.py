"""docs/settings.md and docs/sources.md: every key with a sentence and an example that holds."""

from typing import Annotated

import pytest
from pydantic import BaseModel, TypeAdapter

from dagster_project.cli.reference import keys_of, reference_pages
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import PROJECT_ROOT, Settings


@pytest.mark.parametrize("name", ["settings.md", "sources.md"])
def test_the_page_is_what_the_models_say(name: str) -> None:
    page = (PROJECT_ROOT / "docs" / name).read_text(encoding="utf-8")
    assert page == reference_pages()[name], "run `loyalty docs`"


@pytest.mark.parametrize("model", [Settings, SourceConfig])
def test_every_key_has_a_sentence_and_an_example_that_is_accepted(model: type[BaseModel]) -> None:
    keys = list(keys_of(model))
    for key in keys:
        place = f"{key.section}.{key.name}"
        assert key.field.description and key.field.description.endswith("."), place
        TypeAdapter(Annotated[key.field.annotation, None, *key.field.metadata]).validate_python(key.example)
        assert key.example is not None or _is_section(key.field.annotation), place
    assert len({(key.section, key.name) for key in keys}) == len(keys) > 30
    assert not {"path", "model_config"} & {key.name for key in keys}


def test_ranges_choices_and_sections_by_name_are_told() -> None:
    settings, sources = reference_pages()["settings.md"], reference_pages()["sources.md"]
    assert "| `keep` | whole number from 1 to 1,000 | `5` | " in settings
    assert "| `reward_elasticity` | list of 2: number above 0 below 1 | `[0.3, 0.7]` | " in settings
    assert "| `language` | `en`, `zh` | `en` | " in settings
    assert "| `home` | path | `data` | " in settings and str(PROJECT_ROOT) not in settings
    assert "\n## tables.NAME.columns.NAME\n" in sources and "| `tables` | by name: section |" in sources
    assert r"`'\|'`" in sources


def _is_section(annotation: object) -> bool:
    return any(section in str(annotation) for section in ("DatabaseConfig", "PostgresSettings"))
