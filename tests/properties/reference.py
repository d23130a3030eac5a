"""What the order history must be, worked out line by line in plain Python from the raw rows."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

Raw = dict[str, Any]
Spine = dict[tuple[str, date], tuple[int, Decimal, Decimal]]

ZERO = Decimal("0.0000")
NEW_YORK = ZoneInfo("America/New_York")
STATUSES = ("completed", "cancelled", "test")
DECIMALS = {"quantity", "gross_amount", "discount_amount", "net_amount"}
REQUIRED = ["order_line_id", "order_id", "ordered_at", "quantity", "gross_amount", "discount_amount", "net_amount"]
PREFIXED = ("order_line_id", "order_id", "store_id", "campaign_id", "original_order_id")


@dataclass(frozen=True)
class JudgedRow:
    """What became of one delivered row; `line` holds the values of an accepted one in the base currency."""

    row_status: str
    reason: str | None
    line: Raw


def row_statuses(connection: duckdb.DuckDBPyConnection) -> dict[tuple[int, str, int], JudgedRow]:
    """The row_status on every raw order line, by batch, file and row."""
    rows = [row for source in ("shop", "till") for row in _raw_rows(connection, source, "order_lines")]
    rates = _standing_rates(connection)
    reasons = {_place(row): _reason(row, rates) for row in rows}
    last: dict[str, Raw] = {}
    for row in sorted(rows, key=_age):
        if reasons[_place(row)] is None and not row["is_replaced"]:
            last[row["order_line_id"]] = row
    return {_place(row): _judged(row, reasons[_place(row)], last, rates) for row in rows}


def accepted_lines(found: Iterable[JudgedRow]) -> list[Raw]:
    """The accepted lines."""
    return [row_status.line for row_status in found if row_status.row_status == "accepted"]


def _judged(row: Raw, reason: str | None, last: dict[str, Raw], rates: dict[tuple[date, str], Decimal]) -> JudgedRow:
    if reason:
        return JudgedRow("rejected", reason, {})
    if last.get(row["order_line_id"]) is not row:
        return JudgedRow("superseded", None, {})
    rate = Decimal(1) if row["currency"] == "EUR" else _rate(row, rates)
    amounts = {
        name: None if row[name] is None else (row[name] * rate).quantize(ZERO, ROUND_HALF_UP)
        for name in ("net_amount", "discount_amount", "cost_amount")
    }
    amounts["gross_amount"] = amounts["net_amount"] + amounts["discount_amount"]
    return JudgedRow("accepted", None, {**row, **amounts})


def _raw_rows(connection: duckdb.DuckDBPyConnection, source: str, table: str) -> list[Raw]:
    cursor = connection.execute(
        f"select lines.*, batches.superseded_by is not null as is_replaced from raw_{source}.{table} as lines"
        " inner join ops.batches as batches on lines._batch_id = batches.batch_id"
    )
    names = [column[0] for column in cursor.description]
    return [_named(source, dict(zip(names, values, strict=True))) for values in cursor.fetchall()]


def _named(source: str, row: Raw) -> Raw:
    if "order_line_id" not in row:
        return row
    keys = {name: None if row[name] is None else f"{source}-{row[name]}" for name in PREFIXED}
    moment = row["ordered_at"]
    day = moment and moment.replace(tzinfo=UTC).astimezone(NEW_YORK).date()
    defaults = {"currency": row["currency"] or "EUR", "order_status": row["order_status"] or "completed"}
    return {**row, **keys, **defaults, "order_date": day, "source": source}


def _standing_rates(connection: duckdb.DuckDBPyConnection) -> dict[tuple[date, str], Decimal]:
    rows = [row for source in ("shop", "till") for row in _raw_rows(connection, source, "exchange_rates")]
    good = [row for row in sorted(rows, key=_age) if row["rate"] > 0 and not row["is_replaced"]]
    return {(row["rate_date"], row["currency"]): row["rate"] for row in good}


def _rate(row: Raw, rates: dict[tuple[date, str], Decimal]) -> Decimal | None:
    """The rate of the order's day, or the last one of up to seven days before."""
    days = (row["order_date"] - timedelta(days=back) for back in range(8))
    return next((rates[day, row["currency"]] for day in days if (day, row["currency"]) in rates), None)


