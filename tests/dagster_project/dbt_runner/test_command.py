"""dbt's command lines."""

import json
from pathlib import Path

import pytest
from dbt.clients.jinja import get_rendered

from dagster_project.dbt_runner.command import build_arguments, command_line, develop_arguments, profile_environment
from warehouse.settings import Settings


def test_a_build_names_its_nodes_and_no_test_beyond_them() -> None:
    plain = ["build", "--indirect-selection", "empty", "--no-write-json", "--select", "a", "b"]
    assert build_arguments(["a", "b"]) == plain
    assert build_arguments(["a", "b"], full_refresh=True) == [*plain, "--full-refresh"]


def test_a_command_line_is_quiet_and_writes_into_its_target_path_alone(tmp_path: Path) -> None:
    line = command_line(["build"], {"a": {"b": "'c' \"d\""}}, "warehouse", tmp_path, tmp_path / "dbt")
    assert line.index("--quiet") < line.index("build") < line.index("--vars")
    options = dict(zip(line[line.index("build") + 1 :: 2], line[line.index("build") + 2 :: 2], strict=True))
    assert json.loads(options.pop("--vars")) == {"a": {"b": "'c' \"d\""}}
    assert options == {
        "--target": "warehouse",
        "--target-path": str(tmp_path),
        "--log-path": str(tmp_path / "logs"),
        "--project-dir": str(tmp_path / "dbt"),
        "--profiles-dir": str(tmp_path / "dbt"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "Moe's",
        "{{ 1 / 0 }}",
        '"{{ x }}" }}',
        "{% endraw %}{% for a in b %}",
        "\\{{ \\",
        '{# " #}',
        "店{{店",
        "😀{",
        "a\nb{",
    ],
)
def test_a_variable_is_no_template(text: str) -> None:
    """dbt renders a variable with Jinja when a model asks for it."""
    line = command_line(["build"], {"company": text, "messages": {"url": "{id}"}}, "warehouse", Path("t"), Path("d"))
    variables = json.loads(line[line.index("--vars") + 1])
    assert get_rendered(variables["company"], {}) == text
    assert variables["messages"] == {"url": "{id}"}


def test_an_analysts_build_takes_all_else_from_the_publication(tmp_path: Path) -> None:
    arguments = develop_arguments(["fct_orders"], tmp_path / "a" / ".." / "published")
    assert arguments == [
        "build", "--select", "fct_orders", "--defer", "--favor-state", "--state", str(tmp_path / "published"),
    ]  # fmt: skip


def test_the_profile_reads_the_files_of_the_home(settings: Settings, tmp_path: Path) -> None:
    assert profile_environment(settings) == {
        "LOYALTY_WAREHOUSE_PATH": str(tmp_path / "warehouse.duckdb"),
        "LOYALTY_DEV_PATH": str(tmp_path / "dev.duckdb"),
        "LOYALTY_WORK_PATH": str(tmp_path / "published" / "work.duckdb"),
    }
