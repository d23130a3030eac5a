"""A dataset for each mart, with the descriptions of its columns, its day and the metrics of the semantic layer.

A mart that keeps its history is read from schema `today`, so that no chart counts a customer once a day. Rows that are
not valid are left out: where a mart says which of its rows are, its dataset is the select of those.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serving.publication.database_file import PUBLICATION, PUBLICATION_COLUMNS, PUBLICATION_COMMENTS
from serving.publication.declared_marts import DeclaredMarts
from serving.report import formatting
from serving.superset.semantic_metrics import SemanticMetric, semantic_metrics
from warehouse.relations import Relation
from warehouse.sql import quote_identifier

VALID = "is_valid"
DAYS = ("date", "timestamp")
# How Superset writes numbers, by how the name of the column or metric ends, without the days.
FORMATS = {"_rate": ".1%", "_amount": ",.2f", "_sales": ",.2f", "_count": ",d", "_points": ",d"}


@dataclass(frozen=True)
class Column:
    """A column with its type in DuckDB."""

    name: str
    type: str
    description: str

    @property
    def is_day(self) -> bool:
        """Whether it may stand on a time axis."""
        return self.type.lower().startswith(DAYS)


@dataclass(frozen=True)
class Dataset:
    """What Superset knows of one mart. `time_column`: the day that its rows are of, if they are of one."""

    relation: Relation
    description: str
    columns: tuple[Column, ...]
    metrics: tuple[SemanticMetric, ...] = ()
    time_column: str | None = None

    @property
    def name(self) -> str:
        """The mart's name."""
        return self.relation.name

    @property
    def sql(self) -> str | None:
        """The select of its valid rows, if the mart has others."""
        has_others = any(column.name == VALID for column in self.columns)
        return f"select * from {self.relation.sql} where {quote_identifier(VALID)}" if has_others else None

    def asset(self, identifier: str, database: str) -> dict[str, Any]:
        """The dataset as Superset's file; `identifier` and `database` are UUIDs."""
        rows = {"metric_name": "count", "verbose_name": "Rows", "expression": "count(*)", "description": None}
        return {
            "table_name": self.name,
            "schema": self.relation.schema,
            "description": self.description,
            "main_dttm_col": self.time_column,
            "sql": self.sql,
            "columns": [_column_asset(column) for column in self.columns],
            "metrics": [*map(_metric_asset, self.metrics), rows],
            "uuid": identifier,
            "database_uuid": database,
            "version": "1.0.0",
        }


def datasets(manifest: Mapping[str, Any], declared: DeclaredMarts) -> dict[str, Dataset]:
    """The datasets by the names of the marts, and `publication`, which says what the database holds."""
    metrics = semantic_metrics(manifest)
    times = _time_columns(manifest)
    marts = [
        node for node in manifest["nodes"].values() if node["resource_type"] == "model" and node["schema"] == "marts"
    ]
    found = [
        _dataset(mart, declared, times, [metric for metric in metrics if metric.mart == mart["name"]]) for mart in marts
    ]
    return {dataset.name: dataset for dataset in sorted([*found, _publication()], key=lambda one: one.name)}


def number_format(name: str) -> str:
    """How Superset writes a column or metric of that name."""
    plain = re.sub(r"_(\d+d|lifetime)$", "", name)
    return next((form for ending, form in FORMATS.items() if plain.endswith(ending)), "SMART_NUMBER")


def _dataset(
    mart: Mapping[str, Any], declared: DeclaredMarts, times: Mapping[str, str], metrics: Iterable[SemanticMetric]
) -> Dataset:
    name = mart["name"]
    kept = declared.todays_rows(name)
    columns = tuple(
        Column(column["name"], column["data_type"], _one_line(column["description"]))
        for column in mart["columns"].values()
    )
    day = declared.days[name].column if name in declared.days else times.get(name)
    is_column = day in {column.name for column in columns}
    return Dataset(
        relation=kept.view if kept in declared.today else kept.mart,
        description=_one_line(mart["description"]),
        columns=columns,
        metrics=tuple(metrics),
        time_column=day if is_column else None,
    )


def _time_columns(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The column of each mart with a semantic model along which its measures are summed."""
    found = {}
    for model in manifest["semantic_models"].values():
        days = {dimension["name"]: dimension["expr"] or dimension["name"] for dimension in model["dimensions"]}
        if (named := (model["defaults"] or {}).get("agg_time_dimension")) in days:
            found[model["node_relation"]["alias"]] = days[named]
    return found


def _publication() -> Dataset:
    columns = tuple(Column(name, kind, PUBLICATION_COMMENTS[name]) for name, kind in PUBLICATION_COLUMNS.items())
    return Dataset(PUBLICATION, PUBLICATION_COMMENTS[""], columns, time_column="as_of_date")


def _column_asset(column: Column) -> dict[str, Any]:
    return {
        "column_name": column.name,
        "verbose_name": formatting.plain(column.name),
        "type": column.type.upper(),
        "is_dttm": column.is_day,
        "description": column.description,
    }


def _metric_asset(metric: SemanticMetric) -> dict[str, Any]:
    return {
        "metric_name": metric.name,
        "verbose_name": metric.label,
        "expression": metric.expression,
        "description": metric.description,
        "d3format": number_format(metric.name),
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())
