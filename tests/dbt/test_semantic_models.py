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


BY_CUSTOMER = """
select
    coalesce(customers.{0}, '') as value,
    (select sum(net_amount) from marts.fct_order_lines inner join marts.dim_customers as own using (customer_id)
     where is_valid and own.{0} is not distinct from customers.{0}),
    count(first_order_date), sum(clv_12m_amount) / count(clv_12m_amount), sum(points_balance)
from marts.dim_customers as customers group by all order by value
"""
OF_CUSTOMERS = ("revenue", "customers", "customer_lifetime_value", "points_balance")


@pytest.mark.parametrize("dimension", ["tier", "rfm_segment", "activity_status", "acquisition_channel", "country"])
def test_metrics_by_who_the_customer_is_today(built: Company, query: Query, dimension: str) -> None:
    group = f"customer__{dimension}"
    rows = query("--metrics", ",".join(OF_CUSTOMERS), "--group-by", group)
    # lines of guests are of no customer, and stand in the row without a value, beside customers that have none
    found = {row[group]: [_number(row[name]) for name in OF_CUSTOMERS] for row in rows if row[group]}
    published = built.published(BY_CUSTOMER.format(dimension))
    expected = {value: [_number(one) for one in rest] for value, *rest in published}
    expected.pop("", None)
    assert set(found) == set(expected) and len(found) > 1
    for value, figures in expected.items():
        assert found[value] == pytest.approx(figures, rel=1e-9, nan_ok=True), value


MONTHLY_FIGURES = {
    "new_customer_sales,returning_customer_sales,guest_net_sales,unlinked_net_sales,discount_rate": """
        select month, new_net_amount, returning_net_amount, guest_net_amount, unlinked_net_amount,
            discount_amount / (net_amount + discount_amount)
        from marts.rpt_sales_mix_monthly where is_all_channels""",
    "return_rate_30d": """
        select month, return_rate_30d from marts.rpt_returns
        where group_kind = 'all' and return_rate_30d is not null""",
    "return_rate_90d": """
        select month, return_rate_90d from marts.rpt_returns
        where group_kind = 'all' and return_rate_90d is not null""",
    "marketing_spend,new_customers,customer_acquisition_cost": """
        select month, spend_amount, new_customers_count, spend_amount / new_customers_count
        from marts.rpt_acquisition_monthly where is_all_channels""",
    "points_issued,points_redeemed,points_expired,points_liability": """
        select month, issued_points, redeemed_points, expired_points, liability_amount
        from marts.rpt_points_liability""",
    "programme_cost,programme_points_cost": """
        select month, cost_amount, points_cost_amount from marts.rpt_programme_roi_monthly""",
}


@pytest.mark.parametrize("metrics", MONTHLY_FIGURES)
def test_monthly_figures_are_those_of_the_mart(built: Company, query: Query, metrics: str) -> None:
    month = "metric_time__month"
    rows = query("--metrics", metrics, "--group-by", month, "--order", month)
    found = {row[month][:7]: [_number(row[name]) for name in metrics.split(",")] for row in rows}
    expected = {
        f"{of:%Y-%m}": [_number(value) for value in rest] for of, *rest in built.published(MONTHLY_FIGURES[metrics])
    }
    assert set(found) == set(expected) and expected
    for of, figures in expected.items():
        assert found[of] == pytest.approx(figures, rel=1e-9, nan_ok=True), of


def test_figures_of_several_months_are_pooled_and_a_liability_is_the_last(built: Company, query: Query) -> None:
    metrics = ["customer_acquisition_cost", "points_liability", "return_rate_30d"]
    (found,) = query("--metrics", ",".join(metrics))
    expected = built.published(
        """
        select
            (select sum(spend_amount) / sum(new_customers_count) from marts.rpt_acquisition_monthly
             where is_all_channels),
            (select max_by(liability_amount, month) from marts.rpt_points_liability),
            (select -sum(return_amount_30d) / sum(sold_net_amount) from marts.rpt_returns
             where group_kind = 'all' and return_rate_30d is not null)
        """
    )
    values = [float(value) for value in expected[0]]
    assert [_number(found[name]) for name in metrics] == pytest.approx(values, rel=1e-9)


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
