"""A built company, and the compiled SQL of the customer marts."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.prepare import prepare_warehouse
from generator.generate import generate
from tests.dbt.compiled_marts import compile_marts
from tests.support.company import generated_settings
from tests.support.compiled import Models
from tests.support.shared import made_once
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import load_sources_config
from warehouse.settings import RfmSettings, Settings
from warehouse.sql import connect

RFM = RfmSettings(
    minimum_customers=8, recency_days_cuts=(5, 20, 40, 90), frequency_cuts=(1, 2, 3, 4), monetary_cuts=(0, 5, 10, 20)
)
TOLD = {"data_through": date(2025, 3, 20), "rfm": RFM}
# too few came in its first five days to rank
FIRST_DAY = date(2023, 11, 25)
SELECTION = [
    "+path:models/marts/rfm", "+path:models/marts/retention", "+fct_orders", "+fct_order_lines",
    "+rpt_replenishment", "+rpt_next_products", "+int_basket_pairs",
]  # fmt: skip


@dataclass(frozen=True)
class BuiltWarehouse:
    """A company whose customer marts were built."""

    settings: Settings

    def frame(self, query: str) -> pd.DataFrame:
        """The answer to a query."""
        with connect(self.settings.warehouse_path, read_only=True) as connection:
            return connection.execute(query).df()


def build_warehouse(settings: Settings) -> BuiltWarehouse:
    """Load the company's sources and build its customer marts."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with connect(settings.warehouse_path) as connection:
        prepare_warehouse(connection, DbtProject(settings).manifest())
        for source in load_sources_config(settings).values():
            load_source(connection, source, settings)
    results = DbtProject(settings).build(SELECTION)
    broken = [f"{result.name}: {result.message}" for result in results if not result.is_good]
    assert not broken, "\n".join(broken)
    return BuiltWarehouse(settings)


@pytest.fixture(scope="session")
def company_settings(tmp_path_factory: pytest.TempPathFactory, generated_manifests: Path) -> Settings:
    """The settings of a generated company of 300 buyers, told on a day inside a month, which is only read from."""

    def settings_in(folder: Path) -> Settings:
        sources = {name: {"input_path": folder / "landing" / name} for name in ("shop", "till")}
        return generated_settings(folder / "home", generated_manifests, sources=sources, **TOLD)

    def make(folder: Path) -> None:
        generate(
            folder / "landing", size=12_000, seed=11, days=500, start=FIRST_DAY, customers=300, sources=("shop", "till")
        )
        build_warehouse(settings_in(folder))

    return settings_in(made_once(tmp_path_factory, "customer_marts", make))


@pytest.fixture(scope="session")
def built_warehouse(company_settings: Settings) -> BuiltWarehouse:
    """The generated company, loaded and built."""
    return BuiltWarehouse(company_settings)


@pytest.fixture(scope="session")
def compiled_marts(tmp_path_factory: pytest.TempPathFactory, generated_manifests: Path) -> Models:
    """The customer marts' SQL, to run on made-up histories."""
    return compile_marts(generated_settings(tmp_path_factory.mktemp("compiled"), generated_manifests, **TOLD))
