"""`loyalty sources`: problems of deliveries before a load, rejected rows, and loading a table anew."""

import sys

import duckdb

from dagster_project.cli.console import Console
from serving.publication.reader import opened_publication
from serving.publication.state import live_publication
from warehouse.errors import UserError, first_of, nearest, printable
from warehouse.ingest.batches import TableId, known_files, prepare_operations
from warehouse.ingest.check import check_source
from warehouse.ingest.entities import load_entities
from warehouse.ingest.landing import find_files, input_folder
from warehouse.ingest.load import load_source
from warehouse.ingest.raw_tables import raw_table
from warehouse.ingest.row_reports import REUSED, STRAYS, keep_sentences, kept_sentences, load_sentences
from warehouse.ingest.sources import SourceConfig, load_sources_config
from warehouse.lock import hold_warehouse
from warehouse.node_states import forget_states
from warehouse.settings import Settings
from warehouse.sql import connect, limit_resources

TOLD = 10


def check(settings: Settings) -> bool:
    """Print the problems that a load would meet. Returns whether none of them would stop it."""
    console, problems = Console(), 0
    for name, source in load_sources_config(settings).items():
        findings = check_source(source, settings)
        problems += sum(finding.is_error for finding in findings)
        console.print(f"{name}: {'no problems' if not findings else ''}")
        for finding in findings:
            console.print(f"  {finding}", soft_wrap=True)
    kept = kept_sentences(settings)
    for sentence in [*kept.get(STRAYS, []), *kept.get(REUSED, [])]:
        console.print(f"note: {sentence}", soft_wrap=True)
    return not problems


def explain(settings: Settings, name: str) -> None:
    """Print the SQL of each staging model of a source, as the database gets it."""
    from dagster_project.dbt_runner.project import DbtProject
    from dagster_project.dbt_runner.source_models import staging_entities

    source = chosen_source(settings, name)
    models = [f"stg_{source.name}__{entity}" for entity in staging_entities(source)]
    compiled = DbtProject(settings).compiled_sql(models)
    for model in models:
        sys.stdout.write(printable(f"-- {model}\n{compiled[model]}\n\n"))


def reload(settings: Settings, place: str, *, force: bool = False) -> None:
    """Load a source's table anew, or all of its tables, from the files or the database as they are now.

    Raises UserError if files that were loaded no longer exist, since their rows would be lost; `force` allows that.
    """
    source, tables = _chosen(settings, place)
    if not settings.warehouse_path.exists():
        raise UserError(
            f"{settings.warehouse_path}: there is no warehouse yet; `{settings.command} run` makes and loads it."
        )
    console = Console()
    with (
        hold_warehouse(settings, "sources reload", on_wait=console.print),
        connect(settings.warehouse_path) as connection,
    ):
        limit_resources(connection, settings)
        prepare_operations(connection)
        gone = [] if source.database else _gone(connection, settings, source, tables)
        if gone and not force:
            raise UserError(
                f"{place}: {len(gone)} files that were loaded are no longer in their folder: {first_of(gone, TOLD)}."
                " Their rows would be gone. Put them back, or say --force."
            )
        reports = load_source(connection, source, settings, tables=tables, full_refresh=True)
        # lines that are in no delivery any more are in no changed batch either: what was kept of them is built anew
        connection.execute("delete from ops.watermarks")
        forget_states(connection)
        sentences = [sentence for report in reports for sentence in load_sentences(connection, report)]
    keep_sentences(settings, f"ingest {source.name}", sentences)
    for sentence in sentences:
        console.print(sentence, soft_wrap=True)
    console.print("Loaded anew. `loyalty run` builds and publishes what follows from it.")


def chosen_source(settings: Settings, name: str | None) -> SourceConfig:
    """The company's source of a name, or its only one. Raises UserError."""
    if name is not None:
        return _chosen(settings, name)[0]
    sources = load_sources_config(settings)
    if len(sources) != 1:
        raise UserError(f"sources try: say which source: {', '.join(sources)}.")
    return next(iter(sources.values()))


