"""Metrics of dbt's semantic layer as SQL that aggregates the rows of one mart.

Superset has metrics of one dataset. So these are left out: a metric whose measures are of several marts, and one of
which only the last month counts (`non_additive_dimension`), which no aggregate of the rows says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DIMENSION = re.compile(r"\{\{\s*Dimension\('\w+?__(\w+)'\)\s*\}\}")


@dataclass(frozen=True)
class SemanticMetric:
    """A metric of the rows of `mart`, as an expression that DuckDB and PostgreSQL compute alike."""

    name: str
    label: str
    description: str
    mart: str
    expression: str


def semantic_metrics(manifest: Mapping[str, Any]) -> list[SemanticMetric]:
    """The metrics of a dbt manifest that are of one mart and add up over its rows, by their names."""
    layer = _Layer(manifest)
    found = [layer.metric(name) for name in sorted(layer.metrics)]
    return [metric for metric in found if metric is not None]


class _Layer:
    """Metrics, and where each measure is defined, by their names."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.metrics = {metric["name"]: metric for metric in manifest["metrics"].values()}
        models = manifest["semantic_models"].values()
        self.measures = {measure["name"]: (measure, model) for model in models for measure in model["measures"]}

    def metric(self, name: str) -> SemanticMetric | None:
        """The metric; None where one mart's rows do not say it."""
        said = self.metrics[name]
        measures = [self.measures[used["name"]] for used in said["type_params"]["input_measures"]]
        marts = {model["node_relation"]["alias"] for _, model in measures}
        is_summed = all(measure["non_additive_dimension"] is None for measure, _ in measures)
        if len(marts) != 1 or not is_summed or said["type"] not in ("simple", "ratio"):
            return None
        return SemanticMetric(name, said["label"], said["description"], marts.pop(), self._expression(said, ()))

    def _expression(self, said: Mapping[str, Any], outer: tuple[str, ...]) -> str:
        filters = (*outer, *(part["where_sql_template"] for part in (said["filter"] or {}).get("where_filters", ())))
        parameters = said["type_params"]
        if said["type"] == "simple":
            return self._sum(parameters["measure"]["name"], filters)
        over, under = (self._part(parameters[side]["name"], filters) for side in ("numerator", "denominator"))
        # PostgreSQL divides whole numbers without a rest
        return f"1.0 * {over} / nullif({under}, 0)"

    def _part(self, name: str, filters: tuple[str, ...]) -> str:
        """Numerator or denominator: a metric or, where none has the name, a measure."""
        return self._expression(self.metrics[name], filters) if name in self.metrics else self._sum(name, filters)

    def _sum(self, name: str, filters: tuple[str, ...]) -> str:
        measure, model = self.measures[name]
        value = measure["expr"] or name
        if measure["agg"] == "sum_boolean":
            value = f"case when {value} then 1 else 0 end"
        if not filters:
            return f"sum({value})"
        written = {dimension["name"]: dimension["expr"] or dimension["name"] for dimension in model["dimensions"]}
        test = " and ".join(f"({DIMENSION.sub(lambda found: f'({written[found[1]]})', text)})" for text in filters)
        return f"sum(case when {test} then {value} end)"
