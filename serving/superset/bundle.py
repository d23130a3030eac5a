"""Superset's files for one company: what its `import` reads, by their names in the bundle.

Everything has an identifier that depends on the company and its own name alone, so that a second import replaces the
first, and two companies in one Superset stay apart.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from serving.publication.declared_marts import declared_marts
from serving.report import formatting
from serving.superset.charts import Chart
from serving.superset.dashboards import DASHBOARDS, PUBLISHED, Dashboard
from serving.superset.datasets import Dataset, datasets
from warehouse.errors import UserError

# The first day that a ZIP file can hold, so that the same files are the same bytes.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
# Superset's processes read the file at once. DuckDB would let all of them write what does not fit in memory to the same
# folder, where they overwrite each other's (docs/clients.md).
EXTRA = {"engine_params": {"connect_args": {"config": {"temp_directory": ""}}}}
COLUMNS = 12
HEIGHTS = {"number": 22, "bars": 50, "line": 50, "table": 60}
PUBLISHED_HEIGHT = 18


def superset_database(path: Path) -> str:
    """The SQLAlchemy address of a published file, opened for reading alone."""
    return f"duckdb:///{path}?access_mode=read_only"


def asset_files(manifest: Path, company: str, address: str) -> dict[str, str]:
    """The files by their names, as YAML: the database at `address`, a dataset for each mart of the dbt manifest, charts
    and dashboards. Raises UserError where a chart's mart is not there."""
    made = datasets(json.loads(manifest.read_bytes()), declared_marts(manifest))
    missing = {chart.mart for board in DASHBOARDS for chart in board.charts} - set(made)
    if missing:
        raise UserError(
            f"{manifest} has no {', '.join(sorted(missing))}, which the dashboards show. A publication of an older"
            " version lacks them: start a run."
        )
    return {name: _yaml(content) for name, content in _assets(made, company, address)}


def bundle(files: Mapping[str, str]) -> bytes:
    """The files as the ZIP file that Superset imports."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(zipfile.ZipInfo(f"loyalty/{name}", ZIP_TIME), text)
    return target.getvalue()


def chart_key(dashboard: Dashboard, chart: Chart) -> str:
    """A chart's name among all; that of the publication is one chart of every dashboard."""
    place = "" if chart is PUBLISHED else f"{dashboard.key}/"
    return f"{place}{chart.title}"


def identifier(company: str, kind: str, name: str) -> str:
    """The UUID of a company's database, dataset, chart or dashboard."""
    return str(uuid5(NAMESPACE_URL, f"loyalty-warehouse/{company}/{kind}/{name}"))


def _assets(made: Mapping[str, Dataset], company: str, address: str) -> Iterator[tuple[str, dict[str, Any]]]:
    title = formatting.title(company)
    database = identifier(company, "database", "marts")
    yield "metadata.yaml", {"version": "1.0.0", "type": "assets", "timestamp": "1980-01-01T00:00:00+00:00"}
    yield "databases/marts.yaml", _database(f"{title} marts", address, database)
    for name, dataset in made.items():
        yield f"datasets/marts/{name}.yaml", dataset.asset(identifier(company, "dataset", name), database)
    charts = {chart_key(board, chart): chart for board in DASHBOARDS for chart in (PUBLISHED, *board.charts)}
    for key, chart in charts.items():
        dataset_identifier = identifier(company, "dataset", chart.mart)
        asset = chart.asset(identifier(company, "chart", key), made[chart.mart], dataset_identifier)
        yield f"charts/{_file_name(key)}.yaml", asset
    for board in DASHBOARDS:
        yield f"dashboards/{board.key}.yaml", _dashboard(board, company, title)


def _database(name: str, address: str, key: str) -> dict[str, Any]:
    return {
        "database_name": name,
        "sqlalchemy_uri": address,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        # figures are read anew whenever they are looked at, so that they are those of the live publication
        "cache_timeout": -1,
        "extra": EXTRA if address.startswith("duckdb:") else {},
        "uuid": key,
        "version": "1.0.0",
    }


def _dashboard(board: Dashboard, company: str, title: str) -> dict[str, Any]:
    return {
        "dashboard_title": f"{title}: {board.title}",
        "slug": f"{company}-{board.key}".replace("_", "-"),
        "published": True,
        "position": _position(board, company, title),
        "metadata": {"native_filter_configuration": [], "cross_filters_enabled": True},
        "uuid": identifier(company, "dashboard", board.key),
        "version": "1.0.0",
    }


def _position(board: Dashboard, company: str, title: str) -> dict[str, Any]:
    rows = _rows((PUBLISHED, *board.charts))
    names = [f"ROW-{number}" for number in range(len(rows))]
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": names, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": f"{title}: {board.title}"}},
    }
    for name, charts in zip(names, rows, strict=True):
        places = {f"CHART-{chart_key(board, chart)}": chart for chart in charts}
        parents = ["ROOT_ID", "GRID_ID"]
        meta = {"background": "BACKGROUND_TRANSPARENT"}
        position[name] = {"type": "ROW", "id": name, "children": list(places), "parents": parents, "meta": meta}
        for place, chart in places.items():
            position[place] = {
                "type": "CHART",
                "id": place,
                "children": [],
                "parents": [*parents, name],
                "meta": {
                    "chartId": 0,  # Superset puts in the id that it gave the chart of this UUID
                    "uuid": identifier(company, "chart", chart_key(board, chart)),
                    "sliceName": chart.title,
                    "width": chart.width,
                    "height": PUBLISHED_HEIGHT if chart is PUBLISHED else HEIGHTS[chart.kind],
                },
            }
    return position


def _rows(charts: tuple[Chart, ...]) -> list[list[Chart]]:
    """The charts in rows as wide as the page, in their order."""
    rows: list[list[Chart]] = [[]]
    for chart in charts:
        if sum(placed.width for placed in rows[-1]) + chart.width > COLUMNS:
            rows.append([])
        rows[-1].append(chart)
    return rows


def _file_name(key: str) -> str:
    return "".join(letter if letter.isalnum() or letter == "/" else "_" for letter in key).lower().replace("/", "-")


def _yaml(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
