"""The invoices of a web shop: the sample where it is there, and a small folder with everything that goes wrong."""

import json
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.company import Company, company
from warehouse.identity.shown_text import masked_text
from warehouse.settings import PROJECT_ROOT

pytestmark = pytest.mark.campaign

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
OTHER_HEADER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
WEBHOOK = "LOYALTY_WEBHOOK_TEST"


def settings_of(folder: Path, **changes: Any) -> dict[str, Any]:
    file = PROJECT_ROOT / "companies" / "online_retail" / "settings.yml"
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {**values, "sources": {"online_retail": {"input_path": str(folder)}}, **changes}


@pytest.fixture(scope="module")
def sample(shared_data: Path, manifests: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Company:
    home = tmp_path_factory.mktemp("homes") / "online_retail"
    return company(home, settings_of(shared_data / "online_retail"), manifests("online_retail")).run()


def test_the_sample_is_read_whole(sample: Company) -> None:
    assert sample.published(
        "select sum(rows_read), sum(amount_read), sum(abs(difference)), sum(abs(amount_difference))"
        " from marts.fct_ingest_reconciliation where entity = 'order_lines'"
    ) == [(49_047, Decimal("937713.68"), 0, 0)]
    raw = sample.warehouse(
        'select count(distinct "CustomerID"), count(distinct "InvoiceNo"),'
        ' count(distinct "InvoiceNo") filter (where "InvoiceNo" like \'C%\') from raw_online_retail.invoices'
    )
    assert raw == [(445, 2_384, 322)]


def test_the_sample_tells_sales_returns_and_guests_apart(sample: Company) -> None:
    returns, guests, days = sample.published(
        "select count(distinct order_id) filter (where is_return), count(*) filter (where customer_id is null) > 1000,"
        " max(order_date) = date '2011-12-08' from marts.fct_order_lines"
    )[0]
    assert 0 < returns <= 322 and guests and days
    rejected = sample.published("select distinct split_part(reason, ':', 1) from marts.fct_rejected_rows order by all")
    assert ("not merchandise",) in rejected and ("not a sale",) in rejected


@pytest.fixture(scope="module")
def invoices(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Decimal, int]:
    """Two months of sound invoices, their net amount and number of lines; the second month has another header."""
    folder = tmp_path_factory.mktemp("invoices")
    net, count = Decimal(0), 0
    for month, header in ((1, HEADER), (2, OTHER_HEADER)):
        lines = [header]
        for number in range(120):
            price, quantity = Decimal(number % 40 + 1) / 4, number % 7 + 1
            day, customer = number % 27 + 1, 12_000 + number % 35
            lines.append(
                f'{month}{number:05},{20_000 + number % 9},"MUG, ""RED""",{quantity},'
                f"2011-0{month}-{day:02} 10:{number % 60:02}:00,{price},{customer},United Kingdom"
            )
            net, count = net + price * quantity, count + 1
        (folder / f"2011-0{month}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder, net, count


BAD_LINES = [
    "900001,20001,too many,1,2011-01-05 10:00:00,1.00,12001,United Kingdom,9",
    "900002,20001,too few,1",
    '900003,20001,"never closed,1,2011-01-05 10:00:00,1.00,12001,United Kingdom',
    "900004,20001,words for a number,many,2011-01-05 10:00:00,1.00,12001,United Kingdom",
    "900005,20001,no such day,1,2011-02-31 10:00:00,1.00,12001,United Kingdom",
    "900006,20001,a sound line,2,2011-01-06 10:00:00,3.50,12001,United Kingdom",
]


@pytest.fixture(scope="module")
def dirty(
    invoices: tuple[Path, Decimal, int], manifests: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Company:
    folder, _, _ = invoices
    (folder / "2011-03.csv").write_text("\n".join([HEADER, *BAD_LINES]) + "\n", encoding="utf-8")
    home = tmp_path_factory.mktemp("homes") / "dirty"
    values = settings_of(folder, data_through="2011-02-27", schedule={"failure_webhook_env": WEBHOOK})
    return company(home, values, manifests("online_retail")).run()


def test_bad_lines_are_rejected_rows_and_everything_else_loads(
    dirty: Company, invoices: tuple[Path, Decimal, int]
) -> None:
    _, net, count = invoices
    rejected = dirty.published(
        "select file, row_number, reason, record from marts.fct_rejected_rows order by row_number"
    )
    assert [(file, row) for file, row, _, _ in rejected] == [("2011-03.csv", row) for row in range(2, 7)]
    reasons = [reason for _, _, reason, _ in rejected]
    assert "9" in reasons[0] and "4" in reasons[1] and "quote" in reasons[2]
    assert reasons[3:] == ["Quantity is not a decimal(18,4)", "InvoiceDate is not a timestamp"]
    for (_, _, _, record), line in zip(rejected[:3], BAD_LINES, strict=False):
        assert json.loads(record) == {"line": masked_text(line)}, "what was delivered stays in the warehouse"
    assert dirty.published("select count(*), sum(net_amount) from marts.fct_order_lines") == [(count + 1, net + 7)]
    assert dirty.published(
        "select sum(rows_read), sum(rows_accepted), sum(rows_rejected), sum(abs(difference)),"
        " sum(abs(amount_difference)) from marts.fct_ingest_reconciliation where entity = 'order_lines'"
    ) == [(count + 6, count + 1, 5, 0, 0)]


def test_another_spelling_of_the_header_needs_no_code(dirty: Company) -> None:
    months = dirty.published(
        "select strftime(order_date, '%m'), count(*), count(distinct customer_id) from marts.fct_order_lines"
        " where order_date < date '2011-03-01' group by all order by all"
    )
    assert [(month, customers) for month, _, customers in months] == [("01", 35), ("02", 35)]


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server on loopback, its address, and what was posted to it."""
    posted: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", posted
    server.shutdown()
    server.server_close()


def test_a_file_without_a_required_column_fails_the_run_by_name_and_tells_the_webhook(
    dirty: Company,
    tmp_path: Path,
    webhook: tuple[str, list[dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, posted = webhook
    monkeypatch.setenv(WEBHOOK, address)
    own = dirty.copy(tmp_path / "home")
    live = own.published("from marts.publication")
    file = own.settings.sources["online_retail"].input_path / "2011-04.csv"  # type: ignore[operator]
    file.write_text("InvoiceNo,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n1,x,1,2011-04-01,1,1\n")
    try:
        done = own.loyalty("run")
        assert done.code == 1 and "Traceback" not in done.text
        for told in (f"loyalty: ingest_online_retail: {file}: ", '"StockCode" is missing', '"Description", "Quantity"'):
            assert told in done.text, done.text
        assert own.published("from marts.publication") == live
        assert [message["step"] for message in posted] == ["ingest_online_retail"]
        assert "StockCode" in posted[0]["text"] and "online_retail" in posted[0]["text"]
        checked = own.loyalty("sources", "check")
        assert checked.code == 1 and "2011-04.csv" in checked.text and "StockCode" in checked.text

        monkeypatch.setenv(WEBHOOK, "http://127.0.0.1:9/nobody")
        assert (again := own.loyalty("run")).code == 1 and "StockCode" in again.text
    finally:
        file.unlink()
