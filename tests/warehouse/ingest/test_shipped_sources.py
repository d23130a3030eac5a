"""The sources that the project brings, on their real data."""

from pathlib import Path

import openpyxl

from generator.generate import deliver_changes, generate
from warehouse.ingest.check import check_source
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import load_sources_config
from warehouse.settings import Settings, SourceSettings, load_settings
from warehouse.sql import connect


def settings_of(company: str, home: Path, **paths: Path) -> Settings:
    home.mkdir(exist_ok=True)
    environ = {f"LOYALTY_INPUT_PATH_{name.upper()}": str(path) for name, path in paths.items()}
    return load_settings(company, environ=environ, home=str(home))


def test_complete_journey_loads_whole(tmp_path: Path) -> None:
    settings = settings_of("complete_journey", tmp_path)
    source = load_sources_config(settings)["complete_journey"]
    with connect(settings.warehouse_path) as connection:
        reports = {report.table: report for report in load_source(connection, source, settings)}
        amount = connection.execute(
            "select sum(sales_value::decimal(18, 4)) from raw_complete_journey.transactions"
        ).fetchone()
        again = load_source(connection, source, settings)
    assert {table: report.rows_loaded for table, report in reports.items()} == {
        "transactions": 1_469_307,
        "products": 92_331,
        "demographics": 801,
        "campaign_descriptions": 27,
        "campaigns": 6_589,
        "coupons": 116_204,
        "coupon_redemptions": 2_102,
    }
    assert str(amount[0]) == "4596039.5800" if amount else False
    assert not any(report.new_columns or report.widened_columns for report in reports.values())
    assert not any(report.batch_ids for report in again)


def test_online_retail_loads_whole(tmp_path: Path, shared_data: Path) -> None:
    settings = settings_of("online_retail", tmp_path, online_retail=shared_data / "online_retail")
    source = load_sources_config(settings)["online_retail"]
    with connect(settings.warehouse_path) as connection:
        [report] = load_source(connection, source, settings)
        found = connection.execute(
            "select count(*), count(distinct CustomerID), count(distinct InvoiceNo),"
            " sum(Quantity::bigint * UnitPrice::decimal(18, 4)) from raw_online_retail.invoices"
        ).fetchone()
    assert (report.rows_loaded, report.rows_malformed, len(report.files_new)) == (49_047, 0, 13)
    assert found is not None and [str(value) for value in found] == ["49047", "445", "2384", "937713.6800"]


def test_online_retail_two_comes_as_a_workbook(tmp_path: Path) -> None:
    """Other headers, two sheets, invoice numbers that are numbers and text."""
    header = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for year, invoice in (("Year 2009-2010", 489434), ("Year 2010-2011", "C536379")):
        sheet = book.create_sheet(year)
        sheet.append(header)
        sheet.append([invoice, 85048, "GLASS BALL", 12, "2009-12-01 07:45", 6.95, 13085, "United Kingdom"])
    book.save(tmp_path / "online_retail_II.xlsx")
    settings = settings_of("online_retail", tmp_path / "home", online_retail=tmp_path)
    source = load_sources_config(settings)["online_retail"]
    with connect(settings.warehouse_path) as connection:
        [report] = load_source(connection, source, settings)
        rows = connection.execute(
            "select InvoiceNo, UnitPrice, CustomerID from raw_online_retail.invoices order by 1"
        ).fetchall()
    assert rows == [("489434", "6.95", "13085"), ("C536379", "6.95", "13085")]
    assert report.new_columns == ()


def test_a_generated_company_loads_as_declared(tmp_path: Path) -> None:
    out = tmp_path / "company"
    generate(out, size=2000, seed=3, sources=("shop", "till"), changes=0.01)
    base = settings_of("complete_journey", tmp_path / "home")
    paths = {name: {"input_path": out / name} for name in ("shop", "till")}
    settings = base.model_copy(update={"sources": {name: SourceSettings(**path) for name, path in paths.items()}})
    sources = load_sources_config(settings)
    with connect(settings.warehouse_path) as connection:
        first = [report for source in sources.values() for report in load_source(connection, source, settings)]
        lines = connection.execute(
            "select (select count(*) from raw_shop.order_lines) + (select count(*) from raw_till.order_lines)"
        ).fetchone()
        deliver_changes(out)
        second = [report for source in sources.values() for report in load_source(connection, source, settings)]
    assert lines == (2000,)
    assert not any(report.new_columns or report.widened_columns for report in first)
    assert {report.table for report in second if report.batch_ids} == {"order_lines"}
    assert all(len(report.files_new) == 2 for report in second if report.batch_ids)
    assert [finding for source in sources.values() for finding in check_source(source, settings)] == []
