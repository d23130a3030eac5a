"""The files of a company's folder that dbt reads: sources, staging models, and the company's own marts and seeds.

A source needs no SQL if its tables are entities (`canonical: true`) or its YAML maps their columns (`mapping:`).

dbt reads sources from YAML files and switches models on there. These files are generated from the source's own YAML, so
that nobody keeps a second list of its tables. They are written into dbt/target/sources, in a folder named by a hash of
their content, and staging models written by hand are copied beside them. The variable `source_models` points dbt there,
and `company_files` to the company's other files, in dbt/target/company. A company's seed replaces the shipped seed of
that name.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from dagster_project.dbt_runner.mapped_models import has_further_lines, mapped_model
from warehouse.errors import UserError
from warehouse.files import write_atomically
from warehouse.ingest.entities import Entity, delivered_columns, load_entities
from warehouse.ingest.sources import META_COLUMNS, SourceConfig, TableConfig

FOLDER = Path("target") / "sources"
COMPANY = Path("target") / "company"


def staging_entities(source: SourceConfig) -> list[str]:
    """The input entities that staging models of the source bring, in name order: by hand, mapped, or canonical."""
    return sorted({*written_models(source), *source.mapping, *_canonical_tables(source)})


def written_models(source: SourceConfig) -> dict[str, Path]:
    """The staging models of a source that are written by hand, by entity; each goes before one that is made."""
    prefix = f"stg_{source.name}__"
    return {file.stem.removeprefix(prefix): file for file in sorted(source.staging_dir.rglob(f"{prefix}*.sql"))}


def write_source_models(sources: Mapping[str, SourceConfig], dbt_dir: Path) -> str:
    """Write the sources' part of the dbt project, unless it exists; returns its folder's name, a hash of the content.

    The hash also covers the sources' seeds, because their staging models read these. Raises UserError where the folder
    cannot be written.
    """
    files = {path: text for source in sources.values() for path, text in source_files(source).items()}
    shipped = _seeds([dbt_dir])
    read = {name: text for name, text in _seeds(_folders(sources)).items() if name not in shipped}
    return _written(dbt_dir / FOLDER, files, read)


def write_company_files(sources: Mapping[str, SourceConfig], dbt_dir: Path, company: Path) -> str:
    """The same for the marts of the company's folder, and for seeds if the company has its own.

    Raises UserError for a mart with the name of a model of the product, because a published name means the same
    everywhere.
    """
    shipped = {file.stem for file in (dbt_dir / "models").rglob("*.sql")}
    for file in sorted((company / "marts").rglob("*.sql")):
        if file.stem in shipped:
            raise UserError(
                f"{file}: the product has a model {file.stem}. Give yours another name; it may read the product's by"
                f" ref('{file.stem}')."
            )
    files = {f"models/{path}": text for path, text in _texts(company, "marts").items()}
    seeds = _seeds([dbt_dir, *_folders(sources), company])
    if seeds != _seeds([dbt_dir]):
        files |= {f"seeds/{name}": text for name, text in seeds.items()}
    return _written(dbt_dir / COMPANY, files)


def seed_folder(company_files: str, dbt_dir: Path) -> str:
    """Where dbt reads seeds, from its project's folder; `company_files` is what `write_company_files` returned."""
    own = dbt_dir / COMPANY / company_files / "seeds"
    return own.relative_to(dbt_dir).as_posix() if own.is_dir() else "seeds"


def _folders(sources: Mapping[str, SourceConfig]) -> list[Path]:
    """The folders of the companies that sources come from."""
    return [source.path.parent.parent for source in sources.values()]


def _written(folder: Path, files: Mapping[str, str], read: Mapping[str, str] | None = None) -> str:
    """Write files, unless they are there, below a folder that is named by a hash of them and of what they read."""
    name = hashlib.sha256(yaml.safe_dump([dict(files), dict(read or {})]).encode()).hexdigest()[:16]
    for path, text in files.items():
        file = folder / name / path
        if file.exists():
            continue
        try:
            _make_readable(file.parent, folder.parent.parent)
            write_atomically(file, text, mode=0o644)
        except OSError as error:
            raise UserError(f"{file}: what dbt has to know of the company cannot be written: {error}") from error
    return name


def _make_readable(folder: Path, dbt_dir: Path) -> None:
    """Make folders readable for all users of this installation, because they hold no personal data."""
    for part in reversed([folder, *(parent for parent in folder.parents if parent.is_relative_to(dbt_dir))]):
        if not part.exists():
            part.mkdir()
            part.chmod(0o755)


def _texts(folder: Path, below: str) -> dict[str, str]:
    """The files of a company's folder below one of its folders, by their path. Raises UserError."""
    found: dict[str, str] = {}
    for file in sorted((folder / below).rglob("*")):
        if file.suffix in (".sql", ".yml", ".csv") and file.is_file():
            try:
                found[file.relative_to(folder).as_posix()] = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise UserError(f"{file}: cannot be read as UTF-8 text: {error}") from error
    return found


def _seeds(folders: Iterable[Path]) -> dict[str, str]:
    """Seeds by file name; of several with one name the last folder's counts."""
    return {Path(path).name: text for folder in folders for path, text in _texts(folder, "seeds").items()}


def source_files(source: SourceConfig) -> dict[str, str]:
    """The files that a source adds to the dbt project, by path."""
    folder = f"staging/{source.name}"
    properties = {
        "sources": [_dbt_source(source)],
        "models": [_dbt_model(source, entity) for entity in staging_entities(source)],
    }
    own = {entity: file.read_text(encoding="utf-8") for entity, file in written_models(source).items()}
    made = {entity: mapped_model(source, entity) for entity in source.mapping if entity not in own}
    made |= {entity: _canonical_model(source, name) for entity, name in _canonical_tables(source).items()}
    written = yaml.safe_dump(properties, sort_keys=False, allow_unicode=True, width=120)
    models = {f"{folder}/stg_{source.name}__{entity}.sql": text for entity, text in {**made, **own}.items()}
    return {f"{folder}/_{source.name}.yml": written, **models}


def _canonical_tables(source: SourceConfig) -> dict[str, str]:
    """The tables of a canonical source for entities without SQL of their own."""
    if not source.canonical:
        return {}
    tables = {table.entity: name for name, table in source.tables.items() if table.entity}
    own = written_models(source)
    return {entity: name for entity, name in tables.items() if entity not in own}


def _dbt_source(source: SourceConfig) -> dict[str, Any]:
    tables = [
        {"name": name, "description": table.description or f"The table {name} of {source.name}, as delivered."}
        for name, table in source.tables.items()
    ]
    description = source.description or f"What the source {source.name} delivers, as it is."
    return {"name": source.raw_schema, "description": description, "tables": tables}


def _dbt_model(source: SourceConfig, entity: str) -> dict[str, Any]:
    mapping = source.mapping.get(entity) if entity not in written_models(source) else None
    parts = ["_part"] if mapping and has_further_lines(mapping) else []
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
