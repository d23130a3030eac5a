"""The graph of each company: whole, described, checked, and published behind its gate."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
import yaml

from dagster_project.assets.activate import AUDIENCES_KEY, CANDIDATES_KEY, DELIVERY_KEY, MESSAGES_KEY
from dagster_project.assets.models import MODEL_CHECKS
from dagster_project.assets.publish import BUILD_STATUS_KEY, expected_checks
from dagster_project.assets.transform import UNIQUE_ID, is_run_check
from dagster_project.cli.run import select_assets
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.definitions import build_definitions
from dagster_project.jobs import DAILY_JOB
from dagster_project.publication import PUBLICATION_KEY
from tests.support.company import Company, Generated, company
from warehouse.errors import UserError
from warehouse.model_store.results import RUN_TABLES
from warehouse.settings import PROJECT_ROOT, load_settings

COMPANIES = ("generated", "complete_journey", "online_retail")


@pytest.fixture(
    scope="module", params=[COMPANIES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in COMPANIES[1:])]
)
def one(
    request: pytest.FixtureRequest,
    generated: Generated,
    manifests: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Company:
    """One of the companies; nothing is run."""
    file = PROJECT_ROOT / "companies" / request.param / "settings.yml"
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    if request.param == "generated":
        values = generated.settings(generated.folder)
    return company(tmp_path_factory.mktemp("graphs") / request.param, values, manifests(request.param))


@pytest.fixture(scope="module")
def definitions(one: Company) -> dg.Definitions:
    return build_definitions(one.settings)


@pytest.fixture(scope="module")
def manifest(one: Company) -> dict:
    return dict(DbtProject(one.settings).manifest())


def assets(definitions: dg.Definitions) -> list[dg.AssetsDefinition]:
    return [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)]


def check_specs(definitions: dg.Definitions) -> list[dg.AssetCheckSpec]:
    return [spec for asset in assets(definitions) for spec in asset.check_specs]


def test_every_data_test_is_a_blocking_check_on_the_latest_model_it_reads(
    definitions: dg.Definitions, manifest: dict
) -> None:
    nodes = manifest["nodes"].items()
    tests = {name: node for name, node in nodes if node["resource_type"] == "test" and is_run_check(node)}
    checks = {spec.metadata.get(UNIQUE_ID): spec for spec in check_specs(definitions)}
    assert tests and set(tests) == set(checks) - {None}
    graph = definitions.resolve_asset_graph()
    keys = {
        spec.metadata[UNIQUE_ID]: spec.key
        for asset in assets(definitions)
        for spec in asset.specs
        if UNIQUE_ID in spec.metadata
    }
    for name, test in tests.items():
        assert checks[name].blocking, name
        read = {keys[parent] for parent in test["depends_on"]["nodes"] if parent in keys}
        assert checks[name].asset_key in read, name
        later = graph.get(checks[name].asset_key).child_keys & read
        assert not later, f"{name} is checked before {later} is built"


def test_every_check_says_what_it_asks_for(definitions: dg.Definitions) -> None:
    told = {spec.name: spec.description or "" for spec in check_specs(definitions)}
    assert [name for name, text in told.items() if not text.endswith(".")] == []
    assert told["points_add_up"].startswith("Journals sum to zero, and balances, liability")
    assert told["fct_rejected_rows_is_sound"] == (
        "On every row: entity, batch_id, file, row_number, part is a key; source, reason are never NULL."
    )


def test_a_generation_expects_every_test_and_every_model_gate(definitions: dg.Definitions, manifest: dict) -> None:
    nodes = manifest["nodes"].items()
    tests = {name for name, node in nodes if node["resource_type"] == "test" and is_run_check(node)}
    expected = expected_checks(manifest, MODEL_CHECKS)
    assert expected == tests | set(manifest["unit_tests"]) | MODEL_CHECKS
    assert manifest["unit_tests"] and MODEL_CHECKS
    gates = [spec for spec in check_specs(definitions) if UNIQUE_ID not in spec.metadata]
    assert not any(spec.blocking for spec in gates), "what a model cannot say stops the facts"
    assert {f"model.{asset.op.name}.{spec.name}" for asset in assets(definitions) for spec in asset.check_specs} >= (
        MODEL_CHECKS
    )


def test_every_model_in_between_has_a_sentence_and_a_key_that_the_suite_tests(manifest: dict) -> None:
    keyed = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and not is_run_check(node)
    }
    models = {
        name: node
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["schema"] == "intermediate"
    }
    assert models and set(models) <= keyed
    assert all(node["description"].startswith("One row") for node in models.values())


def test_every_asset_says_what_it_is_and_whose(definitions: dg.Definitions) -> None:
    specs = [spec for asset in assets(definitions) for spec in asset.specs]
    assert len(specs) > 50
    for spec in specs:
        assert spec.group_name and spec.group_name != "default", spec.key
        assert spec.kinds, spec.key
        assert spec.owners and all("@" in owner for owner in spec.owners), spec.key
        assert spec.description, spec.key
        if spec.key.path[0] == "marts":
            assert spec.description.startswith("One row per "), spec.key
        if spec.key.path[0] == "intermediate":
            assert spec.group_name.startswith("intermediate_"), spec.key
    assert max(Counter(spec.group_name for spec in specs).values()) < 30, "a group is a screen of the graph"


def test_every_node_of_dbt_is_an_asset(definitions: dg.Definitions, manifest: dict) -> None:
    nodes = {name for name, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    known = {spec.metadata.get(UNIQUE_ID) for asset in assets(definitions) for spec in asset.specs}
    assert nodes == known - {None}


def test_jobs_schedules_and_sensors_resolve(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    job = definitions.resolve_job_def(DAILY_JOB)
    assert set(job.asset_layer.executable_asset_keys) == set(graph.materializable_asset_keys)
    assert job.executor_def.name == "in_process"
    for schedule in definitions.schedules or ():
        assert schedule.job_name == DAILY_JOB
    for sensor in definitions.sensors or ():
        assert sensor.job_name == DAILY_JOB


def test_nothing_is_published_before_every_mart_and_model_and_the_gate(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    behind = dg.AssetSelection.assets(PUBLICATION_KEY).upstream(include_self=False).resolve(graph)
    marts = {key for key in graph.materializable_asset_keys if key.path[0] == "marts"}
    models = {key for key in graph.materializable_asset_keys if key.path[0] == "ml"}
    assert marts and marts | models | {BUILD_STATUS_KEY} <= behind
    # a run of all that is published expects the unit tests of every model, also of one that no mart reads
    assert {key for key in graph.materializable_asset_keys if key.path[0] == "intermediate"} <= behind
    assert graph.get(PUBLICATION_KEY).parent_keys == {BUILD_STATUS_KEY}


def test_every_table_of_model_runs_is_shown(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert {dg.AssetKey(["ml", table]) for table in RUN_TABLES} <= graph.materializable_asset_keys


def test_messages_are_created_before_the_marts_that_tell_of_them_and_delivered_last(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    assert graph.get(MESSAGES_KEY).parent_keys == {CANDIDATES_KEY}
    assert dg.AssetKey(["staging", "stg_ops__messages"]) in graph.get(MESSAGES_KEY).child_keys
    assert graph.get(DELIVERY_KEY).parent_keys == {PUBLICATION_KEY, MESSAGES_KEY}
    assert graph.get(DELIVERY_KEY).child_keys == set()
    assert graph.get(AUDIENCES_KEY).parent_keys == {PUBLICATION_KEY}


def test_a_selection_takes_bare_names_groups_and_neighbours(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    orders = dg.AssetKey(["marts", "fct_orders"])
    assert select_assets(definitions, "fct_orders") == [orders]
    after = dg.AssetSelection.assets(orders).downstream().resolve(graph)
    assert len(after) > 1 and set(select_assets(definitions, "fct_orders+")) == after
    before = dg.AssetSelection.assets(orders).upstream().required_multi_asset_neighbors().resolve(graph)
    assert set(select_assets(definitions, "+fct_orders")) == before
    assert set(select_assets(definitions, "group:rfm")) == dg.AssetSelection.groups("rfm").resolve(graph)
    assert select_assets(definitions, "published/loyalty") == [PUBLICATION_KEY]
    assert set(select_assets(definitions, "fct_orders or ops/build_status")) == {orders, BUILD_STATUS_KEY}
    exact = select_assets(definitions, 'key:"marts/fct_orders"')
    assert exact == [orders] == select_assets(definitions, "marts/fct_orders")


def test_a_name_stands_for_all_that_have_it_and_for_what_is_made_with_it(definitions: dg.Definitions) -> None:
    keys = definitions.resolve_asset_graph().materializable_asset_keys
    for name in {key.path[-1] for key in keys if key.path[0].startswith(("raw_", "ml"))}:
        chosen = select_assets(definitions, name)
        assert {key for key in keys if key.path[-1] == name} <= set(chosen)
        definitions.resolve_job_def(DAILY_JOB).get_subset(asset_selection=set(chosen))


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ("fct_order", 'no asset is called "fct_order" (did you mean "fct_orders"?)'),
        ("fct_orders and dim_dates", "selects nothing"),
        ("fct_orders+ +", "cannot read"),
        ("published/loyalti", '"published/loyalti" (did you mean "published/loyalty"?)'),
        ("group:rmf", "group:rmf"),
    ],
)
def test_a_selection_of_nothing_is_an_error_that_names_it(
    definitions: dg.Definitions, selection: str, told: str
) -> None:
    with pytest.raises(UserError) as refused:
        select_assets(definitions, selection)
    assert told in str(refused.value)


def test_there_is_no_graph_on_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(
        "company: x\nsources: {shopp: {}}\nbusiness_timezone: UTC\nbase_currency: EUR\nchurn_horizon_days: 30\n"
    )
    with pytest.raises(UserError, match=r'broken.yml: unknown source "shopp" \(did you mean "shop"\?\)'):
        build_definitions(load_settings(broken, environ={}, home=tmp_path))


def test_importing_the_definitions_does_no_work(tmp_path: Path) -> None:
    """Not even settings are read: those named here do not exist."""
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import dagster_project.definitions, sys; sys.exit('dbt.parser.manifest' in sys.modules)",
        ],
        env={"LOYALTY_COMPANY": str(tmp_path / "none.yml"), "PYTHONPATH": str(PROJECT_ROOT)},
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 0
    assert list(tmp_path.iterdir()) == []
