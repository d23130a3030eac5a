"""The dbt graph, run inside this process.

A dbt command line costs about ten seconds of start-up and parsing for every step. Here the parsed manifest is kept
under a hash of everything that parsing reads and is loaded fresh for each invocation (0.05 s), and the database file
is let go of afterwards, so that the next step, in Python, can open it.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagster_project.dbt_runner.variables import DBT_DIR, graph_variables, hash_files, run_variables
from warehouse.errors import UserError
from warehouse.settings import Settings
from warehouse.sql import connect, limit_resources

SELECTED = "selected_for_this_invocation"
QUIET = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-print")


@dataclass(frozen=True)
class NodeResult:
    """What became of one dbt node: `status` is success, pass, fail, error, skipped or warn."""

    unique_id: str
    name: str
    resource_type: str
    status: str
    message: str
    seconds: float
    failures: int

    @property
    def is_good(self) -> bool:
        """Whether the node was built or its test passed."""
        return self.status in ("success", "pass", "warn")


class DbtProject:
    """One company's dbt graph: its manifest and the way to build parts of it."""

    def __init__(self, settings: Settings, target: str = "warehouse") -> None:
        self.settings = settings
        self.target = target
        self.graph_variables = graph_variables(settings)

    @cached_property
    def manifest_key(self) -> str:
        """The hash of all that parsing depends on, as first seen: files, variables, target and versions."""
        about = [self.target, self.graph_variables, version("dbt-core"), version("dbt-duckdb"), version("dagster-dbt")]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        hash_files(digest, DBT_DIR)
        return digest.hexdigest()[:24]

    def manifest(self) -> Mapping[str, Any]:
        """The manifest as plain data, for Dagster's specs. Parses when nothing is kept under today's hash."""
        return json.loads(self.manifest_path().read_bytes())

    def manifest_path(self) -> Path:
        """The manifest as a file, for tools that read one."""
        return self._kept("json")

    def passed_unit_tests(self) -> set[str]:
        """The unit tests (unique ids) that passed under today's hash: their result depends on nothing else."""
        file = self._unit_tests_path()
        return set(json.loads(file.read_bytes())) if file.exists() else set()

    def remember_unit_tests(self, passed: Iterable[str]) -> None:
        """Count these unit tests as passed for as long as the hash stays."""
        file = self._unit_tests_path()
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, json.dumps(sorted(self.passed_unit_tests().union(passed))).encode())

    def _unit_tests_path(self) -> Path:
        return self._file("unit_tests.json")

    def compiled_path(self) -> Path:
        """Where invocations leave compiled SQL."""
        return self.settings.dbt_target_root / self.target

    def _file(self, suffix: str) -> Path:
        return self.settings.dbt_target_root / "manifests" / f"{self.manifest_key}.{suffix}"

    def _kept(self, suffix: str) -> Path:
        if not self._file(suffix).exists():
            del self.manifest_key  # what is parsed is what stands there now
            self._parse(self._file(suffix).with_suffix(""))
        return self._file(suffix)

    def _parse(self, stem: Path) -> None:
        from dbt.parser.manifest import extended_mashumaro_encoder

        stem.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="loyalty-dbt-parse-") as target_path:
            result = self._invoke(None, ["parse", "--no-partial-parse"], self.graph_variables, Path(target_path))
            if not result.success:
                raise UserError(f"dbt could not read the project in dbt/:\n{result.exception}")
            written = result.result.writable_manifest().to_dict(omit_none=False)
            _write(stem.with_suffix(".json"), json.dumps(written, default=str).encode())
            _write(stem.with_suffix(".msgpack"), result.result.to_msgpack(extended_mashumaro_encoder))
        _forget_older(stem.parent)

    def build(
        self,
        selection: Sequence[str],
        *,
        full_refresh: bool = False,
        on_node: Callable[[str, str], None] | None = None,
    ) -> list[NodeResult]:
        """Run the selected nodes, and no test beyond them, and release the database.

        `on_node` is called with a node's name and status: `started` as it begins, and what became of it as it ends.
        Node failures are results, not exceptions; UserError is raised when dbt could not start.
        """
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        packed = self._kept("msgpack").read_bytes()
        manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
        arguments = build_arguments(_tagged(manifest, selection), full_refresh)
        return self._build(manifest, arguments, on_node)

    def develop(self, selection: Sequence[str], state_dir: Path) -> list[NodeResult]:
        """Build the selected nodes with their tests in the analyst's own file, all else being taken as published.

        `state_dir` holds the manifest of the publication. Parses only what changed since the last time.
        """
        arguments = ["build", "--select", *selection, "--defer", "--favor-state", "--state", str(state_dir.resolve())]
        return self._build(None, arguments)

    def _build(
        self, manifest: Any, arguments: Sequence[str], on_node: Callable[[str, str], None] | None = None
    ) -> list[NodeResult]:
        file = self.settings.dev_path if self.target == "dev" else self.settings.warehouse_path
        with connect(file) as held:  # what limits DuckDB belongs to the open file, so dbt need not say it for each node
            limit_resources(held, self.settings)
            variables = run_variables(self.settings)
            return _node_results(self._invoke(manifest, arguments, variables, self.compiled_path(), on_node))

    def _invoke(
        self,
        manifest: Any,
        arguments: Sequence[str],
        variables: Mapping[str, Any],
        target_path: Path,
        on_node: Callable[[str, str], None] | None = None,
    ) -> Any:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        os.environ.update(profile_environment(self.settings))
        command = command_line(arguments, variables, self.target, target_path)
        try:
            return dbtRunner(manifest=manifest, callbacks=_callbacks(on_node)).invoke(command)
        finally:
            DuckDBConnectionManager.close_all_connections()


