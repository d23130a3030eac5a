"""A chart, and how Superset writes it: the settings of its editor (`params`) and the query behind (`query_context`)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from serving.report import formatting
from serving.superset.datasets import Dataset, number_format

Value = str | int | bool
Condition = Value | tuple[str, ...]

VIZ_TYPES = {
    "number": "big_number_total",
    "bars": "echarts_timeseries_bar",
    "line": "echarts_timeseries_line",
    "table": "table",
}
# Columns that add up over rows; any other is a rate, an average or a bound, of which a point of a chart has one.
ADDITIVE = re.compile(r"(?!average_)\w+_(amount|count|points)(_\d+d)?|rows_\w+")
MOST_POINTS, MOST_ROWS = 10_000, 100
OPERATORS = {"IS TRUE": "IS_TRUE", "IS FALSE": "IS_FALSE", "IN": "IN", "==": "EQUALS", "IS NOT NULL": "IS_NOT_NULL"}


@dataclass(frozen=True)
class Chart:
    """A chart of one mart.

    `values`: columns of the mart, or metrics of the semantic layer; the columns of a table. `x`: the column of the
    axis, in months with `by_month`; `series`: a colour for each of its values. `where`: values of columns, `known`:
    columns that have one. `order` of a table: a column, from the highest with a minus before it.
    """

    title: str
    mart: str
    kind: Literal["number", "bars", "line", "table"]
    values: tuple[str, ...]
    x: str = ""
    series: str = ""
    where: Mapping[str, Condition] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    order: str = ""
    by_month: bool = False
    is_stacked: bool = False
    width: int = 6

    @property
    def groups(self) -> list[str]:
        """The columns that tell the points of the chart apart."""
        return [column for column in (self.x, self.series) if column]

    def filters(self) -> list[tuple[str, str, Any]]:
        """Column, operator of Superset and value of each condition."""
        tests = [(column, *_operator(value)) for column, value in self.where.items()]
        return [*tests, *((column, "IS NOT NULL", None) for column in self.known)]

    def asset(self, identifier: str, dataset: Dataset, dataset_identifier: str) -> dict[str, Any]:
        """The chart as Superset's file; identifiers are UUIDs."""
        params = {**self._form(dataset), "viz_type": VIZ_TYPES[self.kind]}
        context = {
            "datasource": {"id": 0, "type": "table"},  # Superset puts in the id that it gave the dataset
            "force": False,
            "queries": [self._query(dataset)],
            "result_format": "json",
            "result_type": "full",
        }
        return {
            "slice_name": self.title,
            "description": dataset.description,
            "viz_type": VIZ_TYPES[self.kind],
            "params": params,
            "query_context": json.dumps(context, sort_keys=True),
            "uuid": identifier,
            "dataset_uuid": dataset_identifier,
            "version": "1.0.0",
        }

    def aggregate(self, value: str, dataset: Dataset) -> str | dict[str, Any]:
        """A value as Superset's metric: the sum of a column's rows, or the one value of a column that does not add up;
        by its name where the mart has no such column."""
        if value not in {column.name for column in dataset.columns}:
            return value
        return {
            "expressionType": "SIMPLE",
            "aggregate": "SUM" if ADDITIVE.fullmatch(value) else "MAX",
            "column": {"column_name": value},
            "label": formatting.plain(value),
            "optionName": f"metric_{value}",
        }

    def _query(self, dataset: Dataset) -> dict[str, Any]:
        conditions = [{"col": column, "op": test, "val": value} for column, test, value in self.filters()]
        query: dict[str, Any] = {"filters": conditions, "extras": {}, "row_limit": self._limit()}
        if self.kind == "table":
            column = self.order.removeprefix("-")
            order = [[column, not self.order.startswith("-")]] if column else []
            return {**query, "columns": list(self.values), "orderby": order}
        axis: list[str | dict[str, str]] = [self._axis(), *self.groups[1:]] if self.by_month else [*self.groups]
        metrics = [self.aggregate(value, dataset) for value in self.values]
        return {**query, "columns": axis, "metrics": metrics, "orderby": [[self.x, True]] if self.x else []}

    def _axis(self) -> dict[str, str]:
        """The axis in months, as Superset's editor asks for it."""
        return {
            "columnType": "BASE_AXIS", "expressionType": "SQL", "sqlExpression": self.x, "label": self.x,
            "timeGrain": "P1M",
        }  # fmt: skip

    def _form(self, dataset: Dataset) -> dict[str, Any]:
        form: dict[str, Any] = {"adhoc_filters": [_form_filter(*test) for test in self.filters()]}
        if self.kind == "table":
            column = self.order.removeprefix("-")
            order = [json.dumps([column, not self.order.startswith("-")])] if column else []
            formats = {value: {"d3NumberFormat": number_format(value)} for value in self.values}
            return {
                **form, "query_mode": "raw", "all_columns": list(self.values), "order_by_cols": order,
                "row_limit": self._limit(), "column_config": formats, "show_cell_bars": False,
                "table_timestamp_format": "%Y-%m-%d",
            }  # fmt: skip
        metrics = [self.aggregate(value, dataset) for value in self.values]
        form["y_axis_format"] = number_format(self.values[0])
        if self.kind == "number":
            return {**form, "metric": metrics[0], "subtitle": "", "header_font_size": 0.4}
        return {
            **form, "metrics": metrics, "x_axis": self.x, "groupby": self.groups[1:], "row_limit": self._limit(),
            "time_grain_sqla": "P1M" if self.by_month else None, "stack": "Stack" if self.is_stacked else None,
            "show_legend": True, "rich_tooltip": True, "tooltipTimeFormat": "%Y-%m-%d", "x_axis_time_format": "%Y-%m",
            "truncateYAxis": False, "x_axis_sort_asc": True, "sort_series_type": "name", "sort_series_ascending": True,
        }  # fmt: skip

    def _limit(self) -> int:
        return MOST_ROWS if self.kind == "table" else MOST_POINTS


def _operator(value: Condition) -> tuple[str, Any]:
    if isinstance(value, bool):
        return ("IS TRUE" if value else "IS FALSE"), None
    return ("IN", list(value)) if isinstance(value, tuple) else ("==", value)


def _form_filter(column: str, test: str, value: Any) -> dict[str, Any]:
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": test,
        "operatorId": OPERATORS[test],
        "comparator": value,
    }
