"""The rows of a chart as plain SQL on the published file, for tests: written from the chart, not from what Superset is
told."""

from serving.superset.charts import ADDITIVE, Chart
from serving.superset.datasets import Dataset
from warehouse.sql import quote_literal


def chart_sql(chart: Chart, dataset: Dataset) -> str:
    """All rows that the chart may show, columns as `chart_labels` names them."""
    valid = " and is_valid" if dataset.sql else ""
    source = f"from {dataset.relation.sql} where {conditions(chart)}{valid}"
    if chart.kind == "table":
        return f"select {_quoted(chart.values)} {source}"
    x = f"date_trunc('month', {chart.x})::date" if chart.by_month else f'"{chart.x}"'
    points = [x, *(f'"{column}"' for column in chart.groups[1:])] if chart.x else []
    values = [_value(value, dataset) for value in chart.values]
    grouped = f"group by {', '.join(points)}" if points else ""
    return f"select {', '.join([*points, *values])} {source} {grouped}"


def chart_labels(chart: Chart, dataset: Dataset) -> list[str]:
    """What Superset calls the columns of those rows."""
    if chart.kind == "table":
        return list(chart.values)
    columns = {column.name for column in dataset.columns}
    return [*chart.groups, *(value.replace("_", " ") if value in columns else value for value in chart.values)]


def conditions(chart: Chart) -> str:
    """What the chart's rows have to fulfil."""
    tests = [f'"{column}" is not null' for column in chart.known]
    for column, value in chart.where.items():
        if isinstance(value, tuple):
            tests.append(f'"{column}" in ({", ".join(map(quote_literal, value))})')
        else:
            tests.append(f'"{column}" = {quote_literal(value) if isinstance(value, str) else value}')
    return " and ".join(tests) or "true"


def _value(value: str, dataset: Dataset) -> str:
    if value in {column.name for column in dataset.columns}:
        return f'sum("{value}")' if ADDITIVE.fullmatch(value) else f'max("{value}")'
    expressions = {metric.name: metric.expression for metric in dataset.metrics}
    return expressions.get(value, "count(*)")


def _quoted(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
