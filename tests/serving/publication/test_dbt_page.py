"""dbt's own page: whole, offline, of no machine and nobody, and read by a browser without complaint."""

import copy
import json
import re
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from dagster_project.dbt_runner.project import DbtProject
from serving.publication.dbt_page import PLACES, dbt_page
from tests.support.browser import FLAGS, chromium
from tests.support.company import generated_settings
from tests.support.patience import PATIENCE
from warehouse.errors import UserError
from warehouse.settings import PROJECT_ROOT

ORDERS = "model.loyalty_warehouse.fct_orders"
# What dbt's page has of its own that a browser mentions: names of pictures before they are put in, and a picture for
# the tab that is not there.
MENTIONED = ("getIcon(", "favicon")


@pytest.fixture(scope="module")
def manifest(generated_manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    return DbtProject(generated_settings(tmp_path_factory.mktemp("home"), generated_manifests)).manifest()


def said_and_shown(page: Path, part: str) -> tuple[list[str], str]:
    """What the browser says of a page, and what is in it after its scripts ran."""
    command = [chromium(), *FLAGS.split(), f"--user-data-dir={page.parent / 'profile'}", f"{page.as_uri()}#!/{part}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return [line for line in said if not any(mentioned in line for mentioned in MENTIONED)], done.stdout


@pytest.mark.slow
def test_a_browser_shows_a_model_with_its_columns_and_asks_no_host(manifest: Mapping[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "dbt.html"
    page.write_text(dbt_page(manifest, [PROJECT_ROOT]), encoding="utf-8")
    said, shown = said_and_shown(page, f"model/{ORDERS}")
    assert said == []
    assert "One row per sale document up to as_of_date" in shown and "decimal(18,4)" in shown


def test_it_asks_no_host_whatever_is_in_it(manifest: Mapping[str, Any]) -> None:
    page = dbt_page(manifest, [])
    policy = re.search(r'<head><meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert policy and policy[1].startswith("default-src 'none';") and "http" not in policy[1]


def test_it_names_no_folder_and_no_run_and_a_text_ends_no_script(manifest: Mapping[str, Any], tmp_path: Path) -> None:
    told = copy.deepcopy(dict(manifest))
    told["nodes"][ORDERS]["description"] = (
        f"In {tmp_path}/own/x.sql, and {tmp_path}. </script><script>alert(1)</script>"
    )
    told["nodes"][ORDERS]["original_file_path"] = str(PROJECT_ROOT / "dbt" / "x.sql")
    told["metadata"] |= {"user_id": "user-7f3a", "invocation_id": "run-9b1c", "env": {"NAME": "env-2d4e"}}
    page = dbt_page(told, [tmp_path, tmp_path / "own", PROJECT_ROOT])
    for word in (str(tmp_path), str(PROJECT_ROOT), "user-7f3a", "run-9b1c", "env-2d4e", "<script>alert"):
        assert word not in page
    assert "In ./x.sql, and ." in page and '"./dbt/x.sql"' in page


def test_what_it_shows_of_a_table_is_declared_and_not_counted(manifest: Mapping[str, Any]) -> None:
    page = dbt_page(manifest, [])
    catalog = json.loads(page[page.index("catalog:{") + len("catalog:") :].partition(',"errors":null}')[0] + "}")
    orders = catalog["nodes"][ORDERS]
    declared = manifest["nodes"][ORDERS]["columns"]
    assert {name: column["type"] for name, column in orders["columns"].items()} == {
        name: column["data_type"] for name, column in declared.items()
    }
    assert orders["stats"] == {}


def test_another_page_of_dbts_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert all(place in resources.files("dbt.task.docs").joinpath("index.html").read_text() for place in PLACES)
    (tmp_path / "index.html").write_text("<html><head></head></html>")
    monkeypatch.setattr("serving.publication.dbt_page.files", lambda package: tmp_path)
    with pytest.raises(UserError, match="has no place"):
        dbt_page({"nodes": {}}, [])
