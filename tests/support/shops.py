"""Sources that `loyalty init` made, built up to their order lines, as far as sums can be compared with exports."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.prepare import prepare_warehouse
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import load_sources_config
from warehouse.settings import Settings
from warehouse.sql import connect

LINES = "intermediate.int_order_line_versions where row_status = 'accepted' and order_status = 'completed'"
CHECKS = [
    "rpt_unexplained_amounts_monthly_is_sound", "fct_ingest_reconciliation_is_sound", "fct_rejected_rows_is_sound",
    "rows_are_accepted",
]  # fmt: skip


@dataclass(frozen=True)
class Shops:
    """The sources of several companies, built together up to their order lines."""

    settings: Settings
    failures: list[str]

    def rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with connect(self.settings.warehouse_path, read_only=True) as connection:
            return connection.execute(query, list(values)).fetchall()

    def by_month(self, source: str) -> dict[str, tuple[Decimal, int, int]]:
        rows = self.rows(
            "select strftime(order_date, '%Y-%m'), sum(net_amount),"
            " count(distinct order_id) filter (where not is_return),"
            f" count(distinct customer_id) filter (where not is_return) from {LINES} and _source = $1"
            " group by 1 order by 1",
            source,
        )
        return {month: (net, orders, buyers) for month, net, orders, buyers in rows}


def built(settings: Settings) -> Shops:
    """The sources of a company, loaded and built."""
    project = DbtProject(settings)
    settings.home.mkdir(exist_ok=True)
    with connect(settings.warehouse_path) as connection:
        prepare_warehouse(connection, project.manifest())
        for source in load_sources_config(settings).values():
            load_source(connection, source, settings)
    staged = [
        f"stg_{name}__{entity}"
        for name, found in project.graph_variables["source_entities"].items()
        for entity in found
    ]
    results = project.build(
        ["path:models/staging", *staged, "path:models/intermediate/entities", "int_changed_order_lines",
         "int_order_line_versions", "int_order_line_batches", "fct_ingest_reconciliation", "fct_rejected_rows",
         "+rpt_unexplained_amounts_monthly", *CHECKS]
    )  # fmt: skip
    return Shops(settings, [f"{one.name}: {one.message}" for one in results if not one.is_good])
