"""The code that a step's results depend on: its own file, and every file of ml/ that this imports."""

import ast
import inspect
from pathlib import Path

import pytest

from dagster_project.steps.base import Step
from dagster_project.steps.input_key import code_key, code_paths
from dagster_project.steps.registry import STEPS
from warehouse.settings import PROJECT_ROOT


def imported(file: Path) -> set[Path]:
    """The files of ml/ that a file imports, wherever in it."""
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ml":
            modules |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    paths = [PROJECT_ROOT.joinpath(*module.split(".")) for module in modules]
    found = {path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for path in paths}
    return {file for file in found if file.is_file()}


def reached(start: Path) -> set[Path]:
    found, waiting = set(), [start]
    while waiting:
        new = imported(waiting.pop()) - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_steps_key_covers_the_packages_that_it_imports(step: Step) -> None:
    own = Path(inspect.getfile(step.learn))
    needed = {file.parent for file in reached(own)}
    assert needed and own in code_paths(step)
    assert {path for path in code_paths(step) if path.is_dir()} == needed | {PROJECT_ROOT / "ml" / "common"}


def test_a_step_file_is_named_once_and_every_file_has_its_step() -> None:
    files = {Path(inspect.getfile(step.learn)) for step in STEPS}
    folder = PROJECT_ROOT / "dagster_project" / "steps"
    shared = {"__init__.py", "base.py", "input_key.py", "registry.py"}
    assert files == {file for file in folder.glob("*.py") if file.name not in shared}
    assert len(files) == len(STEPS)


def test_steps_of_other_code_have_other_keys() -> None:
    assert len({code_key(step) for step in STEPS}) == len(STEPS)
