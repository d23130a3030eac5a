with orders as (

    select * from {{ ref('int_orders') }}

),

order_returns as (

    select * from {{ ref('int_order_returns') }}

),

returned as (

    select order_id, {{ money('sum(return_amount)') }} as return_amount
    from order_returns
    group by order_id

),

numbered as (

    select * from {{ ref('int_numbered_orders') }}

)

select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at,
    orders.order_date,
    cast(numbered.order_number as bigint) as order_number,
    orders.lines_count,
    orders.quantity,
    orders.gross_amount,
    orders.discount_amount,
    orders.net_amount,
    coalesce(returned.return_amount, 0) as return_amount,
    orders.margin_amount,
    orders.channel,
    orders.store_id,
    orders.source,
    orders.order_status,
    orders.is_valid,
    coalesce(numbered.order_number = 1, false) as is_first_order,
    {{ days_between('orders.order_date', 'numbered.previous_order_date') }} as days_since_previous_order
from orders
left join returned on orders.order_id = returned.order_id
left join numbered on orders.order_id = numbered.order_id
