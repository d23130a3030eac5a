"""Other engines make the same rows of the same models (docs/scale.md)."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.parity import ENGINES, compare
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.prepare import prepare_warehouse
from tests.support.company import Company
from tests.support.mapped_sources import DELIVERIES, DEPOT, SHOP, SHOP_ROWS, WIDE, WIDE_ROWS
from tests.support.system_packages import require_environment, require_program
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import load_sources_config
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

SETTINGS = """company: mapped
base_currency: EUR
business_timezone: Europe/Berlin
churn_horizon_days: 90
sources:
  shop_export: {{input_path: {folder}}}
  wide_export: {{input_path: {folder}}}
  depot: {{input_path: {folder}}}
"""
# An order that has a month to itself, and leaves it.
MOVES = "#8,,,Paid,13.11.2023 12:00,,9.00,,Mug,M1,1,9.00\n"
MOVED = "\n" + MOVES.replace(".11.", ".12.")


def require_engine(engine: str) -> None:
    require_environment(ENGINES[engine], engine)
    if engine == "spark":
        require_program("java", "default-jre-headless")


@pytest.mark.parametrize(
    "engine", [pytest.param("spark", marks=pytest.mark.campaign), pytest.param("sail", marks=pytest.mark.slow)]
)
def test_another_engine_makes_the_rows_of_duckdb(engine: str, built: Company, tmp_path: Path) -> None:
    require_engine(engine)
    compared = compare(built.settings, engine, tmp_path)
    assert [one for one in compared if not one.is_none] == []
    rows = {one.table: one.rows for one in compared}
    assert rows["marts.fct_order_lines"] > 3_000 and rows["marts.fct_points_entries"] > 100
    assert sum(count > 0 for count in rows.values()) > 240


@pytest.mark.campaign
def test_increments_on_spark_make_the_rows_of_duckdb(built: Company, changed: Company, tmp_path: Path) -> None:
    require_engine("spark")
    (first,) = built.warehouse("select max(batch_id) from ops.batches")[0]
    models = ["int_orders", "int_customer_daily", "fct_rejected_rows"]
    compared = compare(changed.settings, "spark", tmp_path, models, after_batch=first)
    assert [one for one in compared if not one.is_none] == []


@pytest.mark.campaign
def test_spark_reads_mapped_sources_as_duckdb_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_engine("spark")
    monkeypatch.setenv("LOYALTY_HASH_SALT", "salt")
    settings, first = delivered(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    compared = compare(settings, "spark", work, ["int_order_days", "fct_rejected_rows"], after_batch=first)
    assert [one for one in compared if not one.is_none] == []
    rows = {one.table: one.rows for one in compared}
    assert rows["intermediate.int_order_line_versions"] > 20 and rows["marts.fct_rejected_rows"] > 5


def delivered(root: Path) -> tuple[Settings, int]:
    """A company of three mapped sources, a warehouse with all that they delivered, and the first delivery's last batch.

    In the second one an order moves to another month, and nothing is left in its own.
    """
    company, folder = root / "company", root / "in"
    (company / "sources").mkdir(parents=True)
    folder.mkdir()
    for name, text in {"shop_export": SHOP, "wide_export": WIDE, "depot": DEPOT}.items():
        (company / "sources" / f"{name}.yml").write_text(text, encoding="utf-8")
    (company / "settings.yml").write_text(SETTINGS.format(folder=folder), encoding="utf-8")
    settings = load_settings(company=str(company), home=root / "home")
    settings.home.mkdir()
    first = load(settings, folder, {"shop-1.csv": SHOP_ROWS + MOVES, "wide-1.csv": WIDE_ROWS, **DELIVERIES[0]})
    load(settings, folder, {"shop-2.csv": SHOP_ROWS.splitlines()[0] + MOVED, **DELIVERIES[1]})
    return settings, first


def load(settings: Settings, folder: Path, files: Mapping[str, str]) -> int:
    """Deliver files. Returns the last batch."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    with connect(settings.warehouse_path) as connection:
        prepare_warehouse(connection, DbtProject(settings).manifest())
        for source in load_sources_config(settings).values():
            load_source(connection, source, settings)
        (last,) = connection.execute("select max(batch_id) from ops.batches").fetchall()
    return int(last[0])
