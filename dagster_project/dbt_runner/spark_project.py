"""The dbt graph with its models built on Spark, and taken over into the warehouse, where all else reads them.

    <home>/spark/inputs/   the tables that models read and none makes, as Parquet
    <home>/spark/tables/   what Spark built, kept from run to run: order history grows by the months that change
    <home>/spark/catalog/  what Spark knows of its tables
    <home>/spark/state.json  of which warehouse that is, the inputs' versions, and what was built

dbt on Spark has an environment of its own, and Spark cannot read the warehouse, so that each build is a process which
gets files and leaves files. Seeds, views and tests are DuckDB's as well. The folder is no more than a copy: a run makes
it again where it is lost, or where an erasure or a restored backup took it away.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.results import NodeResult, OnNode
from dagster_project.dbt_runner.source_versions import source_versions
from dagster_project.dbt_runner.spark_tables import export_table, require_contract, take_over
from dagster_project.dbt_runner.variables import run_variables
from warehouse.errors import UserError
from warehouse.files import write_atomically, write_private
from warehouse.memory import usable_bytes
from warehouse.relations import Relation, relations_of
from warehouse.settings import PROJECT_ROOT
from warehouse.sql import connect, limit_reader, limit_resources

Node = Mapping[str, Any]
MOST_TOLD = 3_000
# The part of the memory that Spark's process gets; DuckDB, which rests meanwhile, keeps a quarter of its own.
MEMORY_SHARE = 0.4
STATE = "state.json"
NOTHING: Mapping[str, Any] = {"folder": None, "first_batch": None, "inputs": {}, "built": []}


class SparkProject(DbtProject):
    """One company's graph, with its models built on Spark."""

    @property
    def lake(self) -> Path:
        """The folder of all that Spark keeps."""
        return self.settings.spark_path.absolute()

    def built_elsewhere(self) -> set[Relation] | None:
        """The models that Spark has, and without which they have to be built again."""
        state = self._state()
        return {Relation.parse(name) for name in state["built"]} if state["folder"] == str(self.lake) else set()

    def build(
        self, names: Sequence[str], *, full_refresh: bool = False, on_node: OnNode | None = None
    ) -> list[NodeResult]:
        """As in DuckDB, but that tests come last: where a model fails, none is run."""
        manifest = self.manifest()
        known, wanted = [*manifest["nodes"].values(), *manifest["unit_tests"].values()], set(names)
        kinds: dict[str, list[Node]] = {"seed": [], "view": [], "table": [], "test": [], "unit_test": []}
        for node in known:
            if node["name"] in wanted:
                kinds[_kind(node)].append(node)
        seeds, views = kinds["seed"], kinds["view"]
        results = self._here(seeds, full_refresh, on_node)
        if _all_good(results):
            results = self._there(manifest, [*seeds, *views, *kinds["table"]], full_refresh, on_node)
        if _all_good(results):
            here = self._here([*views, *kinds["test"]], full_refresh, on_node)
            here += self.test([node["name"] for node in kinds["unit_test"]]) if kinds["unit_test"] else []
            again = {result.unique_id for result in here}
            results = [result for result in results if result.unique_id not in again] + here
        return results

    def _here(self, nodes: Sequence[Node], full_refresh: bool, on_node: OnNode | None) -> list[NodeResult]:
        names = [node["name"] for node in nodes]
        return super().build(names, full_refresh=full_refresh, on_node=on_node) if names else []

    def _there(
        self, manifest: Node, nodes: Sequence[Node], full_refresh: bool, on_node: OnNode | None
    ) -> list[NodeResult]:
        """Build seeds and models on Spark, and take its tables over."""
        if not nodes:
            return []
        models = {str(_relation(node)): node for node in nodes if _kind(node) == "table"}
        with connect(self.settings.warehouse_path) as connection:
            limit_resources(connection, self.settings)
            self.forget_others(connection)
            inputs, versions = self._export_sources(connection, manifest, nodes)
            kept = self._export_kept(connection, models.values())
            limit_reader(connection, self.settings)  # until its tables are taken over, Spark has the memory
        reply = self._run(
            {
                "inputs": inputs,
                "kept": kept,
                "read": _read_beside(manifest, nodes),
                "nodes": [node["name"] for node in nodes],
                "tables": list(models),
                "full_refresh": full_refresh,
            },
            on_node,
        )
        for name, table in reply["tables"].items():
            require_contract(models[name], table["columns"])
        with connect(self.settings.warehouse_path) as connection:
            limit_resources(connection, self.settings)
            for name, table in reply["tables"].items():
                take_over(connection, models[name], Path(table["folder"]), table["columns"])
        results = [NodeResult(**result) for result in reply["results"]]
        good = {result.unique_id for result in results if result.is_good}
        built = {str(_relation(node)) for node in nodes if node["unique_id"] in good}
        state = self._state()
        self._keep({**state, "inputs": versions, "built": sorted(built.union(state["built"]))})
        return results

    def forget_others(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Delete what Spark has of a warehouse that is no more, whose batches had the same numbers, or had in another
        folder, which its catalog names."""
        first = connection.execute("select min_by(loaded_at, batch_id)::varchar from ops.batches").fetchone()
        ours, state = {"folder": str(self.lake), "first_batch": first and first[0]}, self._state()
        if {name: state[name] for name in ours} != ours:
            shutil.rmtree(self.lake, ignore_errors=True)
            self._keep({**NOTHING, **ours})

    def _export_sources(
        self, connection: duckdb.DuckDBPyConnection, manifest: Node, nodes: Iterable[Node]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Write the source tables that nodes read and Spark does not have as they are. Returns their files, and the
        versions that Spark has then."""
        known, versions = source_versions(connection, manifest), dict(self._state()["inputs"])
        files = {}
        read = {parent for node in nodes for parent in node["depends_on"].get("nodes", [])}
        for name in read & set(manifest["sources"]):
            source = manifest["sources"][name]
            relation = Relation(source["schema"], source["identifier"])
            if versions.get(str(relation)) != known[name]:
                files[str(relation)] = str(export_table(connection, relation, self.lake / "inputs"))
                versions[str(relation)] = known[name]
        return files, versions

    def _export_kept(self, connection: duckdb.DuckDBPyConnection, models: Iterable[Node]) -> dict[str, str]:
        """Write the tables that builds only add rows to, which are at home in the warehouse. Returns their files."""
        adding = [_relation(node) for node in models if node["config"].get("incremental_strategy") == "append"]
        kept = sorted(relations_of(connection).intersection(adding))
        return {str(relation): str(export_table(connection, relation, self.lake / "inputs")) for relation in kept}

    def _options(self) -> dict[str, str]:
        """Spark's own settings: one process on this machine, unless the company's settings say otherwise."""
        threads = str(self.settings.threads or len(os.sched_getaffinity(0)))
        return {
            "spark.master": f"local[{threads}]",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": f"{int(usable_bytes() * MEMORY_SHARE) // 2**20}m",
            "spark.sql.shuffle.partitions": threads,
            **self.settings.spark.options,
        }

    def _run(self, request: Mapping[str, Any], on_node: OnNode | None) -> dict[str, Any]:
        """Have it built, by a process that ends with this one. Raises UserError where it cannot."""
        python = PROJECT_ROOT / self.settings.spark.python
        if not python.exists():
            raise UserError(
                f"{python}: there is no Python with Spark. `make spark` installs one, which needs Java 17; or name"
                " another in the settings, `spark: {python: ...}`; or leave `engine: spark` out."
            )
        file, log, reply = (self.lake / name for name in ("request.json", "log.txt", "reply.json"))
        about = {"lake": str(self.lake), "options": self._options(), "variables": run_variables(self.settings)}
        write_private(file, json.dumps({**about, **request, "reply": str(reply)}))
        command = [str(python), "-m", "dagster_project.dbt_runner.spark_session", str(file)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with (
            log.open("w", encoding="utf-8") as told,
            subprocess.Popen(command, cwd=PROJECT_ROOT, env=_environment(), stderr=told, **pipes) as process,
        ):
            try:
                for line in process.stdout or ():
                    if on_node and line.startswith("["):
                        on_node(*json.loads(line))
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            last = log.read_text(encoding="utf-8").strip().rsplit("\n", 1)[-1]
            raise UserError(f"Spark could not build the models: {last[:MOST_TOLD]}\nThe rest is in {log}.")
        return json.loads(reply.read_bytes())

    def _state(self) -> dict[str, Any]:
        file = self.lake / STATE
        return json.loads(file.read_bytes()) if file.exists() else dict(NOTHING)

    def _keep(self, state: Mapping[str, Any]) -> None:
        write_atomically(self.lake / STATE, json.dumps(state))


def _kind(node: Node) -> str:
    """What becomes of a node: seed, view, table (also one that grows), test or unit_test."""
    if node["resource_type"] != "model":
        return node["resource_type"]
    return "view" if node["config"]["materialized"] == "view" else "table"


def _relation(node: Node) -> Relation:
    return Relation(node["schema"], node["alias"])


def _read_beside(manifest: Node, nodes: Sequence[Node]) -> list[str]:
    """The models and seeds that nodes read and that are not among them, as schema.table."""
    read = {parent for node in nodes for parent in node["depends_on"].get("nodes", [])}
    others = (read & set(manifest["nodes"])) - {node["unique_id"] for node in nodes}
    return sorted(str(_relation(manifest["nodes"][name])) for name in others)


def _all_good(results: Iterable[NodeResult]) -> bool:
    return all(result.is_good for result in results)


def _environment() -> dict[str, str]:
    """The environment of Spark's process: without the company's secrets."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LOYALTY_")}
    return {**ours, "TZ": "UTC", "DO_NOT_TRACK": "1"}
