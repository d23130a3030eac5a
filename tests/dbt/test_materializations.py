"""Own materializations: what they write, what they refuse, and whether those of the installed dbt do anything new."""

import json
import re
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest

from dagster_project.dbt_runner.project import DbtProject
from tests.support.company import Company
from warehouse.sql import connect

CALL = re.compile(r"(?<![\w.])((?:adapter\.)?[a-z_]+)\(")
# Everything that the installed materializations call. Another call is a step that the project's own may have to take.
TABLE_CALLS = {
    "adapter.commit", "adapter.rename_relation", "adapter.use_ducklake_table_workarounds", "apply_grants", "call",
    "create_indexes", "create_table_as", "drop_foreign_key_dependents", "drop_indexes_on_relation",
    "drop_relation_for_rebuild", "drop_relation_if_exists", "duckdb__alter_table_set_partitioned_by",
    "duckdb__alter_table_set_sorted_by", "duckdb__get_partitioned_by", "duckdb__get_sorted_by",
    "has_foreign_key_constraints", "load_cached_relation", "make_backup_relation", "make_intermediate_relation",
    "may_be_foreign_key_target", "persist_docs", "restore_foreign_key_dependents", "return", "run_hooks",
    "should_revoke", "statement",
}  # fmt: skip
VIEW_CALLS = {
    "adapter.commit", "adapter.rename_relation", "apply_grants", "drop_relation_if_exists", "get_create_view_as_sql",
    "load_cached_relation", "make_backup_relation", "make_intermediate_relation", "persist_docs", "return",
    "run_hooks", "should_revoke", "statement",
}  # fmt: skip


def calls(package: str, file: str) -> set[str]:
    text = (files(package) / "macros" / "materializations" / file).read_text(encoding="utf-8")
    statements = re.findall(r"\{[%{](.*?)[%}]\}", text, re.DOTALL)
    return {name for statement in statements for name in CALL.findall(statement)}


def test_the_installed_materializations_do_what_they_did() -> None:
    assert version("dbt-duckdb").startswith("1.11.")
    assert calls("dbt.include.duckdb", "table.sql") == TABLE_CALLS - {"call"}
    assert calls("dbt.include.global_project", "models/view.sql") == VIEW_CALLS


def test_descriptions_are_comments_of_tables_views_and_columns(built: Company) -> None:
    manifest = DbtProject(built.settings).manifest()
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    expected = {
        (node["schema"], node["name"], name): column["description"]
        for node in models
        if node["config"]["materialized"] in ("table", "view") and node["config"]["persist_docs"].get("columns")
        for name, column in node["columns"].items()
    }
    with connect(built.settings.warehouse_path, read_only=True) as connection:
        rows = connection.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns()"
        ).fetchall()
    found = {(schema, table, column): comment for schema, table, column, comment in rows}
    assert expected and {key: found.get(key) for key in expected} == expected
    assert any("'" in text for text in expected.values()), "no description needs quoting"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "asked"),
    [
        ({"grants": {"select": ["somebody"]}}, "grants"),
        ({"indexes": [{"columns": ["date_day"]}]}, "indexes"),
        ({"post_hook": [{"sql": "select 1", "transaction": False}]}, "hooks outside the transaction"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_they_leave_out_is_refused(
    built: Company, project_copy: Path, tmp_path: Path, config: dict[str, object], asked: str
) -> None:
    own = built.copy(tmp_path / "home")
    model = project_copy / "models" / "marts" / "core" / "dim_dates.sql"
    arguments = ", ".join(f"{name}={json.dumps(value).replace('false', 'False')}" for name, value in config.items())
    model.write_text(f"{{{{ config({arguments}) }}}}\n{model.read_text(encoding='utf-8')}", encoding="utf-8")
    (result,) = DbtProject(own.settings).build(["dim_dates"])
    assert result.status == "error" and f"dim_dates asks for {asked}, which" in result.message
