"""What dbt reads of sources/<source>.yml: its raw tables, which of its staging models are on, and those without SQL.

A source needs no SQL where its tables are entities (`canonical: true`) or its YAML maps their columns (`mapping:`).

dbt reads sources from YAML files and switches models on there. So that nobody keeps a second list of a source's tables,
these files are generated from the source's own YAML, into dbt/target/sources, in a folder named by a hash of their
content. The variable `source_models` leads dbt's `model-paths` there.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dagster_project.dbt_runner.mapped_models import has_further_lines, mapped_model
from warehouse.errors import UserError
from warehouse.files import write_atomically
from warehouse.ingest.entities import Entity, delivered_columns, load_entities
from warehouse.ingest.sources import META_COLUMNS, SourceConfig, TableConfig

FOLDER = Path("target") / "sources"


def staging_entities(source: SourceConfig, dbt_dir: Path) -> list[str]:
    """The input entities that staging models of the source bring, in name order: by hand, mapped, or canonical."""
    prefix = f"stg_{source.name}__"
    files = (dbt_dir / "models" / "staging" / source.name).glob(f"{prefix}*.sql")
    written = {file.stem.removeprefix(prefix) for file in files}
    return sorted(written | set(source.mapping) | set(_canonical_tables(source, dbt_dir)))


def write_source_models(sources: Mapping[str, SourceConfig], dbt_dir: Path) -> str:
    """Write what the sources add to the dbt project, unless it is there; returns its folder's name, a hash of it all.

    Raises UserError where the folder cannot be written.
    """
    files = {path: text for source in sources.values() for path, text in source_files(source, dbt_dir).items()}
    name = hashlib.sha256(yaml.safe_dump(files).encode()).hexdigest()[:16]
    for path, text in files.items():
        file = dbt_dir / FOLDER / name / path
        if file.exists():
            continue
        try:
            _make_readable(file.parent, dbt_dir)
            write_atomically(file, text, mode=0o644)
        except OSError as error:
            raise UserError(f"{file}: what dbt has to know of the sources cannot be written: {error}") from error
    return name


def _make_readable(folder: Path, dbt_dir: Path) -> None:
    """Make folders for whoever works with this installation: they hold nobody's data."""
    for part in reversed([folder, *(parent for parent in folder.parents if parent.is_relative_to(dbt_dir))]):
        if not part.exists():
            part.mkdir()
            part.chmod(0o755)


def source_files(source: SourceConfig, dbt_dir: Path) -> dict[str, str]:
    """The files that a source adds to the dbt project, by path."""
    folder = f"staging/{source.name}"
    properties = {
        "sources": [_dbt_source(source)],
        "models": [_dbt_model(source, entity, dbt_dir) for entity in staging_entities(source, dbt_dir)],
    }
    mapped = {
        f"{folder}/stg_{source.name}__{entity}.sql": mapped_model(source, entity)
        for entity in source.mapping
        if not _own_model(source, entity, dbt_dir).exists()
    }
    canonical = {
        f"{folder}/stg_{source.name}__{entity}.sql": _canonical_model(source, name)
        for entity, name in _canonical_tables(source, dbt_dir).items()
    }
    written = yaml.safe_dump(properties, sort_keys=False, allow_unicode=True, width=120)
    return {f"{folder}/_{source.name}.yml": written, **canonical, **mapped}


def _canonical_tables(source: SourceConfig, dbt_dir: Path) -> dict[str, str]:
    """Of a canonical source, the table of each entity that has no SQL of its own."""
    if not source.canonical:
        return {}
    tables = {table.entity: name for name, table in source.tables.items() if table.entity}
    return {entity: name for entity, name in tables.items() if not _own_model(source, entity, dbt_dir).exists()}


def _own_model(source: SourceConfig, entity: str, dbt_dir: Path) -> Path:
    """Where a staging model that is written by hand would stand; it goes before one that is made."""
    return dbt_dir / "models" / "staging" / source.name / f"stg_{source.name}__{entity}.sql"


def _dbt_source(source: SourceConfig) -> dict[str, Any]:
    tables = [
        {"name": name, "description": table.description or f"The table {name} of {source.name}, as delivered."}
        for name, table in source.tables.items()
    ]
    description = source.description or f"What the source {source.name} delivers, as it is."
    return {"name": source.raw_schema, "description": description, "tables": tables}


def _dbt_model(source: SourceConfig, entity: str, dbt_dir: Path) -> dict[str, Any]:
    mapping = source.mapping.get(entity)
    is_made = mapping is not None and not _own_model(source, entity, dbt_dir).exists()
    parts = ["_part"] if is_made and mapping is not None and has_further_lines(mapping) else []
    return {
        "name": f"stg_{source.name}__{entity}",
        "description": f"One row per row of the entity {entity} (dbt/entities.yml), as {source.name} delivers it.",
        "config": {"enabled": True},
        "data_tests": [{"unique_key": {"arguments": {"columns": [*META_COLUMNS, *parts]}}}],
    }


def _canonical_model(source: SourceConfig, table_name: str) -> str:
    table = source.tables[table_name]
    columns = _converted_columns(table, load_entities())
    version = f"'{table.version}'" if table.version else "none"
    return (
        f"{{{{ canonical_rows(source('{source.raw_schema}', '{table_name}'), {columns}, is_text={table.is_text},"
        f" version={version}) }}}}\n"
    )


def _converted_columns(table: TableConfig, entities: dict[str, Entity]) -> list[list[str]]:
    """The entity's columns that the table has, each with the type it converts to."""
    known = delivered_columns(entities, table.entity or "")
    return [[name, known[name].type] for name in table.columns if name in known]
