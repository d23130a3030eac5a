"""Chapters that a company adds to the report: charts and tables beside their SQL.

They come behind the shipped ones, in the order of their files' names. Their SQL reads what is published and nothing
else. What cannot be shown is a sentence in its place, and is told with the run; the rest of the report stands.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from serving.report import formatting
from serving.report.charts import company_sections as charts
from serving.report.charts.drawing import Chart
from serving.report.company_files import ColumnConfig, FigureConfig, read_section, section_files
from serving.report.parts import Company, Figure, Section, Table
from warehouse.errors import UserError, on_one_line
from warehouse.sql import interrupted_after, is_one_select, lock_down
from warehouse.yaml_files import shown_value

# More rows than this nobody reads, and no page should hold.
MOST_ROWS = 1_000
MOST_SECONDS = 60.0
LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
NUMBERS = {"money", "count", "number", "percent"}


def company_sections(company: Company) -> tuple[list[Section], list[str]]:
    """The company's chapters, and a sentence for each thing that cannot be shown.

    From here on the connection of the marts reads its own file and nothing else.
    """
    files = section_files(company.settings)
    if not files:
        return [], []
    company.marts.connection.execute("use marts")
    lock_down(company.marts.connection)
    sections = [_section(company, f"company-{number}", file) for number, file in enumerate(files, 1)]
    return sections, [figure.missing for section in sections for figure in section.figures if figure.missing]


def _section(company: Company, key: str, file: Path) -> Section:
    try:
        read = read_section(file)
    except UserError as error:
        return Section(key, file.stem, [Figure(file.name, missing=str(error), width=12)])
    figures = [
        _figure(company, figure, query, place)
        for figure, query, place in zip(read.said.figures, read.queries, read.places, strict=True)
    ]
    return Section(key, read.said.title, figures, read.said.lead)


def _figure(company: Company, figure: FigureConfig, query: str, place: str) -> Figure:
    shown = Figure(figure.title, company.as_of, figure.definition, width=12)
    try:
        rows = _rows(company.marts.connection, figure, query, place)
        if figure.kind == "table":
            return replace(shown, table=_table(company, figure, rows, place))
        return replace(shown, chart=_chart(figure, rows, place))
    except UserError as error:
        return replace(shown, missing=str(error))


def _rows(connection: duckdb.DuckDBPyConnection, figure: FigureConfig, query: str, place: str) -> list[dict[str, Any]]:
    """The rows by column name. Raises UserError for SQL that fails, does more than read, or gives too much."""
    try:
        if not is_one_select(connection, query):
            raise UserError(f"{place}: one select is expected.")
        with interrupted_after(connection, MOST_SECONDS):  # nothing holds up the publication
            answer = connection.execute(query)
            columns = [column[0] for column in answer.description or []]
            rows = answer.fetchmany(MOST_ROWS + 1)
    except duckdb.InterruptException as error:
        raise UserError(f"{place}: the query takes longer than {MOST_SECONDS:g} seconds.") from error
    except duckdb.Error as error:
        reason = on_one_line(str(error).splitlines()[0])
        line = LINE.search(str(error))
        at = f": line {line[1]}" if line and place.endswith(".sql") else ""
        raise UserError(f"{place}{at}: the query fails: {reason}") from error
    if len(rows) > MOST_ROWS:
        raise UserError(f"{place}: the query gives more than {MOST_ROWS:,} rows. Sum them up, or add a limit.")
    if missing := [name for name in figure.wanted if name not in columns]:
        raise UserError(f'{place}: the query gives no column "{missing[0]}"; it gives {", ".join(columns)}.')
    if not rows:
        raise UserError(f"{place}: the query gives no rows.")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _table(company: Company, figure: FigureConfig, rows: Sequence[dict[str, Any]], place: str) -> Table:
    cells = [[_cell(company, one, row[one.column], place) for one in figure.columns] for row in rows]
    left = frozenset(number for number, one in enumerate(figure.columns) if one.format not in NUMBERS)
    return Table([one.title or formatting.plain(one.column) for one in figure.columns], cells, left)


def _chart(figure: FigureConfig, rows: Sequence[dict[str, Any]], place: str) -> Chart:
    assert figure.x and figure.y
    for row in rows:
        _require(row[figure.y], figure.format, figure.y, place)
    frame = pd.DataFrame(
        {
            "x": [row[figure.x] for row in rows],
            "y": [None if row[figure.y] is None else float(row[figure.y]) for row in rows],
            "series": [str(row[figure.series]) if figure.series else "" for row in rows],
        }
    )
    titles = (formatting.plain(figure.x), figure.label or formatting.plain(figure.y))
    draw = charts.bars if figure.kind == "bars" else charts.line
    return draw(frame, titles, is_share=figure.format == "percent")


def _cell(company: Company, column: ColumnConfig, value: Any, place: str) -> str:
    _require(value, column.format, column.column, place)
    if value is None:
        return formatting.NONE
    written: dict[str, Callable[[Any], str]] = {
        "text": str,
        "day": formatting.day,
        "month": formatting.month,
        "money": company.money,
        "count": formatting.count,
        "number": lambda number: f"{number:,.2f}".replace("-", formatting.MINUS),
        "percent": lambda share: formatting.percent(share, 1),
    }
    return written[column.format](value)


def _require(value: Any, form: str, column: str, place: str) -> None:
    """Raises UserError for a value that cannot be written in a form."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    fits = is_number if form in NUMBERS else form == "text" or isinstance(value, date)
    if value is not None and not fits:
        expected = "a number" if form in NUMBERS else "a day"
        raise UserError(
            f'{place}: the column "{column}" holds {shown_value(value)}, and the format {form} needs {expected}.'
        )
