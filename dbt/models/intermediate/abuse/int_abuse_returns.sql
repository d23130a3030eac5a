-- One row per customer who returned many of the orders that points were earned on, in the window that ends with as_of_date.
with points_lot_balances as (

    select * from {{ ref('int_points_lot_balances') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

earning_orders as (

    select
        lots.customer_id,
        count(*) as orders_count,
        count(*) filter (where lots.reversed_points * 2 >= lots.earned_points) as returned_count,
        sum(lots.reversed_points) as reversed_points,
        min(lots.issued_on) as first_date,
        max(lots.issued_on) as last_date
    from points_lot_balances as lots
    inner join run_dates on lots.issued_on >= {{ abuse_window_from() }}
    where lots.source = 'order'
    group by lots.customer_id

)

select
    customer_id,
    'return_after_earning' as flag,
    'orders' as subject,
    first_date,
    last_date,
    cast(returned_count as double) as measured,
    {{ setting('abuse', 'returned_orders') }} as threshold,
    'returned half or more of ' || {{ as_text('returned_count') }} || ' of ' || {{ as_text('orders_count') }}
        || ' orders after earning on them, ' || {{ as_text('reversed_points') }} || ' points taken back' as evidence
from earning_orders
where
    returned_count >= {{ setting('abuse', 'returned_orders') }}
    and returned_count >= {{ setting('abuse', 'returned_share') }} * orders_count
