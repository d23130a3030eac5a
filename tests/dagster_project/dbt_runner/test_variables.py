"""What dbt is told: above all the signature that says whether the kept order history is still as it would be built."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.source_models import FOLDER
from dagster_project.dbt_runner.variables import HISTORY_PATHS, run_variables
from warehouse.settings import PROJECT_ROOT, load_settings

KEPT_MODELS = ("int_changed_order_lines", "int_order_line_versions", "int_order_days")
PACKAGE = "loyalty_warehouse"


def signature() -> str:
    return run_variables(load_settings(environ={}))["history_signature"]


def changed(file: Path) -> str:
    """The signature once a line was added to `file`."""
    file.write_text(f"{file.read_text(encoding='utf-8')}\n-- changed\n", encoding="utf-8")
    return signature()


def files_of(manifest: Mapping[str, Any], unique_id: str, seen: set[str]) -> Iterator[str]:
    """The project's files that a node is made of: its own, its parents' and its macros'."""
    if unique_id in seen:
        return
    seen.add(unique_id)
    node = manifest["nodes"].get(unique_id) or manifest["macros"].get(unique_id)
    if node is None or node["package_name"] != PACKAGE:
        return
    yield node["original_file_path"]
    for parent in (*node["depends_on"].get("nodes", ()), *node["depends_on"]["macros"]):
        yield from files_of(manifest, parent, seen)


@pytest.mark.parametrize("company", ["complete_journey", "online_retail", "generated"])
def test_all_that_the_kept_history_is_made_of_is_in_its_signature(company: str, tmp_path: Path) -> None:
    settings = load_settings(PROJECT_ROOT / "settings" / f"{company}.yml", {}, home=tmp_path)
    seen: set[str] = set()
    manifest = DbtProject(settings).manifest()
    files = {
        file for name in KEPT_MODELS for file in files_of(manifest, f"model.{PACKAGE}.{name}", seen)
    }  # written models are named by a hash of their text, which is a variable
    written = {file for file in files if file.startswith(f"{FOLDER}/")}
    covered = (*HISTORY_PATHS, *(f"models/staging/{source}" for source in settings.sources))
    assert {file for file in files - written if not file.startswith(covered)} == set()
    assert any(file.startswith(covered) for file in files)


def test_the_history_is_built_anew_for_its_own_code_and_for_no_other(project_copy: Path) -> None:
    before = signature()
    models = project_copy / "models"
    for file in ("staging/ml/stg_ml__churn_scores.sql", "staging/online_retail/stg_online_retail__order_lines.sql",
                 "intermediate/orders/int_orders.sql"):  # fmt: skip
        assert changed(models / file) == before, file
    assert changed(models / "staging/complete_journey/stg_complete_journey__order_lines.sql") != before
