"""All learning steps: every module of this folder that has a `STEP`."""

import pkgutil
from importlib import import_module

import dagster_project.steps
from dagster_project.steps.base import Step


def _found() -> list[Step]:
    package = dagster_project.steps
    modules = [import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
               if found.name != "registry"]  # fmt: skip
    return [module.STEP for module in modules if hasattr(module, "STEP")]


STEPS: tuple[Step, ...] = tuple(_found())
