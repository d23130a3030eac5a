"""Fixtures shared by the whole suite."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from duckdb import DuckDBPyConnection

from dagster_project.dbt_runner import project, variables
from tests.support.company import Company, Generated, company, generate_company, read_generated, saved_company
from tests.support.shared import made_once, shared_folder
from warehouse.settings import PROJECT_ROOT, Settings, load_settings
from warehouse.sql import connect

# No test fails for being slow: machines differ, and others work on them.
hypothesis.settings.register_profile("unhurried", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("unhurried")

# What takes longest, so that no worker is left with one of them at the end. The first file makes the company that
# others read; the other worker has what does not wait for it to do meanwhile.
SLOWEST = (
    "end_to_end/test_command_line.py", "properties", "end_to_end/test_shops.py", "dbt/test_delivered_rows.py",
    "dbt/test_identities.py", "dagster_project/dbt_runner/test_mapped_models.py", "benchmarks/test_parity.py",
    "dagster_project/dbt_runner/test_spark_project.py", "end_to_end", "dbt", "benchmarks", "dagster_project",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the slowest files; `make test` keeps this order."""

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(PROJECT_ROOT / "tests").as_posix()
        found = (number for number, start in enumerate(SLOWEST) if path.startswith(start))
        return next(found, len(SLOWEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of sample data sets that are not part of the repository."""
    folder = Path(os.environ.get("LOYALTY_SHARED_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    if not os.access(folder / "online_retail", os.R_OK | os.X_OK):
        pytest.skip(
            f"no sample data to read in {folder}; LOYALTY_SHARED_DATA names the folder of online_retail/ and cdnow/"
        )
    return folder


@pytest.fixture(scope="session")
def own_environment() -> Iterator[None]:
    """No setting of the machine reaches the companies that tests build, and what their runs set does not stay."""
    kept = dict(os.environ)
    for name in kept:
        if name.startswith(("LOYALTY_", "DAGSTER_")) and name != "LOYALTY_SHARED_DATA":
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="session")
def manifests(own_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of parsed manifests that all homes of a company share: parsing takes seconds."""
    folder = shared_folder(tmp_path_factory) / "manifests"
    folder.mkdir(exist_ok=True)
    return lambda name: folder / name


@pytest.fixture(scope="session")
def generated_manifests(manifests: Callable[[str], Path]) -> Path:
    """Those of companies with the generated company's sources, shop and till."""
    folder = manifests("generated")
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """A generated company's files, before and after its second delivery, and its truth."""
    return read_generated(made_once(tmp_path_factory, "generated", generate_company))


@pytest.fixture(scope="session")
def built(generated: Generated, manifests: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The generated company after its first run. Not to be changed: work on a copy."""

    def make(folder: Path) -> None:
        company(folder / "home", generated.settings(generated.folder), manifests("generated")).run().save_stages()

    return saved_company(made_once(tmp_path_factory, "built", make) / "home").copy(
        tmp_path_factory.mktemp("homes") / "built"
    )


@pytest.fixture(scope="session")
def changed(generated: Generated, built: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The generated company after the second delivery and its second run. Not to be changed: work on a copy."""

    def make(folder: Path) -> None:
        built.copy(folder / "home", **generated.settings(generated.changed_folder)).run().save_stages()

    return saved_company(made_once(tmp_path_factory, "changed", make) / "home").copy(
        tmp_path_factory.mktemp("homes") / "changed"
    )


@pytest.fixture
def project_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the dbt project in the place of the real one."""
    copy = tmp_path / "dbt"
    shutil.copytree(variables.DBT_DIR, copy)
    for module in (variables, project):
        monkeypatch.setattr(module, "DBT_DIR", copy)
    return copy


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a home of its own."""
    return load_settings(environ={}, home=tmp_path)


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[DuckDBPyConnection]:
    """The empty warehouse in that home."""
    with connect(settings.warehouse_path) as connection:
        yield connection
