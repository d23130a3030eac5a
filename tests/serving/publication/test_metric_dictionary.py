"""The metric dictionary: every published metric has an example that runs, and the page is what the YAML says."""

from pathlib import Path
from typing import Any

import pytest

from dagster_project.dbt_runner.project import DbtProject
from serving.publication.mart_dictionary import render_marts
from serving.publication.metric_dictionary import (
    MetricDefinition,
    metric_definitions,
    render_markdown,
    store_definitions,
)
from tests.support.company import generated_settings
from warehouse.errors import UserError
from warehouse.settings import PROJECT_ROOT
from warehouse.sql import connect


@pytest.fixture(scope="module")
def manifest(generated_manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return DbtProject(generated_settings(tmp_path_factory.mktemp("home"), generated_manifests)).manifest()


def small_manifest(columns: dict[str, str], examples: dict[str, list[str]]) -> dict[str, Any]:
    """One mart, fct_orders of group core, with `columns` (name -> description) and unit tests that name metrics."""
    model = {
        "resource_type": "model",
        "schema": "marts",
        "name": "fct_orders",
        "description": "One row per order: sales only. More.",
        "config": {"group": "core"},
        "columns": {name: {"description": text} for name, text in columns.items()},
    }
    tests = {
        name: {
            "name": name,
            "model": "fct_orders",
            "package_name": "shop",
            "description": f"The example\n{name}.",
            "config": {"meta": {"metrics": metrics}} if metrics else {},
        }
        for name, metrics in examples.items()
    }
    groups = {"group.shop.core": {"owner": {"name": "Analysts"}}}
    return {"nodes": {"model.shop.fct_orders": model}, "unit_tests": tests, "groups": groups}


def test_the_page_is_what_the_yaml_says(manifest: Any) -> None:
    page = (PROJECT_ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == render_markdown(metric_definitions(manifest)), "run `loyalty docs`"


def test_the_page_of_marts_is_what_the_yaml_says(manifest: Any) -> None:
    page = (PROJECT_ROOT / "docs" / "marts.md").read_text(encoding="utf-8")
    assert page == render_marts(manifest), "run `loyalty docs`"
    nodes = manifest["nodes"].values()
    published = {node["name"] for node in nodes if node["schema"] == "marts" and node["config"].get("group")}
    assert published and all(f"\n### {name}\n" in page for name in published)


def test_every_worked_example_is_a_unit_test_of_a_model_that_has_or_feeds_the_metric(manifest: Any) -> None:
    definitions = metric_definitions(manifest)
    tests = {test["name"]: test for test in manifest["unit_tests"].values()}
    models = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    assert {"rfm_segment", "retention_rate", "churn_rate", "repurchase_rate"} <= {one.name for one in definitions}
    for one in definitions:
        assert one.name in models[one.model]["columns"]
        assert one.definition
        assert one.worked_example == " ".join(tests[one.unit_test]["description"].split())


def test_a_metric_without_an_example_is_named() -> None:
    columns = {"order_id": "", "discount_rate": "Discounts over gross.", "return_rate": "Returns over net."}
    given = small_manifest(columns, {"discounts": ["discount_rate"], "other": []})
    with pytest.raises(UserError, match=r"no worked example: return_rate\."):
        metric_definitions(given)


def test_an_example_of_a_column_that_is_nowhere_is_named() -> None:
    with pytest.raises(UserError, match="discounts works out the metric discount_rat,"):
        metric_definitions(small_manifest({"discount_rate": "D."}, {"discounts": ["discount_rate", "discount_rat"]}))


def test_a_definition_is_put_together_from_column_model_test_and_group() -> None:
    given = small_manifest({"discount_rate": "Discounts\n  over gross."}, {"discounts": ["discount_rate"]})
    expected = MetricDefinition(
        name="discount_rate",
        definition="Discounts over gross.",
        grain="One row per order.",
        worked_example="The example discounts.",
        unit_test="discounts",
        model="fct_orders",
        owner="Analysts",
    )
    assert metric_definitions(given) == [expected]
    assert (
        "## discount_rate\n\nDiscounts over gross.\n\n- Where: `fct_orders`. One row per order.\n"
        in render_markdown([expected])
    )


def test_a_dimension_only_repeats_what_a_fact_publishes() -> None:
    given = small_manifest({"a_rate": "Of the fact."}, {"worked": ["a_rate"]})
    dimension = {**given["nodes"]["model.shop.fct_orders"], "name": "dim_customers"}
    given["nodes"]["model.shop.dim_customers"] = {
        **dimension,
        "columns": {"a_rate": {"description": "Of the dimension."}},
    }
    given["unit_tests"]["worked"]["model"] = "int_orders"
    (found,) = metric_definitions(given)
    assert (found.model, found.definition) == ("fct_orders", "Of the fact.")


def test_stored_definitions_replace_the_earlier_ones(tmp_path: Path) -> None:
    first = metric_definitions(small_manifest({"a_rate": "A."}, {"one": ["a_rate"]}))
    second = metric_definitions(small_manifest({"b_rate": "B.", "c_rate": "C."}, {"two": ["c_rate", "b_rate"]}))
    with connect(tmp_path / "warehouse.duckdb") as connection:
        for definitions in (first, second):
            store_definitions(connection, definitions)
        stored = connection.execute("select * from ops.metric_definitions order by name").fetchall()
    assert stored == [tuple(definition) for definition in second]
