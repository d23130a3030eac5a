"""The one way to check a company's smaller YAML files against their types: plans, audiences, sections of the report."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from warehouse.errors import UserError, nearest
from warehouse.values import what_is_wrong
from warehouse.yaml_files import YamlFile, shown_value

Typed = TypeVar("Typed", bound=BaseModel)


def validated(read: YamlFile, model: type[Typed]) -> Typed:
    """The values of a file as `model` types them. Raises UserError with file, line and key of everything wrong."""
    try:
        return model.model_validate(read.values)
    except ValidationError as error:
        raise UserError("\n".join(_problem(read, model, detail) for detail in error.errors())) from error


def _problem(read: YamlFile, model: type[BaseModel], detail: Mapping[str, Any]) -> str:
    *parents, key = detail["loc"] or ("",)
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = _section(model, parents).model_fields
        return f'{read.place(detail["loc"])}: unknown key "{name}"{nearest(str(key), known)}.'
    if detail["type"] == "missing":
        return f'{read.place(detail["loc"])}: the key "{name}" is missing; add it.'
    found = "" if isinstance(detail["input"], dict | BaseModel) else f" (found {shown_value(detail['input'])})"
    told = f'"{name}": ' if name else ""
    return f"{read.place(detail['loc'])}: {told}{what_is_wrong(detail['msg'])}{found}."


def _section(model: type[BaseModel], parents: Iterable[Any]) -> type[BaseModel]:
    for part in parents:
        if part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a type stands for, or a list of it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
