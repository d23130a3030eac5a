"""Chapters that a company adds: what is shown of their SQL, and what is said where it cannot be."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from duckdb import DuckDBPyConnection

from serving.report import company_sections, write_report
from serving.report.company_files import read_section
from serving.report.marts import Marts
from serving.report.parts import Report, Section
from serving.report.sections import SECTIONS, report_of
from tests.serving.report.sample_marts import HOSTILE, fill
from tests.serving.report.test_report import Page
from warehouse.errors import UserError
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

TABLE = {
    "title": "Products", "kind": "table", "definition": "Products by name.",
    "sql": "select product_id, product_name from dim_products order by product_id",
    "columns": [{"column": "product_id", "title": "Product"}, {"column": "product_name"}],
}  # fmt: skip
BARS = {
    "title": "Sales by month", "kind": "bars", "definition": "Net sales of valid lines.", "x": "month",
    "y": "net_amount", "format": "money",
    "sql": "select date_trunc('month', order_date)::date as month, sum(net_amount) as net_amount"
    " from fct_order_lines where is_valid group by month order by month",
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "report").mkdir()
    return load_settings(environ={}, home=tmp_path).model_copy(update={"path": tmp_path / "settings.yml"})


def declare(settings: Settings, name: str, *figures: dict[str, Any], **further: Any) -> Path:
    file = settings.folder / "report" / f"{name}.yml"
    values = {"title": f"About {name}", "figures": list(figures), **further}
    file.write_text(yaml.safe_dump(values, sort_keys=False, width=1000), encoding="utf-8")
    return file


def own(report: Report) -> list[Section]:
    return list(report.sections[len(SECTIONS) : -1])  # what changed comes last


def page(connection: DuckDBPyConnection, settings: Settings) -> Page:
    target = settings.home / "report.html"
    write_report(connection, settings, target)
    return Page(target.read_text(encoding="utf-8"))


def test_sections_follow_the_shipped_ones_by_the_names_of_their_files(
    connection: DuckDBPyConnection, settings: Settings
) -> None:
    declare(settings, "products", TABLE, lead="What we sell.")
    declare(settings, "01_months", BARS, {**BARS, "kind": "line", "title": "The same as a line"})
    report = report_of(Marts(connection), settings)
    assert [(section.key, section.title) for section in own(report)] == [
        ("company-1", "About 01_months"), ("company-2", "About products"),
    ]  # fmt: skip
    assert report.problems == [] and own(report)[1].lead == "What we sell."


def test_charts_show_the_rows_and_hold_the_schema(connection: DuckDBPyConnection, settings: Settings) -> None:
    by_product = BARS["sql"].replace("as month,", "as month, product_id,").replace("by month order", "by all order")
    stacked = {**BARS, "title": "Stacked", "series": "product_id", "sql": by_product}
    line = {**BARS, "kind": "line", "title": "Line", "format": "percent", "label": "Share"}
    declare(settings, "months", BARS, stacked, line)
    figures = own(report_of(Marts(connection), settings))[0].figures
    specs = [figure.chart.to_dict(validate=True) for figure in figures if figure.chart is not None]
    rows = [[row for data in spec["datasets"].values() for row in data] for spec in specs]
    total = sum(
        value
        for (value,) in connection.execute("select net_amount from marts.fct_order_lines where is_valid").fetchall()
    )
    assert sum(row["y"] for row in rows[0]) == sum(row["y"] for row in rows[1]) == pytest.approx(float(total))
    assert rows[0][0]["x"] == "2017-01-01" and specs[0]["encoding"]["x"]["type"] == "temporal"
    assert {row["series"] for row in rows[1]} >= {"p-0", "p-9"} and specs[2]["encoding"]["y"]["title"] == "Share"


@pytest.mark.slow
def test_cells_are_written_in_their_format_and_no_text_is_markup(
    connection: DuckDBPyConnection, settings: Settings
) -> None:
    forms = {"money": "money", "share": "percent", "day": "month", "n": "count", "none": "number", "said": "text"}
    columns = [{"column": name, "format": form, "title": HOSTILE[:60]} for name, form in forms.items()]
    sql = "select 1234.5 as money, 0.256 as share, date '2024-02-01' as day, 7 as n, null as none, product_name as said"
    declare(
        settings, "forms", {**TABLE, "sql": f"{sql} from dim_products where product_id = 'p-1'", "columns": columns}
    )
    table = own(report_of(Marts(connection), settings))[0].figures[0].table
    assert table is not None
    assert table.rows == [["$1.23k", "25.6%", "Feb 2024", "7", "–", HOSTILE]] and table.left == {2, 5}
    with connect() as fresh:
        fill(fresh)
        shown = page(fresh, settings)
    assert "img" not in shown.elements and HOSTILE in shown.text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sql": "select * from fct_nothing"}, "line 5: the query fails: Catalog Error: Table with name fct_nothing"),
        ({"sql": "selct 1"}, "line 5: the query fails: Parser Error"),
        ({"sql": "drop table marts.dim_products"}, "line 5: one select is expected"),
        ({"sql": "select 1; select 2"}, "line 5: one select is expected"),
        ({"sql": "copy dim_products to 'stolen.csv'"}, "line 5: one select is expected"),
        ({"sql": "select content as product_id, '' as product_name from read_text('/etc/hostname')"}, "disabled by"),
        ({"sql": "select i as product_id, i as product_name from range(1001) as t (i)"}, "more than 1,000 rows"),
        ({"sql": "select product_id, product_name from dim_products where false"}, "gives no rows"),
        ({"sql": "select 1 as product_id"}, 'gives no column "product_name"; it gives product_id'),
        ({"columns": [{"column": "product_name", "format": "money"}]}, "the format money needs a number"),
        ({"columns": [{"column": "product_name", "format": "day"}]}, "the format day needs a day"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence_and_the_rest_stands(
    connection: DuckDBPyConnection, settings: Settings, changes: dict[str, Any], told: str
) -> None:
    file = declare(settings, "products", {"title": "Wrong", "kind": "table", "sql": "", **TABLE, **changes}, TABLE)
    report = report_of(Marts(connection), settings)
    wrong, right = own(report)[0].figures
    assert str(file) in wrong.missing and told in wrong.missing and right.table is not None
    assert report.problems == [wrong.missing]
    assert connection.execute("select count(*) from marts.dim_products").fetchall() == [(4,)]


def test_a_query_that_takes_too_long_is_ended(
    connection: DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company_sections, "MOST_SECONDS", 0.2)
    endless = "select sum(a.range * b.range) as product_id, 1 as product_name from range(10000000) a, range(1000000) b"
    declare(settings, "products", {**TABLE, "sql": endless}, TABLE)
    wrong, right = own(report_of(Marts(connection), settings))[0].figures
    assert "the query takes longer than 0.2 seconds" in wrong.missing and right.table is not None


def test_sql_may_stand_in_a_file_beside(connection: DuckDBPyConnection, settings: Settings) -> None:
    without = {key: value for key, value in TABLE.items() if key != "sql"}
    file = declare(settings, "products", without)
    with pytest.raises(UserError, match=r"products.yml: line 3: the figure has no SQL. .* into products.sql beside"):
        read_section(file)
    file.with_suffix(".sql").write_text("select product_id,\n    product_nam as product_name\nfrom dim_products\n")
    (problem,) = report_of(Marts(connection), settings).problems
    assert problem.startswith(f"{file.with_suffix('.sql')}: line 2: the query fails: Binder Error")


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        (
            {**TABLE, "kind": "pie"},
            "line 4: \"figures.0.kind\": Input should be 'table', 'bars' or 'line' (found 'pie')",
        ),
        ({**TABLE, "colums": []}, 'unknown key "figures.0.colums" (did you mean "columns"?)'),
        ({**TABLE, "columns": [{"colum": "x"}]}, 'unknown key "figures.0.columns.0.colum" (did you mean "column"?)'),
        ({**BARS, "y": None}, "bars have x and y, and no columns"),
        ({**TABLE, "x": "month"}, "a table has columns, and neither x nor y nor series"),
        ({key: value for key, value in TABLE.items() if key != "definition"}, '"figures.0.definition" is missing'),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_line_and_key(
    connection: DuckDBPyConnection, settings: Settings, figure: dict[str, Any], told: str
) -> None:
    file = declare(settings, "products", figure)
    with pytest.raises(UserError) as error:
        read_section(file)
    assert f"{file}: line" in str(error.value) and told in str(error.value)
    # an erasure publishes anew whatever has become of the file
    (section,) = own(report_of(Marts(connection), settings))
    assert section.figures[0].missing == str(error.value)
