"""Sentences about what orders' lines do not explain, and about lines that stay."""

from duckdb import DuckDBPyConnection

from warehouse.ingest.row_reports import order_sentences, unexplained_sentences

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


def test_lines_that_a_later_file_left_out_are_told(warehouse: DuckDBPyConnection) -> None:
    """Order 1 came again without one of its lines and order 2 with all; of order 3 a later file brought a return."""
    warehouse.execute(
        """
        create schema intermediate;
        create table intermediate.int_order_line_versions as
        select 'shop' as _source, 'a' as _file, 1 as _row_number, null::varchar as reject_reason, * from (values
            ('1', 1, 'superseded', false), ('1', 1, 'accepted', false), ('1', 2, 'accepted', false),
            ('2', 1, 'superseded', false), ('2', 2, 'accepted', false),
            ('3', 1, 'accepted', false), ('3', 2, 'accepted', true)
        ) as t (order_id, _batch_id, row_status, is_return)
        """
    )
    told = order_sentences(warehouse)[-1]
    assert told.startswith("shop: 1 order came again in a later file without 1 lines, which stay (such as of order 1).")
