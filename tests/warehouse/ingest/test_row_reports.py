"""Sentences about what orders' lines do not explain, and about numbers of orders that come again."""

from duckdb import DuckDBPyConnection

from warehouse.ingest.row_reports import reused_sentences, unexplained_sentences

MONTHS = """
create schema marts;
create table marts.rpt_unexplained_amounts_monthly as
    select * from (values
        ('shop', date '2024-01-01', 'EUR', 3, 9.5::decimal(18, 4), 0.02::double, true),
        ('shop', date '2024-02-01', 'EUR', 5, 99.5, 0.04, true), ('shop', date '2024-03-01', 'EUR', 0, 0, 0, false),
        ('till', date '2024-01-01', 'CHF', 2, 12, null, true), ('till', date '2024-02-01', 'CHF', 1, 1, 0.004, false),
        ('good', date '2024-01-01', 'EUR', 1, 0.5, 0.004, false)
    ) as t (source, month, currency, unexplained_orders_count, unexplained_absolute_amount_delivered,
        unexplained_rate, is_above_warning_rate);
"""


def test_the_worst_month_is_told_also_where_totals_come_to_nothing(warehouse: DuckDBPyConnection) -> None:
    warehouse.execute(MONTHS)
    shop, till = unexplained_sentences(warehouse)
    assert shop.startswith("shop: in 2 of 3 months lines") and "at worst 4.0% in 2024-02, 99.50 EUR in 5 orders" in shop
    assert till.startswith("till: in 1 of 2 months lines") and "at worst in 2024-01, 12.00 CHF in 2 orders" in till


ORDERS = """
create schema intermediate;
create table intermediate.int_order_days as
    select 'shop' as source, 's' || n as order_id, date '2024-01-01' + n::int as order_date, 1 as sale_lines_count
    from range(100) as t (n)
    union all by name
    -- a return, which has no sale, is on a day of its own
    select 'shop' as source, 's' || n as order_id, date '2024-05-01' as order_date, 0 as sale_lines_count
    from range(60) as t (n)
    union all by name
    -- a till whose numbers begin anew: within a file they are added to one another
    select 'till' as source, 't' || n % 20 as order_id, date '2024-01-01' + (n // 20)::int as order_date,
        2 as sale_lines_count
    from range(60) as t (n)
    union all by name
    -- a stall that sells six times a day
    select 'stall' as source, 'm' || n % 6 as order_id, date '2024-01-01' + (n // 6)::int as order_date,
        1 as sale_lines_count
    from range(12) as t (n)
    union all by name
    -- and of another file the newer ones have replaced the older
    select 'kiosk' as source, 'k' || n as order_id, date '2024-01-02' as order_date, 1 as sale_lines_count
    from range(20) as t (n);
create table intermediate.int_order_line_versions as
    select 'k' || n as order_id, date '2024-01-01' as order_date, 'superseded' as row_status, false as is_return
    from range(20) as t (n)
    union all by name
    select 's' || n as order_id, date '2024-01-01' + n::int as order_date, 'superseded' as row_status,
        false as is_return
    from range(100) as t (n);
"""


def test_orders_whose_numbers_come_again_are_told_with_two_of_their_days(warehouse: DuckDBPyConnection) -> None:
    warehouse.execute(ORDERS)
    kiosk, stall, till = reused_sentences(warehouse)
    assert stall.startswith("stall: 6 of 6 orders")
    assert kiosk.startswith("kiosk: 20 of 20 orders") and "2024-01-01 and 2024-01-02" in kiosk
    assert till.startswith("till: 20 of 20 orders") and "2024-01-01 and 2024-01-03" in till
    assert "day_of" in till and "loyalty sources reload till" in till
