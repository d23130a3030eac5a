"""The page as a dashboard: what follows the filters is what SQL says, and it can be read on a telephone and without
scripts."""

import csv
import io
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from duckdb import DuckDBPyConnection

from serving.report import formatting, theme, write_report
from serving.report.cube import FILTERS, NONE, cube_of
from serving.report.marts import Marts
from serving.report.sections import report_of
from tests.serving.report.sample_marts import HOSTILE
from tests.support.browser import seen
from tests.support.company import Company
from warehouse.settings import Settings
from warehouse.sql import connect

FOLLOWING = (
    "Net sales by month", "Active customers", "Customers by recency, frequency and money", "Do they still come?",
    "What the segments are worth", "Groups by behaviour", "Who may not come back", "Customers by tier",
)  # fmt: skip
LISTS = ("Your best customers", "About to leave", "Gone, but worth winning back")
LATEST = "as_of_date = (select max(as_of_date) from marts.fct_customer_rfm)"


@pytest.fixture
def page(connection: DuckDBPyConnection, settings: Settings) -> Path:
    write_report(connection, settings, settings.home / "report.html")
    return settings.home / "report.html"


def condition(chosen: dict[str, str]) -> str:
    """The customers chosen, as SQL on dim_customers."""
    return " and ".join(
        f"coalesce(customers.{name}, '{NONE}') = '{value.replace(chr(39), 2 * chr(39))}'"
        for name, value in chosen.items()
    )


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]


def expected(title: str, where: str) -> str:
    """SQL on the marts for a figure that follows the filters: its names in the order of its CSV, then its numbers."""
    known = f"""
        from marts.dim_customers as customers
        inner join marts.fct_customer_rfm as rfm on customers.customer_id = rfm.customer_id and {LATEST}
        where {where} and rfm.rfm_window =
    """
    shares = (
        f"select {{}}, count(*)::double {known} '365d' group by all union all select {{}}, sum(rfm.monetary_amount)"
    )
    return {
        "Net sales by month": f"""
            select months.month::varchar, sum(months.net_amount)
            from marts.fct_customer_months as months inner join marts.dim_customers as customers using (customer_id)
            where {where} group by 1
        """,
        "Active customers": f"""
            select date_trunc('month', rfm.as_of_date)::date::varchar, count(*)
            from marts.dim_customers as customers inner join marts.fct_customer_rfm as rfm using (customer_id)
            where {where} and rfm.rfm_window = 'lifetime' and rfm.activity_status in ('active', 'reactivated')
            group by 1
        """,
        "Customers by recency, frequency and money": f"""
            select rfm.rfm_segment, rfm.r_score::varchar, rfm.fm_score::varchar, count(*) {known} 'lifetime'
            group by all
        """,
        "Do they still come?": f"""
            select rfm.rfm_segment, replace(rfm.activity_status, '_', ' '), count(*) {known} 'lifetime' group by all
        """,
        "What the segments are worth": f"select rfm.rfm_segment, count(*) {known} 'lifetime' group by all",
        "Groups by behaviour": f"""
            select customers.cluster_name, count(*) {known} '365d' and customers.cluster_name is not null group by all
        """,
        "Who may not come back": shares.format("'Customers', customers.churn_band", "'Net sales, 365 days', churn_band")
        + f" {known} '365d' group by all",
        "Customers by tier": shares.format("'Customers', customers.tier", "'Net sales, 365 days', customers.tier")
        + f" {known} '365d' group by all",
    }[title]


def test_the_cube_sums_to_what_the_marts_say(connection: DuckDBPyConnection) -> None:
    cube = cube_of(Marts(connection), "$", {"tier": ["Silver", "Gold"]})
    assert cube is not None and cube.is_whole
    customers, sales = cube.cubes["customers"], cube.cubes["sales"]
    assert sum(customers["customers_count"]) == len(cube.customers["customer_id"]) == 60
    net, orders = connection.execute(
        """
        select
            (select sum(net_amount) from marts.fct_order_lines where is_valid and customer_id is not null),
            (select count(*) from marts.fct_orders where order_status = 'completed')
        """
    ).fetchall()[0]
    assert sum(sales["net_amount"]) == pytest.approx(float(net)) and sum(sales["orders_count"]) == orders
    assert cube.names["tier"] == ["Gold", HOSTILE]
    assert cube.names["acquisition_channel"][-1] == cube.names["rfm_segment"][-1] == NONE
    spent = cube.customers["net_amount_365d"]
    assert all(one >= other for one, other in pairwise(spent))


