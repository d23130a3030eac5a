-- The days on which a customer placed a valid order, each with the gap before it and the day of four purchases ago.
with purchase_days as (

    select * from {{ ref('int_customer_daily') }}
    where has_valid_order

)

select
    customer_id,
    order_date,
    orders_count,
    lines_count,
    quantity,
    valid_net_amount as net_amount,
    gross_amount,
    discount_amount,
    {{ days_between('order_date', 'lag(order_date) over (partition by customer_id order by order_date)') }} as gap_days,
    lag(order_date, 4) over (partition by customer_id order by order_date) as fifth_last_order_date,
    min(order_date) over (partition by customer_id) as first_order_date
from purchase_days
