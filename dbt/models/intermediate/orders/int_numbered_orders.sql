-- Each customer's valid orders in time, those of one moment by id: which is the first, which came before, which next.
with orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

)

select
    order_id,
    customer_id,
    order_date,
    row_number() over by_time as order_number,
    lag(order_date) over by_time as previous_order_date,
    lead(order_id) over by_time as next_order_id,
    lead(order_date) over by_time as next_order_date
from orders
window by_time as (partition by customer_id order by ordered_at, order_id)