def test_a_company_too_large_for_the_page_is_shown_in_part(
    connection: DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.report.cube.MOST_CELLS", 40)
    monkeypatch.setattr("serving.report.cube.MOST_CUSTOMERS", 20)
    cube = cube_of(Marts(connection), "$", {})
    assert cube is not None and not cube.is_whole
    assert "sales" not in cube.cubes and len(cube.customers["customer_id"]) == 20


def test_without_customers_there_is_no_filter(connection: DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("delete from marts.dim_customers")
    assert report_of(Marts(connection), settings).cube is None


def test_who_can_still_be_kept_is_told_apart_from_who_has_gone(
    connection: DuckDBPyConnection, settings: Settings
) -> None:
    report = report_of(Marts(connection), settings)
    assert [figure.title for figure in report.sections[0].figures] == list(LISTS)
    best, leaving, left = report.sections[0].figures
    counted = connection.execute(
        f"""
        select
            count(*), count(*) filter (where activity_status = 'active'),
            count(*) filter (where activity_status <> 'active')
        from marts.fct_churn_scores inner join marts.fct_customer_rfm as rfm using (customer_id)
        where churn_band in ('high', 'critical') and rfm_window = '365d' and rfm.{LATEST}
        """
    ).fetchall()[0]
    at_risk, coming, gone = counted
    assert coming and gone
    assert f"{gone} of the {at_risk} at high risk have already gone" in leaving.takeaway
    assert leaving.takeaway.startswith(f"{coming} customers who still come")
    tile = next(tile for tile in report.tiles if tile.label == "Net sales at high risk")
    assert tile.note == f"30 customers, {gone} of them already gone"
    assert {row[5] for row in left.table.rows} <= {"at risk", "lapsed"}
    assert {row[5] for row in best.table.rows} == {"active"}
    amounts = [row[1].value for row in best.table.rows]
    assert amounts == sorted(amounts, reverse=True) and len(amounts) == 10


def test_lists_without_anybody_say_so(connection: DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("update marts.fct_churn_scores set churn_band = 'low'")
    connection.execute("update marts.fct_customer_rfm set activity_status = 'active'")
    _, leaving, left = report_of(Marts(connection), settings).sections[0].figures
    assert leaving.missing == "Nobody who still comes is in the bands high or critical."
    assert left.missing.startswith("Nobody who bought in the past 365 days has stayed away for")


def test_a_headline_tells_its_past_and_the_publication_before(
    connection: DuckDBPyConnection, settings: Settings
) -> None:
    net = connection.execute("select net_amount_365d from marts.rpt_key_figures").fetchall()[0][0]
    changed = "select * replace ('rpt_key_figures' as mart, 'net_amount_365d' as column_name, 700.0 as difference)"
    connection.execute(
        f"insert into marts.fct_publication_changes {changed} from marts.fct_publication_changes where days = 'new'"
    )
    year = report_of(Marts(connection), settings).tiles[0]
    assert year.before == f"{formatting.money(float(net) - 700, 'USD')} in the publication before"
    months = connection.execute("select net_amount from marts.rpt_sales_monthly order by month").fetchall()
    assert year.past == [float(amount) for (amount,) in months]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [{**vars(theme), **theme.PAGE}, theme.DARK], ids=["light", "dark"])
def test_texts_have_a_contrast_of_four_and_a_half(colours: dict[str, Any]) -> None:
    for ground in ("PAPER", "GROUND"):
        for text in ("INK", "MUTED", "BLUE", "GOOD", "BAD"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["NOTE_INK"], colours["NOTE"]) >= 4.5
    assert contrast(colours["INK"], colours["PALE_BLUE"]) >= 4.5  # a cell's text before its bar


def test_text_on_a_mark_is_black_or_white_as_is_easier_to_read() -> None:
    marks = [*theme.BLUES, *theme.STEPS, *theme.BANDS.values(), *theme.ACTIVITY.values()]
    assert all(max(contrast(mark, theme.ON_LIGHT), contrast(mark, theme.ON_DARK)) >= 4.5 for mark in marks)


@pytest.mark.slow
@pytest.mark.parametrize("places", [(0, 0), (1, 1), (-1, 2)], ids=["first", "second", "last"])
def test_what_follows_the_filters_is_what_sql_says(built: Company, tmp_path: Path, places: tuple[int, int]) -> None:
    report = built.settings.published_dir / "report.html"
    with connect(built.settings.published_path, read_only=True) as connection:
        marts = Marts(connection)
        cube = cube_of(marts, "€", {})
        assert cube is not None
        several = [name for name in FILTERS if len(cube.names[name]) > 1]
        names = several[places[1] % len(several)], several[(places[1] + 1) % len(several)]
        values = connection.execute(
            f"select {', '.join(names)} from marts.dim_customers"
            f" where {' and '.join(f'{name} is not null' for name in names)} group by all order by count(*) desc, 1, 2"
        ).fetchall()
        chosen = dict(zip(names, values[places[0] % len(values)], strict=True))
        where = condition(chosen)
        missing = {f.title for s in report_of(marts, built.settings).sections for f in s.figures if f.missing}
        titles = [title for title in FOLLOWING if title not in missing]
        assert len(titles) >= 6
        script = f"""
            const texts = {{}};
            for (const title of {json.dumps([*titles, *(one for one in LISTS if one not in missing)])})
                texts[title] = csv(find(title));
            const unfiltered = Array.from(page.querySelectorAll("figure.unfiltered h3"), (one) => one.textContent);
            const tiles = Object.fromEntries(Array.from(page.querySelectorAll(".tile.filtered"), (one) =>
                [one.querySelector(".label").textContent, one.querySelector(".value").textContent]));
            return {{ texts, unfiltered, tiles, chosen: page.documentElement.dataset.chosen }};
        """
        shown = seen(report, tmp_path, script, chosen=urlencode(chosen))
        count, spent = connection.execute(
            f"""
            select count(*), sum(rfm.monetary_amount) from marts.dim_customers as customers
            left join marts.fct_customer_rfm as rfm
                on customers.customer_id = rfm.customer_id and rfm.rfm_window = '365d' and rfm.{LATEST}
            where {where}
            """
        ).fetchall()[0]
        assert int(shown["chosen"]) == count > 0
        assert shown["tiles"]["Net sales, past 365 days"] == formatting.money(spent, built.settings.base_currency)
        for title in titles:
            rows = connection.execute(expected(title, where)).fetchall()
            wanted = {tuple(row[:-1]): float(row[-1]) for row in rows if row[-1]}
            assert wanted, title
            size = len(next(iter(wanted)))
            saved = [(tuple(row[:size]), float(row[size] or 0)) for row in rows_of(shown["texts"][title])]
            assert {key: value for key, value in saved if value} == pytest.approx(wanted, abs=0.005), title
            assert title not in shown["unfiltered"]
        best = connection.execute(
            f"""
            select customers.customer_id from marts.dim_customers as customers
            inner join marts.fct_customer_rfm as rfm on customers.customer_id = rfm.customer_id and {LATEST}
            where {where} and rfm.rfm_window = '365d' and rfm.monetary_amount > 0
            order by rfm.monetary_amount desc, customers.customer_id limit 10
            """
        ).fetchall()
        assert [row[0] for row in rows_of(shown["texts"]["Your best customers"])] == [row[0] for row in best]
        assert {"Best sellers", "Retention by month of the first order"} <= {*shown["unfiltered"], *missing}


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off_at_any_width_and_nothing_blank_without_scripts(
    page: Path, tmp_path: Path, width: int
) -> None:
    script = """
        const wide = page.documentElement.clientWidth;
        const isScrolled = (one) => one.closest(".scroll, .still");
        const over = Array.from(page.querySelectorAll("main *"))
            .filter((one) => one.getBoundingClientRect().right > wide + 1 && !isScrolled(one) && !one.closest("svg"));
        const blank = Array.from(page.querySelectorAll(".chart"))
            .filter((one) => !Array.from(one.querySelectorAll("svg")).some((svg) =>
                svg.getBoundingClientRect().width > 200 && svg.querySelectorAll("path, rect, line").length > 3));
        return { wide, scroll: page.documentElement.scrollWidth, over: over.map((one) => one.outerHTML.slice(0, 200)),
            blank: blank.length, charts: page.querySelectorAll(".chart").length,
            filters: page.querySelector(".filters").getBoundingClientRect().height };
    """
    for with_scripts in (True, False):
        found = seen(page, tmp_path, script, width=width, with_scripts=with_scripts)
        assert found["wide"] == found["scroll"] == width
        assert found["over"] == [] and found["blank"] == 0 and found["charts"] > 20
        assert bool(found["filters"]) == with_scripts


def test_a_reader_sorts_saves_and_goes_to_customers(page: Path, connection: DuckDBPyConnection, tmp_path: Path) -> None:
    script = """
        const figure = find("What the segments are worth"), body = figure.querySelector("tbody");
        const head = Array.from(figure.querySelectorAll("th")).find((one) => one.textContent === "Customers");
        const column = () => Array.from(body.rows, (row) => Number(row.cells[1].textContent));
        head.querySelector("button").click();
        const down = [column(), head.getAttribute("aria-sort")];
        head.querySelector("button").click();
        const up = [column(), head.getAttribute("aria-sort")];
        const products = csv(find("Best sellers"));
        press(figure, "Customers");
        const dialog = page.querySelector("dialog");
        const offered = Array.from(dialog.querySelectorAll("tbody tr"), (row) => row.cells[0].textContent);
        press(dialog, "Customers");
        const listed = Array.from(dialog.querySelectorAll("tbody tr"), (row) => row.cells[0].textContent);
        const open = dialog.open, title = dialog.querySelector("h2").textContent;
        press(dialog, "Close");
        press(find("Net sales by month"), "Table");
        const months = dialog.querySelectorAll("tbody tr").length;
        const unnamed = Array.from(page.querySelectorAll("button, select"))
            .filter((one) => !(one.textContent.trim() || one.closest("label"))).length;
        const { hacked } = page.documentElement.dataset;
        return { down, up, products, offered, listed, open, title, months, unnamed, hacked };
    """
    found = seen(page, tmp_path, script)
    (down, falling), (up, rising) = found["down"], found["up"]
    assert down == sorted(down, reverse=True) and up == sorted(up)
    assert (falling, rising) == ("descending", "ascending")
    assert any(HOSTILE in row for row in rows_of(found["products"]))
    segment = found["offered"][0]
    customers = connection.execute(
        "select customer_id from marts.dim_customers where rfm_segment = ? order by 1", [segment]
    ).fetchall()
    assert sorted(found["listed"]) == [name for (name,) in customers]
    assert found["open"] and found["title"].endswith(segment)
    assert found["months"] == 12 and found["unnamed"] == 0 and found.get("hacked") is None


@pytest.mark.slow
def test_cells_of_csv_are_text_to_a_spreadsheet(
    connection: DuckDBPyConnection, settings: Settings, tmp_path: Path
) -> None:
    connection.execute(
        "update marts.rpt_product_sales set product_name = '=1+1', category = '-5 \"off\", ' where sales_rank = 1"
    )
    write_report(connection, settings, settings.home / "report.html")
    text = seen(settings.home / "report.html", tmp_path, 'return csv(find("Best sellers"));')
    first = rows_of(text)[0]
    assert first[0] == "'=1+1" and first[1].startswith('\'-5 "off",')
    assert re.fullmatch(r"\d+(\.\d+)?", first[2])


@pytest.mark.slow
def test_chinese_segments_are_shown_whole(connection: DuckDBPyConnection, settings: Settings, tmp_path: Path) -> None:
    for mart in ("fct_customer_rfm", "rpt_rfm_cells", "dim_customers", "rpt_rfm_segments"):
        connection.execute(f"update marts.{mart} set rfm_segment = '重要价值客户' where rfm_segment <> 'Lost'")
    write_report(connection, settings, settings.home / "report.html")
    script = """
        const figure = find("Customers by recency, frequency and money");
        const boxes = (marks) => Array.from(figure.querySelectorAll(marks), (one) => one.getBoundingClientRect());
        const cells = boxes(".live .role-mark.mark-rect path"), names = boxes(".live .role-mark.mark-text text");
        const isWithin = (name) => cells.some((cell) => cell.left <= name.left + 1 && cell.right >= name.right - 1);
        const text = figure.querySelector(".live").textContent;
        return { texts: text.split("重要价值客户").length + text.split("值客户").length - 2,
            over: names.filter((name) => !isWithin(name)).length };
    """
    found = seen(settings.home / "report.html", tmp_path, script, width=390)
    assert found["texts"] > 0 and found["over"] == 0
