"""One parsed dbt project and one compiled graph for all properties; companies are cheap."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.properties.company import Company
from tests.properties.deliveries import Mess
from tests.properties.graph import AS_OF, DATA_THROUGH, CompiledGraph, marts_without_models

# What is told of customers and campaigns below the marts that read what was learned.
FEATURES = [
    "int_churn_features", "int_cluster_features", "int_acquired_margins", "int_acquisition_spend", "int_campaign_lines",
    "int_campaign_outcomes",
]  # fmt: skip

MakeCompany = Callable[..., Company]


@pytest.fixture
def make_company(tmp_path: Path, generated_manifests: Path) -> MakeCompany:
    """Makes companies, each in a folder of its own; keywords are settings."""
    made: list[Company] = []

    def make(**options: Any) -> Company:
        made.append(Company(tmp_path / f"company{len(made)}", generated_manifests, **options))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory, generated_manifests: Path) -> CompiledGraph:
    """The SQL of the marts without models and of the churn features, as dbt compiles it for a first build."""
    root = tmp_path_factory.mktemp("compiled")
    company = Company(root / "company", generated_manifests, as_of_date=AS_OF, data_through=DATA_THROUGH)
    lines = [{**line, "ordered_at": datetime(1987, 1, 2, 15)} for line in Mess(0).new_lines("shop", 20)]
    company.deliver("shop", "order_lines", "part-1", lines)
    company.load()
    targets = [*marts_without_models(company.project.manifest()), *FEATURES]
    company.build_staging()
    return CompiledGraph(company.settings, targets)
