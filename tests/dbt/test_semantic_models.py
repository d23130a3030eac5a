"""`mf query` as CONTRIBUTING says, on a published company: every metric is what bare SQL over the marts finds."""

import csv
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dagster_project.dbt_runner.variables import DBT_DIR
from tests.support.company import Company
from warehouse.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow

Query = Callable[..., list[dict[str, str]]]

MONTHLY = """
with months as (select distinct month from marts.dim_dates where has_data),
lines as (
    select date_trunc('month', order_date) as month, sum(net_amount) as revenue
    from marts.fct_order_lines where order_status = 'completed' group by all
),
orders as (
    select
        date_trunc('month', order_date) as month, count(*) as orders, sum(net_amount) / count(*) as average_order_value
    from marts.fct_orders where is_valid group by all
)
select
    strftime(month, '%Y-%m'), revenue, orders, average_order_value, growth.active_end_count, growth.retention_rate,
    growth.churn_rate
from months
left join lines using (month)
left join orders using (month)
left join marts.rpt_customer_growth_monthly as growth using (month)
order by month
"""
METRICS = ("revenue", "orders", "average_order_value", "active_customers", "retention_rate", "churn_rate")
REPURCHASE = {f"repurchase_rate{suffix}": days for suffix, days in
              {"": 90, "_30d": 30, "_60d": 60, "_180d": 180, "_365d": 365}.items()}  # fmt: skip


@pytest.fixture(scope="module")
def query(built: Company, tmp_path_factory: pytest.TempPathFactory) -> Query:
    """Metrics as rows, asked with the commands and the environment that CONTRIBUTING names, in a copy of dbt/."""
    root = tmp_path_factory.mktemp("metrics")
    shutil.copytree(DBT_DIR, root / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    text = (PROJECT_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Query a metric\n")[1]
    exports = dict(pair.split("=") for pair in re.findall(r"\w+=\S+", re.findall(r"^export (.*)$", text, re.M)[0]))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LOYALTY_", "DBT_"))}
    environ |= {**exports, "LOYALTY_HOME": str(built.settings.home)}
    _command(root, environ, "dbt", "parse", "--quiet")

    def ask(*arguments: str) -> list[dict[str, str]]:
        _command(root, environ, "mf", "query", *arguments, "--csv", "answer.csv")
        with (root / "answer.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return ask


def _command(root: Path, environ: Mapping[str, str], name: str, *arguments: str) -> None:
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_by_month_are_those_of_the_marts(built: Company, query: Query) -> None:
    month = "metric_time__month"
    asked = query("--metrics", ",".join(METRICS), "--group-by", month, "--order", month)
    found = {row[month][:7]: [_number(row[metric]) for metric in METRICS] for row in asked}
    expected = {name: [_number(value) for value in values] for name, *values in built.published(MONTHLY)}
    assert len(expected) == 12
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=1e-12, nan_ok=True), name


def test_whole_period_figures_are_pooled_and_repurchase_is_that_of_all_cohorts(built: Company, query: Query) -> None:
    (found,) = query("--metrics", ",".join(["churn_rate", "active_customers", "revenue", *REPURCHASE]))
    expected = dict(
        built.published("select horizon_days, repurchase_rate from marts.rpt_repurchase where cohort_month = 'all'")
    )
    for name, days in REPURCHASE.items():
        assert _number(found[name]) == pytest.approx(_number(expected[days]), rel=1e-12, nan_ok=True), name
    ((churn, active, revenue),) = built.published(
        """
        select
            sum(lost_count) filter (where is_complete) / sum(active_start_count) filter (where is_complete),
            max_by(active_end_count, month),
            (select sum(net_amount) from marts.fct_order_lines where is_valid)
        from marts.rpt_customer_growth_monthly
        """
    )
    assert float(found["churn_rate"]) == pytest.approx(churn, rel=1e-12)
    assert float(found["active_customers"]) == active
    assert float(found["revenue"]) == pytest.approx(float(revenue), rel=1e-12)


def test_revenue_by_a_product_dimension_joins_every_line_once_and_touches_no_file(built: Company, query: Query) -> None:
    before = _files(built)
    rows = query("--metrics", "revenue", "--group-by", "product__category")
    assert _files(built) == before
    expected = built.published(
        """
        select coalesce(category, ''), sum(lines.net_amount)
        from marts.fct_order_lines as lines left join marts.dim_products using (product_id)
        where is_valid group by all
        """
    )
    found = {row["product__category"]: float(row["revenue"]) for row in rows}
    assert found == pytest.approx({category: float(amount) for category, amount in expected}, rel=1e-12)


def test_semantic_models_are_of_marts_and_no_assets(built: Company) -> None:
    manifest = json.loads((built.settings.published_dir / "manifest.json").read_bytes())
    models = {model["name"]: model["depends_on"]["nodes"] for model in manifest["semantic_models"].values()}
    assert {"orders", "order_lines", "customer_growth", "repurchase"} <= set(models)
    assert all(manifest["nodes"][node]["schema"] == "marts" for nodes in models.values() for node in nodes)
    assert set(METRICS) | set(REPURCHASE) <= {metric["name"] for metric in manifest["metrics"].values()}


def _number(value: Any) -> float:
    """A figure of either side; what is missing is NULL in SQL, nothing in a CSV file, and here not a number."""
    return math.nan if value in (None, "") else float(value)


def _files(built: Company) -> dict[str, int]:
    """Every file of the home folder, and when it was last changed."""
    return {str(path): path.stat().st_mtime_ns for path in built.settings.home.rglob("*") if path.is_file()}