def _tagged(manifest: Any, selection: Sequence[str]) -> Sequence[str]:
    """The same selection as one tag, where it is of node names alone.

    dbt looks at every node for every name; a tag that only this invocation's manifest carries is looked for once.
    """
    by_name = {node.name: node for node in [*manifest.nodes.values(), *manifest.unit_tests.values()]}
    if not all(name in by_name for name in selection):
        return selection
    for name in selection:
        node = by_name[name]
        if node.resource_type == "unit_test":
            node.config.tags = [*node.tags, SELECTED]
        else:
            node.tags.append(SELECTED)
    return [f"tag:{SELECTED}"]


def analyst_project(settings: Settings) -> DbtProject:
    """The project that builds into the analyst's own file."""
    return DbtProject(settings, target="dev")


def build_arguments(selection: Sequence[str], full_refresh: bool = False) -> list[str]:
    """The part of a dbt command line that says what is built: the selected nodes, and no test beyond them."""
    refresh = ["--full-refresh"] if full_refresh else []
    return ["build", "--indirect-selection", "empty", "--no-write-json", "--select", *selection, *refresh]


def command_line(arguments: Sequence[str], variables: Mapping[str, Any], target: str, target_path: Path) -> list[str]:
    """The dbt command line, without the word dbt: quiet, on this project, all it writes in `target_path`."""
    return [
        *QUIET,
        *arguments,
        *("--target", target, "--target-path", str(target_path), "--log-path", str(target_path / "logs")),
        *("--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR), "--vars", json.dumps(variables)),
    ]


def _callbacks(on_node: Callable[[str, str], None] | None) -> list[Callable[[Any], None]]:
    if on_node is None:
        return []

    def forward(event: Any) -> None:
        if event.info.name == "NodeStart":
            on_node(event.data.node_info.node_name, "started")
        elif event.info.name == "NodeFinished":
            on_node(event.data.node_info.node_name, event.data.node_info.node_status)

    return [forward]


def profile_environment(settings: Settings) -> dict[str, str]:
    """What dbt/profiles.yml reads: where the files are."""
    return {
        "LOYALTY_WAREHOUSE_PATH": str(settings.warehouse_path),
        "LOYALTY_DEV_PATH": str(settings.dev_path),
        "LOYALTY_WORK_PATH": str(settings.published_dir / "work.duckdb"),
    }


def _node_results(result: Any) -> list[NodeResult]:
    if result.exception is not None:
        raise UserError(f"dbt could not run: {result.exception}") from result.exception
    return [_node_result(node_result) for node_result in result.result.results]


def _node_result(result: Any) -> NodeResult:
    node = result.node
    return NodeResult(
        unique_id=node.unique_id,
        name=node.name,
        resource_type=str(node.resource_type),
        status=str(result.status),
        message=result.message or "",
        seconds=result.execution_time,
        failures=result.failures or 0,
    )


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _forget_older(folder: Path, keep: int = 12) -> None:
    files: Iterable[Path] = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in list(files)[keep:]:
        file.unlink(missing_ok=True)
