"""dbt/entities.yml, typed: the input entities that the rows of every source are mapped to.

Staging models bring these columns under these names; dbt judges every row of every source by these rules. An unknown
key, a wrong type or a contradiction is a UserError that names the entity and the key.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import duckdb
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from warehouse.errors import UserError, nearest
from warehouse.settings import PROJECT_ROOT
from warehouse.yaml_files import read_yaml

ENTITIES_FILE = PROJECT_ROOT / "dbt" / "entities.yml"
TEXT = "text"
NAME = "^[a-z][a-z0-9_]*$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EntityColumn(_Section):
    """One column of an entity: `text` or another DuckDB type, and whether an accepted row may lack it.

    `prefixed`: an id, which takes its source's prefix. `may_lie_ahead`: a date that may be later than its delivery.
    """

    type: str
    need: Literal["key", "required", "optional"] = "optional"
    prefixed: bool = False
    may_lie_ahead: bool = False

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        try:
            duckdb.sqltype(value)
        except duckdb.Error as error:
            raise ValueError(f'"{value}" is no DuckDB type') from error
        return value

    @model_validator(mode="after")
    def _text_takes_a_prefix(self) -> Self:
        if self.prefixed and self.type != TEXT:
            raise ValueError(f"only text takes a source's prefix, and this is {self.type}")
        return self


class EntityRule(_Section):
    """A condition for wrong rows, as SQL over the entity's columns, and the reason for their rejection."""

    wrong: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]


class Entity(_Section):
    """One input entity."""

    description: str
    delivered_with: str | None = None
    reconciled: bool = True
    columns: Annotated[dict[Annotated[str, Field(pattern=NAME)], EntityColumn], Field(min_length=1)]
    rules: tuple[EntityRule, ...] = ()

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if not self.key:
            raise ValueError("no column is its key; say `need: key` at one or more")
        return self

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by which a row supersedes its earlier version."""
        return tuple(name for name, column in self.columns.items() if column.need == "key")

    @property
    def required(self) -> tuple[str, ...]:
        """The columns, including the key, that a staging model must have."""
        return tuple(name for name, column in self.columns.items() if column.need != "optional")


@cache
def load_entities(file: Path = ENTITIES_FILE) -> dict[str, Entity]:
    """The registry of `file`, by name, in the file's order. Raises UserError with every problem found, one a line."""
    values = read_yaml(file, "`entity:` sections at the top level").values
    entities: dict[str, Entity] = {}
    problems: list[str] = []
    for name, section in values.items():
        try:
            entities[name] = Entity.model_validate(section)
        except ValidationError as error:
            problems += [_explain(str(name), dict(detail), file) for detail in error.errors()]
    problems = problems or [f"{file}: {problem}." for problem in _contradictions(entities)]
    if problems:
        raise UserError("\n".join(problems))
    return entities


def staged_entities(entities: dict[str, Entity]) -> list[str]:
    """The entities that staging models are named after; the others come with one of them."""
    return [name for name, entity in entities.items() if entity.delivered_with is None]


def delivered_columns(entities: dict[str, Entity], name: str) -> dict[str, EntityColumn]:
    """The columns of an entity and of those that are delivered with it, as one staging model brings them."""
    others = [entity for entity in entities.values() if entity.delivered_with == name]
    return {column: kind for one in [*others, entities[name]] for column, kind in one.columns.items()}


def prefixed_columns(entities: dict[str, Entity]) -> list[str]:
    """The columns whose values take a source's prefix: two sources may use the same number for different things."""
    names = {column: None for entity in entities.values() for column, kind in entity.columns.items() if kind.prefixed}
    return list(names)


def _contradictions(entities: dict[str, Entity]) -> list[str]:
    problems = []
    prefixed = set(prefixed_columns(entities))
    for name, entity in entities.items():
        bringer = entity.delivered_with
        if bringer is not None and (bringer not in entities or entities[bringer].delivered_with is not None):
            problems.append(f"{name}.delivered_with: {bringer} is no entity with staging models of its own")
        for column, kind in entity.columns.items():
            if column in prefixed and not kind.prefixed:
                problems.append(
                    f"{name}.columns.{column}: another entity's {column} takes the source's prefix;"
                    " say `prefixed: true` here too"
                )
    return problems


def _explain(entity: str, detail: dict[str, Any], file: Path) -> str:
    location = [str(part) for part in detail["loc"] if part != "[key]"]
    place = ".".join([entity, *location])
    if detail["type"] == "extra_forbidden":
        sections: dict[str, type[BaseModel]] = {"columns": EntityColumn, "rules": EntityRule}
        section = sections.get(location[0], Entity)
        return f'{file}: unknown key "{place}"{nearest(location[-1], section.model_fields)}.'
    if detail["type"] == "missing":
        return f'{file}: the key "{place}" is missing; add it.'
    found = f" (found {detail['input']!r})" if isinstance(detail["input"], str | int | float | bool) else ""
    return f"{file}: {place}: {detail['msg'].removeprefix('Value error, ')}{found}."
