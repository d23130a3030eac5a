"""A hash of all that makes up a node of the dbt graph, beside the rows that it reads.

That is its SQL and its declaration, the macros that it may call, the values of the variables that these read, and the
versions of what runs it. Which macros and variables are meant is told from their names in the text, so a few more than
needed count: dbt's own list leaves out what is called while a node runs alone.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROJECT = "loyalty_warehouse"
WORD = re.compile(r"[A-Za-z_]\w*")
VARIABLE = re.compile(r"""\bvar\(\s*(?:['"](\w+)['"])?""")
# Where a node's text stands, and when it was read: the same node elsewhere, or read again, is the same.
BESIDE_THE_NODE = {
    "build_path", "compiled_path", "created_at", "fqn", "original_file_path", "patch_path", "path", "root_path"
}  # fmt: skip
# Macros that dbt calls by themselves, under a name that it makes up.
CALLED_BY_DBT = ("materialization_", "get_incremental_")
RUN_BY = ("dbt-core", "dbt-duckdb", "duckdb")


class DefinitionKeys:
    """The hashes of one graph's nodes under the variables of one run, built by one engine."""

    def __init__(self, manifest: Mapping[str, Any], variables: Mapping[str, Any], engine: str = "duckdb") -> None:
        self._engine = engine
        self._nodes = {**manifest["nodes"], **manifest["unit_tests"]}
        self._macros = {one["name"]: one for one in manifest["macros"].values() if one["package_name"] == PROJECT}
        others = {one["name"] for one in manifest["macros"].values() if one["package_name"] != PROJECT}
        self._called_by_dbt = {name for name in self._macros if name in others or name.startswith(CALLED_BY_DBT)}
        self._variables = {name: _text(value) for name, value in variables.items()}
        self._words = cache(self._macros_named)
        self.of = cache(self._of)

    def _of(self, unique_id: str) -> str:
        """The hash of a model, seed or data test; of a unit test, also of the model that it is about."""
        node = self._nodes[unique_id]
        declared = _text({name: value for name, value in node.items() if name not in BESIDE_THE_NODE})
        # a quote within JSON is a quote of the SQL again
        declared = declared.replace('\\"', '"')
        parts = [declared, *self._macro_texts(declared)]
        if node["resource_type"] == "seed" and node["checksum"]["name"] == "path":
            # dbt tells a seed of more than a mebibyte by its name alone
            parts.append((Path(node["root_path"]) / node["original_file_path"]).read_text(encoding="utf-8"))
        if node["resource_type"] == "unit_test":
            parts += [self.of(model) for model in node["depends_on"]["nodes"]]
        read = sorted(self._variables_read(parts))
        values = [f"{name}={self._variables.get(name)}" for name in read]
        return _hash([*parts, *values, *self._versions])

    @cached_property
    def _versions(self) -> list[str]:
        return [self._engine, *(f"{name} {version(name)}" for name in RUN_BY)]

    def _macro_texts(self, text: str) -> list[str]:
        found: set[str] = set()
        new = {*self._called_by_dbt, *self._in(text)}
        while new:
            found |= new
            new = {name for known in new for name in self._words(known)} - found
        return [self._macros[name]["macro_sql"] for name in sorted(found)]

    def _macros_named(self, macro: str) -> frozenset[str]:
        return self._in(self._macros[macro]["macro_sql"])

    def _in(self, text: str) -> frozenset[str]:
        return frozenset(word for word in set(WORD.findall(text)) if word in self._macros)

    def _variables_read(self, texts: Iterable[str]) -> set[str]:
        names = {name for text in texts for name in VARIABLE.findall(text)}
        return set(self._variables) if "" in names else names


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _hash(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part.encode()).digest())
    return digest.hexdigest()[:24]
