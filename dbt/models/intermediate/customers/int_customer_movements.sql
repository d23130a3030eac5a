{#
  What entered the history of a customer since the as_of_date before, and what left the trailing 365 days. Running sums
  of these rows are the customer's totals at every as_of_date, without joining each day of history to each date it is
  told as of.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_daily as {{ computed_anew() }} (

    select * from {{ ref('int_customer_daily') }}

),

purchase_days as (

    select * from {{ ref('int_customer_purchase_days') }}

),

movements as (

    select
        customer_id,
        order_date as moves_on,
        orders_count,
        net_amount,
        orders_count as orders_count_365d,
        net_amount as net_amount_365d,
        cast(null as date) as order_date,
        cast(null as date) as previous_order_date
    from customer_daily

    union all

    select
        customer_id,
        {{ add_days('order_date', 365) }} as moves_on,
        0 as orders_count,
        0 as net_amount,
        -orders_count as orders_count_365d,
        -net_amount as net_amount_365d,
        null as order_date,
        null as previous_order_date
    from customer_daily

    union all

    select
        customer_id,
        order_date as moves_on,
        0 as orders_count,
        0 as net_amount,
        0 as orders_count_365d,
        0 as net_amount_365d,
        order_date,
        previous_order_date
    from purchase_days

)

select
    movements.customer_id,
    -- the first date that history is told as of from that day on
    least(last_day(movements.moves_on), run_dates.as_of_date) as as_of_date,
    cast(sum(movements.orders_count) as bigint) as orders_count,
    {{ money('sum(movements.net_amount)') }} as net_amount,
    cast(sum(movements.orders_count_365d) as bigint) as orders_count_365d,
    {{ money('sum(movements.net_amount_365d)') }} as net_amount_365d,
    max(movements.order_date) as last_order_date,
    max(movements.previous_order_date) as previous_order_date
from movements
inner join run_dates on movements.moves_on <= run_dates.as_of_date
group by 1, 2
