import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml
from duckdb import DuckDBPyConnection
from hypothesis import given
from hypothesis import strategies as st

from serving.report import cohort_svg, formatting, write_report
from serving.report.chapters.programme import outcome_sentence
from serving.report.marts import Marts
from serving.report.parts import Figure, Report
from serving.report.sections import report_of
from tests.serving.report.sample_marts import HOSTILE, MARTS, empty, fill
from tests.support.browser import dumped
from warehouse.settings import PROJECT_ROOT, Settings
from warehouse.sql import connect

CHARTS = 29
OUTSIDE = ("src", "href", "action", "data", "poster", "srcset", "background", "cite", "formaction", "manifest")


class Page(HTMLParser):
    """What a browser would see of a page: elements, the attributes that load things, texts and specifications."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.specs: list[dict[str, Any]] = []
        self.cube: dict[str, Any] = {}
        self.styles = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._inside = f"{tag} {dict(attrs).get('type', '')}".strip()

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script application/json":
            said = json.loads(data)
            if "$schema" in said:
                self.specs.append(said)
            else:
                self.cube = said
        elif self._inside == "style":
            self.styles += data
        elif not self._inside.startswith("script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def written(connection: DuckDBPyConnection, settings: Settings) -> str:
    target = settings.home / "report.html"
    write_report(connection, settings, target)
    return target.read_text(encoding="utf-8")


def figures(report: Report) -> list[Figure]:
    return [figure for section in report.sections for figure in section.figures]


def test_every_figure_is_drawn_with_its_day_and_definition(connection: DuckDBPyConnection, settings: Settings) -> None:
    report = report_of(Marts(connection), settings)
    found = figures(report)
    assert [figure.title for figure in found if figure.missing] == []
    assert sum(figure.chart is not None for figure in found) == CHARTS
    assert all(figure.as_of is not None and len(figure.definition) > 20 for figure in found)
    page = Page(written(connection, settings))
    assert len(page.specs) == CHARTS
    assert page.text.count("As of 31 Dec 2017.") == len(found)
    assert len(report.tiles) == 8 and len(report.sentences) == 5
    assert "Assumed: margin rate 25% where an order line has no cost." in page.text


def test_charts_hold_the_schema_of_vega_lite(connection: DuckDBPyConnection, settings: Settings) -> None:
    for figure in figures(report_of(Marts(connection), settings)):
        if figure.chart is not None:
            figure.chart.to_dict(validate=True)


def test_numbers_are_those_of_the_marts(connection: DuckDBPyConnection, settings: Settings) -> None:
    report = report_of(Marts(connection), settings)
    total = connection.execute("select sum(net_amount) from marts.fct_order_lines where is_valid").fetchall()[0][0]
    specs = {spec["description"]: spec for spec in Page(written(connection, settings)).specs}

    def rows(title: str) -> list[dict[str, Any]]:
        return [row for data in specs[title]["datasets"].values() for row in data]

    assert sum(row["net_amount"] for row in rows("Net sales by month")) == pytest.approx(float(total), abs=1e-6)
    assert sum(row["customers_count"] for row in rows("Customers by recency, frequency and money")) == 60
    tiles = {tile.label: tile for tile in report.tiles}
    assert tiles["Net sales, past 365 days"].value == formatting.money(total, "USD")
    assert tiles["Campaigns that earned money"].value == "1 of 4"
    assert tiles["Points liability"].value == "$110"
    december = "select sum(net_amount) from marts.fct_order_lines where is_valid and order_date >= date '2017-12-01'"
    assert tiles["Net sales, Dec 2017"].value == formatting.money(connection.execute(december).fetchall()[0][0], "USD")
    assert {row["period"] for row in rows("Retention by month of the first order")} == {1, 2, 3, 4}
    assert "905 order lines read, 900 count, 3 were rejected" in report.facts[0]
    assert report.facts[1].startswith(
        "In 2 months, order lines, shipping and tax do not explain what orders of web cost"
    )
    assert "at worst 1.2% of it is unexplained, in Apr 2017" in report.facts[1]


def test_text_from_data_stays_text(connection: DuckDBPyConnection, settings: Settings) -> None:
    text = written(connection, settings)
    page = Page(text)
    assert "img" not in page.elements
    assert page.elements.count("script") == CHARTS + 3  # the cube, the library and the page's own
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    shown = " ".join(HOSTILE.split())
    assert page.text.count(shown) >= 4  # product, group, reason, campaign
    assert any(HOSTILE in json.dumps(spec, ensure_ascii=False) for spec in page.specs)
    hostile = settings.model_copy(update={"company": HOSTILE})
    assert "img" not in Page(written(connection, hostile)).elements


def test_nothing_is_loaded_from_outside(connection: DuckDBPyConnection, settings: Settings) -> None:
    page = Page(written(connection, settings))
    loading = [value for name, value in page.attributes if name in OUTSIDE]
    assert loading and all(value.startswith("#") for value in loading)
    assert not {"link", "iframe", "object", "embed", "base"} & set(page.elements)
    assert not re.search(r"@import|url\(|//", page.styles)
    assert not any("url" in spec.get("data", {}) for spec in page.specs)
    assert ("http-equiv", "Content-Security-Policy") in page.attributes
    assert any(value.startswith("default-src 'none'") for _, value in page.attributes)


def test_the_page_stays_small(connection: DuckDBPyConnection, settings: Settings) -> None:
    assert len(written(connection, settings).encode()) < 1_500_000


def test_the_same_marts_give_the_same_bytes(connection: DuckDBPyConnection, settings: Settings, tmp_path: Path) -> None:
    first = written(connection, settings)
    with connect() as another:
        fill(another)
        assert written(another, settings.model_copy(update={"home": tmp_path})) == first


def test_empty_marts_give_sentences_and_no_chart(connection: DuckDBPyConnection, settings: Settings) -> None:
    empty(connection)
    report = report_of(Marts(connection), settings)
    assert [figure.title for figure in figures(report) if not re.fullmatch(r"[A-Z].+\.", figure.missing)] == []
    page = Page(written(connection, settings))
    assert page.specs == [] and "script" not in page.elements and "svg" not in page.elements
    assert all(figure.missing in page.text for figure in figures(report))
    assert report.tiles == []
    assert "No data yet" in page.text


@pytest.mark.parametrize("table", [name for name in MARTS if name != "publication"])
def test_an_empty_mart_is_told_and_hurts_nothing_else(
    connection: DuckDBPyConnection, settings: Settings, table: str
) -> None:
    connection.execute(f"delete from marts.{table}")
    found = figures(report_of(Marts(connection), settings))
    assert sum(figure.chart is not None for figure in found) >= CHARTS - 7
    assert all(re.fullmatch(r"[A-Z].+\.", figure.missing) for figure in found if figure.missing)


@pytest.mark.parametrize("table", ["fct_customer_rfm", "fct_model_runs", "dim_campaigns"])
def test_a_table_that_others_are_joined_to_may_be_missing(
    connection: DuckDBPyConnection, settings: Settings, table: str
) -> None:
    connection.execute(f"drop table marts.{table}")
    assert sum(figure.chart is not None for figure in figures(report_of(Marts(connection), settings))) >= CHARTS - 7


def test_without_a_database_schema_there_are_sentences_too(settings: Settings) -> None:
    with connect() as nothing:
        assert all(figure.missing for figure in figures(report_of(Marts(nothing), settings)))


def test_statuses_are_told(connection: DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("delete from marts.rpt_lifetime_value_deciles")
    connection.execute("update marts.fct_customer_lifetime_value set status = 'insufficient_history'")
    connection.execute("update marts.rpt_repurchase set repurchase_rate = null where horizon_days = 90")
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    assert by_title["Where future value lies"].missing == "No lifetime values: the history is too short."
    assert "365 days: no customer is old enough yet." in by_title["A second order within …"].takeaway


def test_arms_of_campaigns_with_several_are_told(connection: DuckDBPyConnection, settings: Settings) -> None:
    figure = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}["Arm by arm"]
    assert figure.table is not None and figure.chart is not None
    rows = [[getattr(cell, "text", cell) for cell in row] for row in figure.table.rows]
    notes = [getattr(row[5], "below", "") for row in figure.table.rows]
    assert [row[0] for row in rows] == ["fax", "phone", "nothing", HOSTILE, "letter", "nothing"]
    assert rows[4] == ["letter", "1,000", "6.0%", "$4.00", "$2.00", "$1.50", "differs from the control"]
    assert notes[1] == "−$3.00 to $4.00" and notes[4] == "$1.00 to $2.00" and notes[0] == ""
    said = [getattr(row[6], "below", "") for row in figure.table.rows]
    assert said == [
        "too few customers to compare",
        "its period is not over, or not fully in the data",
        "",
        "orders of its period may still come back",
        "",
        "",
    ]
    drawn = [row for rows in figure.chart.to_dict()["datasets"].values() for row in rows if "arm" in row]
    assert [row["arm"] for row in drawn] == ["Summer: phone", f"{HOSTILE}: {HOSTILE}", f"{HOSTILE}: letter"]
    connection.execute("delete from marts.fct_campaign_arms where arm in ('letter', 'fax')")
    assert "Arm by arm" not in {figure.title for figure in figures(report_of(Marts(connection), settings))}


def test_new_and_returning_sales_and_discounts_are_told(connection: DuckDBPyConnection, settings: Settings) -> None:
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    mix = by_title["Who the sales come from"]
    assert mix.takeaway == ("In Dec 2017, 30% of net sales came from 10 new customers and 65% from 25 returning ones.")
    assert "left out: customers from before" in mix.definition
    assert mix.chart is not None
    drawn = [row for rows in mix.chart.to_dict()["datasets"].values() for row in rows]
    assert len({row["month"] for row in drawn}) == 10
    assert sum(row["net_amount"] for row in drawn) == 1000
    channels = by_title["New and returning by channel"].table
    assert channels and sorted(str(row[0]) for row in channels.rows) == sorted([HOSTILE, "web *"])
    dependence = by_title["Who buys at full price"]
    assert dependence.takeaway == (
        "60 customers with two orders or more have never bought at full price: 50.0% of customers, 25.0% of net sales."
    )
    assert dependence.table and list(dependence.table.rows[2])[-3:] == ["12.5%", "40%", "–"]


def test_sales_without_discounts_and_channels_say_so(connection: DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("delete from marts.rpt_sales_mix_monthly where channel not in ('all', 'web')")
    connection.execute("update marts.rpt_sales_mix_monthly set discount_amount = 0, discount_rate = 0")
    connection.execute("update marts.rpt_sales_mix_monthly set channel = 'unknown' where channel = 'web'")
    connection.execute("update marts.rpt_discount_dependence set status = 'no_discounts'")
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    none = "No order had a discount, so none of the sales rests on them."
    assert by_title["How much is given away"].missing == by_title["Who buys at full price"].missing == none
    channels = by_title["New and returning by channel"]
    assert channels.missing == "The data does not say in which channel an order was placed."


def test_what_good_customers_began_with_is_told(connection: DuckDBPyConnection, settings: Settings) -> None:
    product = Marts(connection).one("select product_name from marts.dim_products where product_id = 'P1'") or "P1"
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    back = by_title["Who comes back within 90 days"]
    assert back.takeaway == f"Product: {product}: 45% of those who began so came back, 30% of all others."
    assert back.chart is not None
    drawn = [row for rows in back.chart.to_dict()["datasets"].values() for row in rows if "began" in row]
    assert [row["kind"] for row in drawn] == ["stands out", "may be chance"]
    earning = by_title["Who earns more within half a year"].table
    assert earning and [row[-1] for row in earning.rows] == ["stands out", "may be chance"]
    curves = by_title["How they came back, by what they began with"].chart
    assert curves is not None
    drawn = [row for rows in curves.to_dict()["datasets"].values() for row in rows]
    shown = {(row["attribute"], row["began"]) for row in drawn}
    assert shown == {("Size of the order", "smallest fifth"), ("Channel", "web"), ("Channel", HOSTILE)}


def test_products_of_one_name_are_told_apart(connection: DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("update marts.rpt_cohort_drivers set attribute_value = 'P2' where attribute_value <> 'P1'")
    connection.execute("update marts.rpt_cohort_drivers set attribute = 'first_product'")
    connection.execute(
        "insert into marts.dim_products by name"
        " select 'P' || i as product_id, 'Tea' as product_name from range(1, 3) as t (i)"
    )
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    earning = by_title["Who earns more within half a year"].table
    assert earning and {row[0] for row in earning.rows} == {"Product: Tea (P1)", "Product: Tea (P2)"}


def test_what_is_bought_again_together_and_next_is_told(connection: DuckDBPyConnection, settings: Settings) -> None:
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    again = by_title["When a product is bought again"]
    assert again.table and [list(row) for row in again.table.rows] == [
        ["Product 2", "70", "100 times", "14 days", "30 days", "–"],
        [HOSTILE, "70", "90 times", "14 days", "28 days", "–"],
        ["Product 3", "70", "80 times", "14 days", "–", "–"],
    ]
    assert again.takeaway == f"{HOSTILE} comes back soonest of these: half have bought it again after 28 days."
    assert by_title["When a category is bought again"].takeaway.endswith("after 1 day.")
    together = by_title["What is bought together"]
    assert together.takeaway == f"Product 2 and {HOSTILE} are in one order 3.2 times as often as by chance."
    assert together.table and [
        (row[0].text, row[0].below, row[1], row[2].text, row[3].text, row[4], row[5]) for row in together.table.rows
    ] == [
        ("Product 2", f"and {HOSTILE}", "40", "20.0%", "80.0%", "3.2", "stands out"),
        ("Product 2", "and Product 3", "25", "12.5%", "50.0%", "2.0", "may be chance"),
    ]
    assert "1,225 pairs were compared" in together.definition
    following = by_title["What the second order holds, by product"].table
    assert following and [list(row) for row in following.rows] == [
        [HOSTILE, "60", "Product 2", "50.0%", "45.0% to 60.0%", "20.0%", "26 days"],
        [HOSTILE, "60", "Product 3", "25.0%", "20.0% to 35.0%", "20.0%", "26 days"],
    ]
    chart = by_title["What the second order holds, by category"].chart
    assert chart is not None
    drawn = [row for rows in chart.to_dict()["datasets"].values() for row in rows]
    assert [(row["from_name"], row["to_name"], row["reached_rate"]) for row in drawn] == [
        (HOSTILE, "Drinks", 0.2), ("Drinks", HOSTILE, 0.1), ("Drinks", "Drinks", 0.5),
        ("Drinks", "no order", 0.4),
    ]  # fmt: skip


def test_nothing_bought_again_or_together_is_said(connection: DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("update marts.rpt_replenishment set median_wait_days = null")
    connection.execute("update marts.rpt_basket_pairs set is_above_chance = false")
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    assert by_title["When a product is bought again"].takeaway.startswith("Of none of these")
    assert by_title["What is bought together"].takeaway.startswith("Nothing stands out")
    connection.execute("update marts.rpt_replenishment set is_small = true")
    connection.execute("update marts.rpt_basket_pairs set lift = 1")
    connection.execute("update marts.rpt_next_products set is_small = true")
    report = report_of(Marts(connection), settings)
    (chapter,) = [section for section in report.sections if section.key == "products"]
    assert all(re.fullmatch(r"No .+\.", figure.missing) for figure in chapter.figures)


def test_months_ahead_are_told_with_their_intervals_and_past_hits(
    connection: DuckDBPyConnection, settings: Settings
) -> None:
    section = next(one for one in report_of(Marts(connection), settings).sections if one.key == "outlook")
    sales, ahead, judged = section.figures
    assert "Jan 2018 is expected to bring $1.00k, and with 95% between $800 and $1.25k" in sales.takeaway
    assert "Of 4 months forecast three months before, 3 lay in that interval" in sales.takeaway
    assert [row[0] for row in ahead.table.rows] == ["Net sales", f"Customers in {HOSTILE}"]
    assert (ahead.table.rows[1][1].text, ahead.table.rows[1][1].below) == ("40", "32 to 50")
    assert judged.takeaway == "2 of 4 series can be forecast."
    assert [row[-1] for row in judged.table.rows] == [
        "forecast", "no nearer than the simple guess", "too few months of the past to try it on", "forecast",
    ]  # fmt: skip


def test_what_cannot_be_forecast_says_why(connection: DuckDBPyConnection, settings: Settings) -> None:
    def outlook() -> Sequence[Figure]:
        return next(one for one in report_of(Marts(connection), settings).sections if one.key == "outlook").figures

    connection.execute("update marts.fct_forecasts set status = 'intervals_too_narrow', expected_value = null")
    sales, ahead, judged = outlook()
    assert sales.missing == "Net sales are not forecast: months fell outside the intervals too often."
    assert ahead.missing and judged.takeaway == "0 of 4 series can be forecast."
    connection.execute("update marts.fct_forecasts set status = 'insufficient_history', origins_count = 0")
    (only,) = outlook()
    assert "there are 12 whole months in the data" in only.missing


def test_where_chance_explains_all_differences_it_is_said(connection: DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("update marts.rpt_cohort_drivers set is_different = false")
    connection.execute("delete from marts.rpt_cohort_drivers where age_days = 180")
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    assert by_title["Who comes back within 90 days"].takeaway.startswith("Nothing stands out")
    assert "180 days old" in by_title["Who earns more within half a year"].missing


def test_what_the_value_models_found_is_told(connection: DuckDBPyConnection, settings: Settings) -> None:
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    table = by_title["What do the value models rest on?"].table
    assert table and [list(row) for row in table.rows] == [
        ["MBG/CNBD-k", "k", "2", "–"],
        ["MBG/CNBD-k", "r", "1.436", "0.0398"],
        ["Gamma-Gamma", "v", "1,237", "34.99"],
    ]
    connection.execute("update marts.rpt_lifetime_value_parameters set is_champion = false")
    titles = {figure.title for figure in figures(report_of(Marts(connection), settings))}
    assert "What do the value models rest on?" not in titles


def test_shorter_horizons_step_in(connection: DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("delete from marts.rpt_lifetime_value_deciles where horizon_months > 3")
    by_title = {figure.title: figure for figure in figures(report_of(Marts(connection), settings))}
    figure = by_title["Where future value lies"]
    assert "next 3 months" in figure.definition
    assert "the data does not show who has left for good" in figure.takeaway


def test_without_a_programme_there_is_a_sentence_and_no_liability(
    connection: DuckDBPyConnection, settings: Settings
) -> None:
    connection.execute("update marts.rpt_tier_customers set is_programme_own = false")
    report = report_of(Marts(connection), settings)
    (section,) = [one for one in report.sections if one.key == "programme"]
    assert [figure.missing for figure in section.figures if "has no loyalty programme yet" in figure.missing]
    assert len(section.figures) == 1 and "Points liability" not in {tile.label for tile in report.tiles}


def test_an_unfinished_month_is_no_headline(connection: DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("update marts.rpt_sales_monthly set is_complete = false where month = date '2017-12-01'")
    labels = {tile.label for tile in report_of(Marts(connection), settings).tiles}
    assert "Net sales, Nov 2017" in labels and "Net sales, Dec 2017" not in labels


def test_the_script_is_bundled_once(connection: DuckDBPyConnection, settings: Settings) -> None:
    written(connection, settings)
    kept = list((settings.home / "cache").iterdir())
    assert len(kept) == 1
    kept[0].write_text("/* kept */", encoding="utf-8")
    assert "/* kept */" in written(connection, settings)


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([("Spring", "earned_money")], "Spring earned money."),
        (
            [
                ("A", "earned_money"),
                ("B", "earned_money"),
                ("C", "earned_money"),
                ("D", "lost_money"),
                ("E", "cannot_be_estimated"),
            ],
            "A, B and C earned money; D lost money; of 1 campaign it cannot be estimated.",
        ),
        ([("A", "lost_money"), ("B", "lost_money")], "A and B lost money."),
        ([("A", "cannot_be_estimated")] * 27, "Whether any of 27 campaigns earned or lost money cannot be estimated."),
    ],
)
def test_one_sentence_says_what_campaigns_brought(verdicts: list[tuple[str, str]], sentence: str) -> None:
    found = [{"campaign_name": name, "campaign_outcome": outcome} for name, outcome in verdicts]
    assert outcome_sentence(found) == sentence


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (4_596_039.58, "USD", "$4.60m"),
        (999_999.99, "USD", "$1.00m"),
        (812_345, "GBP", "£812k"),
        (29.576, "USD", "$29.58"),
        (0, "EUR", "€0.00"),
        (-1234, "CHF", "−CHF 1.23k"),
        (250, "CNY", "¥250"),
        (2.5e9, "USD", "$2.50bn"),
        (None, "USD", "–"),
    ],
)
def test_amounts_are_short(amount: float | None, currency: str, shown: str) -> None:
    assert formatting.money(amount, currency) == shown


@given(st.floats(-1e12, 1e12))
def test_short_amounts_are_near(amount: float) -> None:
    shown = formatting.money(amount, "USD").replace("$", "").replace("−", "-").replace(",", "")
    scale = {"k": 1e3, "m": 1e6, "bn": 1e9}.get(shown.lstrip("-0123456789."), 1.0)
    number = float(re.match(r"-?[\d.]+", shown)[0]) * scale  # type: ignore[index]
    assert number == pytest.approx(amount, rel=0.006, abs=0.0051)


@pytest.mark.parametrize(
    ("share", "digits", "shown"),
    [
        (0.423, 0, "42%"),
        (-0.0004, 0, "0%"),
        (-0.164, 0, "−16%"),
        (14.04, 0, "1,404%"),
        (0.9024, 1, "90.2%"),
        (None, 0, "–"),
    ],
)
def test_shares_are_percent(share: float | None, digits: int, shown: str) -> None:
    assert formatting.percent(share, digits) == shown


def test_the_cohort_picture_draws_every_complete_month_once(connection: DuckDBPyConnection) -> None:
    months = connection.execute("from marts.fct_cohort_retention where period_unit = 'month'").df()
    by_age = months.assign(period_unit="age_30d", retention_rate=months["retention_rate"] / 2)
    frame = pd.concat([months, by_age])
    picture = ElementTree.fromstring(cohort_svg(frame))
    labels = [one.get("aria-label", "").rpartition("First order in: ")[2] for one in picture.iter()]
    complete = months["retention_rate"].notna() & (months["period"] > 0)
    assert len({label for label in labels if "Ordered again" in label}) == complete.sum() > 5
    with pytest.raises(ValueError, match="no picture"):
        cohort_svg(frame.assign(retention_rate=None))


def test_the_sample_holds_the_columns_that_dbt_promises(connection: DuckDBPyConnection) -> None:
    files = (PROJECT_ROOT / "dbt" / "models" / "marts").rglob("*.yml")
    models = [model for file in files for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", [])]
    promised = {model["name"]: {column["name"] for column in model["columns"]} for model in models}
    assert set(promised) & set(MARTS)
    for table, columns in Marts(connection).columns.items():
        assert columns <= promised.get(table, columns), table


@pytest.mark.parametrize("width", [1280, 800])
def test_a_browser_draws_every_chart_and_complains_of_nothing(
    connection: DuckDBPyConnection, settings: Settings, tmp_path: Path, width: int
) -> None:
    written(connection, settings)
    shown = dumped((settings.home / "report.html").as_uri(), tmp_path, width)
    assert f'data-drawn="{CHARTS}"' in shown
    assert "data-hacked" not in shown
    drawn = re.findall(r'<svg[^>]*class="marks" width="(\d+)"', shown)
    assert len(drawn) == CHARTS
    assert all(200 < int(found) <= width - 60 for found in drawn)
