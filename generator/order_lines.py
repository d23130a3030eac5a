"""The table of order lines: drawn month by month, summed into the orders, and written a file a month."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from generator.campaigns import PLANS
from generator.company import CHANNELS, COMPLETED, CURRENCIES, STATUSES, Company
from generator.customers import Customers
from generator.draws import Ints
from generator.lines import LineKeys, Lines, draw_lines
from generator.orders import Orders
from generator.returns import Returns
from generator.tables import Folder, coded, instants, keys, money

_STORES = 12


@dataclass(frozen=True)
class Catalogue:
    """Texts that many rows share."""

    customer_ids: pa.Array
    product_ids: pa.Array
    campaign_ids: pa.Array
    store_ids: tuple[list[str], ...]

    @classmethod
    def of(cls, company: Company, customers: Customers) -> Catalogue:
        """Return the ids of all customers, products, campaigns and, per source, stores."""
        return cls(
            keys("C", np.arange(len(customers))),
            keys("P", np.arange(company.product_count)),
            keys("K", np.arange(len(PLANS))),
            tuple([f"{source}-{n + 1}" for n in range(_STORES)] for source in company.sources),
        )


def lines_of(counts: Ints, order: Ints) -> tuple[Ints, Ints]:
    """Return (order, position) of each line of the given orders, `counts` lines each, in their order."""
    ends = np.cumsum(counts)
    position = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    return np.repeat(order, counts), position


def write_order_lines(
    company: Company, catalogue: Catalogue, orders: Orders, returns: Returns, folder: Folder, threads: int
) -> None:
    """Draw all sale lines, sum them into `orders`, and write them and the returns, a file a source and month.

    Threads work on different months; rows and bytes do not depend on their number.
    """

    def write_month(month: int) -> None:
        first_day, end_day = company.month_starts[month : month + 2]
        begin, end = np.searchsorted(orders.day, [first_day, end_day])
        order, position = lines_of(orders.lines_count[begin:end], np.arange(begin, end))
        lines = draw_lines(company, LineKeys.of(orders, order, position))
        _sum_lines(orders, slice(begin, end), lines)
        if not folder.wants("order_lines"):
            return
        back = np.arange(*np.searchsorted(returns.day, [first_day, end_day]))
        for number, source in enumerate(company.sources):
            tables = [
                sale_table(company, catalogue, orders, number, order, position, lines),
                return_table(company, catalogue, orders, returns, number, back),
            ]
            table = pa.concat_tables(tables)
            if table.num_rows:
                folder.write(table, source, "order_lines", f"part-{company.months[month]:%Y-%m}.parquet")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write_month, range(len(company.months))))


def _sum_lines(orders: Orders, part: slice, lines: Lines) -> None:
    """Write the sums of consecutive lines into their orders; every order has a line."""
    if part.start == part.stop:
        return
    starts = orders.first_line[part] - orders.first_line[part.start]
    for name in ("quantity", "gross", "discount", "net", "cost", "campaign_discount"):
        getattr(orders, name)[part] = np.add.reduceat(getattr(lines, name), starts)


def sale_table(
    company: Company, catalogue: Catalogue, orders: Orders, source: int, order: Ints, position: Ints, lines: Lines
) -> pa.Table:
    """Return the rows of the sale lines at (order, position) that belong to the source."""
    line_number = orders.first_line_number[order] + position
    return sale_rows(company, catalogue, orders, source, order, line_number, lines)


def sale_rows(
    company: Company, catalogue: Catalogue, orders: Orders, source: int, order: Ints, line_number: Ints, lines: Lines
) -> pa.Table:
    """Return the rows of sale lines under their line numbers, by the current orders, for one source."""
    mine = slice(None) if len(company.sources) == 1 else orders.source[order] == source
    order = order[mine]
    none = np.full(len(order), -1, np.int64)
    columns = {
        "order_line_id": keys("L", line_number[mine]),
        "order_id": keys("O", orders.number[order]),
        "customer_id": coded(orders.customer[order], catalogue.customer_ids),
        "ordered_at": instants(orders.at[order]),
        **_content(company, catalogue, lines, mine, source),
        **_place(company, catalogue, orders.channel[order], orders.number[order], source),
        "order_status": coded(orders.status[order], STATUSES),
        "campaign_id": coded(orders.campaign[order], catalogue.campaign_ids),
        "original_order_id": keys("O", none),
    }
    return pa.table(columns)


def return_table(
    company: Company, catalogue: Catalogue, orders: Orders, returns: Returns, source: int, index: Ints
) -> pa.Table:
    """Return the rows of the returns at `index` that belong to the source."""
    index = index[returns.source[index] == source]
    order = returns.order[index]
    columns = {
        "order_line_id": keys("L", returns.line_number[index]),
        "order_id": keys("R", returns.number[index]),
        "customer_id": coded(returns.customer[index], catalogue.customer_ids),
        "ordered_at": instants(returns.at[index]),
        **_content(company, catalogue, returns, index, source),
        **_place(company, catalogue, returns.channel[index], orders.number[order], source),
        "order_status": coded(np.full(len(index), COMPLETED), STATUSES),
        "campaign_id": coded(np.full(len(index), -1), catalogue.campaign_ids),
        "original_order_id": keys("O", np.where(returns.is_linked[index], orders.number[order], -1)),
    }
    return pa.table(columns)


def _content(
    company: Company, catalogue: Catalogue, lines: Lines | Returns, mine: Ints | slice, source: int
) -> dict[str, pa.Array]:
    """Return the columns from product_id to currency."""
    count = len(lines.product[mine])
    return {
        "product_id": coded(lines.product[mine], catalogue.product_ids),
        "quantity": pa.array(lines.quantity[mine].astype(np.int32)),
        "gross_amount": money(lines.gross[mine]),
        "discount_amount": money(lines.discount[mine]),
        "net_amount": money(lines.net[mine]),
        "cost_amount": money(lines.cost[mine]),
        "currency": coded(np.zeros(count, np.int64), [CURRENCIES[source]]),
    }


def _place(
    company: Company, catalogue: Catalogue, channel: Ints, order_number: Ints, source: int
) -> dict[str, pa.Array]:
    """Return the columns channel and store_id (null outside stores)."""
    store = np.where(channel == CHANNELS.index("store"), order_number % _STORES, -1)
    return {"channel": coded(channel, CHANNELS), "store_id": coded(store, catalogue.store_ids[source])}