def _reason(row: Raw, rates: dict[tuple[date, str], Decimal]) -> str | None:
    """The first rule of the entity that the row breaks."""
    for name in REQUIRED:
        if row[name] is None:
            return f"{name} is missing or too large" if name in DECIMALS else f"{name} is missing"
    is_uneven = row["gross_amount"] != row["net_amount"] + row["discount_amount"]
    rules = [
        (row["order_status"] not in STATUSES, "order_status is not completed, cancelled or test"),
        (is_uneven, "gross_amount is not net_amount plus discount_amount"),
        (row["quantity"] < 0 < row["net_amount"], "a return with a positive net_amount"),
        (row["quantity"] > 0 > row["net_amount"], "a sale with a negative net_amount"),
        (
            row["currency"] != "EUR" and _rate(row, rates) is None,
            f"no exchange rate for {row['currency']} on {row['order_date']}",
        ),
    ]
    return next((reason for is_broken, reason in rules if is_broken), None)


def _age(row: Raw) -> tuple[int, str, int]:
    return row["_batch_id"], row["_file"], row["_row_number"]


_place = _age


def spine(lines: list[Raw]) -> Spine:
    """Per customer and day: valid orders, net sales, and the returns among them."""
    days: dict[tuple[str, date], list[Any]] = defaultdict(lambda: [0, ZERO, ZERO])
    for line in lines:
        if line["order_status"] == "completed" and line["customer_id"] is not None:
            days[line["customer_id"], line["order_date"]]  # whoever stands on a line was there that day
    counted = counted_lines(lines)
    for line in counted:
        if line["customer_id"] is not None:
            day = days[line["customer_id"], line["order_date"]]
            day[1] += line["net_amount"]
            day[2] += line["net_amount"] if is_return(line) else 0
    for customer, day in valid_orders(counted).values():
        days[customer, day][0] += 1
    return {key: tuple(values) for key, values in days.items()}


def counted_lines(lines: list[Raw]) -> list[Raw]:
    """The lines that count, returns of known orders under the order's customer.

    Neither does a line that is cancelled or a test count, nor what came back of an order that is.
    """
    documents = _documents(lines)
    found = []
    for line in lines:
        known = documents.get(line["original_order_id"] or line["order_id"]) if is_return(line) else None
        customer, is_counted = line["customer_id"], True
        if known and known[0] <= line["order_date"]:
            _, customer, is_counted = known
        if line["order_status"] == "completed" and is_counted:
            found.append({**line, "customer_id": customer})
    return found


def is_return(line: Raw) -> bool:
    """Whether goods came back, or an amount without goods."""
    return bool(line["quantity"] < 0 or line["net_amount"] < 0)


def _documents(lines: list[Raw]) -> dict[str, tuple[date, str | None, bool]]:
    """The day of each document with sale lines, its first known customer, and whether it counts."""
    sales: dict[str, list[Raw]] = defaultdict(list)
    for line in lines:
        if not is_return(line):
            sales[line["order_id"]].append(line)
    found, valid = {}, valid_orders([line for line in lines if line["order_status"] == "completed"])
    for order_id, sold in sales.items():
        completed = [line for line in sold if line["order_status"] == "completed"]
        buyers = sorted((line["ordered_at"], line["customer_id"]) for line in completed or sold if line["customer_id"])
        day = valid[order_id][1] if order_id in valid else min(line["order_date"] for line in completed or sold)
        found[order_id] = (day, buyers[0][1] if buyers else None, bool(completed))
    return found


def valid_orders(completed: list[Raw]) -> dict[str, tuple[str, date]]:
    """Customer and day of each valid order: the first day by which its sale lines are worth something.

    It belongs to whoever bought first, among lines of known customers up to that day.
    """
    orders: dict[str, list[Raw]] = defaultdict(list)
    for line in completed:
        if not is_return(line):
            orders[line["order_id"]].append(line)
    found = {}
    for order_id, lines in orders.items():
        for day in sorted({line["order_date"] for line in lines}):
            so_far = [line for line in lines if line["order_date"] <= day]
            known = sorted((line["ordered_at"], line["customer_id"]) for line in so_far if line["customer_id"])
            if known and sum(line["net_amount"] for line in so_far) > 0:
                found[order_id] = (known[0][1], day)
                break
    return found
