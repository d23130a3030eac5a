{#
  One row per customer and as_of_date at which a total of the customer moves: what entered the history since the
  as_of_date before, and what left the trailing 365 days. Running sums of these rows are the customer's totals at
  every as_of_date, without joining each day of history to each date it is told as of.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_days as (

    select
        days.customer_id,
        days.orders_count,
        days.net_amount,
        days.order_date as enters_on,
        {{ add_days('days.order_date', 365) }} as leaves_on
    from {{ ref('int_customer_daily') }} as days
    inner join run_dates
        on days.order_date <= run_dates.as_of_date

),

movements as (

    select
        customer_id,
        enters_on as moves_on,
        orders_count,
        net_amount,
        orders_count as orders_count_365d,
        net_amount as net_amount_365d,
        cast(null as date) as order_date,
        cast(null as date) as previous_order_date
    from customer_days

    union all

    select
        customer_id,
        leaves_on as moves_on,
        0 as orders_count,
        0 as net_amount,
        -orders_count as orders_count_365d,
        -net_amount as net_amount_365d,
        null as order_date,
        null as previous_order_date
    from customer_days
    where leaves_on <= (select as_of_date from run_dates)

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
    from {{ ref('int_customer_purchase_days') }}

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
cross join run_dates
group by 1, 2
