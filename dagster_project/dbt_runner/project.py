"""The dbt graph, run inside this process.

A dbt command line costs about ten seconds of start-up and parsing for every step. Here the parsed manifest is kept
under a hash of everything that parsing reads and is loaded fresh for each invocation (0.05 s), and the database file is
closed afterwards, so that the next step, in Python, can open it.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagster_project.dbt_runner import manifest_cache
from dagster_project.dbt_runner.command import (
    PARSE,
    build_arguments,
    command_line,
    compile_arguments,
    develop_arguments,
    profile_environment,
    test_arguments,
)
from dagster_project.dbt_runner.definition_keys import DefinitionKeys
from dagster_project.dbt_runner.results import NodeResult, OnNode, callbacks, node_result
from dagster_project.dbt_runner.variables import DBT_DIR, graph_variables, run_variables
from warehouse.errors import UserError
from warehouse.files import hash_files, write_atomically
from warehouse.relations import Relation
from warehouse.scratch import scratch_folder
from warehouse.settings import Settings
from warehouse.sql import connect, limit_reader, limit_resources

# Beside the manifests: the keys of unit tests that passed, the latest last.
UNIT_TESTS = "passed_unit_tests.json"
MOST_KEYS = 5_000


class DbtProject:
    """One company's dbt graph: its manifest and the way to build parts of it."""

    def __init__(self, settings: Settings, target: str = "warehouse", kept: Path | None = None) -> None:
        self.settings = settings
        self.target = target
        self.kept = kept or settings.dbt_target_root / "manifests"
        self.graph_variables = graph_variables(settings)

    def elsewhere(self, home: Path) -> "DbtProject":
        """The same graph with the database of another home: nothing is parsed again for it."""
        return DbtProject(self.settings.model_copy(update={"home": home}), self.target, self.kept)

    @cached_property
    def manifest_key(self) -> str:
        """The hash of what parsing depends on, as first seen: files, their place, variables, target and versions."""
        packages = [version(name) for name in ("dbt-core", "dbt-duckdb", "dagster-dbt")]
        # a manifest names the folder of the project, in which dbt looks for seeds
        about = [self.target, self.graph_variables, *packages, str(DBT_DIR)]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        hash_files(digest, DBT_DIR)
        return digest.hexdigest()[:24]

    def manifest(self) -> Mapping[str, Any]:
        """The manifest as plain data, for Dagster's specs. Parses when nothing is kept under today's hash."""
        return json.loads(self.manifest_path().read_bytes())

    def manifest_path(self) -> Path:
        """The manifest as a file, for tools that read one."""
        return self._kept("json")

    def definition_keys(self) -> DefinitionKeys:
        """The hashes of the nodes' definitions under the variables of a run."""
        return DefinitionKeys(self.manifest(), run_variables(self.settings), self.settings.engine)

    def built_elsewhere(self) -> set[Relation] | None:
        """The models that another engine has, and without which they have to be built again; None without one."""
        return None

    def passed_unit_tests(self, unit_tests: Iterable[str]) -> set[str]:
        """Those of the unit tests (unique ids) that passed before, in any graph: their rows are their own, so that the
        result depends on nothing but what they and their models are made of."""
        passed = self._passed_keys()
        return {name for name, key in self._unit_test_keys(unit_tests).items() if key in passed}

    def remember_unit_tests(self, passed: Iterable[str]) -> None:
        """Count these unit tests as passed for as long as they and their models stay as they are."""
        keys = {**self._passed_keys(), **dict.fromkeys(self._unit_test_keys(passed).values())}
        write_atomically(self._unit_tests_path(), json.dumps(list(keys)[-MOST_KEYS:]))

    def _passed_keys(self) -> dict[str, None]:
        file = self._unit_tests_path()
        return dict.fromkeys(json.loads(file.read_bytes())) if file.exists() else {}

    def _unit_test_keys(self, unit_tests: Iterable[str]) -> dict[str, str]:
        keys = DefinitionKeys(self.manifest(), self.graph_variables)
        return {name: keys.of(name) for name in unit_tests}

    def _unit_tests_path(self) -> Path:
        return self.kept / UNIT_TESTS

    def compiled_path(self) -> Path:
        """Where invocations leave compiled SQL."""
        return self.settings.dbt_target_root / self.target

    def _file(self, suffix: str) -> Path:
        return self.kept / f"{self.manifest_key}.{suffix}"

    def _kept(self, suffix: str) -> Path:
        if not self._file(suffix).exists():
            del self.manifest_key  # what is parsed is what stands there now
            self._parse(self._file(suffix).with_suffix(""))
        return self._file(suffix)

    def _parse(self, stem: Path) -> None:
        with scratch_folder(self.settings.home, "dbt-parse") as target_path:
            result = self._invoke(None, PARSE, self.graph_variables, target_path)
            if not result.success:
                raise UserError(f"dbt could not read the project in dbt/:\n{result.exception}")
            write_atomically(stem.with_suffix(".msgpack"), manifest_cache.pack(result.result))
            write_atomically(stem.with_suffix(".json"), (target_path / "manifest.json").read_bytes())
        _forget_older(stem.parent)

    def build(
        self,
        names: Sequence[str],
        *,
        full_refresh: bool = False,
        on_node: OnNode | None = None,
    ) -> list[NodeResult]:
        """Run the nodes called `names`, and no test beyond them, and release the database.

        `on_node` is called with a node's name and status: `started` as it begins, and its outcome as it ends. Node
        failures are results, not exceptions; UserError is raised when dbt could not start.
        """
        manifest = manifest_cache.unpack(self._kept("msgpack").read_bytes())
        arguments = build_arguments(manifest_cache.selected(manifest, names), full_refresh)
        return self._build(manifest, arguments, on_node)

    def test(self, names: Sequence[str]) -> list[NodeResult]:
        """Run the tests called `names`, on models as they stand, and release the database. Results as of `build`."""
        manifest = manifest_cache.unpack(self._kept("msgpack").read_bytes())
        return self._build(manifest, test_arguments(manifest_cache.selected(manifest, names)))

    def compiled_sql(self, names: Sequence[str]) -> dict[str, str]:
        """The SQL of the nodes called `names`, as the database gets it. No database of the company is opened for it."""
        manifest = manifest_cache.unpack(self._kept("msgpack").read_bytes())
        arguments = compile_arguments(manifest_cache.selected(manifest, names))
        with scratch_folder(self.settings.home, "dbt-compile") as folder:
            beside = self.elsewhere(folder)
            result = beside._invoke(manifest, arguments, run_variables(self.settings), folder / "target")
            return {node.name: node.query.strip() for node in _node_results(result) if node.name in names}

    def develop(self, selection: Sequence[str], state_dir: Path) -> list[NodeResult]:
        """Build the selected nodes with their tests in the analyst's own file; all other models are read from the
        publication.

        `state_dir` holds the manifest of the publication. Parses only files changed since the last time.
        """
        return self._build(None, develop_arguments(selection, state_dir))

    def _build(self, manifest: Any, arguments: Sequence[str], on_node: OnNode | None = None) -> list[NodeResult]:
        file = self.settings.dev_path if self.target == "dev" else self.settings.warehouse_path
        with connect(file) as held:  # what limits DuckDB belongs to the open file, so dbt need not say it for each node
            # an analyst builds beside a run, and takes no more than a reader
            (limit_reader if self.target == "dev" else limit_resources)(held, self.settings)
            variables = run_variables(self.settings)
            return _node_results(self._invoke(manifest, arguments, variables, self.compiled_path(), on_node))

    def _invoke(
        self,
        manifest: Any,
        arguments: Sequence[str],
        variables: Mapping[str, Any],
        target_path: Path,
        on_node: OnNode | None = None,
    ) -> Any:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        os.environ.update(profile_environment(self.settings))
        command = command_line(arguments, variables, self.target, target_path, DBT_DIR)
        try:
            return dbtRunner(manifest=manifest, callbacks=callbacks(on_node)).invoke(command)
        finally:
            DuckDBConnectionManager.close_all_connections()


def analyst_project(settings: Settings) -> DbtProject:
    """The project that builds into the analyst's own file."""
    return DbtProject(settings, target="dev")


def _node_results(result: Any) -> list[NodeResult]:
    if result.exception is not None:
        raise UserError(f"dbt could not run: {result.exception}") from result.exception
    return [node_result(one) for one in result.result.results]


def _forget_older(folder: Path, keep: int = 12) -> None:
    manifests = [file for file in folder.iterdir() if file.name != UNIT_TESTS]
    for file in sorted(manifests, key=lambda file: file.stat().st_mtime, reverse=True)[keep:]:
        file.unlink(missing_ok=True)
