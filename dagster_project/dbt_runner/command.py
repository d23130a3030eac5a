"""dbt's command lines, as pure functions: the nodes to build, and where dbt reads and writes.

Spark's environment, which has dbt and none of the project's other packages, imports this too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warehouse.settings import Settings

QUIET = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-print")
PARSE = ("parse", "--no-partial-parse")


def build_arguments(selection: Sequence[str], full_refresh: bool = False) -> list[str]:
    """The part of a dbt command line with the nodes to build: the selected nodes, and no test beyond them."""
    refresh = ["--full-refresh"] if full_refresh else []
    return ["build", "--indirect-selection", "empty", "--no-write-json", "--select", *selection, *refresh]


def test_arguments(selection: Sequence[str]) -> list[str]:
    """The same for tests alone: `build` leaves out a unit test whose model it does not build."""
    return ["test", "--indirect-selection", "empty", "--no-write-json", "--select", *selection]


def compile_arguments(selection: Sequence[str]) -> list[str]:
    """The same for the SQL of the selected nodes alone: nothing is built."""
    return ["compile", "--no-write-json", "--no-populate-cache", "--no-introspect", "--select", *selection]


def develop_arguments(selection: Sequence[str], state_dir: Path) -> list[str]:
    """The same for an analyst: the selected nodes with their tests; all else is taken from `state_dir`'s manifest."""
    return ["build", "--select", *selection, "--defer", "--favor-state", "--state", str(state_dir.resolve())]


def command_line(
    arguments: Sequence[str], variables: Mapping[str, Any], target: str, target_path: Path, project_dir: Path
) -> list[str]:
    """The dbt command line, without the word dbt: quiet, on this project, all it writes in `target_path`."""
    return [
        *QUIET,
        *arguments,
        *("--target", target, "--target-path", str(target_path), "--log-path", str(target_path / "logs")),
        *("--project-dir", str(project_dir), "--profiles-dir", str(project_dir)),
        *("--vars", json.dumps(as_data(variables))),
    ]


def as_data(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables as dbt hands them over unchanged: it renders a text as Jinja, so that a name could run code.

    A text with a brace becomes the Jinja of that text as a constant. Texts within lists and sections are not rendered.
    """
    return {name: _constant(value) if isinstance(value, str) else value for name, value in variables.items()}


def _constant(text: str) -> str:
    if "{" not in text:
        return text
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'{{{{ "{escaped}" }}}}'


def profile_environment(settings: Settings) -> dict[str, str]:
    """The variables for dbt/profiles.yml: where the files are."""
    return {
        "LOYALTY_WAREHOUSE_PATH": str(settings.warehouse_path),
        "LOYALTY_DEV_PATH": str(settings.dev_path),
        "LOYALTY_WORK_PATH": str(settings.published_dir / "work.duckdb"),
    }
