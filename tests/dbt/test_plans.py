"""No model compares every row with every row where tables grow, as DuckDB does where it cannot look them up."""

from dagster_project.dbt_runner.project import DbtProject
from tests.support.company import Company
from warehouse.sql import connect

# A condition that is no comparison of two columns, or one of the left side of a LEFT JOIN alone, makes DuckDB do so.
SLOW = "BLOCKWISE_NL_JOIN"
SMALL = {
    "int_churn_snapshots": "month ends with the one row of the run's dates",
    "int_customers": "customers with the one row of the run's dates",
    "int_next_items": "customers with the one row of the run's dates",
    "int_permanent_holdout": "customers with the one row of the holdout's plan",
    "int_points_monthly": "months with the one row of the run's dates",
    "int_sales_weekly": "weeks with days",
    "fct_cohort_retention": "cohorts with their own ages",
    "rpt_repurchase": "customers with the few ages",
    "rpt_sales_mix_monthly": "months with months",
}


def test_no_join_grows_with_the_square_of_the_customers(built: Company) -> None:
    project = DbtProject(built.settings)
    compiled = project.compiled_path() / "compiled" / "loyalty_warehouse"
    models = [node for node in project.manifest()["nodes"].values() if node["resource_type"] == "model"]
    slow, seen = set(), 0
    with connect(built.settings.warehouse_path, read_only=True) as connection:
        for node in models:
            file = compiled / node["original_file_path"]
            if file.exists():
                ((_, plan),) = connection.execute(f"explain {file.read_text(encoding='utf-8')}").fetchall()
                seen += 1
                slow |= {node["name"]} if SLOW in plan else set()
    assert seen > 250
    assert slow - set(SMALL) == set(), "what does not grow with the customers is listed here, with the reason"
