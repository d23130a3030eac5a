"""Superset's files: what the YAML says, of the report's chapters, and no chart that adds what does not add up."""

import json
import math
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.cli.superset import shipped_files, write_files
from dagster_project.dbt_runner.project import DbtProject
from serving.publication.declared_marts import declared_marts
from serving.report.marts import Marts
from serving.report.sections import report_of
from serving.superset.bundle import asset_files, bundle
from serving.superset.charts import Chart
from serving.superset.dashboards import DASHBOARDS, PUBLISHED
from serving.superset.datasets import Dataset, datasets
from serving.superset.semantic_metrics import semantic_metrics
from tests.serving.superset.chart_sql import chart_sql, conditions
from tests.support.company import Company, generated_settings
from warehouse.errors import UserError
from warehouse.settings import PROJECT_ROOT
from warehouse.sql import connect

CHARTS = [PUBLISHED, *(chart for board in DASHBOARDS for chart in board.charts)]
TITLES = [f"{chart.mart}: {chart.title}" for chart in CHARTS]
# Of each metric of the semantic layer that a dataset has, the whole of it in the words of the marts.
GROWTH = "from marts.rpt_customer_growth_monthly where is_complete"
MIX = "from marts.rpt_sales_mix_monthly where is_all_channels"
RETURNS = "from marts.rpt_returns where group_kind = 'all' and status = 'ok'"
SPEND = "from marts.rpt_acquisition_monthly where is_all_channels"
MEANT = {
    "revenue": "select sum(net_amount) from marts.rpt_sales_monthly",
    "orders": "select count(*) from marts.fct_orders where is_valid",
    "average_order_value": "select avg(net_amount) from marts.fct_orders where is_valid",
    "order_net_amount": "select sum(net_amount) from marts.fct_orders where is_valid",
    "retention_rate": f"select sum(retained_count) / sum(active_start_count) {GROWTH}",
    "churn_rate": f"select sum(lost_count) / sum(active_start_count) {GROWTH}",
    "active_at_start": "select sum(active_start_count) from marts.rpt_customer_growth_monthly",
    "retained_customers": "select sum(retained_count) from marts.rpt_customer_growth_monthly",
    "lost_customers": "select sum(lost_count) from marts.rpt_customer_growth_monthly",
    **{
        f"repurchase_rate{ending}": "select repurchase_rate from marts.rpt_repurchase where cohort_month = 'all'"
        f" and horizon_days = {days}"
        for ending, days in {"": 90, "_30d": 30, "_60d": 60, "_180d": 180, "_365d": 365}.items()
    },
    "mature_customers": "select sum(mature_customers_count) from marts.rpt_repurchase",
    "repurchased_customers": "select sum(repurchased_customers_count) from marts.rpt_repurchase",
    "customers": "select count(first_order_date) from marts.dim_customers",
    "expected_margin_12m": "select sum(clv_12m_amount) from marts.dim_customers",
    "customer_lifetime_value": "select sum(clv_12m_amount) / count(clv_12m_amount) from marts.dim_customers",
    "valued_customers": "select count(clv_12m_amount) from marts.dim_customers",
    "points_balance": "select sum(points_balance) from marts.rpt_points_balances",
    "new_customer_sales": f"select sum(new_net_amount) {MIX}",
    "returning_customer_sales": f"select sum(returning_net_amount) {MIX}",
    "guest_net_sales": f"select sum(guest_net_amount) {MIX}",
    "unlinked_net_sales": f"select sum(unlinked_net_amount) {MIX}",
    "discount_rate": f"select sum(discount_amount) / sum(net_amount + discount_amount) {MIX}",
    "discounts": f"select sum(discount_amount) {MIX}",
    "sales_before_discounts": f"select sum(net_amount + discount_amount) {MIX}",
    "sold_amount": "select sum(sold_net_amount) from marts.rpt_returns",
    "returned_amount_30d": "select -sum(return_amount_30d) from marts.rpt_returns",
    "returned_amount_90d": "select -sum(return_amount_90d) from marts.rpt_returns",
    "return_rate_30d": f"select -sum(return_amount_30d) / sum(sold_net_amount) {RETURNS} and is_complete_30d",
    "return_rate_90d": f"select -sum(return_amount_90d) / sum(sold_net_amount) {RETURNS} and is_complete_90d",
    "marketing_spend": f"select sum(spend_amount) {SPEND}",
    "new_customers": f"select sum(new_customers_count) {SPEND}",
    "customer_acquisition_cost": f"select sum(spend_amount) / sum(new_customers_count) {SPEND}",
    "points_issued": "select sum(issued_points) from marts.rpt_points_liability",
    "points_redeemed": "select sum(redeemed_points) from marts.rpt_points_liability",
    "points_expired": "select sum(expired_points) from marts.rpt_points_liability",
    "programme_cost": "select sum(cost_amount) from marts.rpt_programme_roi_monthly",
    "programme_points_cost": "select sum(points_cost_amount) from marts.rpt_programme_roi_monthly",
}


