"""The dbt graph as assets: each model and seed an asset, each data test a blocking check on the last model it reads."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from dagster_project.dbt_runner.failures import failure_sentences
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.results import NodeResult
from dagster_project.dbt_runner.standing_nodes import StandingNodes
from dagster_project.publication import publishes, work_tables
from dagster_project.resources import WarehouseRun
from dagster_project.tables import DEFAULT_OWNER, table_metadata
from warehouse.ingest.row_reports import (
    OTHER_ROWS,
    REUSED,
    STRAYS,
    UNEXPLAINED_AMOUNTS,
    order_sentences,
    other_sentences,
    reused_sentences,
    stray_sentences,
    unexplained_sentences,
)
from warehouse.relations import Relation

# Under this name dagster-dbt keeps a node's unique id in the metadata of its asset or check.
UNIQUE_ID = "dagster_dbt/unique_id"
INGEST_LOG_KEY = dg.AssetKey(["ops", "batches"])
RESULTS_LOG_KEY = dg.AssetKey(["ml", "result_versions"])
# The tag of data tests that the test suite runs, on a company it builds, and a run does not: the declared keys.
SUITE_TAG = "suite"
# What is told once a model is built, and under which name it is kept.
TELLING: dict[str, list[tuple[str, Callable[[duckdb.DuckDBPyConnection], list[str]]]]] = {
    "int_order_line_versions": [("order lines", order_sentences), (STRAYS, stray_sentences)],
    "int_order_days": [(REUSED, reused_sentences)],
    # it reads the rows of every entity
    "fct_rejected_rows": [(OTHER_ROWS, other_sentences)],
    "rpt_unexplained_amounts_monthly": [(UNEXPLAINED_AMOUNTS, unexplained_sentences)],
}
# In the metadata of what was not built again.
STANDING = "unchanged"


def is_run_check(test: Mapping[str, Any]) -> bool:
    """Whether a data test of the manifest is a check of every run."""
    return SUITE_TAG not in test["tags"]


def check_description(test: Mapping[str, Any]) -> str:
    """What a data test asks for, in words: its own description, the rules that it is declared with, or the comment that
    its SQL begins with."""
    if test.get("description"):
        return str(test["description"])
    asked = (test.get("test_metadata") or {}).get("kwargs", {})
    if "key" not in asked:
        comment = itertools.takewhile(lambda line: line.startswith("--"), test["raw_code"].splitlines())
        return " ".join(line.removeprefix("--").strip() for line in comment)
    rules = [f"{', '.join(asked['key'])} is a key"]
    if known := asked.get("not_null"):
        rules.append(f"{', '.join(known)} {'is' if len(known) == 1 else 'are'} never NULL")
    rules += [rule.replace("_", " ") for rule in asked.get("rules", {})]
    return f"On every row: {'; '.join(rules)}."


class Translator(DagsterDbtTranslator):
    """Names, groups, owners and checks of dbt nodes as Dagster shows them."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        super().__init__()
        self._graph = manifest

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The node's own description; the SQL is in the repository."""
        return dbt_resource_props.get("description") or dbt_resource_props["name"]

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The source that a model stages, its folder (intermediate_orders), or the group of a mart; seeds are one."""
        if dbt_resource_props["resource_type"] == "source":
            return dbt_resource_props["source_name"]
        schema = dbt_resource_props["schema"]
        if schema == "intermediate":
            return f"intermediate_{Path(dbt_resource_props['original_file_path']).parent.name}"
        if schema == "staging":
            return f"staging_{dbt_resource_props['name'].removeprefix('stg_').partition('__')[0]}"
        return dbt_resource_props["config"].get("group") or schema

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """The dbt group's owner; nodes without one belong to the data engineers."""
        group = dbt_resource_props.get("config", {}).get("group")
        owner = self._graph["groups"].get(f"group.loyalty_warehouse.{group}", {}).get("owner", {})
        return [owner.get("email") or DEFAULT_OWNER]

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """The node's spec.

        A node that reads no other model waits for the whole of ingest, or for every learning step, so dbt starts once
        after each of these and not once per source or step.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        parents = manifest["parent_map"].get(unique_id, [])
        if unique_id.startswith("source.") or any(parent.startswith("model.") for parent in parents):
            return spec
        is_result = any(manifest["sources"].get(parent, {}).get("schema") == "ml" for parent in parents)
        awaited = RESULTS_LOG_KEY if is_result else INGEST_LOG_KEY
        if awaited in {dep.asset_key for dep in spec.deps}:
            return spec
        return spec.merge_attributes(deps=[awaited])

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        """A check for each data test that runs hold models to; one on several models belongs to the latest of them."""
        if not is_run_check(manifest["nodes"][unique_id]):
            return None
        attached = self.attached_nodes.get(unique_id)
        told = check_description(manifest["nodes"][unique_id])
        if attached is None:
            spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
            return spec._replace(description=told) if spec else None
        if asset_spec.metadata[UNIQUE_ID] != attached:
            return None
        test = manifest["nodes"][unique_id]
        others = set(test["depends_on"]["nodes"]) - {attached}
        return dg.AssetCheckSpec(
            name=test["name"],
            asset=asset_spec.key,
            description=told,
            additional_deps={self.get_asset_spec(manifest, other, project).key for other in others},
            metadata={UNIQUE_ID: unique_id},
            blocking=True,
        )

    @cached_property
    def attached_nodes(self) -> dict[str, str]:
        """For each test that reads several models, the one that is built last."""
        depths: dict[str, int] = {}
        tests = {name: node for name, node in self._graph["nodes"].items() if node["resource_type"] == "test"}
        return {
            name: max(node["depends_on"]["nodes"], key=lambda parent: (self._depth(parent, depths), parent))
            for name, node in tests.items()
            if len(node["depends_on"]["nodes"]) > 1
        }

    def _depth(self, unique_id: str, depths: dict[str, int]) -> int:
        if unique_id not in depths:
            parents = self._graph["parent_map"].get(unique_id, [])
            depths[unique_id] = 1 + max((self._depth(parent, depths) for parent in parents), default=0)
        return depths[unique_id]


def build_dbt_assets(project: DbtProject) -> dg.AssetsDefinition:
    """The dbt graph of one company. Dagster splits it by itself around the models that Python trains."""
    manifest = project.manifest()
    translator = Translator(manifest)

    @dbt_assets(
        manifest=manifest,
        name="dbt",
        dagster_dbt_translator=translator,
        required_resource_keys={"warehouse"},
    )
    def dbt(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run: WarehouseRun = context.resources.warehouse
        run.open_build()
        assets = _by_unique_id(context.assets_def.specs, context.selected_asset_keys)
        checks = _by_unique_id(context.assets_def.check_specs, context.selected_asset_check_keys)
        layers = sorted({key.path[0] for key in assets.values()})
        plan = _plan(run, manifest, assets, checks)
        some = f"{len(plan.models)} of " if len(plan.models) < len(assets) else ""
        with run.stage(f"dbt: {some}{len(assets)} models ({', '.join(layers)})"):
            results = _build(run, manifest, plan)
        _tell_rows(run, results)
        bad = [result for result in results if result.status in ("error", "fail")]
        if publishes(context.run) and not bad:
            held = set(work_tables(manifest))
            built = [Relation(*key.path) for key in assets.values()]
            run.precopy.finished([one for one in built if one.schema == "marts" or one in held])
        yield from _events(run, plan, results, assets, checks)
        if bad:
            with run.connect() as connection:
                lines = failure_sentences(connection, bad, run.settings)
            raise dg.Failure(description="\n".join(lines), allow_retries=False)

    return dbt


def _by_unique_id(specs: Any, selected: Any) -> dict[str, Any]:
    return {spec.metadata[UNIQUE_ID]: spec.key for spec in specs if spec.key in selected and UNIQUE_ID in spec.metadata}


@dataclass(frozen=True)
class _Plan:
    """What one invocation of dbt is about to build, by unique id: the models, checks and unit tests that do not stand,
    and beside them the assets and checks that do."""

    nodes: StandingNodes
    models: Set[str]
    checks: Set[str]
    unit_tests: Set[str]
    standing: Set[str]


def _plan(
    run: WarehouseRun, manifest: Mapping[str, Any], assets: Mapping[str, Any], checks: Mapping[str, Any]
) -> _Plan:
    unit_tests = {name for name, test in manifest["unit_tests"].items() if tested_model(test) in assets}
    passed = run.dbt.passed_unit_tests(unit_tests)
    with run.connect() as connection:
        nodes = StandingNodes(connection, manifest, run.dbt.definition_keys(), run.dbt.built_elsewhere())
        wanted = {*assets, *checks}
        changed = wanted if run.builds_everything else nodes.changed(wanted)
        nodes.set_out(connection, changed)
    standing = wanted - changed
    run.passed_checks.update(passed | (standing & set(checks)))
    return _Plan(nodes, changed & set(assets), changed & set(checks), unit_tests - passed, standing)


def _build(run: WarehouseRun, manifest: Mapping[str, Any], plan: _Plan) -> list[NodeResult]:
    names = [manifest["nodes"][unique_id]["name"] for unique_id in sorted(plan.models | plan.checks)]
    unit_tests = {unique_id: manifest["unit_tests"][unique_id] for unique_id in sorted(plan.unit_tests)}
    alone = [test["name"] for test in unit_tests.values() if tested_model(test) not in plan.models]
    names += [test["name"] for test in unit_tests.values() if tested_model(test) in plan.models]
    results = run.dbt.test(alone) if alone else []
    if names:
        results += run.dbt.build(names, full_refresh=run.full_refresh, on_node=run.dbt_node)
    passed = {result.unique_id for result in results if result.resource_type == "unit_test" and result.is_good}
    run.passed_checks.update(passed)
    run.dbt.remember_unit_tests(passed)
    built = {result.unique_id for result in results if result.status in ("success", "pass")} - passed
    with run.connect() as connection:
        plan.nodes.finish(connection, built, run.open_build())
    return results


def tested_model(unit_test: Mapping[str, Any]) -> str:
    """The unique id of the model that a unit test of the manifest is about."""
    return unit_test["depends_on"]["nodes"][0]


def _events(
    run: WarehouseRun,
    plan: _Plan,
    results: Sequence[NodeResult],
    assets: Mapping[str, Any],
    checks: Mapping[str, Any],
) -> Iterator[Any]:
    """An event for each asset and check, also of those that were not built because they stand; parents come first."""
    outcomes = {result.unique_id: result for result in results}
    good = plan.standing | {name for name, result in outcomes.items() if result.is_good}
    there = [key for name, key in assets.items() if name in good]
    with run.connect() as connection:
        tables = table_metadata(connection, there)
    for name in plan.nodes.in_order({*assets, *checks}):
        result = outcomes.get(name)
        if name in plan.standing:
            run.progress(name, "dbt standing", None)
            shown: dict[str, Any] = {STANDING: True}
        elif result is None or result.status == "skipped" or (name in assets and not result.is_good):
            continue
        else:
            shown = {"seconds": dg.MetadataValue.float(round(float(result.seconds), 3))}
        if name in assets:
            key = assets[name]
            yield dg.MaterializeResult(asset_key=key, metadata={**shown, **tables.get(key, {})})
        else:
            yield _check_event(run, checks[name], name, result, shown)


def _check_event(
    run: WarehouseRun, key: dg.AssetCheckKey, name: str, result: NodeResult | None, shown: Mapping[str, Any]
) -> dg.AssetCheckResult:
    """The outcome of a data test; of one that was not run, because it has passed on the same rows, that it passed."""
    if result and result.is_good:
        run.passed_checks.add(name)
    failures, message = (result.failures, result.message) if result else (0, "")
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result is None or result.is_good,
        metadata={**shown, "failing_rows": failures, "message": message or "passed"},
    )


def _tell_rows(run: WarehouseRun, results: Sequence[NodeResult]) -> None:
    built = {result.name for result in results if result.is_good}
    telling = [told for model, sentences in TELLING.items() if model in built for told in sentences]
    if telling:
        with run.connect() as connection:
            for about, sentences in telling:
                run.tell_rows(about, sentences(connection))