def _chosen(settings: Settings, place: str) -> tuple[SourceConfig, list[str]]:
    sources = load_sources_config(settings)
    name, _, table = place.partition(".")
    if name not in sources:
        raise UserError(
            f'sources: no source is called "{name}"{nearest(name, sources)}; there are {", ".join(sources)}.'
        )
    source = sources[name]
    if table and table not in source.tables:
        raise UserError(f'sources: {name} has no table "{table}"{nearest(table, source.tables)}.')
    return source, [table] if table else list(source.tables)


def _gone(
    connection: duckdb.DuckDBPyConnection, settings: Settings, source: SourceConfig, tables: list[str]
) -> list[str]:
    folder = input_folder(source, settings)
    gone: list[str] = []
    for table in tables:
        there = find_files(source.tables[table].files or (), folder, is_ours=source.package is None)
        known = known_files(connection, TableId(source.name, table))
        gone += [file for file, state in known.items() if state.is_live and file not in there]
    return gone


def rejected(settings: Settings, *, raw: bool, limit: int) -> None:
    """Print rejected rows with their reasons: in their masked form, as published, or as they were delivered."""
    is_published = not raw and live_publication(settings) is not None
    rows = _published_rows(settings, limit) if is_published else _warehouse_rows(settings, raw, limit)
    console = Console()
    for source, file, row_number, reason, text in rows:
        console.print(f"{source}: {file} row {row_number}: {reason}{f': {text}' if text else ''}", soft_wrap=True)
    if not rows:
        console.print("No row was rejected.")
    elif not raw:
        console.print(
            "Letters are shown as x and digits as # where a text may be personal;"
            f" `{settings.command} sources rejected --raw` shows rows as they were delivered.",
            soft_wrap=True,
        )


def _published_rows(settings: Settings, limit: int) -> list[tuple[str, str, int, str, str | None]]:
    with opened_publication(settings) as connection:
        return connection.execute(
            "select source, file, row_number, reason, coalesce(rejected_value, record) from marts.fct_rejected_rows"
            " order by batch_id desc, file, row_number limit $1",
            [limit],
        ).fetchall()


def _warehouse_rows(settings: Settings, raw: bool, limit: int) -> list[tuple[str, str, int, str, str | None]]:
    """Lines that became no row, and the raw rows that were rejected later: masked, or as they were delivered."""
    with hold_warehouse(settings, "sources rejected"), connect(settings.warehouse_path) as connection:
        prepare_operations(connection)
        text = "record" if raw else "shown"
        parts = [f"select source, file, row_number, reason, {text} as text, batch_id from ops.rejected_lines"]
        for source in load_sources_config(settings).values():
            parts += [part for name in source.tables if (part := _judged_rows(connection, source, name, raw))]
        return connection.execute(
            f"select source, file, row_number, reason, text from ({' union all '.join(parts)})"
            " order by batch_id desc, file, row_number limit $1",
            [limit],
        ).fetchall()


def _judged_rows(connection: duckdb.DuckDBPyConnection, source: SourceConfig, name: str, raw: bool) -> str | None:
    entity = source.tables[name].entity
    if entity is None or not load_entities()[entity].reconciled:
        return None
    versions = f"int_{entity.removesuffix('s')}_versions"
    known = connection.execute(
        "select count(*) from duckdb_tables() where schema_name || '.' || table_name in ($1, $2)",
        [f"intermediate.{versions}", f"{source.raw_schema}.{name}"],
    ).fetchone()
    if known != (2,):
        return None
    shown = "nullif(split_part(judged.reject_reason, chr(9), 2), '')"
    text = "cast(to_json(delivered) as varchar)" if raw else shown
    return (
        "select judged._source, judged._file, judged._row_number, split_part(judged.reject_reason, chr(9), 1),"
        f" {text}, judged._batch_id from intermediate.{versions} as judged"
        f" inner join {raw_table(source, name)} as delivered using (_batch_id, _file, _row_number)"
        f" where judged.row_status = 'rejected'"
    )
