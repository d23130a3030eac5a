"""`loyalty diff`: what the live publication changed beside the one before, or what one that is held back would."""

from contextlib import closing

import duckdb

from dagster_project.cli.console import Console
from dagster_project.cli.sql import print_relation
from serving.publication.changes import ALL_COLUMNS, CREATE, held_back, insert_changes
from serving.publication.reader import opened_publication
from warehouse.errors import UserError, nearest
from warehouse.settings import Settings
from warehouse.sql import connect, quote_identifier

ROWS = ["mart", "days", "rows_before_count", "rows_count", "added_count", "removed_count", "changed_count"]
RATE = "restated_rate"
NUMBERS = ["mart", "days", "column_name", "differing_count", "difference"]
# A publication that was written anew after an erasure has another name, and the same build.
PUBLISHED = """
select changes.* from marts.fct_publication_changes as changes
inner join marts.publication on changes.build_id = publication.build_id
"""


def print_changes(settings: Settings, mart: str | None, output: str) -> None:
    """Print the changed rows of every mart, or the changed numbers of one, as `output` says: table, csv or json.

    Raises UserError before the first publication, and for a mart that did not change.
    """
    held = held_back(settings)
    if held:
        told, changes = held
        with closing(connect()) as connection:
            connection.execute(CREATE)
            insert_changes(connection, changes)
            _print(connection, "from ops.publication_changes", mart, output, told)
        return
    with opened_publication(settings) as connection:
        _print(connection, PUBLISHED, mart, output, None)


def _print(connection: duckdb.DuckDBPyConnection, source: str, mart: str | None, output: str, told: str | None) -> None:
    connection.execute(f"create temp view shown as {source}")
    marts = [name for (name,) in connection.execute("select distinct mart from shown order by mart").fetchall()]
    if mart is not None and mart not in marts:
        raise UserError(f'diff: "{mart}" did not change{nearest(mart, marts)}.')
    if output == "table":
        Console(soft_wrap=True).print(told or _in_short(marts), markup=False)
    names = ", ".join(map(quote_identifier, [*ROWS, RATE] if mart is None else NUMBERS))
    kept = f"column_name = '{ALL_COLUMNS}'" if mart is None else f"column_name <> '{ALL_COLUMNS}' and mart = $mart"
    query = f"select {names} from shown where {kept} order by all"
    relation = connection.sql(query, params={"mart": mart} if mart else None)
    print_relation(relation, output)


def _in_short(marts: list[str]) -> str:
    if not marts:
        return "Nothing changed since the publication before, or there was none."
    return f"{len(marts)} marts changed since the publication before; `loyalty diff MART` shows their numbers."
