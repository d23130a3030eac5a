-- A return counts on its own day, but never before the order's.
with order_returns as (

    select * from {{ ref('int_order_returns') }}

),

valid_orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

)

select
    valid_orders.order_id,
    valid_orders.customer_id,
    valid_orders.order_date,
    greatest(order_returns.return_date, valid_orders.order_date) as return_date,
    {{ money('sum(order_returns.return_amount)') }} as return_amount
from order_returns
inner join valid_orders
    on order_returns.order_id = valid_orders.order_id
group by 1, 2, 3, 4
