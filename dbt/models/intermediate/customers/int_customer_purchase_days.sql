with purchase_days as (

    select * from {{ ref('int_customer_daily') }}
    where has_valid_order

)

select
    customer_id,
    order_date,
    min(order_date) over (partition by customer_id) as first_order_date,
    lag(order_date) over (partition by customer_id order by order_date) as previous_order_date,
    lead(order_date) over (partition by customer_id order by order_date) as next_order_date
from purchase_days
