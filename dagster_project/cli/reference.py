"""docs/settings.md and docs/sources.md: every key that people can write, as the typed models declare it."""

import types
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from warehouse.ingest.mappings import Mapping
from warehouse.ingest.sources import SourceConfig
from warehouse.settings import ENVIRONMENT_KEYS, PROJECT_ROOT, Settings

# Sections that have a page of their own.
ELSEWHERE = (Mapping,)
WORDS = {bool: "true or false", int: "whole number", float: "number", Decimal: "number", date: "day", Path: "path"}
LIMITS = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
HEADER = ["| key | type | default | what it says | example |", "|---|---|---|---|---|"]


class Key(NamedTuple):
    """One key of a section."""

    section: str
    name: str
    field: FieldInfo
    example: Any


def reference_pages() -> dict[str, str]:
    """The pages by file name, in Markdown."""
    variables = ", ".join(f"`{variable}` (`{key}`)" for variable, key in ENVIRONMENT_KEYS.items())
    return {
        "settings.md": _page(
            "settings.yml",
            "Every key of a company's `settings.yml`; `loyalty docs` writes this page. Keys without a default are"
            f" required. These environment variables take precedence: {variables}. Secrets are in environment"
            " variables that the settings name, and nowhere else.",
            Settings,
        ),
        "sources.md": _page(
            "sources/SOURCE.yml",
            "Every key of a source's file; `loyalty docs` writes this page. [input.md](input.md) describes what may be"
            " delivered and what becomes of it, [mapping.md](mapping.md) the keys of `mapping`.",
            SourceConfig,
        ),
    }


def keys_of(model: type[BaseModel]) -> Iterator[Key]:
    """Every key of the model and of its sections, in the order of the page."""
    for place, section in _sections(model):
        for name, field in _fields(section):
            yield Key(place, name, field, _example(field))


def _page(title: str, introduction: str, model: type[BaseModel]) -> str:
    parts = [f"# {title}", introduction]
    for place, section in _sections(model):
        if place:
            parts += [f"## {place}", _one_line(section.__doc__ or "")]
        parts.append("\n".join([*HEADER, *(_row(name, field) for name, field in _fields(section))]))
    return "\n\n".join(parts) + "\n"


def _fields(section: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(name, field) for name, field in section.model_fields.items() if not field.exclude]


def _sections(section: type[BaseModel], place: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """The model itself and then the sections in it, as `tables.NAME.columns.NAME` is one."""
    yield place, section
    for name, field in _fields(section):
        inner, is_by_name = _section_in(field.annotation)
        if inner is not None and not issubclass(inner, ELSEWHERE):
            path = f"{place}.{name}" if place else name
            yield from _sections(inner, f"{path}.NAME" if is_by_name else path)


def _section_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The section in a type, and whether there is one for each name."""
    kind, _ = _peeled(annotation)
    if get_origin(kind) is dict:
        return _section_in(get_args(kind)[1])[0], True
    return (kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None), False


def _peeled(annotation: Any) -> tuple[Any, list[Any]]:
    """A type without `Annotated` and `| None` around it, and their metadata, the innermost last."""
    said: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            for one in more:
                said += [one, *one.metadata] if isinstance(one, FieldInfo) else [one]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(option for option in get_args(annotation) if option is not type(None))
        else:
            return annotation, said


def _row(name: str, field: FieldInfo) -> str:
    has_section = _section_in(field.annotation)[0] is not None
    example = _example(field)
    cells = [
        f"`{name}`",
        _type(field.annotation, field.metadata),
        "" if field.is_required() or has_section else _shown(field.default),
        _one_line(field.description or ""),
        "" if has_section and not isinstance(example, dict | list) else f"`{name}: {_yaml(example)}`",
    ]
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _type(annotation: Any, outer: list[Any]) -> str:
    kind, said = _peeled(annotation)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{_yaml(option)}`" for option in get_args(kind))
    if get_origin(kind) is dict:
        return f"by name: {_type(get_args(kind)[1], [])}"
    if get_origin(kind) is tuple:
        first, *more = get_args(kind)
        return f"list of {_type(first, [])}" if more == [...] else f"list of {len(more) + 1}: {_type(first, [])}"
    if _section_in(kind)[0] is not None:
        return "section"
    limits = {side: getattr(limit, side) for limit in [*said, *outer] for side in LIMITS if hasattr(limit, side)}
    told = (f" {word} {_limit(limits[side])}" for side, word in LIMITS.items() if side in limits)
    return WORDS.get(kind, "text") + "".join(told)


def _limit(value: Any) -> str:
    return str(value) if isinstance(value, date) else f"{int(value):,}" if value == int(value) else str(value)


def _example(field: FieldInfo) -> Any:
    """The example that is declared, or else the default."""
    _, said = _peeled(field.annotation)
    declared = [field.examples, *(one.examples for one in said if isinstance(one, FieldInfo))]
    return next((examples[0] for examples in declared if examples), field.default)


def _shown(default: Any) -> str:
    return "" if default in ((), {}, "") else "none" if default is None else f"`{_yaml(default)}`"


def _yaml(value: Any) -> str:
    """A value on one line, as it is written in the file."""
    if isinstance(value, Path):
        value = str(value.relative_to(PROJECT_ROOT) if value.is_relative_to(PROJECT_ROOT) else value)
    if isinstance(value, tuple):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())
