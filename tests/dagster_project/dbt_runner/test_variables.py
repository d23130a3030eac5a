"""What dbt is told: above all the signature that says whether the kept order history is still as it would be built."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.source_models import COMPANY, FOLDER
from dagster_project.dbt_runner.variables import HISTORY_PATHS, run_variables
from tests.support.company import generated_settings
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


@pytest.mark.parametrize(
    "company",
    ["generated", *(pytest.param(name, marks=pytest.mark.slow) for name in ("complete_journey", "online_retail"))],
)
def test_all_that_the_kept_history_is_made_of_is_in_its_signature(
    company: str, tmp_path: Path, generated_manifests: Path
) -> None:
    ours = generated_settings(tmp_path, generated_manifests)
    settings = ours if company == "generated" else load_settings(company, {}, home=tmp_path)
    seen: set[str] = set()
    manifest = DbtProject(settings).manifest()
    files = {file for name in KEPT_MODELS for file in files_of(manifest, f"model.{PACKAGE}.{name}", seen)}
    # written models, and the seeds that they read, are covered by a hash of their text, which is a variable
    written = {file for file in files if file.startswith((f"{FOLDER}/", f"{COMPANY}/"))}
    assert {file for file in files - written if not file.startswith(HISTORY_PATHS)} == set()
    assert any(file.startswith(HISTORY_PATHS) for file in files)


def test_the_history_is_built_anew_for_its_own_code_and_for_no_other(project_copy: Path) -> None:
    before = signature()
    models = project_copy / "models"
    seed = project_copy / "seeds" / "tier_rules.csv"
    for file in (models / "staging/ml/stg_ml__churn_scores.sql", models / "intermediate/orders/int_orders.sql", seed):
        assert changed(file) == before, file


def test_the_history_is_built_anew_for_the_companys_own_staging_and_its_seeds(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(PROJECT_ROOT / "companies" / "online_retail", folder)
    settings = load_settings(folder, {}, home=tmp_path / "home")
    before = run_variables(settings)
    assert before["history_signature"] == run_variables(load_settings(folder, {}, home=tmp_path))["history_signature"]
    for file in ("staging/stg_online_retail__order_lines.sql", "seeds/online_retail_line_kinds.csv"):
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(f"{text}\n", encoding="utf-8")
        assert run_variables(settings)["history_signature"] != before["history_signature"], file
        (folder / file).write_text(text, encoding="utf-8")
    (folder / "seeds" / "rfm_segments.csv").write_text("a\n", encoding="utf-8")
    after = run_variables(settings)
    assert (
        after["history_signature"] == before["history_signature"] and after["company_files"] != before["company_files"]
    )
