"""dbt's own page of the graph as one offline file: every model, column, test, macro and where each comes from.

dbt's command for it asks the database for every column. Here the manifest that is kept and dbt's page are put together,
with the columns as their contracts declare them: no row of anybody is read.

The page is a file within dbt's package, with two places for data. tests/serving/publication/test_dbt_page.py holds it
to them; where a dbt has other ones, `dbt_page` says so, and nothing else depends on it.
"""

import json
from collections.abc import Collection, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from warehouse.errors import UserError

PLACES = ('"MANIFEST.JSON INLINE DATA"', '"CATALOG.JSON INLINE DATA"')
HEAD = "<head>"
# The page asks no host for anything, whatever is in it.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; font-src data:;'
    " style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; form-action 'none'; base-uri 'none'\">"
)
# Of the run that parsed, and of machines; the page shows none of it.
NOT_SHOWN = ("invocation_id", "invocation_started_at", "run_started_at", "user_id", "env")


def dbt_page(manifest: Mapping[str, Any], folders: Collection[Path]) -> str:
    """The page in HTML. `folders`: of this machine, which stand nowhere in it.

    Raises UserError where the installed dbt has no such page.
    """
    page = files("dbt.task.docs").joinpath("index.html").read_text(encoding="utf-8")
    if not all(page.count(place) == 1 for place in PLACES) or page.count(HEAD) != 1:
        raise UserError("The page that the installed dbt brings has no place for the project's data.")
    metadata = {key: value for key, value in manifest.get("metadata", {}).items() if key not in NOT_SHOWN}
    shown = {**manifest, "metadata": metadata, "disabled": {}}
    page = page.replace(HEAD, HEAD + POLICY)
    for place, data in zip(PLACES, (shown, _catalog(manifest, metadata)), strict=True):
        page = page.replace(place, _in_script(data, folders))
    return page


def _catalog(manifest: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What dbt would read in the database, from what the models and sources declare."""
    tables = {
        kind: {name: _table(name, node) for name, node in manifest.get(kind, {}).items() if node.get("columns")}
        for kind in ("nodes", "sources")
    }
    return {"metadata": metadata, **tables, "errors": None}


def _table(unique_id: str, node: Mapping[str, Any]) -> dict[str, Any]:
    columns = {
        name: {"type": (column or {}).get("data_type") or "", "index": number, "name": name, "comment": None}
        for number, (name, column) in enumerate(node["columns"].items(), 1)
    }
    about = {key: node.get(key) for key in ("schema", "name", "database")}
    about |= {"type": node.get("resource_type"), "comment": None, "owner": None}
    return {"metadata": about, "columns": columns, "stats": {}, "unique_id": unique_id}


def _in_script(data: Any, folders: Collection[Path]) -> str:
    """JSON that no text in it can end the script of, with a dot in the place of each folder."""
    text = json.dumps(data, separators=(",", ":"))
    # those within others first
    for folder in sorted({str(folder) for folder in folders if folder != Path("/")}, key=len, reverse=True):
        text = text.replace(json.dumps(folder)[1:-1], ".")
    return text.replace("<", "\\u003c")