@pytest.fixture(scope="module")
def manifest(generated_manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return DbtProject(generated_settings(tmp_path_factory.mktemp("home"), generated_manifests)).manifest_path()


@pytest.fixture(scope="module")
def made(manifest: Path) -> dict[str, Dataset]:
    return datasets(json.loads(manifest.read_bytes()), declared_marts(manifest))


@pytest.fixture(scope="module")
def marts(built: Company) -> Iterator[Any]:
    with connect(built.settings.published_path, read_only=True) as connection:
        yield connection


def test_the_files_are_what_the_yaml_says(manifest: Path) -> None:
    folder = PROJECT_ROOT / "bi" / "superset"
    found = {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in folder.rglob("*.yaml")}
    assert found == shipped_files(manifest), "run `loyalty docs`"


@pytest.mark.parametrize(
    ("address", "config"),
    [("duckdb:////m/loyalty.duckdb?access_mode=read_only", {"temp_directory": ""}), ("postgresql://db/marts", None)],
    ids=["file", "server"],
)
def test_only_readers_of_the_file_write_nothing_beside_it(
    manifest: Path, address: str, config: dict[str, str] | None
) -> None:
    database = yaml.safe_load(asset_files(manifest, "generated", address)["databases/marts.yaml"])
    assert database["extra"] == ({"engine_params": {"connect_args": {"config": config}}} if config else {})


def test_files_of_charts_that_are_no_more_go(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "charts").mkdir()
    gone = tmp_path / "charts" / "sales-gone.yaml"
    gone.write_text("")
    write_files(manifest, tmp_path)
    assert not gone.exists() and (tmp_path / "databases" / "marts.yaml").exists()


def test_a_publication_without_a_mart_of_the_dashboards_is_told(manifest: Path, tmp_path: Path) -> None:
    said = json.loads(manifest.read_bytes())
    said["nodes"] = {name: node for name, node in said["nodes"].items() if node["name"] != "rpt_key_figures"}
    older = tmp_path / "manifest.json"
    older.write_text(json.dumps(said))
    with pytest.raises(UserError, match="has no rpt_key_figures, which the dashboards show"):
        shipped_files(older)


def test_the_same_files_are_the_same_bundle_and_companies_stay_apart(manifest: Path) -> None:
    from serving.superset import asset_files

    one, other = (asset_files(manifest, name, "duckdb:///marts.duckdb") for name in ("one", "other"))
    assert bundle(one) == bundle(dict(one))
    with zipfile.ZipFile(BytesIO(bundle(one))) as packed:
        assert [f"loyalty/{name}" for name in one] == packed.namelist()
    identifiers = [{yaml.safe_load(text).get("uuid") for text in files.values()} - {None} for files in (one, other)]
    assert len(identifiers[0]) == len(one) - 1 and not identifiers[0] & identifiers[1]


def test_a_dashboard_is_a_chapter_of_the_report(built: Company, marts: Any) -> None:
    report = report_of(Marts(marts), built.settings)
    chapters = {section.key: section.title for section in report.sections}
    assert {board.key: board.title for board in DASHBOARDS if board.key != "headlines"} == chapters
    assert all(board.charts for board in DASHBOARDS)


def test_every_mart_is_a_dataset_of_its_own_day_and_its_valid_rows(made: dict[str, Dataset], marts: Any) -> None:
    tables = marts.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
    assert set(made) == {name for (name,) in tables}
    assert made["fct_orders"].time_column == made["fct_order_lines"].time_column == "order_date"
    assert made["fct_orders"].sql == 'select * from "marts"."fct_orders" where "is_valid"'
    assert made["rpt_rfm_segments"].relation.schema == "today" and made["rpt_sales_monthly"].sql is None
    days = {name: dataset.time_column for name, dataset in made.items() if dataset.time_column}
    assert len(days) > 40 and all(column.description for dataset in made.values() for column in dataset.columns)
    assert all(any(column.name == day and column.is_day for column in made[name].columns) for name, day in days.items())


def test_a_metric_of_the_semantic_layer_is_what_the_marts_say(made: dict[str, Dataset], marts: Any) -> None:
    found = {metric.name: (metric, dataset) for dataset in made.values() for metric in dataset.metrics}
    assert set(found) == set(MEANT)
    for name, (metric, dataset) in found.items():
        whole = f"select {metric.expression} from {dataset.relation.sql}"
        assert number(marts, whole) == pytest.approx(number(marts, MEANT[name]), rel=1e-9, nan_ok=True), name


def test_what_only_the_last_month_says_and_what_is_of_several_marts_is_no_metric(manifest: Path) -> None:
    said = json.loads(manifest.read_bytes())
    names = {metric["name"] for metric in said["metrics"].values()}
    assert names - {metric.name for metric in semantic_metrics(said)} == {"active_customers", "points_liability"}


@pytest.mark.parametrize("chart", CHARTS, ids=TITLES)
def test_a_chart_asks_for_what_its_mart_has_and_adds_up_nothing_else(
    made: dict[str, Dataset], marts: Any, chart: Chart
) -> None:
    dataset = made[chart.mart]
    columns = {column.name for column in dataset.columns}
    asked = {*chart.groups, *chart.where, *chart.known, chart.order.removeprefix("-")} - {""}
    assert asked <= columns
    assert set(chart.values) <= columns | {"count"} | {metric.name for metric in dataset.metrics}
    marts.execute(chart_sql(chart, dataset)).fetchall()
    single = [value for value in chart.values if isinstance(made_of := chart.aggregate(value, dataset), dict)
              and made_of["aggregate"] == "MAX" and chart.kind != "table"]  # fmt: skip
    if single:
        points = ", ".join(f'"{column}"' for column in chart.groups) or "1"
        rows = f"from {dataset.relation.sql} where {conditions(chart)} group by {points} having count(*) > 1"
        assert marts.execute(f"select * from (select 1 {rows}) limit 1").fetchall() == [], single


def number(marts: Any, query: str) -> float:
    """The one value of a query; not a number where it is NULL."""
    value = marts.execute(query).fetchone()[0]
    return math.nan if value is None else float(value)
