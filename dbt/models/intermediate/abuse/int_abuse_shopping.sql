-- One row per customer who shops like staff: in the shop nearly every day, or nearly always at a deep discount.
with customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

shopping as (

    select
        days.customer_id,
        cast(sum(days.orders_count) as bigint) as orders_count,
        count(*) as purchase_days_count,
        sum(days.discount_amount) as discount_amount,
        sum(days.gross_amount) as gross_amount,
        min(days.order_date) as first_date,
        max(days.order_date) as last_date
    from customer_daily as days
    inner join run_dates
        on days.order_date >= {{ abuse_window_from() }}
    where days.has_valid_order
    group by days.customer_id

)

select
    customer_id,
    'staff_like' as flag,
    'visits' as subject,
    first_date,
    last_date,
    cast(purchase_days_count as double) as measured,
    cast({{ setting('abuse', 'purchase_days') }} as double) as threshold,
    'bought on ' || {{ as_text('purchase_days_count') }} || {{ text_literal(' of ' ~ setting('abuse', 'window_days') ~ ' days') }} as evidence
from shopping
where purchase_days_count >= {{ setting('abuse', 'purchase_days') }}

union all

select
    customer_id,
    'staff_like',
    'discounts',
    first_date,
    last_date,
    cast(100 * discount_amount as double) / cast(gross_amount as double),
    cast(100 * {{ setting('abuse', 'discount_rate') }} as double),
    {{ as_text('cast(round(cast(100 * discount_amount as double) / cast(gross_amount as double)) as bigint)') }} || '% discount over '
        || {{ as_text('orders_count') }} || ' orders'
from shopping
where
    orders_count >= {{ setting('abuse', 'discounted_orders') }}
    and gross_amount > 0
    and discount_amount >= {{ setting('abuse', 'discount_rate') }} * gross_amount
