"""When a step is to learn again: a hash of everything that its results depend on."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from datetime import date
from functools import reduce
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.steps import base
from dagster_project.steps.base import Step
from serving.publication.database_file import fingerprints
from warehouse.files import hash_files
from warehouse.model_store.artifacts import champion_before
from warehouse.relations import Relation
from warehouse.settings import PROJECT_ROOT, Settings

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "statsmodels", "optuna")


def input_key(step: Step, settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> str:
    """A hash over the step's tables (rows), the settings it names, its code, and the model it starts from."""
    relations = [Relation(*name.split(".")) for name in step.reads]
    started_from = champion_before(settings.models_dir, step.champion, as_of_date) if step.champion else None
    about = [
        {str(relation): value for relation, value in fingerprints(connection, relations).items()},
        setting_values(step, settings),
        as_of_date.isoformat(),
        started_from or "",
        code_key(step),
    ]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]


def setting_values(step: Step, settings: Settings) -> Mapping[str, Any]:
    """The settings that a step names, by name, as JSON has them. Raises KeyError when there is no such setting."""
    values = settings.model_dump(mode="json")
    return {name: reduce(lambda section, key: section[key], name.split("."), values) for name in step.settings}


def code_key(step: Step) -> str:
    """A hash of the code that a step runs: its file, its packages of ml/, and the libraries' versions."""
    digest = hashlib.sha256(json.dumps({name: version(name) for name in LIBRARIES}).encode())
    for path in code_paths(step):
        hash_files(digest, path)
    return digest.hexdigest()


def code_paths(step: Step) -> list[Path]:
    """The files and folders that a step's own code is in."""
    packages = sorted({"common", *step.packages})
    return [
        Path(inspect.getfile(base)),
        Path(inspect.getfile(step.learn)),
        *(PROJECT_ROOT / "ml" / name for name in packages),
    ]
