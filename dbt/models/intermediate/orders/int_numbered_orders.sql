-- Each customer's valid orders in time, those of one moment by id: which is the first, and which came before.
with orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

)

select
    order_id,
    row_number() over (partition by customer_id order by ordered_at, order_id) as order_number,
    lag(order_date) over (partition by customer_id order by ordered_at, order_id) as previous_order_date
from orders
