-- One row per customer and day with a valid order up to as_of_date, with the purchase days before and after it.
with purchase_days as (

    select customer_id, order_date
    from {{ ref('int_customer_daily') }}
    where has_valid_order and order_date <= (select as_of_date from {{ ref('int_run_dates') }})

)

select
    customer_id,
    order_date,
    min(order_date) over (partition by customer_id) as first_order_date,
    lag(order_date) over (partition by customer_id order by order_date) as previous_order_date,
    lead(order_date) over (partition by customer_id order by order_date) as next_order_date
from purchase_days
