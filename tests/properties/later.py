"""Raw rows dated after a day: deleted, or replaced by nonsense."""

from datetime import date

import duckdb

HOW = ("delete", "perturb")

# Entities whose rows have a date of their own, and its SQL. Members are looked up in campaigns and so come first.
DATED = {
    "customers": "{day}(joined_at)",
    "campaign_members": "coalesce({day}(assigned_at), (select max(start_date) from {schema}.campaigns as named"
    " where named.campaign_id = campaign_members.campaign_id))",
    "campaigns": "start_date",
    "reward_redemptions": "{day}(redeemed_at)",
    "customer_events": "{day}(occurred_at)",
    "customer_feedback": "{day}(given_at)",
    "marketing_spend": "spend_date",
    "exchange_rates": "rate_date",
}


def change_what_is_later(connection: duckdb.DuckDBPyConnection, day: date, how: str) -> int:
    """Change (in one way of HOW) every raw row dated after `day` and tell how many there were.

    An order line is dated by its standing version. A line that stands after `day` goes with all its versions, or its
    standing version gets another customer, day (a later one), order and amount. Expects int_order_line_versions.
    """
    connection.execute(
        "create or replace macro local_day(moment) as"
        " cast(timezone('America/New_York', timezone('UTC', moment)) as date)"
    )
    connection.execute(
        "create or replace temp table later_lines as select order_line_id, _batch_id * 1000 + _row_number as place"
        " from intermediate.int_order_line_versions where row_status = 'accepted' and order_date > $day",
        {"day": day},
    )
    changed = 0
    for schema in ("raw_shop", "raw_till"):
        prefix = schema.replace("raw_", "") + "-"
        is_later = f"'{prefix}' || order_line_id in (select order_line_id from later_lines)"
        if how == "perturb":
            is_later = "_batch_id * 1000 + _row_number in (select place from later_lines)"
        changed += _change(connection, f"{schema}.order_lines", is_later, {}, how, LINE_NONSENSE)
        for entity, dated in DATED.items():
            is_later = f"{dated.format(day='local_day', schema=schema)} > $day"
            changed += _change(connection, f"{schema}.{entity}", is_later, {"day": day}, how, NONSENSE[entity])
    return changed


LINE_NONSENSE = (
    "customer_id = case when _row_number % 3 = 0 then null else 'C' || _row_number % 9 end,"
    " ordered_at = ordered_at + to_days(cast(_row_number % 5 as integer)),"
    " order_id = case when _row_number % 2 = 0 then 'O' || _row_number % 20 else order_id end,"
    " net_amount = 7 * net_amount, gross_amount = 7 * net_amount + discount_amount, currency = 'EUR'"
)
NONSENSE = {
    "customers": "country = 'XX'",
    "campaigns": "end_date = end_date + 5",
    "campaign_members": "arm = 'control'",
    "reward_redemptions": "customer_id = 'C1'",
    "customer_events": "customer_id = 'C2'",
    "customer_feedback": "rating = 10 - rating",
    "marketing_spend": "amount = 7 * amount, channel = 'later'",
    "exchange_rates": "rate = 3",
}


def _change(
    connection: duckdb.DuckDBPyConnection, table: str, is_later: str, values: dict[str, date], how: str, nonsense: str
) -> int:
    if how == "delete":
        return connection.execute(f"delete from {table} where {is_later}", values or None).fetchall()[0][0]
    return connection.execute(f"update {table} set {nonsense} where {is_later}", values or None).fetchall()[0][0]
