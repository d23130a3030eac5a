"""Sentences about what orders' lines do not explain."""

from duckdb import DuckDBPyConnection

from warehouse.ingest.row_reports import unexplained_sentences

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
